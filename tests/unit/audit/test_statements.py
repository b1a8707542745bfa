"""What a logged statement reads."""

from __future__ import annotations

import pytest

from governance.audit.statements import reads

KNOWN = {"mart": ["specialty"], "twice": ["research", "specialty"]}
ONE = ("specialty.mart",)
READ: dict[str, tuple[str, ...]] = {
    "select * from specialty.mart": ONE,
    "SELECT * FROM Specialty.MART": ONE,
    'select * from "specialty"."mart"': ONE,
    'select * from "specialty"."Mart"': ("specialty.Mart",),
    "select * from mart": ONE,
    "select * from twice": ("research.twice", "specialty.twice"),
    "-- why\nselect 1 from specialty.mart": ONE,
    "/* why */ table specialty.mart": ONE,
    "table specialty.mart limit 5": ONE,
    "with x as (select * from specialty.mart) select * from x": ONE,
    "select (select count(*) from specialty.mart), exists (select from deid.visit)": ("deid.visit", "specialty.mart"),
    "explain select * from specialty.mart": ONE,
    "explain (analyze, costs off) select * from specialty.mart": ONE,
    "explain analyze table specialty.mart": ONE,
    "prepare p (int, text) as select * from specialty.mart where a = $1": ONE,
    "declare c no scroll cursor with hold for select * from specialty.mart": ONE,
    "copy specialty.mart to stdout": ONE,
    "copy specialty.mart (a, b) to stdout (format csv)": ONE,
    "copy (select * from specialty.mart) to stdout with csv": ONE,
    "begin; select * from specialty.mart; commit": ONE,
    "set search_path = x; select * from specialty.mart": ONE,
    "select * into kept from specialty.mart": ("specialty.mart",),
    "select most_common_vals from pg_stats": ("pg_catalog.pg_stats",),
    "select * from pg_catalog.pg_statistic": ("pg_catalog.pg_statistic",),
}
NOTHING = (
    "", ";", "-- nothing", "select 1", "begin", "/* x */ begin", "commit", "set x = 1", "show all", "fetch all from c",
    "close c",    "deallocate p", "select access.begin_work('a', 'b')", "select relname from pg_class", "values (1)",
    "select table_name from information_schema.tables", "select * from unknown_here",
)  # fmt: skip
OPAQUE = (
    "do $$ begin perform 1; end $$",
    "select query_to_xml('select * from specialty.mart', true, false, '')",
    "select table_to_xml('specialty.mart', true, false, '')",
    "select * from ts_stat('select a from specialty.mart')",
    "select lo_get(1)",
    "vacuum specialty.mart",
    "this is no sql (",
    "begin; do $$ begin perform 1; end $$",
    "set x = 1; call something()",
)


@pytest.mark.parametrize("text", READ)
def test_tables_are_found(text: str) -> None:
    found = reads(text, KNOWN)
    assert set(READ[text]) <= set(found.tables)
    assert not found.opaque


@pytest.mark.parametrize("text", NOTHING)
def test_what_reads_no_table_of_ours_is_no_reading(text: str) -> None:
    assert reads(text, KNOWN) == reads("", KNOWN)


@pytest.mark.parametrize("text", OPAQUE)
def test_what_hides_its_reading_is_opaque(text: str) -> None:
    assert reads(text, KNOWN).opaque


def test_an_opaque_statement_still_names_the_tables_that_show() -> None:
    found = reads("select query_to_xml('x', true, false, '') from specialty.mart", KNOWN)
    assert (found.tables, found.opaque) == (ONE, True)
