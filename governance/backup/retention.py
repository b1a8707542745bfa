"""Retention: of each of the last days, weeks, months and years the newest backup stays, with its ancestors and its log.

Removal leaves a signed record in the place (:mod:`governance.backup.records`) before anything goes. A manifest goes
first, so a backup is listed only while all of it is there; what a killed removal left is removed by the next.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Protocol

from governance.backup.adapter import BackupInfo, BackupKind, Expiry
from governance.backup.archive import Entry, list_archive
from governance.backup.keys import BackupKeys
from governance.backup.manifest import MANIFEST
from governance.backup.policy import BackupPolicy
from governance.backup.records import Destroyed, Records, read_records, write_record
from governance.backup.store import BackupRecord, list_backups, locked
from governance.backup.wal import SEGMENT, bounds, position
from governance.errors import BackupError

_ZONE = timezone(timedelta(hours=8))  # China Standard Time: one zone, no summer time
_PERIODS: dict[str, Callable[[datetime], str]] = {
    "day": lambda at: f"{at:%Y-%m-%d}",
    "week": lambda at: f"{at:%G-W%V}",
    "month": lambda at: f"{at:%Y-%m}",
    "year": lambda at: f"{at:%Y}",
}


class Dated(Protocol):
    """What the policy looks at in a backup: of a manifest, or of an adapter's ``BackupInfo``."""

    @property
    def backup_id(self) -> str: ...
    @property
    def parent(self) -> str | None: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime: ...
    @property
    def start_lsn(self) -> str: ...


def full_is_due(backups: Sequence[BackupInfo], policy: BackupPolicy, now: datetime) -> bool:
    """Whether the next backup must be a full one: none to build on, too many since, or too long ago.

    Args:
        backups: of one place, oldest first.
    """
    fulls = [number for number, info in enumerate(backups) if info.kind is BackupKind.FULL]
    if not fulls or len(backups) - fulls[-1] > policy.increments_at_most:
        return True
    return now - backups[fulls[-1]].started_at >= timedelta(days=policy.full_every_days)


@dataclass(frozen=True)
class Decision:
    """What stays and goes, with reasons; ``log_before`` is the position before which no log is needed any more."""

    kept: dict[str, str]
    removed: dict[str, str]
    log_before: int
    segments: tuple[Entry, ...] = field(default=())


def decide(manifests: Sequence[Dated], held: dict[str, str], policy: BackupPolicy, now: datetime) -> Decision:
    """Apply the policy to backups (oldest first); nothing is touched."""
    kept: dict[str, str] = {}
    for manifest in manifests[-policy.keep.newest :]:
        kept[manifest.backup_id] = "newest"
    limits = {
        "day": policy.keep.days,
        "week": policy.keep.weeks,
        "month": policy.keep.months,
        "year": policy.keep.years,
    }
    for period, name_of in _PERIODS.items():
        newest = {name_of(manifest.started_at.astimezone(_ZONE)): manifest.backup_id for manifest in manifests}
        for name in sorted(newest, reverse=True)[: limits[period]]:
            kept.setdefault(newest[name], f"{period} {name}")
    for manifest in manifests:
        if manifest.backup_id in held:
            kept[manifest.backup_id] = f"hold: {held[manifest.backup_id]}"
    by_id = {manifest.backup_id: manifest for manifest in manifests}
    for name in list(kept):
        parent = by_id[name].parent
        while parent is not None and parent in by_id:
            kept.setdefault(parent, f"ancestor of {name}")
            parent = by_id[parent].parent
    removed = {name: "no period of the policy keeps it" for name in by_id if name not in kept}
    return Decision(kept, removed, _log_before([by_id[name] for name in kept], held, policy, now))


def expire(
    backups: Path,
    keys: BackupKeys,
    policy: BackupPolicy,
    lock_file: Path,
    now: datetime,
    tell: Callable[[Destroyed], None],
    *,
    plan: bool = False,
) -> Expiry:
    """Remove what the policy lets go.

    Args:
        tell: gets the record before anything is removed (to append it to the audit log); its error stops the removal.

    Raises:
        BackupError: a backup is unsound (nothing is removed before that is cleared up), or the place refuses.
    """
    with contextlib.nullcontext() if plan else locked(lock_file, backups):
        records = read_records(backups, keys.checker)
        listed, faults = list_backups(backups, keys.checker, lock_file)
        gone = records.gone()
        faults = [fault for fault in faults if not any(f"{backups / name}/" in fault for name in gone)]
        if faults or records.faults:
            first = (*faults, *(f"{path}: {words}" for path, words in records.faults))[0]
            raise BackupError(f"nothing is removed while something is unsound: {first} (see xinglin backup verify)")
        standing = [record for record in listed if record.manifest.backup_id not in gone]
        made = decide([record.manifest for record in standing], records.held(), policy, now)
        entries, _ = list_archive(backups, keys.checker)
        old = tuple(
            entry for name, entry in entries.items() if SEGMENT.match(name) and bounds(name)[2] <= made.log_before
        )
        by_id = {record.manifest.backup_id: record for record in standing}
        freed = sum(by_id[name].manifest.size for name in made.removed) + sum(entry.label.size for entry in old)
        if not plan:
            _remove(backups, keys, made, by_id, old, now, tell, records)
    return Expiry(made.removed, made.kept, len(old), freed, done=not plan)


def _remove(
    backups: Path,
    keys: BackupKeys,
    made: Decision,
    by_id: dict[str, BackupRecord],
    old: tuple[Entry, ...],
    now: datetime,
    tell: Callable[[Destroyed], None],
    records: Records,
) -> None:
    if made.removed or old:
        record = Destroyed(
            at=now,
            backups={name: by_id[name].digest for name in made.removed},
            reasons=made.removed,
            log_before=max(made.log_before, records.log_before),
            segments=len(old),
        )
        write_record(backups, record, keys.signer)
        tell(record)
    try:
        for name in sorted({*made.removed, *records.gone()}, reverse=True):  # children before their parents
            folder = backups / name
            if folder.is_dir():
                (folder / MANIFEST).unlink(missing_ok=True)
                shutil.rmtree(folder)
        for entry in old:
            entry.path.unlink(missing_ok=True)
    except OSError as error:
        raise BackupError(
            f"{error.filename} cannot be removed ({error.strerror}): the place is write-once until its lock is over; "
            "what was to go is on record, run `xinglin backup expire` again then"
        ) from error


def _log_before(kept: list[Dated], held: dict[str, str], policy: BackupPolicy, now: datetime) -> int:
    """The log from the oldest kept backup within ``log_days`` (or on hold) on is needed; older ones hold their own."""
    since = now - timedelta(days=policy.log_days)
    wanted = [m for m in kept if m.ended_at >= since or m.backup_id in held]
    newest = sorted(kept, key=lambda m: m.ended_at)[-1:]
    return min((position(m.start_lsn) for m in (wanted or newest)), default=0)
