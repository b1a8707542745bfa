"""A restored copy against its manifest, table by table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from governance.backup.contents import Snapshot, TableContent, snapshot, table_contents


class Figures(Protocol):
    """What a backup's tables held: its manifest, or a record beside it."""

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot in which the figures were read."""
        ...

    @property
    def tables(self) -> Mapping[str, TableContent]:
        """``schema.table`` → figures."""
        ...


@dataclass(frozen=True)
class Comparison:
    """Result of comparing a copy with its manifest.

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


def compare(dsn: str, manifest: Figures, *, later: bool = False, touched: Collection[str] = ()) -> Comparison:
    """Compare the tables of the database at ``dsn`` with the manifest's figures.

    Args:
        later: the copy was recovered beyond the backup's end. A table that is no longer equal may have been written to
            since, so it is compared as one that was written to during the backup, and listed.
        touched: tables of which the same holds, whatever the copy was recovered to.

    Raises:
        BackupError: a table cannot be read.
    """
    with snapshot(dsn) as (connection, now):
        found = table_contents(connection, manifest.snapshot, now, manifest.tables)
    equal: list[str] = []
    settled: list[str] = []
    rewritten: list[str] = []
    differences: list[str] = []
    for name, wanted in manifest.tables.items():
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
    rows = sum(manifest.tables[name].rows for name in equal)
    return Comparison(tuple(equal), tuple(settled), tuple(rewritten), tuple(differences), rows)


def _settled(content: TableContent | None) -> tuple[int, str] | None:
    return None if content is None else (content.settled_rows, content.settled_hash)


def _difference(name: str, wanted: TableContent, present: TableContent) -> str:
    if present.rows != wanted.rows:
        return f"{name}: {present.rows} rows, {wanted.rows} expected"
    return f"{name}: {present.rows} rows as expected, but their content hash differs"
