"""Bring a backup of the embedded adapter back: choose it and its log, unpack, recover; then as any copy (`scratch`)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from governance.backup.adapter import BeforeOpening, RestoredCopy, Target
from governance.backup.archive import list_archive
from governance.backup.keys import BackupKeys
from governance.backup.recovery import Log
from governance.backup.scratch import DATA, Unopened, clean_on_failure
from governance.backup.store import BackupRecord, chain, find_backup, list_backups
from governance.backup.timeline import Stretch, forks, need, ranges, said, stretch
from governance.backup.unpacking import unpacked
from governance.errors import BackupError
from governance.runtime.placement import ServerUser
from governance.settings import Settings

_NO_HOOKS: Sequence[BeforeOpening] = ()


@dataclass(frozen=True)
class Plan:
    """What a restore starts from, and how far it goes; ``covered`` is the log to replay, none for the backup's end."""

    record: BackupRecord
    target: Target
    covered: Stretch | None = None


def plan(settings: Settings, keys: BackupKeys, backup: str | None = None, target: Target | None = None) -> Plan:
    """Choose the backup and the log for a restore.

    Raises:
        BackupError: there is no such backup, or the target is outside what is recoverable (the message says what is).
    """
    target = target or Target()
    if target.time is None and not target.latest:
        return Plan(find_backup(settings.backups, backup, keys.checker), target)
    if target.time is not None and (target.latest or target.time.tzinfo is None):
        raise BackupError("a target is either a time with its zone (2026-06-01T12:00:00+08:00) or --latest")
    records = _candidates(settings, keys, backup)
    entries, _ = list_archive(settings.backups, keys.checker)
    forked = forks(entries, keys)
    possible = ranges([record.manifest for record in records], entries, forked)
    for record in reversed(records):
        covered = stretch(entries, forked, record.manifest)
        if target.latest:
            return Plan(record, target, need(covered, record.manifest))
        assert target.time is not None  # noqa: S101 - as checked above
        if covered.until and record.manifest.ended_at <= target.time <= covered.until:
            return Plan(record, target, covered)
    raise BackupError(f"{target.time} cannot be restored; recoverable is {said(possible)}")


def _candidates(settings: Settings, keys: BackupKeys, backup: str | None) -> list[BackupRecord]:
    if backup is not None:
        return [find_backup(settings.backups, backup, keys.checker)]
    records, faults = list_backups(settings.backups, keys.checker)
    if not records:
        raise BackupError("; ".join(faults) or f"there is no backup in {settings.backups} yet (xinglin backup)")
    return records


def restore(
    wanted: BackupRecord | Plan,
    to_dir: Path,
    keys: BackupKeys,
    *,
    keep: bool = False,
    before_opening: Sequence[BeforeOpening] = _NO_HOOKS,
) -> RestoredCopy:
    """Restore into an empty or new folder, run the hooks, and compare every table with the manifest.

    Args:
        wanted: a backup (restored to its own end), or a plan.
        before_opening: run in order on the recovered copy while nobody else can connect.

    Raises:
        BackupError: the folder is not empty; the backup is damaged, cut short or made for another key; the copy does
            not start; or a hook failed. Everything that the restore wrote is removed again.
    """
    chosen = wanted if isinstance(wanted, Plan) else Plan(wanted, Target())
    manifest = chosen.record.manifest
    began = time.monotonic()
    with clean_on_failure(to_dir):
        real, size = unpacked(chain(chosen.record, keys.checker), to_dir / DATA, keys, ServerUser.choose())
        copy = Unopened(manifest.backup_id, to_dir, real, size, began, keep)
        copy.put_aside(["postgresql.auto.conf"])  # it outranks every file
        recovered_to = _recovered(chosen, copy, keys)
        return copy.open(chosen.target, recovered_to, manifest.recorded(), manifest.database, before_opening)


def _recovered(chosen: Plan, copy: Unopened, keys: BackupKeys) -> datetime | None:
    if chosen.covered is None:
        return copy.recover({})
    folder = copy.real.with_name(copy.real.name + ".wal")
    log = Log.of(chosen.covered, folder, keys, ServerUser.choose(), chosen.target.time)
    try:
        return copy.recover(log.settings(chosen.target))
    finally:
        log.remove()
