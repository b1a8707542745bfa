"""The backup folder: one folder a backup, complete or not there at all.

A backup is written in ``.partial-<id>`` and takes its name only when every byte of it is on disk. One backup is
written at a time (a lock on ``.lock``), so any ``.partial-*`` that stands there when a backup starts was left by one
that was killed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from anonymization.encryption import KeyedDigest
from governance.backup.manifest import MANIFEST, Manifest, read_manifest
from governance.errors import BackupError

_PARTIAL = ".partial-"


@dataclass(frozen=True)
class BackupRecord:
    """One complete backup on disk."""

    folder: Path
    manifest: Manifest

    @property
    def file(self) -> Path:
        """The encrypted file."""
        return self.folder / self.manifest.file


@contextmanager
def writing(backups: Path, backup_id: str) -> Iterator[Path]:
    """A folder to write a backup into; it becomes ``<backups>/<backup id>`` on success and vanishes on failure.

    Raises:
        BackupError: another backup is being written, or the folder cannot be written to.
    """
    try:
        backups.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(backups / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BackupError(f"the backup folder {backups} cannot be used ({error.strerror}); check its rights") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BackupError(f"another backup is being written to {backups}; wait until it has ended") from error
        for abandoned in backups.glob(f"{_PARTIAL}*"):
            shutil.rmtree(abandoned)
        partial = backups / f"{_PARTIAL}{backup_id}"
        partial.mkdir(mode=0o700)
        try:
            yield partial
            _publish(partial, backups / backup_id)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    finally:
        os.close(lock)


def list_backups(backups: Path, key: KeyedDigest | None = None) -> tuple[list[BackupRecord], list[str]]:
    """Backups with sound manifests, oldest first, and what is wrong with the others (empty when all are sound)."""
    records, faults = [], []
    for folder in sorted(backups.iterdir()) if backups.is_dir() else []:
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        try:
            records.append(_record(folder, key))
        except BackupError as error:
            faults.append(str(error))
    records.sort(key=lambda record: (record.manifest.started_at, record.manifest.backup_id))
    return records, faults


def find_backup(backups: Path, backup_id: str | None = None, key: KeyedDigest | None = None) -> BackupRecord:
    """One backup by its id, or the newest whose manifest is sound.

    Raises:
        BackupError: there is none; its manifest is missing or altered; or the newest folder is unsound.
    """
    if backup_id is not None:
        folder = backups / backup_id
        if not folder.is_dir():
            raise BackupError(f"there is no backup {backup_id} in {backups}; see `xinglin backups`")
        return _record(folder, key)
    records, faults = list_backups(backups, key)
    if not records:
        raise BackupError("; ".join(faults) or f"there is no backup in {backups} yet; make one with `xinglin backup`")
    return records[-1]


def _record(folder: Path, key: KeyedDigest | None) -> BackupRecord:
    manifest = read_manifest(folder, key)
    if manifest.backup_id != folder.name:
        raise BackupError(f"{folder / MANIFEST} belongs to backup {manifest.backup_id}; use another one")
    return BackupRecord(folder, manifest)


def _publish(partial: Path, final: Path) -> None:
    if final.exists():
        raise BackupError(f"{final} exists already and is never overwritten; run the backup again")
    _sync_folder(partial)
    partial.rename(final)
    _sync_folder(final.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
