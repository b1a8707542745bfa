"""Column lineage from SQL: each column has its sources, or a constant."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlglot.schema import MappingSchema

from governance.lineage.dbt import _Remembered, column_edges

CATALOGUE = {
    "landing": {
        "lis_result": {"value": "numeric", "unit": "text", "patient_no": "uuid", "_row_id": "bigint"},
        "his_patient": {"patient_no": "uuid", "sex": "text"},
    }
}


@pytest.fixture
def sources() -> object:
    schema = MappingSchema(CATALOGUE, dialect="postgres")

    def of(sql: str, *columns: str) -> dict[str, set[tuple[str, str, str]]]:
        found: dict[str, set[tuple[str, str, str]]] = {}
        for _, _, column, *source, _ in column_edges("base", "made", sql, columns, schema):
            found.setdefault(column, set()).add((source[0], source[1], source[2]))
        return found

    return of


VALUE = ("landing", "lis_result", "value")
UNIT = ("landing", "lis_result", "unit")
CONSTANT = ("", "", "")


def test_a_constant_has_a_constant_as_its_source(sources) -> None:  # type: ignore[no-untyped-def]
    assert sources("select 'x' as a, current_setting('xinglin.run_id') as b from landing.lis_result", "a", "b") == {
        "a": {CONSTANT}, "b": {CONSTANT},
    }  # fmt: skip


def test_select_star_is_resolved_by_the_catalogue(sources) -> None:  # type: ignore[no-untyped-def]
    assert sources("select * from landing.lis_result", "value", "unit") == {"value": {VALUE}, "unit": {UNIT}}


def test_common_table_expressions_are_followed(sources) -> None:  # type: ignore[no-untyped-def]
    sql = "with a as (select * from landing.lis_result), b as (select value as v, unit from a) select v as w from b"
    assert sources(sql, "w") == {"w": {VALUE}}


def test_a_union_has_the_sources_of_both_sides(sources) -> None:  # type: ignore[no-untyped-def]
    sql = "select patient_no from landing.lis_result union all select patient_no from landing.his_patient"
    assert sources(sql, "patient_no") == {
        "patient_no": {("landing", "lis_result", "patient_no"), ("landing", "his_patient", "patient_no")}
    }


def test_an_aggregate_has_the_sources_of_its_argument(sources) -> None:  # type: ignore[no-untyped-def]
    sql = "select unit, max(value) as top, array_agg(_row_id) as ids, count(*) as n from landing.lis_result group by 1"
    found = sources(sql, "unit", "top", "ids", "n")
    assert found["top"] == {VALUE}
    assert found["ids"] == {("landing", "lis_result", "_row_id")}
    assert found["n"] == {CONSTANT}


def test_an_expression_over_a_join_has_both_sources(sources) -> None:  # type: ignore[no-untyped-def]
    sql = (
        "select case when p.sex = 'F' then r.value * 2 end as a from landing.lis_result r"
        " left join landing.his_patient p using (patient_no)"
    )
    assert sources(sql, "a") == {"a": {VALUE, ("landing", "his_patient", "sex")}}


def test_a_window_has_its_sources(sources) -> None:  # type: ignore[no-untyped-def]
    sql = "select row_number() over (partition by patient_no order by _row_id) as n from landing.lis_result"
    assert sources(sql, "n") == {"n": {("landing", "lis_result", "patient_no"), ("landing", "lis_result", "_row_id")}}


def test_every_column_has_an_edge(sources) -> None:  # type: ignore[no-untyped-def]
    assert set(sources("select 1 as a, value as b from landing.lis_result", "a", "b")) == {"a", "b"}


def test_what_was_parsed_is_remembered_while_sql_and_catalogue_stand(tmp_path: Path) -> None:
    path = tmp_path / "column_lineage.json"
    first = _Remembered(path, CATALOGUE)
    edges = first.edges("base", "made", "select value from landing.lis_result", ["value"])
    first.save()
    second = _Remembered(path, CATALOGUE)
    assert second.edges("base", "made", "select value from landing.lis_result", ["value"]) == edges
    assert second._schema is None  # nothing was parsed


def test_a_changed_catalogue_is_parsed_anew(tmp_path: Path) -> None:
    first = _Remembered(tmp_path / "column_lineage.json", CATALOGUE)
    first.edges("base", "made", "select * from landing.his_patient", ["sex"])
    first.save()
    changed = {"landing": CATALOGUE["landing"] | {"his_patient": {"patient_no": "uuid", "sex": "text", "age": "int"}}}
    second = _Remembered(tmp_path / "column_lineage.json", changed)
    assert second.edges("base", "made", "select * from landing.his_patient", ["age"])[0][3:6] == (
        "landing", "his_patient", "age",
    )  # fmt: skip


def test_a_broken_memory_is_started_anew(tmp_path: Path) -> None:
    (tmp_path / "column_lineage.json").write_text("{")
    assert _Remembered(tmp_path / "column_lineage.json", CATALOGUE).edges(
        "base", "made", "select sex from landing.his_patient", ["sex"]
    )


def test_a_temporary_table_of_a_hook_is_no_source(sources) -> None:  # type: ignore[no-untyped-def]
    sql = "select r.value as v from landing.lis_result as r where r.unit in (select unit from changed_result)"
    assert sources(sql, "v") == {"v": {VALUE}}
