"""dbt files of one research project: cohort, row views, marts, lineage tables and their properties."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import yaml

from governance.projects.catalogue import SPECIALTIES, Catalogue, Column, Table
from governance.projects.cohort import cohort_sql
from governance.projects.specification import Project, TableRequest

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_PROVENANCE = ("run_id", "policy_version", "contract_version")
_KEY: dict[str, object] = {"data_tests": ["unique", "not_null"]}
_NOT_NULL: dict[str, object] = {"constraints": [{"type": "not_null"}]}
_RESTRICTED = "restricted_diseases"
_INDEX_ON = Column(name="index_on", data_type="date", description="Day of the first matching diagnosis, shifted.")


def project_files(project: Project, catalogue: Catalogue) -> dict[Path, str]:
    """All files of a project by path below the dbt project. The specification has been checked before."""
    name = project.project
    views, lineage = Path("models/intermediate/publish/research") / name, Path("models/lineage/research") / name
    marts = Path("models/research") / name
    files = {views / f"int_{name}_cohort.sql": cohort_sql(project)}
    for table_name, request in project.tables.items():
        table, mart = catalogue.tables[request.from_], f"{name}_{table_name}"
        files[views / f"int_{mart}.sql"] = _row_view(project, mart, table, request)
        files[marts / f"{mart}.sql"] = f"{_banner(project)}{{{{ published_mart('int_{mart}') }}}}\n"
        files[lineage / f"lineage_research__{mart}.sql"] = (
            f"{_banner(project)}{{{{ published_lineage('int_{mart}') }}}}\n"
        )
    files[views / f"_{name}_rows.yml"] = _properties(project, _view_properties(project))
    files[marts / f"_{name}.yml"] = _properties(project, _mart_properties(project, catalogue))
    files[lineage / f"_{name}_lineage.yml"] = _properties(project, _lineage_properties(project))
    return files


def registry(projects: list[Project], specialties: tuple[str, ...]) -> str:
    """Seed research_project: every name that needs a salt, with title, approval and wishes of the projects."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["project", "kind", "title_zh", "title_en", "approval_number", "valid_until", "restricted"])
    writer.writerows([f"specialty_{name}", "specialty", *[""] * 5] for name in specialties)
    for each in sorted(projects, key=lambda project: project.project):
        approval = [each.ethics.approval_number, each.ethics.valid_until.isoformat()]
        asked = " ".join(sorted(each.restricted))
        writer.writerow([each.project, "research", each.title_zh, each.title_en, *approval, asked])
    return out.getvalue()


def literal(value: object) -> str:
    """An SQL literal; numbers as they are, everything else quoted."""
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def _banner(project: Project, comment: str = "--") -> str:
    source = f"include/projects/{project.project}.yaml"
    return f"{comment} Generated from {source} by python -m governance.projects; not edited by hand.\n"


def _asks_for_restricted(project: Project, table: Table) -> bool:
    """Whether a table of the project may hold rows of level 5."""
    return table.held_back and bool(project.restricted)


def _row_view(project: Project, mart: str, table: Table, request: TableRequest) -> str:
    key = _key(table)
    source, released = f"{{{{ ref('{table.model}') }}}} as source_row", ""
    fields = ["cohort.research_id"] + [_selected(project.project, name, table) for name in request.fields]
    lineage = ""
    if table.zone == "specialty":
        joined = "{{ research_id('" + _salt_of(table) + "', 'cohort.person_id') }} = source_row.research_id"
        lineage = (
            f"\n    inner join {{{{ ref('lineage_specialty__{table.name}') }}}} as source_lineage"
            "\n        on source_lineage.lineage_id = source_row.lineage_id"
        )
        fields.append("source_lineage.row_ids as _row_ids")
    else:
        joined = "cohort.person_id = source_row.person_id"
        if _asks_for_restricted(project, table):
            source = "source_row"
            needed = dict.fromkeys(("person_id", "_row_id", *request.fields, *request.filter))
            columns = [name for name in needed if name in table.columns or name in {"person_id", "_row_id"}]
            call = f"with_released('{table.name}', '{project.project}', {columns})"
            released = f"source_row as (\n    {{{{ {call} }}}}\n),\n\n"
            fields.append(f"source_row.diseases as {_RESTRICTED}")
        rows = "source_row._row_ids || cohort._row_ids" if table.by_person else "array[source_row._row_id]"
        fields.append(f"{rows} as _row_ids")
    cohort = f"{{{{ ref('int_{project.project}_cohort') }}}} as cohort"
    conditions = [f"source_row.{c} in ({', '.join(map(literal, v))})" for c, v in request.filter.items()]
    where = ("\n    where " + "\n      and ".join(conditions)) if conditions else ""
    listed = ",\n        ".join(fields)
    return (
        f"{_banner(project)}with {released}int_{mart} as (\n    select\n        {listed}\n"
        f"    from {source}\n"
        f"    inner join {cohort}\n        on {joined}{lineage}{where}\n)\n\n"
        f"select\n    int_{mart}.*,\n"
        f"    {{{{ lineage_id('research.{mart}', '{key}') }}}} as lineage_id\nfrom int_{mart}\n"
    )


