"""A restored copy against what was recorded at backup time.

The figures of the backup that the copy was made from hold for its own end. Beyond it they hold for a table exactly
where the next figures after the moment, those of the next backup or of the live warehouse, are the same: then the table
did not change in between, and the copy must hold it unchanged. What did change is compared by its older rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg

from governance.backup.comparing import Comparison, Recorded
from governance.backup.contents import TableContent, snapshot, table_contents
from governance.backup.drill.outcomes import Check, check
from governance.errors import BackupError

_RELATIONS = """
    select c.oid::regclass::text, c.relkind
    from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm', 't') and c.relpersistence = 'p' and n.nspname <> 'information_schema'
        and (n.nspname !~ '^pg_' or c.oid in (
            select t.reltoastrelid from pg_class as t inner join pg_namespace as s on s.oid = t.relnamespace
            where s.nspname !~ '^pg_' and s.nspname <> 'information_schema'))
    order by 1"""
_INDEXES = """
    select i.indexrelid::regclass::text
    from pg_index as i inner join pg_class as c on c.oid = i.indexrelid
    inner join pg_namespace as n on n.oid = c.relnamespace inner join pg_am as a on a.oid = c.relam
    where a.amname = 'btree' and i.indisvalid and c.relkind = 'i' and n.nspname !~ '^pg_'
    order by 1"""


@dataclass(frozen=True)
class Figures:
    """Figures recorded in backups, oldest first, and those of the live warehouse if it answers."""

    recorded: tuple[Recorded, ...]
    live: Mapping[str, TableContent] | None = None

    def unchanged(self, backup_id: str, moment: datetime | None, touched: Collection[str]) -> set[str]:
        """Tables that a copy of a backup, recovered to ``moment`` (``None``: its own end), must hold unchanged."""
        before = next((item for item in self.recorded if item.backup_id == backup_id), None)
        if before is None:
            return set()
        fixed = {name for name, content in before.tables.items() if not content.changed and name not in touched}
        if moment is None:
            return fixed
        later = (item.tables for item in self.recorded if item.started_at > moment)
        after = next(later, self.live or {})
        return {name for name in fixed if name in after and _same(before.tables[name], after[name])}


def live_figures(dsn: str, like: Recorded) -> Mapping[str, TableContent] | None:
    """Figures of the live warehouse now, ``None`` if it does not answer or a table cannot be read."""
    try:
        with snapshot(dsn) as (connection, now):
            return table_contents(connection, like.snapshot, now, like.tables)
    except (psycopg.Error, BackupError):
        return None


def tables(comparison: Comparison, unchanged: Collection[str]) -> Check:
    """Every table that must be unchanged is, and what grew holds its older rows."""
    known = {difference.split(":")[0] for difference in comparison.differences}
    differing = sorted(set(unchanged) - set(comparison.equal) - known)
    words = "its figures were the same before and after the moment, and the copy's are others"
    findings = [*comparison.differences, *(f"{name}: {words}" for name in differing)]
    said = (
        f"{len(comparison.equal)} 张表一致 tables equal ({comparison.rows:,} 行 rows)；"
        f"{len(comparison.settled)} 张有新增、原有行一致 grew, older rows equal；"
        f"{len(set(comparison.rewritten) - set(differing))} 张其间改写、不可核对 rewritten meanwhile, not comparable"
    )
    return check("tables", len(comparison.equal) + len(comparison.settled), said, findings)


def structure(dsn: str) -> Check:
    """Every table and B-tree index of the copy, by PostgreSQL's amcheck; indexes are held against their tables."""
    findings: list[str] = []
    heaps = indexes = 0
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create extension if not exists amcheck")
        connection.execute("set client_min_messages = error")
        for name, _kind in connection.execute(_RELATIONS).fetchall():
            heaps += 1
            findings += _heap(connection, name)
        for (name,) in connection.execute(_INDEXES).fetchall():
            indexes += 1
            findings += _index(connection, name)
    return check("structure", heaps + indexes, f"{heaps} 张表（含 TOAST）tables · {indexes} 个索引 indexes", findings)


def _heap(connection: psycopg.Connection, name: str) -> list[str]:
    try:
        rows = connection.execute("select blkno, msg from verify_heapam(%s::regclass) limit 5", (name,)).fetchall()
    except psycopg.Error as error:
        return [f"{name}: {_first(error)}"]
    return [f"{name}: block {block}: {message}" for block, message in rows]


def _index(connection: psycopg.Connection, name: str) -> list[str]:
    try:
        connection.execute("select bt_index_check(%s::regclass, true)", (name,))
    except psycopg.Error as error:
        return [f"{name}: {_first(error)}"]
    return []


def archiving(dsn: str) -> Check:
    """The copy sends its log nowhere and follows nobody."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(
            "select current_setting('archive_mode'), current_setting('archive_command'),"
            " current_setting('primary_conninfo'), (select count(*) from pg_replication_slots)"
        ).fetchone()
    assert row is not None  # noqa: S101 - a select of functions returns one row
    mode, _command, follows, slots = row
    findings = []
    if mode != "off":
        findings.append(f"archive_mode is {mode}: the copy would write into the original's archive")
    if follows:
        findings.append("primary_conninfo is set: the copy would follow the original")
    if slots:
        findings.append(f"{slots} replication slots stand in the copy")
    return check("archiving", 1, f"archive_mode = {mode}", findings)


def _same(first: TableContent, second: TableContent) -> bool:
    return (first.rows, first.hash) == (second.rows, second.hash)


def _first(error: psycopg.Error) -> str:
    """What amcheck says, without its context, which may quote a value."""
    return (error.diag.message_primary or type(error).__name__)[:200]
