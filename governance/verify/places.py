"""Where to hunt: files, and what a database gives out when asked; as streams of bytes."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from governance.database import copied

_PIECE = 1 << 20
SEPARATOR = "\x1f"  # between cells; the guard for whole values knows it
# Row ids are whole numbers of 10 to 19 digits by construction: by chance one of them is somebody's mobile number.
_ROW_IDS = ("_row_id", "row_id", "_row_ids", "row_ids")
_TEXT_LIKE = """
    (t.typcategory in ('S', 'A', 'C', 'X') or t.typname in ('json', 'jsonb', 'xml', 'int8', 'numeric'))
    and t.typname not in ('_uuid', '_bool', '_date', '_timestamp', '_timestamptz', '_oid', 'char')
    and not (a.attname = any(%(row_ids)s) and t.typname in ('int8', '_int8'))"""
_COLUMNS = f"""
    select n.nspname, c.relname,
        array_agg(a.attname order by a.attnum) filter (where {_TEXT_LIKE}),
        array_agg(a.attname order by a.attnum) filter (where t.typname = 'bytea')
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    inner join pg_type as t on t.oid = a.atttypid
    where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    group by 1, 2
    order by 1, 2"""  # noqa: S608 - two constants of this module


@dataclass(frozen=True)
class Columns:
    """Columns of one table that can hold an identifier: as text, or as bytes."""

    schema: str
    table: str
    texts: tuple[str, ...]
    bytes: tuple[str, ...]


@dataclass
class Read:
    """How much was read of a place."""

    things: int = 0
    bytes: int = 0
    unreadable: list[str] = field(default_factory=list)


def text_columns(connection: psycopg.Connection) -> list[Columns]:
    """Every table's columns worth reading: all but tokens, dates, flags, small numbers and row ids."""
    rows = connection.execute(_COLUMNS, {"row_ids": list(_ROW_IDS)}).fetchall()
    return [Columns(s, t, tuple(texts or ()), tuple(blobs or ())) for s, t, texts, blobs in rows if texts or blobs]


def table_bytes(connection: psycopg.Connection, columns: Columns, read: Read) -> Iterator[bytes]:
    """A table's text columns as COPY gives them (uncompressed, whatever their storage), then its byte columns."""
    table = sql.Identifier(columns.schema, columns.table)
    if columns.texts:
        names = sql.SQL(", ").join(map(sql.Identifier, columns.texts))
        yield from _copied(
            connection,
            sql.SQL("copy (select {} from {}) to stdout (format csv, delimiter {})").format(
                names, table, sql.Literal(SEPARATOR)
            ),
            read,
        )
    if columns.bytes:
        # a zero byte in front of each value, lest the last byte of its length look like a digit
        names = sql.SQL(", ").join(
            sql.SQL("'\\x00'::bytea || {}").format(sql.Identifier(name)) for name in columns.bytes
        )
        yield from _copied(
            connection, sql.SQL("copy (select {} from {}) to stdout (format binary)").format(names, table), read
        )


def _copied(connection: psycopg.Connection, statement: sql.Composed, read: Read) -> Iterator[bytes]:
    gathered: list[bytes] = []
    size = 0
    for block in copied(connection, statement):
        gathered.append(block)
        size += len(block)
        if size >= _PIECE:
            read.bytes += size
            yield b"".join(gathered)
            gathered, size = [], 0
    read.bytes += size
    yield b"".join(gathered)


def files_below(roots: Sequence[Path], except_for: Sequence[Path]) -> Iterator[Path]:
    """Every regular file below some folders, links not followed, in a stable order."""
    refused = {path.resolve() for path in except_for}
    for root in roots:
        if root.is_file() and root.resolve() not in refused:
            yield root
        for parent, folders, names in os.walk(root):
            here = Path(parent)
            if here.resolve() in refused:
                folders.clear()
                continue
            folders[:] = sorted(name for name in folders if (here / name).resolve() not in refused)
            for name in sorted(names):
                path = here / name
                if path.is_file() and not path.is_symlink() and path.resolve() not in refused:
                    yield path


def file_bytes(path: Path, read: Read) -> Iterator[bytes]:
    """A file's bytes, ``.gz`` unpacked. A file that has gone is passed over; one that may not be read is noted."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb", buffering=0) as stream:
            read.things += 1
            while piece := stream.read(_PIECE):
                read.bytes += len(piece)
                yield piece
    except FileNotFoundError:
        return
    except OSError as error:
        read.unreadable.append(f"{path}: {error.strerror or type(error).__name__}")