def _key(table: Table) -> str:
    return "research_id" if table.by_person else table.key


def _salt_of(table: Table) -> str:
    """Salt of the specialty that a table belongs to: breast_cancer_patient → specialty_breast_cancer."""
    return next(f"specialty_{name}" for name in SPECIALTIES if table.name.startswith(f"{name}_"))


def _selected(project: str, name: str, table: Table) -> str:
    if name == _INDEX_ON.name and name not in table.columns:
        return "cohort.index_on"
    if table.columns[name].data_type == "uuid":
        return f"{{{{ project_key('{project}', 'source_row.{name}') }}}} as {name}"
    return f"source_row.{name}"


def _properties(project: Project, models: list[dict[str, object]]) -> str:
    body = yaml.dump({"version": 2, "models": models}, Dumper=_DUMPER, allow_unicode=True, sort_keys=False, width=130)
    return _banner(project, "#") + body


def _view_properties(project: Project) -> list[dict[str, object]]:
    name = project.project
    cohort: dict[str, object] = {
        "name": f"int_{name}_cohort",
        "description": f"One row per enrolled patient of {name}, with the row that enrolment rests on. 入组队列。",
        "config": {"materialized": "table", "indexes": [{"columns": ["person_id"], "unique": True}]},
    }
    views: list[dict[str, object]] = [
        {
            "name": f"int_{name}_{table}",
            "description": f"One row per row of research.{name}_{table}, with its source rows.",
        }
        for table in project.tables
    ]
    return [cohort, *views]


def _mart_properties(project: Project, catalogue: Catalogue) -> list[dict[str, object]]:
    models: list[dict[str, object]] = []
    for name, request in project.tables.items():
        table = catalogue.tables[request.from_]
        grain = (
            "One row per enrolled patient"
            if table.by_person
            else f"One row per row of {request.from_} of an enrolled patient"
        )
        restricted = _asks_for_restricted(project, table)
        indexes: list[dict[str, object]] = [{"columns": [_key(table)], "unique": True}]
        if not table.by_person:
            indexes.append({"columns": ["research_id"]})
        models.append({
            "name": f"{project.project}_{name}",
            "description": f"{grain}. {project.title_zh}（{project.ethics.approval_number}）。",
            "config": {
                "contract": {"enforced": True},
                "indexes": indexes,
                "meta": {
                    "owner": project.principal_investigator.department, "project": project.project, "data_class": "HS",
                    "level": 3, "retention": project.ethics.valid_until.isoformat(),
                    **({"restricted": sorted(project.restricted)} if restricted else {}),
                },
            },
            "columns": _mart_columns(table, request, restricted),
        })  # fmt: skip
    return models


def _mart_columns(table: Table, request: TableRequest, restricted: bool) -> list[dict[str, object]]:
    key = _key(table)
    columns = [
        {**_column("lineage_id", "uuid", "{{ doc('lineage_id') }}"), **_NOT_NULL},
        {**_column("research_id", "uuid", "{{ doc('research_id') }}"), **(_KEY if key == "research_id" else _NOT_NULL)},
    ]
    for field in request.fields:
        known = table.columns.get(field, _INDEX_ON)
        columns.append({**_column(field, known.data_type, known.description), **(_KEY if field == key else {})})
    if restricted:
        columns.append(_column(_RESTRICTED, "text[]", f"{{{{ doc('{_RESTRICTED}') }}}}"))
    return columns + [{**_column(f"_{s}", "text", f"{{{{ doc('{s}') }}}}"), **_NOT_NULL} for s in _PROVENANCE]


def _column(name: str, data_type: str, description: str) -> dict[str, object]:
    return {"name": name, "data_type": data_type, "description": description}


def _lineage_properties(project: Project) -> list[dict[str, object]]:
    models: list[dict[str, object]] = []
    for name in project.tables:
        mart = f"{project.project}_{name}"
        models.append({
            "name": f"lineage_research__{mart}",
            "description": f"One row per row of research.{mart}; the source rows that it was made of. 行级血缘。",
            "config": {
                "contract": {"enforced": True},
                "meta": {"owner": "data-governance", "data_class": "MA", "level": 3, "retention": "P15Y"},
            },
            "data_tests": [{"lineage_is_complete": {"arguments": {"mart": f"ref('{mart}')"}}}],
            "columns": [
                {**_column("lineage_id", "uuid", "{{ doc('lineage_id') }}"), **_NOT_NULL},
                {**_column("row_ids", "bigint[]", "{{ doc('row_ids') }}"), **_NOT_NULL},
            ],
        })  # fmt: skip
    return models
