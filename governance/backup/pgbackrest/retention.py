"""Retention in one repository: our policy decides, a signed record is written, then the tool removes what it named."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from governance.backup.adapter import BackupInfo, BackupKind, Expiry
from governance.backup.keys import BackupKeys
from governance.backup.pgbackrest.contents import FOLDER, read_contents
from governance.backup.pgbackrest.site import Repository
from governance.backup.pgbackrest.tool import Tool
from governance.backup.policy import BackupPolicy
from governance.backup.recording import record_destroyed
from governance.backup.records import Destroyed, read_records, write_record
from governance.backup.retention import decide
from governance.backup.wal import SEGMENT, bounds, position
from governance.errors import BackupError
from governance.settings import Settings


def expire(
    tool: Tool,
    repository: Repository,
    folder: Path,
    keys: BackupKeys,
    policy: BackupPolicy,
    now: datetime,
    record_in: tuple[str, Settings, str] | None,
) -> Expiry:
    """Remove what the policy lets go from one repository.

    Args:
        folder: our own records of the repository.
        policy: with the repository's own periods.
        record_in: connection string, settings and the ids' prefix for the audit log; ``None`` only plans.

    Raises:
        BackupError: something is unsound (nothing is removed before that is cleared up), or the tool failed, or it did
            not remove what it was told to.
    """
    stored = tool.stored(repository)
    records = read_records(folder, keys.checker)
    if stored.fault or records.faults:
        first = stored.fault or f"{records.faults[0][0]}: {records.faults[0][1]}"
        raise BackupError(f"nothing is removed while something is unsound: {first} (see xinglin backup verify)")
    held = records.held()
    made = decide(stored.backups, held, policy, now)
    by_id = {info.backup_id: info for info in stored.backups}
    fulls = [info for info in stored.backups if info.kind is BackupKind.FULL and info.backup_id in made.kept]
    with_log = [info for info in fulls if _reaches(info, fulls, made.log_before)]
    log_before = position(with_log[0].start_lsn) if with_log else 0
    kept = [by_id[name] for name in made.kept]
    old = _old_segments(tool.listing(repository, f"archive/{tool.site.stanza}"), kept, log_before)
    freed = sum(by_id[name].bytes for name in made.removed) + sum(old.values())
    if record_in is not None and (made.removed or old):
        contents, _ = read_contents(folder, keys.checker)
        digests = {name: contents[name].manifest_sha256 if name in contents else "" for name in made.removed}
        record = Destroyed(
            at=now,
            backups=digests,
            reasons=made.removed,
            log_before=max(log_before, records.log_before),
            segments=len(old),
        )
        write_record(folder, record, keys.signer)
        dsn, settings, prefix = record_in
        record_destroyed(dsn, record, settings, prefix)
        _remove(tool, repository, made.removed, len(fulls), len(with_log))
        for name in made.removed:
            (folder / FOLDER / f"{name}.json").unlink(missing_ok=True)
    return Expiry(made.removed, made.kept, len(old), freed, done=record_in is not None)


def _reaches(info: BackupInfo, fulls: list[BackupInfo], log_before: int) -> bool:
    """Whether a full backup, or one that builds on it, is among those that keep all their log."""
    later = [position(each.start_lsn) for each in fulls if each.started_at > info.started_at]
    return min(later, default=log_before + 1) > log_before


def _remove(tool: Tool, repository: Repository, removed: dict[str, str], fulls: int, with_log: int) -> None:
    number = tool.site.number(repository)
    for name in sorted(removed, reverse=True):  # children before their parents, which the tool would take along
        tool.run("expire", f"--set={name}", repository=repository)
    limits = [f"--repo{number}-retention-full={fulls}", f"--repo{number}-retention-archive={with_log}"]
    tool.run("expire", *limits, f"--repo{number}-retention-archive-type=full", repository=repository)
    left = sorted({info.backup_id for info in tool.stored(repository).backups} & set(removed))
    if left:
        raise BackupError(f"pgbackrest ended without an error but did not remove {', '.join(left)}; see its log")


def _old_segments(listed: dict[str, int], kept: list[BackupInfo], log_before: int) -> dict[str, int]:
    """Segments before the position that no kept backup needs for itself: name → bytes."""
    own = [(info.timeline, position(info.start_lsn), position(info.end_lsn)) for info in kept]
    found = {}
    for name, size in listed.items():
        base = name.rsplit("/", 1)[1].split("-")[0]
        if not SEGMENT.match(base):
            continue
        timeline, start, end = bounds(base)
        if end <= log_before and not any(t == timeline and s < end and e >= start for t, s, e in own):
            found[name] = size
    return found
