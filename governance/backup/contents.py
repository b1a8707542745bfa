"""What a database's tables hold, in two figures each: row count and content hash; both independent of row order.

The hash of a row is 64 bits of its values (PostgreSQL's ``hash_record_extended``; of its text form where a column's
type, such as json, has no hash), a table's hash the sum over its rows: quick, computed in the server, equal exactly
when the multisets of rows are equal (up to a chance of about 2^-64; it is no defence against someone who may write to
the database, the backup file's own authentication is).

Consistency with a base backup. A restored base backup holds what was committed when the backup *ended*. The figures
are read in a repeatable-read snapshot from *before* it started (so that hashing and copying run side by side), and
after it ended each table is counted once more. A table whose count is the same and in which no row was written by a
transaction younger than the snapshot has not changed in between, hence its figures hold for the restored copy. Any
other table is recorded as *changed*; for it only the rows that are older than the snapshot can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from pydantic import BaseModel, ConfigDict

from governance.database import connect
from governance.errors import BackupError

_PINNED = (  # the text form of a row must not depend on who asks, or where
    "set timezone = 'UTC'",
    "set datestyle = 'ISO, YMD'",
    "set intervalstyle = 'iso_8601'",
    "set extra_float_digits = 1",
    "set bytea_output = 'hex'",
    "set search_path = ''",
    "set row_security = off",  # an error is better than rows silently left out
    "set jit = off",
)
_TABLES = """
    select namespace.nspname, class.relname
    from pg_catalog.pg_class as class
    inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
    where class.relkind in ('r', 'm') and class.relpersistence = 'p'
        and namespace.nspname <> 'information_schema' and namespace.nspname !~ '^pg_'
    order by 1, 2"""
# A row's transaction id has 32 bits; the snapshot's 64-bit ids say to which epoch it belongs.
_IS_YOUNG = """
    (%(next)s::bigint - (%(next)s::bigint - written_by::text::bigint) %% 4294967296) >= %(oldest)s::bigint"""
# By writing transaction first: there are few of them, and the arithmetic costs more than a row's hash.
_BY_TRANSACTION = "select xmin as written_by, count(*) as rows, sum({hash}) as hash from only {table} as _xinglin_row"
_SUMS = (
    "select coalesce(sum(rows), 0)::bigint, coalesce(sum(hash), 0)::text,"
    " coalesce(sum(rows) filter (where not young), 0)::bigint, coalesce(sum(hash) filter (where not young), 0)::text"
)
_FIGURES = sql.SQL(
    f"{_SUMS} from (select rows, hash, {_IS_YOUNG} as young from ({_BY_TRANSACTION} group by xmin) as t) as aged"  # noqa: S608
)
_OF_VALUES, _OF_TEXT = "hash_record_extended(_xinglin_row, 0)", "hashtextextended(_xinglin_row::text, 0)"
_VALUES = "v"
"""Stands before a content hash that was made of values; one of text forms is a number alone."""


class TableContent(BaseModel):
    """Figures of one table.

    Attributes:
        rows: row count in the snapshot.
        hash: content hash in the snapshot, a whole number as text, after ``v`` when it was made of values.
        settled_rows, settled_hash: the same of the rows older than every transaction that ran at the snapshot.
        changed: the table was written to between the snapshot and the end of the backup.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    hash: str
    settled_rows: int
    settled_hash: str
    changed: bool = False


class Snapshot(BaseModel):
    """Transaction ids (64 bits) of a snapshot: the oldest still running, and the next to be given out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    oldest: int
    next: int


@contextmanager
def snapshot(dsn: str) -> Iterator[tuple[psycopg.Connection, Snapshot]]:
    """A read-only repeatable-read transaction with pinned text forms, and the ids of its snapshot."""
    with connect(dsn, application="xinglin backup contents") as connection:
        for statement in _PINNED:
            connection.execute(statement)
        connection.commit()
        connection.execute("set transaction isolation level repeatable read, read only")
        row = connection.execute(
            "select pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text from pg_current_snapshot() as s"
        ).fetchone()
        assert row is not None  # noqa: S101 - a select without from-rows returns one row
        yield connection, Snapshot(oldest=int(row[0]), next=int(row[1]))


def table_contents(
    connection: psycopg.Connection,
    taken: Snapshot,
    now: Snapshot | None = None,
    like: Mapping[str, TableContent] | None = None,
) -> dict[str, TableContent]:
    """Figures of every table and materialised view, by ``schema.table``.

    Args:
        connection: from :func:`snapshot`.
        taken: the snapshot that divides settled rows from young ones.
        now: the connection's own snapshot if it is another (a restored copy, or later).
        like: earlier figures, whose way of hashing is taken.

    Raises:
        BackupError: a table cannot be read; names it.
    """
    later = now or taken
    contents = {}
    for schema, table in tables(connection):
        name, place = f"{schema}.{table}", sql.Identifier(schema, table)
        earlier = (like or {}).get(name)
        by_values = earlier.hash.startswith(_VALUES) if earlier else _has_hash(connection, place)
        query = _FIGURES.format(hash=sql.SQL(_OF_VALUES if by_values else _OF_TEXT), table=place)
        rows, content, settled_rows, settled = _one(connection, query, taken, later, name)
        mark = _VALUES if by_values else ""
        contents[name] = TableContent(
            rows=rows, hash=mark + content, settled_rows=settled_rows, settled_hash=mark + settled
        )
    return contents


def _has_hash(connection: psycopg.Connection, table: sql.Identifier) -> bool:
    """Whether the types of all columns have a hash."""
    query = sql.SQL("select hash_record_extended(none, 0) from (select (null::{table}).*) as none")
    try:
        with connection.transaction():
            connection.execute(query.format(table=table))
    except psycopg.errors.UndefinedFunction:
        return False
    return True


def mark_changed(dsn: str, contents: dict[str, TableContent], taken: Snapshot) -> dict[str, TableContent]:
    """The same figures, with the tables marked that changed since the snapshot was taken.

    A table that has gone is marked, one that is new is added with the rows it has now, marked.
    """
    with snapshot(dsn) as (connection, now):
        present = {}
        for schema, table in tables(connection):
            query = _FIGURES.format(hash=sql.SQL("0"), table=sql.Identifier(schema, table))
            rows, _, settled_rows, _ = _one(connection, query, taken, now, f"{schema}.{table}")
            present[f"{schema}.{table}"] = rows, settled_rows
    result = {
        name: content.model_copy(update={"changed": present.get(name) != (content.rows, content.rows)})
        for name, content in contents.items()
    }
    for name, (rows, _settled) in present.items():
        if name not in result:
            result[name] = TableContent(rows=rows, hash="0", settled_rows=0, settled_hash="0", changed=True)
    return dict(sorted(result.items()))


def tables(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """Schema and name of every table and materialised view that is not the system's."""
    return [(schema, table) for schema, table in connection.execute(_TABLES).fetchall()]


def _one(
    connection: psycopg.Connection, query: sql.Composed, taken: Snapshot, now: Snapshot, name: str
) -> tuple[Any, ...]:
    try:
        row = connection.execute(query, {"oldest": taken.oldest, "next": now.next}).fetchone()
    except psycopg.Error as error:
        reason = str(error).splitlines()[0]
        raise BackupError(
            f"{name} cannot be read for its content hash ({reason}); check the backup role's rights (make up)"
        ) from error
    assert row is not None  # noqa: S101 - an aggregate returns one row
    return tuple(row)
