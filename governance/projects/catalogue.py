"""What a project may ask for: tables, fields and code values, read from the dbt project's own files.

The lists are not written a second time: tables and fields come from the contracts in ``models/deid/_deid.yml`` and
``models/specialty/_specialty.yml``, concepts, drug classes, tests and restricted diseases from the seeds.
"""

from __future__ import annotations

import csv
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from governance.projects.errors import ProjectError

_PROPERTIES = (("deid", "models/deid/_deid.yml"), ("specialty", "models/specialty/_specialty.yml"))
_HELD_BACK = "models/held_back/_held_back.yml"
SPECIALTIES = ("breast_cancer",)
"""Specialty databases; each has its own salt, ``specialty_<name>``."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads ten times faster
_HIDDEN = frozenset({"person_id", "lineage_id", "source_system"})


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Frozen):
    """A field that a project may have: SQL type and meaning."""

    name: str
    data_type: str
    description: str


class Table(_Frozen):
    """A table that a project may draw on.

    Attributes:
        zone: deid or specialty.
        name: table name within the zone.
        model: dbt model.
        key: column that identifies a row and must be among a project's fields (of a person table: the research id).
        by_person: one row per person.
        columns: fields that may leave the zone, by name. Pseudonyms, source row ids and free text may not.
        held_back: rows of level 5 are held back from it, and an approval may release them to a project.
    """

    zone: str
    name: str
    model: str
    key: str
    by_person: bool
    columns: dict[str, Column]
    held_back: bool = False


class Catalogue(_Frozen):
    """All tables by ``zone.table`` and the code values that criteria may name."""

    tables: dict[str, Table]
    concepts: frozenset[str]
    drug_classes: frozenset[str]
    test_codes: frozenset[str]
    restricted_diseases: frozenset[str]


def load_catalogue(dbt_project: Path) -> Catalogue:
    """Read the catalogue from a dbt project folder.

    Raises:
        ProjectError: a file of the dbt project is missing or not in the expected form.
    """
    tables: dict[str, Table] = {}
    held_back = {str(model["name"]).removeprefix("held_back_") for model in _models(dbt_project / _HELD_BACK)}
    for zone, file in _PROPERTIES:
        for model in _models(dbt_project / file):
            table = _table(zone, model)
            if table:
                restricted = zone == "deid" and table.name in held_back
                tables[f"{zone}.{table.name}"] = table.model_copy(update={"held_back": restricted})
    return Catalogue(
        tables=tables,
        concepts=_values(dbt_project / "seeds" / "concept_code.csv", "concept"),
        drug_classes=_values(dbt_project / "seeds" / "drug_ingredient.csv", "drug_class"),
        test_codes=_values(dbt_project / "seeds" / "lab_test.csv", "test_code"),
        restricted_diseases=_values(dbt_project / "seeds" / "publish" / "restricted_diagnosis.csv", "disease"),
    )


def _models(path: Path) -> list[dict[str, object]]:
    try:
        document = yaml.load(path.read_text("utf-8"), Loader=_LOADER)  # noqa: S506  a safe loader
        models: list[dict[str, object]] = document["models"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ProjectError(f"{path.name}: the dbt properties cannot be read; restore the file") from error
    return models


def _table(zone: str, model: dict[str, object]) -> Table | None:
    name = str(model["name"])
    columns = [column for column in model.get("columns", []) if isinstance(column, dict)]  # type: ignore[attr-defined]
    keys = [str(column["name"]) for column in columns if "unique" in (column.get("data_tests") or [])]
    keys = [key for key in keys if key != "lineage_id"]
    if not keys:
        return None  # not a table of rows that belong to persons (deid.withheld)
    by_person = keys[0] in {"person_id", "research_id"}
    return Table(
        zone=zone,
        name=name.removeprefix(f"{zone}_"),
        model=name,
        key="research_id" if by_person else keys[0],
        by_person=by_person,
        columns={str(column["name"]): _column(column) for column in columns if _may_leave(column)},
    )


def _column(column: dict[str, object]) -> Column:
    return Column(
        name=str(column["name"]), data_type=str(column["data_type"]), description=str(column.get("description", ""))
    )


def _may_leave(column: dict[str, object]) -> bool:
    name = str(column["name"])
    config = column.get("config")
    meta = config.get("meta") if isinstance(config, dict) else None
    held = isinstance(meta, dict) and meta.get("free_text") is True
    return not (name.startswith("_") or name in _HIDDEN or name == "research_id" or held)


def _values(path: Path, column: str) -> frozenset[str]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return frozenset(row[column] for row in csv.DictReader(file) if row[column])
    except (OSError, KeyError) as error:
        raise ProjectError(f"{path.name}: the seed or its column '{column}' is missing; restore the file") from error
