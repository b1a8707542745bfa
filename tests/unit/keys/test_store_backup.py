"""Backups of the key store: encrypted, short-lived, and no way back for the withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from governance.errors import KeyringError
from governance.keys import create_keyring, open_keyring
from governance.keys.keyring import Keyring
from governance.keys.persons import PersonKeys
from governance.keys.store_backup import Merged, back_up_store, default_folder, restore_store

PERSONS = [sha256(b"%d" % number).hexdigest()[:32] for number in range(20)]


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    path = tmp_path / "keys" / "keyring.json"
    create_keyring(path)
    return open_keyring(path)


def store(keyring: Keyring) -> PersonKeys:
    assert keyring.persons is not None
    return keyring.persons


def test_nothing_to_back_up_is_said(keyring: Keyring) -> None:
    with pytest.raises(KeyringError, match="nothing to back up"):
        back_up_store(keyring)


def test_a_lost_store_comes_back(keyring: Keyring) -> None:
    made = dict(store(keyring).make(PERSONS))
    backup = back_up_store(keyring)
    assert backup.persons == 20 and backup.file.stat().st_mode & 0o077 == 0
    assert not any(bytes.fromhex(person) in backup.file.read_bytes() for person in PERSONS)
    store(keyring).file.unlink()
    fresh = open_keyring(store(keyring).file.with_name("keyring.json"))
    assert restore_store(fresh, backup.file) == Merged(20, 0)
    assert store(fresh).find(PERSONS) == made


def test_salts_made_since_stay(keyring: Keyring) -> None:
    store(keyring).make(PERSONS[:10])
    backup = back_up_store(keyring)
    made = dict(store(keyring).make(PERSONS))
    assert restore_store(keyring, backup.file) == Merged(0, 0)
    assert store(keyring).find(PERSONS) == made


def test_a_withdrawn_person_does_not_come_back(keyring: Keyring) -> None:
    store(keyring).make(PERSONS)
    backup = back_up_store(keyring)
    store(keyring).destroy(PERSONS[:3], "w1", "consent_withdrawn", "officer")
    assert restore_store(keyring, backup.file) == Merged(0, 3)
    assert store(keyring).find(PERSONS).keys() == set(PERSONS[3:])


def test_tombstones_of_a_lost_store_are_known_from_later_backups_and_from_the_audit_log(keyring: Keyring) -> None:
    store(keyring).make(PERSONS)
    old = back_up_store(keyring)
    store(keyring).destroy(PERSONS[:3], "w1", "consent_withdrawn", "officer")
    back_up_store(keyring)
    stones = store(keyring).destroy(PERSONS[3:5], "w2", "consent_withdrawn", "officer")
    store(keyring).file.unlink()
    fresh = open_keyring(store(keyring).file.with_name("keyring.json"))
    assert restore_store(fresh, old.file, stones) == Merged(15, 5)
    assert store(fresh).find(PERSONS).keys() == set(PERSONS[5:])
    with pytest.raises(KeyringError, match="withdrawn"):
        store(fresh).make(PERSONS[:1])


def test_old_backups_are_removed_and_no_other_file(keyring: Keyring) -> None:
    store(keyring).make(PERSONS)
    folder = default_folder(store(keyring))
    folder.mkdir()
    for days in (1, 6, 8, 30):
        stamp = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y%m%dT%H%M%S%fZ")
        (folder / f"persons-{stamp}.sqlite.age").write_bytes(b"")
    (folder / "persons-notes.sqlite.age").write_bytes(b"")
    made = back_up_store(keyring)
    assert len(made.removed) == 2
    assert len(list(folder.iterdir())) == 4
    assert (folder / "persons-notes.sqlite.age").exists()


@pytest.mark.parametrize("spoil", [lambda data: data[:-40], lambda data: b"x" + data, lambda data: b""])
def test_a_damaged_backup_changes_nothing(keyring: Keyring, spoil: object) -> None:
    store(keyring).make(PERSONS)
    backup = back_up_store(keyring)
    backup.file.write_bytes(spoil(backup.file.read_bytes()))  # type: ignore[operator]
    store(keyring).file.unlink()
    with pytest.raises(KeyringError, match="damaged"):
        restore_store(keyring, backup.file)
    assert not store(keyring).file.exists()


def test_a_backup_of_another_installation_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    create_keyring(tmp_path / "other" / "keyring.json")
    other = open_keyring(tmp_path / "other" / "keyring.json")
    store(other).make(PERSONS)
    backup = back_up_store(other)
    with pytest.raises(KeyringError, match="another keyring"):
        restore_store(keyring, backup.file)
