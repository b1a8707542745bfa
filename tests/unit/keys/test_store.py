"""Changes of the keyring file: new versions, another key-encryption key, and what a killed change leaves behind."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from anonymization.encryption import Suite
from governance.errors import KeyringError
from governance.keys import create_keyring, open_keyring, store
from governance.keys.store import add_version, describe, promote, rewrap


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XINGLIN_KEK", "XINGLIN_KEK_NEXT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "keys" / "keyring.json"
    create_keyring(made)
    return made


def test_a_new_version_is_used_for_new_values_and_the_old_one_stays(path: Path) -> None:
    old = open_keyring(path).key("field")
    assert add_version(path, "field") == 2
    keyring = open_keyring(path)
    assert keyring.current("field") == 2
    assert keyring.keys["field"][1] == old != keyring.key("field")


def test_a_pending_version_is_known_and_not_used_before_it_is_promoted(path: Path) -> None:
    add_version(path, "blind_index", pending=True)
    keyring = open_keyring(path)
    assert keyring.current("blind_index") == 1
    assert len(keyring.blind_indexer().candidates("name", "a")) == 2
    promote(path, "blind_index")
    assert open_keyring(path).current("blind_index") == 2


def test_another_key_encryption_key_changes_no_key(path: Path) -> None:
    before, kek, document = open_keyring(path), path.with_name("kek").read_bytes(), path.read_text()
    rewrap(path)
    after = open_keyring(path)
    assert (after.keys, after.backup_identity) == (before.keys, before.backup_identity)
    assert path.with_name("kek").read_bytes() != kek
    assert not path.with_name("kek.next").exists()
    path.with_name("kek").write_bytes(kek)
    with pytest.raises(KeyringError, match="belongs to another keyring"):
        open_keyring(path)
    assert all(entry["wrapped"] not in path.read_text() for entry in json.loads(document)["keys"])


@pytest.mark.parametrize("point", ["before the keyring is written", "before the new key takes its place"])
def test_a_rotation_killed_in_the_middle_opens_and_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    before = open_keyring(path).keys

    class KilledError(BaseException):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        if point.startswith("before the keyring"):
            patch.setattr(store, "_write", killed)
        else:
            patch.setattr(Path, "replace", _replace_but_not_the_key(killed))
        with pytest.raises(KilledError):
            rewrap(path)
    assert path.with_name("kek.next").exists()
    assert open_keyring(path).keys == before
    rewrap(path)
    assert open_keyring(path).keys == before
    assert not path.with_name("kek.next").exists()


def _replace_but_not_the_key(killed):  # type: ignore[no-untyped-def]
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if target.name == "kek":
            killed()
        return real(self, target)

    return replace


def test_with_the_key_in_the_environment_the_next_one_comes_from_there(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    monkeypatch.setenv("XINGLIN_KEK", first)
    other = tmp_path / "other" / "keyring.json"
    create_keyring(other)
    keys = open_keyring(other).keys
    with pytest.raises(KeyringError, match="XINGLIN_KEK_NEXT"):
        rewrap(other)
    monkeypatch.setenv("XINGLIN_KEK_NEXT", second)
    rewrap(other)
    assert open_keyring(other).keys == keys  # processes that have both go on
    monkeypatch.delenv("XINGLIN_KEK_NEXT")
    monkeypatch.setenv("XINGLIN_KEK", second)
    assert open_keyring(other).keys == keys
    monkeypatch.setenv("XINGLIN_KEK", first)
    with pytest.raises(KeyringError, match="belongs to another keyring"):
        open_keyring(other)


def test_the_suite_of_a_keyring_stays(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    create_keyring(path, Suite.GM)
    assert open_keyring(path).suite is Suite.GM
    sealed = open_keyring(path).cipher().encrypt_column("p", ["a"], [1], [None])[0] or b""
    assert sealed[:5] == bytes([2, 0, 3, 0, 1])  # gm, the field's key with salts, version 1
    with pytest.raises(KeyringError, match="XINGLIN_SUITE=gm"):
        create_keyring(path, Suite.INTL)


def test_a_keyring_made_before_suites_is_of_the_first_one(path: Path) -> None:
    path.write_text(path.read_text().replace('"suite": "intl",', ""))
    assert open_keyring(path).suite is Suite.INTL


def test_an_unknown_suite_is_refused(path: Path) -> None:
    path.write_text(path.read_text().replace('"suite": "intl"', '"suite": "new"'))
    with pytest.raises(KeyringError, match="does not know"):
        open_keyring(path)


def test_the_description_holds_no_key(path: Path) -> None:
    keyring, said = open_keyring(path), repr(describe(path))
    assert "wrapped" not in said
    assert keyring.key("field").hex() not in said
