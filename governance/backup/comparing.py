"""A restored copy against what was recorded when its backup was made, table by table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from governance.backup.contents import Snapshot, TableContent, snapshot, table_contents


@dataclass(frozen=True)
class Recorded:
    """What was recorded of a backup's tables when it was made, as its signed manifest or the record beside it says.

    Attributes:
        started_at: before the snapshot, so the figures are of that moment or later.
        ended_at: as in ``BackupInfo``; the figures hold at that moment, but for tables that are marked as changed.
        database: the one whose tables are listed; the backup holds all databases of the cluster.
        snapshot: the snapshot in which the figures were read.
        tables: ``schema.table`` → figures.
    """

    backup_id: str
    started_at: datetime
    ended_at: datetime
    database: str
    snapshot: Snapshot
    tables: Mapping[str, TableContent]


@dataclass(frozen=True)
class Comparison:
    """Result of comparing a copy with what was recorded.

    Attributes:
        equal: tables with equal row count and content hash.
        settled: tables that were written to during or after the backup, whose older rows are equal.
        rewritten: tables that were rewritten, made or dropped meanwhile; nothing can be said about them.
        differences: one sentence a table that is missing, unexpected or not equal; ids and figures only.
        rows: rows of the tables in ``equal``.
    """

    equal: tuple[str, ...]
    settled: tuple[str, ...]
    rewritten: tuple[str, ...]
    differences: tuple[str, ...]
    rows: int

    @property
    def holds(self) -> bool:
        """Something was compared, and nothing differs."""
        return bool(self.equal) and not self.differences


def compare(dsn: str, recorded: Recorded, *, later: bool = False, touched: Collection[str] = ()) -> Comparison:
    """Compare the tables of the database at ``dsn`` with the recorded figures.

    Args:
        later: the copy was recovered beyond the backup's end. A table that is no longer equal may have been written to
            since, so it is compared as one that was written to during the backup, and listed.
        touched: tables of which the same holds, whatever the copy was recovered to.

    Raises:
        BackupError: a table cannot be read.
    """
    with snapshot(dsn) as (connection, now):
        found = table_contents(connection, recorded.snapshot, now, recorded.tables)
    equal: list[str] = []
    settled: list[str] = []
    rewritten: list[str] = []
    differences: list[str] = []
    for name, wanted in recorded.tables.items():
        present = found.pop(name, None)
        is_equal = present is not None and (present.rows, present.hash) == (wanted.rows, wanted.hash)
        if wanted.changed or ((later or name in touched) and not is_equal):
            (settled if _settled(present) == _settled(wanted) else rewritten).append(name)
        elif present is None:
            differences.append(f"{name}: missing, {wanted.rows} rows expected")
        elif is_equal:
            equal.append(name)
        else:
            differences.append(_difference(name, wanted, present))
    if later:
        rewritten += list(found)
    else:
        differences += [f"{name}: not in the manifest, {content.rows} rows found" for name, content in found.items()]
    rows = sum(recorded.tables[name].rows for name in equal)
    return Comparison(tuple(equal), tuple(settled), tuple(rewritten), tuple(differences), rows)


def _settled(content: TableContent | None) -> tuple[int, str] | None:
    return None if content is None else (content.settled_rows, content.settled_hash)


def _difference(name: str, wanted: TableContent, present: TableContent) -> str:
    if present.rows != wanted.rows:
        return f"{name}: {present.rows} rows, {wanted.rows} expected"
    return f"{name}: {present.rows} rows as expected, but their content hash differs"
