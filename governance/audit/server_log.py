"""Readings by people, from the server's own log: each becomes an audit record with user, tables, project, purpose.

People's logins have ``log_statement = all`` and the server writes JSON lines, which are read through SQL: that works
wherever the server stands, and from where the last record ended. Literals and text of a statement stay behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from governance.audit.chain import AuditKeys
from governance.audit.encoding import Kind, Record
from governance.audit.log import append
from governance.audit.statements import reads
from governance.errors import AuditError

_IMPORT_LOCK = 7_210_034
_PIECE = 4 << 20  # bytes asked of the server at once
_BATCH = 5_000
_PREPARED = re.compile(r"^prepare: ", re.S)  # detail of an EXECUTE: the statement that was prepared
_LOGGED = re.compile(r"^(statement|execute [^:]*|fastpath function call): ?", re.S)
# The log's times end at the millisecond. A reading within the one in which work ended counts to it: it gave no rows.
_WORK = """
    select w.project, w.purpose from access.work as w inner join access.approval as a using (approval_id)
    where w.session_id = %(session)s and w.member = %(user)s
        and %(at)s::timestamp at time zone current_setting('log_timezone')
            between date_trunc('milliseconds', w.opened_at)
            and least(w.ended_at, a.revoked_at, a.valid_until)
    order by w.opened_at desc limit 1"""


@dataclass(frozen=True)
class Logged:
    """A logged statement; ``at`` is in the zone of ``log_timezone``, ``place`` is ``file:offset`` of its line's end."""

    at: str
    user: str
    session: str
    text: str
    place: str


def import_readings(connection: psycopg.Connection, keys: AuditKeys) -> int:
    """Append a record for every statement of a person that reads a table, since the last import; returns how many.

    Args:
        connection: idle, autocommit, of the role ``audit``.

    Raises:
        AuditError: the server's log cannot be read, or ours refused.
    """
    total = 0
    try:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (_IMPORT_LOCK,))
            known = _known(connection)
            batch: list[Record] = []
            for logged in _statements(connection, _position(connection)):
                found = _reading(connection, logged, known)
                if found is not None:
                    batch.append(found)
                if len(batch) >= _BATCH:
                    append(connection, batch, keys)
                    total, batch = total + len(batch), []
            append(connection, batch, keys)
            total += len(batch)
    except psycopg.Error as error:
        raise AuditError(
            f"the server's log cannot be read ({str(error).splitlines()[0]}); see docs/access.md, section 'server log'"
        ) from error
    return total


def _position(connection: psycopg.Connection) -> tuple[str, int]:
    row = connection.execute(
        "select detail ->> 'log' from audit.record where kind = 'reading' and detail ->> 'log' is not null"
        " order by seq desc limit 1"
    ).fetchone()
    file, _, offset = row[0].rpartition(":") if row else ("", "", "0")
    return file, int(offset)


def _known(connection: psycopg.Connection) -> dict[str, list[str]]:
    rows = connection.execute(
        "select c.relname, array_agg(n.nspname order by n.nspname) from pg_class as c"
        " inner join pg_namespace as n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
        " group by 1"
    ).fetchall()
    return dict(rows)


def _statements(connection: psycopg.Connection, after: tuple[str, int]) -> Iterator[Logged]:
    row = connection.execute("select current_setting('log_directory'), current_database()").fetchone()
    folder, database = row or ("log", "")
    people = {login for (login,) in connection.execute("select login from access.person")}
    files = connection.execute("select name from pg_ls_logdir() where name like '%.json' order by name").fetchall()
    for (name,) in files:
        if name < after[0]:
            continue
        for line, end in _lines(connection, f"{folder}/{name}", after[1] if name == after[0] else 0):
            entry = _entry(line)
            if entry.get("user") in people and entry.get("dbname") == database:
                text, matched = _LOGGED.subn("", entry.get("message", ""), count=1)
                if matched:
                    detail = entry.get("detail", "")
                    text = _PREPARED.sub("", detail) if _PREPARED.match(detail) else text
                    at = entry["timestamp"].rpartition(" ")[0]  # without the zone's abbreviation
                    yield Logged(at, entry["user"], entry["session_id"], text, f"{name}:{end}")


def _lines(connection: psycopg.Connection, path: str, offset: int) -> Iterator[tuple[bytes, int]]:
    """Whole lines after an offset, each with the offset of its end; an unfinished last line waits for the next time."""
    rest = b""
    while True:
        row = connection.execute(
            "select pg_read_binary_file(%s, %s, %s, true)", (path, offset + len(rest), _PIECE)
        ).fetchone()
        piece = row[0] if row and row[0] else b""
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            offset += len(line) + 1
            yield line, offset
        if len(piece) < _PIECE:
            return


def _entry(line: bytes) -> dict[str, str]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}  # the end of a line that a killed server did not finish
    return entry if isinstance(entry, dict) else {}


def _reading(connection: psycopg.Connection, logged: Logged, known: dict[str, list[str]]) -> Record | None:
    found = reads(logged.text, known)
    if not found.tables and not found.opaque:
        return None
    row = connection.execute(_WORK, {"session": logged.session, "user": logged.user, "at": logged.at}).fetchone()
    project, purpose = row or (None, None)
    detail: dict[str, object] = {"at": logged.at, "session": logged.session, "log": logged.place}
    detail["tables"] = list(found.tables)
    if found.opaque:
        detail["opaque"] = True
    if found.tables:
        detail["subjects"] = "all"
    single = found.tables[0] if len(found.tables) == 1 else None
    return Record(Kind.READING, single, project=project, purpose=purpose, actor=logged.user, detail=detail)
