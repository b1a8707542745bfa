"""Verification of a place of files: every object decrypted and hashed, every snapshot's signature, nothing unknown."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from governance.backup.adapter import Fault, Finding, Verification
from governance.backup.files.sealing import fetch
from governance.backup.files.snapshot import (
    EXPIRED,
    OBJECTS,
    SNAPSHOTS,
    Contents,
    StoredObject,
    destroyed,
    read_snapshots,
)
from governance.errors import BackupError

if TYPE_CHECKING:
    from governance.backup.files.places import FileBackups


def verify_place(place: FileBackups) -> Verification:
    """Decrypt and hash every object of every snapshot; name what is missing, altered, forged, unknown or too old.

    Objects that no snapshot names, left by a run that was cut off, are sentences in ``unchecked``.

    Raises:
        BackupError: the place cannot be read at all.
    """
    listed = place.target.listing()
    snapshots, digests, faults = read_snapshots(place.target, listed, place.keys)
    findings = [Finding(name, Fault.FORGED, words) for name, words in faults]
    gone, forged = destroyed(place.target, listed, place.keys)
    findings += [Finding(name, Fault.FORGED, words) for name, words in forged]
    known = {name: digest for snapshot in snapshots for name, digest in snapshot.known.items()}
    for name, digest in sorted(known.items()):
        path = f"{SNAPSHOTS}/{name}.json"
        if name not in digests and name not in gone and path not in listed:
            findings.append(Finding(path, Fault.MISSING, "the snapshot is gone, and no record says it was destroyed"))
        elif name in digests and digests[name] != digest:
            findings.append(Finding(path, Fault.ALTERED, "it is not what it was when later ones were made"))
    needed = {name: stored for snapshot in snapshots for name, stored in snapshot.objects.items()}
    files, size = len(snapshots), 0
    for name, stored in sorted(needed.items()):
        fault, count = _examine(place, name, stored, listed)
        findings += [fault] if fault else []
        files, size = files + (name in listed), size + count
    unchecked = []
    for name in sorted(set(listed) - set(needed)):
        if name.startswith(f"{OBJECTS}/"):
            unchecked.append(
                f"{name}: no snapshot names it (a run was cut off); `xinglin backup files expire` removes it"
            )
        elif not name.startswith((f"{SNAPSHOTS}/", f"{EXPIRED}/")):
            findings.append(Finding(name, Fault.UNKNOWN, "it belongs to no snapshot; look where it comes from"))
    if snapshots:
        age = place.clock() - snapshots[-1].ended_at
        if age > timedelta(hours=place.policy.newest_backup_hours):
            hours = age.total_seconds() / 3600
            words = f"the newest snapshot is {hours:.0f} h old, {place.policy.newest_backup_hours} h are allowed"
            findings.append(Finding(f"{SNAPSHOTS}/{snapshots[-1].backup_id}.json", Fault.OLD, words))
    return Verification(tuple(findings), tuple(unchecked), len(snapshots), 0, files, size)


def _examine(place: FileBackups, name: str, stored: StoredObject, listed: dict[str, int]) -> tuple[Finding | None, int]:
    if name not in listed:
        return Finding(name, Fault.MISSING, "it is missing; the snapshots that need it cannot be restored whole"), 0
    try:
        with place.target.reading(name) as file:
            return None, fetch(file, stored, place.keys, Contents.of(place.keys), lambda _: None)
    except BackupError as error:
        fault = Fault.ALTERED if "SHA-256" in str(error) else Fault.UNREADABLE
        return Finding(name, fault, str(error)), 0
