"""Row lineage: from a mart row back to system, file and line, with the versions that it passed on the way.

A mart row's ``lineage_id`` leads to the ids of the source rows (``lineage.<schema>__<table>``); the upper half of a row
id is its batch, the lower half its line. No value of a source row is shown: a place is not an identifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from governance.errors import LineageError

_LINE_BITS = 32
_TRACEABLE = ("specialty", "research", "open_data")


@dataclass(frozen=True)
class SourceRow:
    """One source row of a traced mart row: where it was delivered, and under what it was collected."""

    source: str
    source_table: str
    file: str
    line: int
    batch_id: int
    contract_version: str
    collected_at: str
    collected_by: str
    content_hash: str
    policy_version: str | None


@dataclass(frozen=True)
class Trace:
    """The way back of one mart row."""

    table: str
    key: str
    lineage_id: str
    run_id: str
    policy_version: str
    contract_version: str
    rows: list[SourceRow]
    columns: dict[str, list[str]]


def trace(connection: psycopg.Connection, table: str, key: str) -> Trace:
    """Follow a mart row back.

    Args:
        table: ``<schema>.<table>`` of a mart.
        key: its key's value, or its ``lineage_id``.

    Raises:
        LineageError: no such mart or row, or a source row that is in no batch.
    """
    schema, _, name = table.partition(".")
    if schema not in _TRACEABLE or not name:
        raise LineageError(f"'{table}' is no mart; name one as <schema>.<table> ({', '.join(_TRACEABLE)})")
    key_column = _key_column(connection, schema, name)
    found = _mart_row(connection, schema, name, key_column, key)
    if found is None:
        raise LineageError(f"{table} has no row whose {key_column} or lineage_id is the given key")
    lineage_id, run_id, policy, contract = found
    query = sql.SQL("select row_ids from lineage.{} where lineage_id = %s").format(sql.Identifier(f"{schema}__{name}"))
    row = connection.execute(query, (lineage_id,)).fetchone()
    if row is None or not row[0]:
        raise LineageError(f"{table}, lineage {lineage_id}: no source rows are recorded; run `xinglin verify`")
    return Trace(
        table=table,
        key=key,
        lineage_id=str(lineage_id),
        run_id=run_id,
        policy_version=policy,
        contract_version=contract,
        rows=_source_rows(connection, table, row[0]),
        columns=_columns(connection, schema, name),
    )


def example_key(connection: psycopg.Connection, table: str) -> str | None:
    """The key of some row of a mart, for a first try; ``None`` when the mart is empty."""
    schema, _, name = table.partition(".")
    query = sql.SQL("select lineage_id from {} order by 1 limit 1").format(sql.Identifier(schema, name))
    row = connection.execute(query).fetchone()
    return None if row is None else str(row[0])


def _key_column(connection: psycopg.Connection, schema: str, name: str) -> str:
    row = connection.execute(
        "select attname from pg_attribute a join pg_class c on c.oid = a.attrelid"
        " join pg_namespace n on n.oid = c.relnamespace where n.nspname = %s and c.relname = %s"
        " and attnum > 0 and not attisdropped order by attnum limit 1",
        (schema, name),
    ).fetchone()
    if row is None:
        raise LineageError(f"there is no mart '{schema}.{name}'; has the publish stage run?")
    return str(row[0])


def _mart_row(
    connection: psycopg.Connection, schema: str, name: str, key_column: str, key: str
) -> tuple[Any, ...] | None:
    query = sql.SQL(
        "select lineage_id, _run_id, _policy_version, _contract_version from {}"
        " where {}::text = %(key)s or lineage_id::text = %(key)s limit 1"
    ).format(sql.Identifier(schema, name), sql.Identifier(key_column))
    return connection.execute(query, {"key": key}).fetchone()


def _source_rows(connection: psycopg.Connection, table: str, row_ids: list[int]) -> list[SourceRow]:
    rows = connection.execute(
        "select b.source, b.source_table, b.file, r.id & 4294967295, b.batch_id, b.contract_version,"
        " to_char(b.loaded_at, 'YYYY-MM-DD HH24:MI:SSOF'), b.run_id, b.content_hash::text,"
        " (select max(f.policy_version) from deid.free_text f where f.row_id = r.id), r.id"
        " from unnest(%s::bigint[]) with ordinality r(id, n) left join governance.batch b on b.batch_id = r.id >> 32"
        " order by b.source, b.source_table, b.file, r.id",
        (row_ids,),
    ).fetchall()
    lost = [row[-1] for row in rows if row[0] is None]
    if lost:
        raise LineageError(f"{table}: {len(lost)} source row(s) belong to no batch, first id {lost[0]}")
    return [SourceRow(*row[:-1]) for row in rows]


def _columns(connection: psycopg.Connection, schema: str, name: str) -> dict[str, list[str]]:
    """Each column of the mart with the delivered columns (or constants) that it goes back to."""
    rows = connection.execute(
        "with recursive back(column_name, s, t, c) as ("
        "  select column_name, source_schema, source_table, source_column from governance.column_lineage"
        "  where schema_name = %s and table_name = %s"
        "  union select b.column_name, l.source_schema, l.source_table, l.source_column from back b"
        "  join governance.column_lineage l on (l.schema_name, l.table_name, l.column_name) = (b.s, b.t, b.c))"
        " select column_name, array_agg(distinct case when s = '' then 'constant' else t || ' · ' || c end)"
        " from back b where s in ('deliveries', 'repository', '') group by 1 order by 1",
        (schema, name),
    )
    return {row[0]: sorted(row[1]) for row in rows}
