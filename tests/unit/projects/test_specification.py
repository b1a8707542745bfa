"""Research project specifications: what is accepted, and what a refusal says."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from governance.projects import Catalogue, Column, ProjectError, Table, load_catalogue, load_project, load_projects
from governance.settings import PROJECT

_DOCUMENT: dict[str, Any] = {
    "project": "anaemia",
    "title_zh": "贫血",
    "title_en": "Anaemia",
    "purpose": "How often.",
    "principal_investigator": {"role": "physician", "department": "haematology"},
    "ethics": {"approval_number": "XL-EC-0", "valid_until": "2030-01-01"},
    "criteria": {"concepts": {"any": ["anaemia"]}},
    "tables": {"blood": {"from": "deid.lab_result", "fields": ["lab_result_key", "value_num"]}},
}


def _columns(**types: str) -> dict[str, Column]:
    return {name: Column(name=name, data_type=data_type, description="") for name, data_type in types.items()}


@pytest.fixture
def catalogue() -> Catalogue:
    blood = Table(
        zone="deid", name="lab_result", model="deid_lab_result", key="lab_result_key", by_person=False,
        columns=_columns(lab_result_key="uuid", value_num="numeric", test_code="text"), held_back=True,
    )  # fmt: skip
    people = Table(
        zone="deid", name="person", model="deid_person", key="research_id", by_person=True, columns=_columns(sex="text")
    )
    return Catalogue(
        tables={"deid.lab_result": blood, "deid.person": people},
        concepts=frozenset({"anaemia", "hypertension"}),
        drug_classes=frozenset({"chemotherapy"}),
        test_codes=frozenset({"HGB"}),
        restricted_diseases=frozenset({"hiv", "syphilis"}),
    )


def _written(tmp_path: Path, document: dict[str, Any]) -> Path:
    path = tmp_path / "anaemia.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
    return path


def test_an_empty_file_is_refused(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "anaemia.yaml"
    path.write_text("", "utf-8")
    with pytest.raises(ProjectError, match=r"anaemia\.yaml"):
        load_project(path, catalogue)


def test_a_sound_file_is_read(tmp_path: Path, catalogue: Catalogue) -> None:
    project = load_project(_written(tmp_path, _DOCUMENT), catalogue)
    assert project.tables["blood"].from_ == "deid.lab_result"
    assert project.criteria.concepts.any == ("anaemia",)


@pytest.mark.parametrize(
    ("path", "key", "value", "said"),
    [
        (["criteria"], "age_year", {"minimum": 18}, r"unknown key criteria\.age_year; nearest valid: 'age_years'"),
        (["criteria", "concepts"], "anny", ["x"], r"unknown key criteria\.concepts\.anny; nearest valid: 'any'"),
        (["tables", "blood"], "form", "x", r"unknown key tables\.blood\.form; nearest valid: 'from'"),
        (["criteria", "concepts"], "any", ["anemia"], r"criteria\.concepts names 'anemia'.*nearest valid: 'anaemia'"),
        (["criteria"], "drug_classes", ["chemo"], r"criteria\.drug_classes names 'chemo'.*'chemotherapy'"),
        (["criteria"], "laboratory", [{"test_code": "HB", "below": 90}], r"criteria\.laboratory names 'HB'.*'HGB'"),
        (["criteria"], "laboratory", [{"test_code": "HGB"}], "give either below or above"),
        (["criteria"], "sex", ["female"], r"criteria\.sex\.0: input should be 'M', 'F' or 'U'"),
        (["criteria"], "concepts", {"none": ["anaemia"]}, "name at least one concept"),
        (
            ["tables", "blood"],
            "from",
            "deid.lab_results",
            r"tables\.blood\.from names.*nearest valid: 'deid\.lab_result'",
        ),
        (
            ["tables", "blood"],
            "fields",
            ["lab_result_key", "value"],
            r"tables\.blood\.fields names 'value'.*'value_num'",
        ),
        (["tables", "blood"], "fields", ["value_num"], r"lacks the row key 'lab_result_key'"),
        (["tables", "blood"], "fields", ["lab_result_key", "lab_result_key"], "names a field twice"),
        (["tables", "blood"], "filter", {"tests": ["HGB"]}, r"tables\.blood\.filter names 'tests'"),
        (["tables", "blood"], "filter", {"test_code": ["x' or true --'"]}, r"tables\.blood\.filter\.test_code"),
        ([], "restricted", ["hivv"], r"restricted names 'hivv'.*nearest valid: 'hiv'"),
        ([], "restricted", ["hiv", "hiv"], "restricted names a disease twice"),
        ([], "restricted", ["hiv' or true"], r"restricted\.0"),
        ([], "project", "other", "name it after the file, 'anaemia'"),
        ([], "project", "Robert'); drop table", "project"),
    ],
)
def test_a_fault_is_named_with_file_key_and_nearest_valid(
    tmp_path: Path, catalogue: Catalogue, path: list[str], key: str, value: object, said: str
) -> None:
    document = copy.deepcopy(_DOCUMENT)
    target = document
    for step in path:
        target = target[step]
    target[key] = value
    with pytest.raises(ProjectError, match=said) as caught:
        load_project(_written(tmp_path, document), catalogue)
    assert str(caught.value).startswith("anaemia.yaml: ")


def test_rows_of_level_5_are_asked_for_with_a_table_that_has_them(tmp_path: Path, catalogue: Catalogue) -> None:
    document = _DOCUMENT | {"restricted": ["hiv", "syphilis"]}
    assert load_project(_written(tmp_path, document), catalogue).restricted == ("hiv", "syphilis")
    document["tables"] = {"patient": {"from": "deid.person", "fields": ["sex"]}}
    with pytest.raises(ProjectError, match=r"no table has such rows; .*deid\.lab_result"):
        load_project(_written(tmp_path, document), catalogue)


def test_a_name_that_postgresql_would_cut_is_refused(tmp_path: Path, catalogue: Catalogue) -> None:
    document = copy.deepcopy(_DOCUMENT)
    document["tables"] = {"b" * 46: document["tables"]["blood"]}
    with pytest.raises(ProjectError, match="longer than 52 characters"):
        load_project(_written(tmp_path, document), catalogue)


def test_pseudonyms_source_rows_and_free_text_are_never_offered() -> None:
    tables = load_catalogue(PROJECT / "dbt_project").tables
    assert len(tables) >= 17
    offered = {column for table in tables.values() for column in table.columns}
    assert not offered & {
        "person_id",
        "_row_id",
        "_row_ids",
        "_batch_id",
        "text",
        "ihc_text",
        "findings_text",
        "lineage_id",
    }


def test_the_shipped_projects_are_sound() -> None:
    projects = load_projects(PROJECT / "include" / "projects", load_catalogue(PROJECT / "dbt_project"))
    assert set(projects) == {"breast_neoadjuvant_neutropenia", "hypertension_follow_up"}
