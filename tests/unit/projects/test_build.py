"""Generated dbt models of the research projects."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from governance.projects import build_projects, load_catalogue, load_project, outdated_files, salt_names
from governance.projects.render import project_files
from governance.settings import PROJECT

_PROJECTS = PROJECT / "include" / "projects"
_DBT = PROJECT / "dbt_project"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@pytest.fixture
def dbt_project(tmp_path: Path) -> Path:
    """The files that the generator reads, without any generated one."""
    for name in ("models/deid/_deid.yml", "models/specialty/_specialty.yml", "seeds/concept_code.csv",
                 "models/held_back/_held_back.yml", "seeds/drug_ingredient.csv", "seeds/lab_test.csv",
                 "seeds/publish/restricted_diagnosis.csv"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_DBT / name, tmp_path / name)
    return tmp_path


def test_the_committed_models_are_up_to_date() -> None:
    assert outdated_files(_PROJECTS, _DBT) == [], "run: python -m governance.projects"


def test_building_twice_changes_nothing(dbt_project: Path) -> None:
    assert len(build_projects(_PROJECTS, dbt_project)) > 30
    assert build_projects(_PROJECTS, dbt_project) == []


def test_the_models_of_a_project_that_is_gone_are_removed(dbt_project: Path, tmp_path: Path) -> None:
    build_projects(_PROJECTS, dbt_project)
    remaining = tmp_path / "projects"
    remaining.mkdir()
    shutil.copy(_PROJECTS / "hypertension_follow_up.yaml", remaining)
    build_projects(remaining, dbt_project)
    left = [path.name for path in dbt_project.rglob("*") if path.is_file()]
    assert not [name for name in left if "neutropenia" in name]
    assert [name for name in left if "hypertension" in name]


def test_no_key_leaves_the_zone_without_the_salt_of_its_project() -> None:
    files = _files("hypertension_follow_up")
    views = [text for path, text in files.items() if path.name.startswith("int_") and path.suffix == ".sql"]
    assert len(views) == 6
    for text in views:
        for line in text.splitlines():
            if "source_row." in line and "_key" in line:
                assert "project_key('hypertension_follow_up'" in line


def test_two_projects_have_two_salts() -> None:
    assert salt_names(_PROJECTS) == [
        "breast_neoadjuvant_neutropenia",
        "hypertension_follow_up",
        "specialty_breast_cancer",
    ]


def test_only_a_project_that_asks_reads_what_is_held_back(tmp_path: Path) -> None:
    source = (_PROJECTS / "hypertension_follow_up.yaml").read_text("utf-8")
    catalogue = load_catalogue(_DBT)
    assert catalogue.restricted_diseases >= {"hiv", "syphilis", "gonorrhoea", "severe_mental_disorder"}
    (tmp_path / "hypertension_follow_up.yaml").write_text(f"{source}restricted: [syphilis, hiv]\n", "utf-8")
    asking = project_files(load_project(tmp_path / "hypertension_follow_up.yaml", catalogue), catalogue)
    for files, expected in (
        (_files("hypertension_follow_up"), set()),
        (asking, {"diagnosis", "medication", "lab_result"}),
    ):
        released = {path.stem for path, text in files.items() if "with_released(" in text}
        assert released == {f"int_hypertension_follow_up_{table}" for table in expected}
        declared = next(text for path, text in files.items() if path.name == "_hypertension_follow_up.yml")
        marts = {mart["name"]: mart for mart in yaml.load(declared, Loader=_LOADER)["models"]}  # noqa: S506
        for name, mart in marts.items():
            asks = name.removeprefix("hypertension_follow_up_") in expected
            assert mart["config"]["meta"].get("restricted") == (["hiv", "syphilis"] if asks else None)
            assert ("restricted_diseases" in {column["name"] for column in mart["columns"]}) is asks


def test_the_cohort_ends_with_the_approval() -> None:
    cohort = next(text for path, text in _files("hypertension_follow_up").items() if path.name.endswith("_cohort.sql"))
    assert "current_date <= date '2030-12-31'" in cohort


def test_every_mart_has_contract_key_lineage_and_meta() -> None:
    marts = [
        model
        for folder in ("specialty", "research")
        for path in (_DBT / "models" / folder).rglob("*.yml")
        for model in yaml.load(path.read_text("utf-8"), Loader=_LOADER)["models"]  # noqa: S506  a safe loader
    ]
    assert len(marts) == 16
    for mart in marts:
        columns = {column["name"]: column for column in mart["columns"]}
        assert mart["description"].startswith("One row per ")
        assert mart["config"]["contract"] == {"enforced": True}
        assert {"owner", "data_class", "level", "retention"} <= set(mart["config"]["meta"])
        assert {"lineage_id", "research_id", "_run_id", "_policy_version", "_contract_version"} <= set(columns)
        assert [name for name, column in columns.items() if "unique" in (column.get("data_tests") or [])]
        assert all(column["data_type"] and column["description"] for column in columns.values())
        assert not set(columns) & {"person_id", "person_key", "_row_id", "_row_ids"}


def _files(project: str) -> dict[Path, str]:
    catalogue = load_catalogue(_DBT)
    return project_files(load_project(_PROJECTS / f"{project}.yaml", catalogue), catalogue)
