"""What contracts and policy say about marts, and the matrix's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.access.matrix import ROLES, declared_matrix, expected, matrix_file, render
from governance.access.policy import declared_marts, load_policy
from governance.errors import AccessError
from governance.settings import Settings

POLICY = """
version: "1"
highest_level: {specialty: {engineer: 4, researcher: 3}, research: {researcher: 3}}
definer_functions: [access.note()]
"""
MART = """
models:
  - name: heart_patient
    config: {meta: {project: heart, level: 3}}
    columns:
      - {name: research_id}
      - {name: city, config: {meta: {level: 4}}}
      - {name: nothing, config: {meta: {level: 5}}}
"""


def site(folder: Path, policy: str = POLICY, mart: str = MART) -> Settings:
    for name, text in (("include/policy/access.yaml", policy), ("dbt_project/models/specialty/_heart.yml", mart)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return Settings(project=folder, dbt_project=folder / "dbt_project")


def test_a_column_above_a_groups_level_is_not_granted(tmp_path: Path) -> None:
    (mart,) = declared_marts(site(tmp_path)).values()
    assert (mart.name, mart.project) == ("specialty.heart_patient", "heart")
    assert mart.readers == {"engineer": ("research_id", "city"), "researcher": ("research_id",)}


def test_a_mart_that_may_hold_level_5_has_the_column_by_which_row_security_knows_it(tmp_path: Path) -> None:
    asking = MART.replace("level: 3}}", "level: 3, restricted: [hiv]}}", 1)
    with pytest.raises(AccessError, match=r"specialty\.heart_patient: meta\.restricted needs .* restricted_diseases"):
        declared_marts(site(tmp_path / "without", mart=asking))
    (mart,) = declared_marts(site(tmp_path, mart=asking.replace("nothing", "restricted_diseases"))).values()
    assert mart.restricted == ("hiv",)


@pytest.mark.parametrize("missing", ["project: heart, ", ", level: 3"])
def test_a_mart_without_project_or_level_is_refused(tmp_path: Path, missing: str) -> None:
    with pytest.raises(AccessError, match=r"specialty\.heart_patient: its contract's meta lacks"):
        declared_marts(site(tmp_path, mart=MART.replace(missing, "", 1)))


@pytest.mark.parametrize(
    "policy", ["", "[]", "version: 1", POLICY + "more: 1", POLICY.replace("specialty", "landing"), ":"]
)
def test_a_malformed_policy_is_refused(tmp_path: Path, policy: str) -> None:
    with pytest.raises(AccessError, match=r"access\.yaml"):
        load_policy(site(tmp_path, policy=policy))


def test_every_mart_of_the_project_opens_with_a_project_and_grants_a_researcher_something() -> None:
    marts = declared_marts(Settings())
    assert len(marts) == 16
    assert {mart.project for mart in marts.values()} == {
        "breast_cancer", "breast_neoadjuvant_neutropenia", "hypertension_follow_up",
    }  # fmt: skip
    for mart in marts.values():
        assert {"research_id", "lineage_id"} <= set(mart.readers["researcher"]), mart.name
        assert ("engineer" in mart.readers) == (mart.schema_name == "specialty")
    assert not {"region", "ethnicity_group"} & set(marts["specialty.breast_cancer_patient"].readers["researcher"])


def matrix_of(folder: Path, *lines: str) -> Path:
    path = folder / "matrix.csv"
    path.write_text("\n".join([",".join(["kind", "object", *ROLES]), *lines]) + "\n", "utf-8")
    return path


def test_an_objects_own_line_comes_before_that_of_its_schema(tmp_path: Path) -> None:
    cells = ",".join(["RIUD"] * len(ROLES))
    matrix = declared_matrix(
        matrix_of(tmp_path, f"table,base.*,{cells}", f"table,base.own,{cells.replace('RIUD', '-')}")
    )
    assert expected(matrix, "table", "base.own") == dict.fromkeys(ROLES, "")
    assert expected(matrix, "table", "base.other") == dict.fromkeys(ROLES, "RIUD")
    assert expected(matrix, "view", "base.other") == dict.fromkeys(ROLES, "R")
    assert expected(matrix, "table", "deid.other") is None
    assert expected(matrix, "function", "base.other()") is None


def test_a_line_with_too_few_or_too_many_cells_is_refused(tmp_path: Path) -> None:
    for cells in (len(ROLES) - 1, len(ROLES) + 1):
        with pytest.raises(AccessError, match="line 2"):
            declared_matrix(matrix_of(tmp_path, "table,base.*," + ",".join(["R"] * cells)))


def test_the_page_shows_every_line(tmp_path: Path) -> None:
    matrix = declared_matrix(matrix_file(Settings()))
    page = render(matrix)
    assert len(matrix) > 50
    assert all(f"| `{name}` |" in page for _, name in matrix)
    assert "**P**" in page
