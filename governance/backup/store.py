"""The backups of a place: one folder a backup, which is one when its signed manifest, written last, is there.

One backup is written at a time (a lock in the state folder, apart from the place). The lock file holds the id of the
backup that is being written: a folder without a manifest that it names was left by a killed one, and is cleared by the
next; any other has lost its manifest, which is a fault and stays.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from governance.backup.manifest import MANIFEST, Manifest, read_manifest
from governance.backup.place import write_once
from governance.backup.signing import Checker
from governance.errors import BackupError

NOT_BACKUPS = ("wal", "expired", "holds", "files", "pgbackrest")
"""Folders of the place that hold no backup."""


@dataclass(frozen=True)
class BackupRecord:
    """One complete backup on disk; ``digest`` is the SHA-256 of its manifest file."""

    folder: Path
    manifest: Manifest
    digest: str

    @property
    def files(self) -> dict[str, Path]:
        """Archive → its encrypted file."""
        return {file.archive: self.folder / file.name for file in self.manifest.files}


@contextmanager
def writing(backups: Path, backup_id: str, lock_file: Path) -> Iterator[Path]:
    """A folder to write a backup into, gone again if the block fails before its manifest is written.

    Raises:
        BackupError: another backup is being written, or the folder cannot be written to.
    """
    folder = backups / backup_id
    with locked(lock_file, backups) as lock:
        _clear_killed(backups, lock)
        try:
            backups.mkdir(mode=0o700, parents=True, exist_ok=True)
            _note(lock, backup_id)
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise BackupError(
                f"the backup folder {backups} cannot be used ({error.strerror}); check its rights"
            ) from error
        try:
            yield folder
        except BaseException:
            if not (folder / MANIFEST).exists():
                shutil.rmtree(folder, ignore_errors=True)
            raise
        _note(lock, "")


def is_being_written(backup_id: str, lock_file: Path) -> bool:
    """Whether a backup without a manifest is under way, or was killed and waits to be cleared."""
    with contextlib.suppress(OSError):
        return lock_file.read_text("ascii") == backup_id
    return False


def publish(folder: Path, manifest: Manifest) -> BackupRecord:
    """Write the signed manifest, which makes the folder a backup; the manifest of another is never overwritten.

    Raises:
        BackupError: there is a manifest already, or it cannot be written.
    """
    content = manifest.content()
    write_once(folder / MANIFEST, content)
    return BackupRecord(folder, manifest, sha256(content).hexdigest())


def list_backups(
    backups: Path, checker: Checker | None = None, lock_file: Path | None = None
) -> tuple[list[BackupRecord], list[str]]:
    """Backups with sound manifests, oldest first, and what is wrong with the others (empty when all are sound).

    Args:
        lock_file: with it, a backup that is being written, or was cut off, is no fault.
    """
    records, faults = [], []
    for folder in sorted(backups.iterdir()) if backups.is_dir() else []:
        if not folder.is_dir() or folder.name.startswith(".") or folder.name in NOT_BACKUPS:
            continue
        if lock_file and not (folder / MANIFEST).exists() and is_being_written(folder.name, lock_file):
            continue
        try:
            records.append(_record(folder, checker))
        except BackupError as error:
            faults.append(str(error))
    records.sort(key=lambda record: (record.manifest.started_at, record.manifest.backup_id))
    return records, faults


def find_backup(backups: Path, backup_id: str | None = None, checker: Checker | None = None) -> BackupRecord:
    """One backup by its id, or the newest whose manifest is sound.

    Raises:
        BackupError: there is none; its manifest is missing or altered; or the newest folder is unsound.
    """
    if backup_id is not None:
        folder = backups / backup_id
        if not folder.is_dir():
            raise BackupError(f"there is no backup {backup_id} in {backups}; see `xinglin backups`")
        return _record(folder, checker)
    records, faults = list_backups(backups, checker)
    if not records:
        raise BackupError("; ".join(faults) or f"there is no backup in {backups} yet; make one with `xinglin backup`")
    return records[-1]


def chain(record: BackupRecord, checker: Checker | None = None) -> list[BackupRecord]:
    """The backup with all its ancestors, the full one first.

    Raises:
        BackupError: an ancestor is missing, unsound, or not the one that the child was made from.
    """
    links = [record]
    while (parent := links[0].manifest.parent) is not None:
        child = links[0]
        try:
            found = find_backup(record.folder.parent, parent, checker)
        except BackupError as error:
            raise BackupError(f"{record.manifest.backup_id} cannot be used without its ancestor: {error}") from error
        if found.digest != child.manifest.parent_sha256 or found in links:
            raise BackupError(
                f"{found.folder / MANIFEST} is not the backup that {child.manifest.backup_id} was made from; "
                "use another backup"
            )
        links.insert(0, found)
    return links


def _record(folder: Path, checker: Checker | None) -> BackupRecord:
    manifest, content = read_manifest(folder, checker)
    return BackupRecord(folder, manifest, sha256(content).hexdigest())


@contextmanager
def locked(lock_file: Path, backups: Path) -> Iterator[int]:
    """The place for one writer; gives the lock's descriptor.

    Raises:
        BackupError: another one is at it.
    """
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BackupError(f"{lock_file} cannot be used ({error.strerror}); check its rights") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BackupError(f"another backup is being written to {backups}; wait until it has ended") from error
        yield lock
    finally:
        os.close(lock)


def _clear_killed(backups: Path, lock: int) -> None:
    killed = os.pread(lock, 100, 0).decode("ascii", errors="replace")
    folder = backups / killed
    if killed and "/" not in killed and folder.is_dir() and not (folder / MANIFEST).exists():
        shutil.rmtree(folder, ignore_errors=True)  # a write-once place refuses, and the folder stays, never listed


def _note(lock: int, backup_id: str) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, backup_id.encode("ascii"), 0)
    os.fsync(lock)
