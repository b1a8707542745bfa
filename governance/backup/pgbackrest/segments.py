"""Which segments of the log an archive must hold, by the segments and history files that it does hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from governance.backup.adapter import BackupInfo
from governance.backup.wal import bounds, position, segment_at

Parents = Mapping[int, list[tuple[int, int]]]
"""Timeline → its ancestors with the positions at which they were left, oldest first (``wal.parents``)."""


def needed(present: Iterable[str], forked: Parents, backups: Iterable[BackupInfo], log_before: int = 0) -> list[str]:
    """Names that must be there: each backup's own log, and all log from the oldest backup to the newest segment.

    Args:
        present: names of the segments that are there.
        log_before: position before which the retention policy has let the log go, but for the backups' own.
    """
    names: set[str] = set()
    first: dict[int, int] = {}
    for backup in backups:
        start, end = position(backup.start_lsn), position(backup.end_lsn)
        names |= _between(backup.timeline, start, end)
        if start >= log_before:
            first[backup.timeline] = min(first.get(backup.timeline, start), start)
    newest: dict[int, int] = {}
    for name in present:
        timeline, at, _ = bounds(name)
        newest[timeline] = max(newest.get(timeline, 0), at)
    for timeline, ancestors in sorted(forked.items()):
        if timeline not in newest:
            continue
        left = 0
        for ancestor, fork in ancestors:
            if ancestor in first:
                if fork > first[ancestor]:  # the ancestor is needed up to where it was left
                    newest[ancestor] = max(newest.get(ancestor, 0), _start(fork - 1))
                left = fork
        if left:
            first[timeline] = min(first.get(timeline, left), left)
    for timeline, start in first.items():
        names |= _between(timeline, start, newest.get(timeline, start))
    return sorted(names)


def runs(missing: list[str]) -> list[tuple[str, int]]:
    """Missing names as runs of consecutive ones: the first of each, and how many."""
    found: list[tuple[str, int]] = []
    end = -1
    for name in sorted(missing):
        timeline, start, after = bounds(name)
        if found and found[-1][0][:8] == f"{timeline:08X}" and start == end:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((name, 1))
        end = after
    return found


def _between(timeline: int, start: int, last: int) -> set[str]:
    names: set[str] = set()
    at = start
    while at <= last or not names:
        name = segment_at(timeline, at)
        names.add(name)
        at = bounds(name)[2]
    return names


def _start(at: int) -> int:
    return bounds(segment_at(1, at))[1]
