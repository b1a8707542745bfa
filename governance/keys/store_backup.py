"""Backups of the persons' key store: apart from the data's, encrypted to the backup recipient, kept for days only.

A destroyed salt lives on in every copy of the store, so a withdrawal is complete when the last backup that holds the
salt is gone: after the retention, seven days by default. Each backup is a new file; the next one removes what is older.
Bringing one back adds salts that the store lacks, and none of a person for whom a tombstone stands: in the store,
in any of these backups, or in the audit log.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage

from governance.errors import KeyringError
from governance.keys.keyring import Keyring
from governance.keys.persons import PersonKeys, Tombstone

RETENTION_DAYS = 7
_STAMP = "%Y%m%dT%H%M%S%fZ"
_PATTERN = "persons-*.sqlite.age"


@dataclass(frozen=True)
class StoreBackup:
    """One backup that was made: its file, the persons in it, and older files that were removed."""

    file: Path
    persons: int
    removed: tuple[Path, ...]


@dataclass(frozen=True)
class Merged:
    """What a backup brought back: salts that were missing, and those refused because of a tombstone."""

    added: int
    refused: int


def default_folder(store: PersonKeys) -> Path:
    """Where backups go unless told otherwise: beside the store. A folder on another machine is better."""
    return store.file.with_name("persons-backups")


def back_up_store(keyring: Keyring, folder: Path | None = None, days: int = RETENTION_DAYS) -> StoreBackup:
    """Write an encrypted copy of the store and remove those that are older than ``days``.

    Raises:
        KeyringError: there is no store yet, or the folder cannot be written; older backups are untouched.
    """
    store = _store(keyring)
    if not store.file.exists():
        raise KeyringError(f"{store.file} does not exist: no person has a key yet, so there is nothing to back up")
    target = folder or default_folder(store)
    now = datetime.now(UTC)
    file = target / f"persons-{now.strftime(_STAMP)}.sqlite.age"
    content = store.snapshot()
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        sealed = pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(keyring.backup_recipient)])
        partial = file.with_suffix(".partial")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(sealed)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
        removed = [old for old in _backups(target) if _made_at(old) < now - timedelta(days=days)]
        for old in removed:
            old.unlink()
    except OSError as error:
        raise KeyringError(f"{target} cannot be written ({error.strerror}); name another folder with --to") from error
    return StoreBackup(file, store.count(), tuple(removed))


def restore_store(keyring: Keyring, file: Path, audited: Iterable[bytes] = ()) -> Merged:
    """Add the salts of a backup that the store lacks, but none of withdrawn persons.

    Args:
        audited: token hashes of tombstones that the audit log knows.

    Raises:
        KeyringError: the file cannot be read or opened, or is of another installation; nothing was changed.
    """
    store = _store(keyring)
    content = _opened(keyring, file)
    siblings = [_opened(keyring, other) for other in _backups(file.parent) if other != file]
    stones = {stone.token_hash: stone for copy in (content, *siblings) for stone in tombstones_in(copy)}
    for token_hash in audited:
        stones.setdefault(token_hash, Tombstone(token_hash, "from the audit log", "", "", ""))
    store.bury(list(stones.values()))
    added, refused = store.merge(content)
    return Merged(added, refused)


def tombstones_in(content: bytes) -> list[Tombstone]:
    """The tombstones of a store's copy."""
    with closing(sqlite3.connect(":memory:")) as copy:
        copy.deserialize(content)
        return [Tombstone(*row) for row in copy.execute("select * from tombstone")]


def _store(keyring: Keyring) -> PersonKeys:
    if keyring.persons is None:
        raise KeyringError("this keyring was not opened from a file, so it has no key store; nothing was changed")
    return keyring.persons


def _backups(folder: Path) -> list[Path]:
    return sorted(folder.glob(_PATTERN))


def _made_at(file: Path) -> datetime:
    """When a backup was made, from its name; a file of another name counts as new and is never removed."""
    try:
        return datetime.strptime(file.name.split("-")[1].split(".")[0], _STAMP).replace(tzinfo=UTC)
    except (IndexError, ValueError):
        return datetime.max.replace(tzinfo=UTC)


def _opened(keyring: Keyring, file: Path) -> bytes:
    try:
        return bytes(pyrage.decrypt(file.read_bytes(), [pyrage.x25519.Identity.from_str(keyring.backup_identity)]))
    except OSError as error:
        raise KeyringError(f"{file} cannot be read ({error.strerror}); nothing was changed") from error
    except (pyrage.DecryptError, pyrage.IdentityError) as error:
        raise KeyringError(
            f"{file} is damaged, or was made for another keyring; nothing was changed, use another backup"
        ) from error
