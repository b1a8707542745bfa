"""What the archive of the log covers: unbroken stretches, gaps, and the moments that can be restored."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Protocol

from governance.backup.adapter import Range
from governance.backup.archive import Entry, fetch
from governance.backup.keys import BackupKeys
from governance.backup.manifest import Manifest
from governance.backup.wal import HISTORY, SEGMENT, bounds, following, parents, position, segment_at
from governance.errors import BackupError


@dataclass(frozen=True)
class Stretch:
    """Segments without a gap that a recovery passes through, oldest first, over one or more timelines.

    Attributes:
        entries: the segments.
        timeline: the last one's.
        histories: history files of the timelines passed through.
    """

    entries: tuple[Entry, ...]
    timeline: int
    histories: tuple[Entry, ...] = ()

    @property
    def until(self) -> datetime | None:
        """The newest moment that is known to be in it."""
        return max((entry.label.until for entry in self.entries if entry.label.until), default=None)


def forks(entries: Mapping[str, Entry], keys: BackupKeys) -> dict[int, list[tuple[int, int]]]:
    """Timeline → its ancestors with the positions at which they were left, from the archived history files.

    Raises:
        BackupError: a history file cannot be read.
    """
    return {
        int(name[:8], 16): parents(fetch(entry, keys).decode("utf-8", errors="replace"))
        for name, entry in entries.items()
        if HISTORY.match(name)
    }


class Begun(Protocol):
    """Where in the log a backup lies: a manifest, or an adapter's ``BackupInfo``."""

    @property
    def timeline(self) -> int: ...
    @property
    def start_lsn(self) -> str: ...
    @property
    def end_lsn(self) -> str: ...


def stretch(entries: Mapping[str, Entry], forked: Mapping[int, list[tuple[int, int]]], backup: Begun) -> Stretch:
    """The segments that follow a backup without a gap, on its timeline and on the one that goes on from it.

    It begins with the segment in which the backup starts, and is empty when that is not in the archive.
    """
    found = followed(entries, forked, backup)
    last = int(found[-1][:8], 16) if found else backup.timeline
    passed = [f"{number:08X}.history" for number in range(2, last + 1)]
    return Stretch(
        tuple(entries[name] for name in found), last, tuple(entries[name] for name in passed if name in entries)
    )


def followed(present: Container[str], forked: Mapping[int, list[tuple[int, int]]], backup: Begun) -> list[str]:
    """Names of the segments of :func:`stretch`."""
    start = position(backup.start_lsn)
    best = _on(present, [(backup.timeline, None)], start)
    for timeline in sorted(forked):
        route = [*forked[timeline], (timeline, None)]
        numbers = [number for number, _ in route]
        if backup.timeline not in numbers[:-1]:
            continue
        left = dict(route)[backup.timeline]
        if left is not None and left < position(backup.end_lsn):
            continue  # that timeline left ours before the backup was complete
        found = _on(present, route[numbers.index(backup.timeline) :], start)
        if found and found[-1][:8] == f"{timeline:08X}":
            best = found
    return best


def gaps(entries: Mapping[str, Entry]) -> list[tuple[Entry, str]]:
    """Segments whose successor on the same timeline is missing although later ones are there, with the missing name."""
    names = sorted(name for name in entries if SEGMENT.match(name))
    return [
        (entries[name], following(name))
        for name, later in pairwise(names)
        if later[:8] == name[:8] and later != following(name)
    ]


def ranges(
    backups: list[Manifest], entries: Mapping[str, Entry], forked: Mapping[int, list[tuple[int, int]]]
) -> tuple[Range, ...]:
    """What moments can be restored; ranges that touch are one."""
    found: list[Range] = []
    names: list[str] = []
    for backup in backups:
        covered = stretch(entries, forked, backup)
        until = covered.until
        if until is None or until < backup.ended_at:
            continue
        last = found[-1] if found else None
        if last and (last.timeline, last.until) == (covered.timeline, until):
            continue
        found.append(Range(backup.backup_id, covered.timeline, backup.ended_at, until))
        names = [entry.name for entry in covered.entries]
    return (*found[:-1], *(replace(item, broken_at=broken_at(entries, names)) for item in found[-1:]))


def broken_at(present: Collection[str], covered: Sequence[str]) -> str:
    """The segment that is missing where a stretch ends although later ones of its timeline are there; else empty."""
    expected = following(covered[-1]) if covered else ""
    return expected if any(n[:8] == expected[:8] and n > expected for n in present if SEGMENT.match(n)) else ""


def said(covered: tuple[Range, ...]) -> str:
    """Ranges in words, for a message."""
    if not covered:
        return "nothing beside the ends of the backups themselves: there is no archive of the log that follows one"
    return "; ".join(
        f"{item.earliest.astimezone():%Y-%m-%d %H:%M:%S %Z} to {item.until.astimezone():%Y-%m-%d %H:%M:%S %Z}"
        for item in covered
    )


def _on(present: Container[str], route: list[tuple[int, int | None]], start: int) -> list[str]:
    found: list[str] = []
    at = start
    for timeline, left in route:
        while True:
            name = segment_at(timeline, at)
            _, first, end = bounds(name)
            if left is not None and first <= left < end:
                at = left  # the next timeline begins within this segment, and holds a copy of its first part
                if name in present:
                    found.append(name)
                break
            if name not in present:
                return found
            found.append(name)
            at = end
    return found


def need(covered: Stretch, backup: Manifest) -> Stretch:
    """The stretch itself.

    Raises:
        BackupError: it is empty, so nothing beyond the backup's own end can be recovered.
    """
    if not covered.entries:
        raise BackupError(
            f"the archive does not hold {segment_at(backup.timeline, position(backup.start_lsn))}, with which the log "
            f"after {backup.backup_id} begins: only the backup's own end can be restored (without --time and --latest)"
        )
    return covered
