"""A research project's specification file: who, under which approval, which patients, which fields.

``include/projects/<project>.yaml`` is read into a frozen model. Unknown keys, fields and code values are refused when
the file loads, with a message that names file, key and nearest valid one; nothing is guessed and nothing is left for
the moment at which a patient's row arrives.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from governance.projects.catalogue import Catalogue, Table
from governance.projects.errors import ProjectError
from governance.projects.messages import explain, nearest

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.%^/ -]+$")]

_LONGEST_NAME = 52  # 'research__' and the name have to fit into PostgreSQL's 63 bytes


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Investigator(_Frozen):
    """Who answers for the project: a role and a department, never a name."""

    role: Text
    department: Text


class Ethics(_Frozen):
    """The approval. After ``valid_until`` the project's tables are empty."""

    approval_number: Text
    valid_until: datetime.date


class Concepts(_Frozen):
    """Disease concepts (seed concept_code): one of ``any``, each of ``all``, none of ``none``."""

    any: tuple[Code, ...] = ()
    all: tuple[Code, ...] = ()
    none: tuple[Code, ...] = ()

    @model_validator(mode="after")
    def _names_one(self) -> Concepts:
        if not (self.any or self.all):
            raise ValueError("name at least one concept under any or all")
        return self


class AgeRange(_Frozen):
    """Age in years at the first matching diagnosis, both ends included. Patients of 90 and older have no upper end."""

    minimum: int | None = Field(default=None, ge=0, le=130)
    maximum: int | None = Field(default=None, ge=0, le=130)


class Threshold(_Frozen):
    """A patient with a result of this test below or above a value, in the test's standard unit."""

    test_code: Code
    below: Decimal | None = None
    above: Decimal | None = None

    @model_validator(mode="after")
    def _has_one_bound(self) -> Threshold:
        if (self.below is None) == (self.above is None):
            raise ValueError("give either below or above")
        return self


class Period(_Frozen):
    """Days (shifted, as in the de-identified zone) between which the first matching diagnosis lies."""

    from_: datetime.date | None = Field(default=None, alias="from")
    to: datetime.date | None = None


class Criteria(_Frozen):
    """Which patients are enrolled; all criteria have to hold."""

    concepts: Concepts
    age_years: AgeRange = AgeRange()
    sex: tuple[Literal["M", "F", "U"], ...] = ()
    visit_class: tuple[Literal["outpatient", "emergency", "inpatient", "other"], ...] = ()
    drug_classes: tuple[Code, ...] = ()
    laboratory: tuple[Threshold, ...] = ()
    period: Period = Period()


class TableRequest(_Frozen):
    """One table of the project: source, fields and, where wanted, the values that a column may have."""

    from_: str = Field(alias="from")
    fields: tuple[str, ...] = Field(min_length=1)
    filter: dict[str, tuple[Code, ...]] = {}


class Project(_Frozen):
    """A research project.

    ``restricted`` names the diseases of level 5 (seed restricted_diagnosis) whose rows it asks for. They come while an
    approval of the project in the warehouse names the disease (``xinglin access approve --restricted``).
    """

    project: Name
    title_zh: Text
    title_en: Text
    purpose: Text
    principal_investigator: Investigator
    ethics: Ethics
    criteria: Criteria
    restricted: tuple[Code, ...] = ()
    tables: dict[Name, TableRequest] = Field(min_length=1)


def load_projects(folder: Path, catalogue: Catalogue) -> dict[str, Project]:
    """Read every ``*.yaml`` of a folder, by project name.

    Raises:
        ProjectError: a file cannot be used.
    """
    projects = [load_project(path, catalogue) for path in sorted(folder.glob("*.yaml"))]
    return {project.project: project for project in projects}


def load_project(path: Path, catalogue: Catalogue) -> Project:
    """Read and check one specification.

    Raises:
        ProjectError: no YAML mapping, an unknown key, or a table, field or code that does not exist.
    """
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
        project = Project.model_validate(document)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProjectError(f"{path.name}: not a readable YAML file; correct it and run again") from error
    except ValidationError as error:
        raise ProjectError(f"{path.name}: {explain(error, Project)}") from error
    if project.project != path.stem:
        raise ProjectError(f"{path.name}: key project is '{project.project}'; name it after the file, '{path.stem}'")
    _check_codes(path.name, project.criteria, catalogue)
    _check_restricted(path.name, project, catalogue)
    for name, request in project.tables.items():
        _check_table(path.name, project.project, name, request, catalogue)
    return project


def _check_codes(file: str, criteria: Criteria, catalogue: Catalogue) -> None:
    concepts = criteria.concepts.any + criteria.concepts.all + criteria.concepts.none
    _known(file, "criteria.concepts", concepts, catalogue.concepts)
    _known(file, "criteria.drug_classes", criteria.drug_classes, catalogue.drug_classes)
    _known(file, "criteria.laboratory", tuple(bound.test_code for bound in criteria.laboratory), catalogue.test_codes)


def _check_restricted(file: str, project: Project, catalogue: Catalogue) -> None:
    _known(file, "restricted", project.restricted, catalogue.restricted_diseases)
    if len(set(project.restricted)) < len(project.restricted):
        raise ProjectError(f"{file}: restricted names a disease twice; remove one")
    holders = {name for name, table in catalogue.tables.items() if table.held_back}
    if project.restricted and not holders & {request.from_ for request in project.tables.values()}:
        raise ProjectError(
            f"{file}: restricted asks for rows of level 5, but no table has such rows; remove it, or draw on one of: "
            + ", ".join(sorted(holders))
        )


def _check_table(file: str, project: str, name: str, request: TableRequest, catalogue: Catalogue) -> None:
    where = f"tables.{name}"
    _known(file, f"{where}.from", (request.from_,), frozenset(catalogue.tables))
    table: Table = catalogue.tables[request.from_]
    offered = frozenset(table.columns) | {"index_on"}
    _known(file, f"{where}.fields", request.fields, offered)
    _known(file, f"{where}.filter", tuple(request.filter), frozenset(table.columns))
    if len(set(request.fields)) < len(request.fields):
        raise ProjectError(f"{file}: {where}.fields names a field twice; remove one")
    if not table.by_person and table.key not in request.fields:
        raise ProjectError(f"{file}: {where}.fields lacks the row key '{table.key}'; add it")
    if len(f"{project}_{name}") > _LONGEST_NAME:
        raise ProjectError(
            f"{file}: '{project}_{name}' is longer than {_LONGEST_NAME} characters; shorten the table's name"
        )


def _known(file: str, key: str, values: tuple[str, ...], valid: frozenset[str]) -> None:
    for value in values:
        if value not in valid:
            raise ProjectError(
                f"{file}: {key} names '{value}', which does not exist or may not leave the zone{nearest(value, valid)}"
            )
