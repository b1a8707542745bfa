"""Retention of snapshots: the backup policy decides, a signed record comes first, a lock that holds is reported."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING

from governance.backup.adapter import Expiry
from governance.backup.files.snapshot import (
    EXPIRED,
    OBJECTS,
    SNAPSHOTS,
    destroyed,
    read_snapshots,
    write_signed,
)
from governance.backup.records import Destroyed
from governance.backup.retention import decide
from governance.errors import BackupError

if TYPE_CHECKING:
    from governance.backup.files.places import FileBackups


def expire_snapshots(place: FileBackups, tell: Callable[[Destroyed], None], *, plan: bool = False) -> Expiry:
    """Remove snapshots that the backup policy no longer keeps, and objects that no snapshot needs any more.

    Args:
        tell: gets the record before anything is removed (to append it to the audit log); its error stops the removal.

    Raises:
        BackupError: a snapshot is unsound, or the place refuses (its lock is not over); names until when.
    """
    listed = place.target.listing()
    snapshots, digests, faults = read_snapshots(place.target, listed, place.keys)
    _, forged = destroyed(place.target, listed, place.keys)
    if faults or forged:
        name, words = (*faults, *forged)[0]
        raise BackupError(
            f"nothing is removed while something is unsound: {name}: {words} (xinglin backup files verify)"
        )
    made = decide(snapshots, {}, place.policy, place.clock())
    needed = {name for snapshot in snapshots if snapshot.backup_id in made.kept for name in snapshot.objects}
    newest = {f"{SNAPSHOTS}/{name}.json" for name in made.removed}
    old = sorted(name for name in listed if name.startswith(f"{OBJECTS}/") and name not in needed)
    size = sum(listed[name] for name in (*old, *newest))
    if not plan and (old or newest):
        _refuse_locked(place, [*sorted(newest), *old])
        if made.removed:
            record = Destroyed(
                at=place.clock(),
                backups={name: digests[name] for name in made.removed},
                reasons=made.removed,
                log_before=0,
                segments=0,
            )
            stamp = f"{place.clock().astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.json"
            write_signed(place.target, f"{EXPIRED}/{stamp}", record, place.keys, place.clock())
            tell(record)
        for name in (*sorted(newest), *old):
            place.target.remove(name)
    return Expiry(made.removed, made.kept, 0, size, done=not plan)


def _refuse_locked(place: FileBackups, names: list[str]) -> None:
    for name in names:
        until = place.target.locked_until(name)
        if until is not None and until > place.clock():
            raise BackupError(
                f"{place.target.url}/{name} is locked until {until.astimezone():%Y-%m-%d %H:%M:%S %Z}: "
                "the place refuses to delete it before; nothing was removed, run this again then"
            )
