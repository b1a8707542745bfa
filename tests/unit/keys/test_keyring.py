"""The keyring file: what opens it, what does not, and that it never shows a key."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from governance.errors import KeyringError
from governance.keys import Keyring, create_keyring, open_keyring
from governance.keys.keyring import PURPOSES


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XINGLIN_KEK", raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "keys" / "keyring.json"
    create_keyring(made)
    return made


def test_a_missing_keyring_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match=r"keyring\.json is missing; `xinglin up` makes a new keyring"):
        open_keyring(tmp_path / "keyring.json")


def test_an_empty_file_is_no_keyring(path: Path) -> None:
    path.write_text("")
    with pytest.raises(KeyringError, match="is not a keyring"):
        open_keyring(path)


def test_a_missing_key_encryption_key_is_named(path: Path) -> None:
    path.with_name("kek").unlink()
    with pytest.raises(KeyringError, match="kek is missing"):
        open_keyring(path)


def test_the_key_of_another_keyring_does_not_open(path: Path) -> None:
    path.with_name("kek").write_bytes(base64.b64encode(bytes(32)))
    with pytest.raises(KeyringError, match="belongs to another keyring"):
        open_keyring(path)


def test_an_altered_key_does_not_open(path: Path) -> None:
    document = json.loads(path.read_text())
    wrapped = bytearray(base64.b64decode(document["keys"][0]["wrapped"]))
    wrapped[3] ^= 1
    document["keys"][0]["wrapped"] = base64.b64encode(bytes(wrapped)).decode()
    path.write_text(json.dumps(document))
    with pytest.raises(KeyringError):
        open_keyring(path)


def test_every_purpose_has_its_own_key(path: Path) -> None:
    keyring = open_keyring(path)
    assert len({keyring.key(purpose) for purpose in PURPOSES}) == len(PURPOSES)


def test_opening_twice_gives_the_same_keys(path: Path) -> None:
    assert open_keyring(path).keys == open_keyring(path).keys


def test_creating_again_leaves_the_keyring_alone(path: Path) -> None:
    before = path.read_bytes()
    create_keyring(path)
    assert path.read_bytes() == before


def test_a_lost_keyring_is_not_papered_over(path: Path) -> None:
    path.unlink()
    with pytest.raises(KeyringError, match="restore the keyring from its own backup"):
        create_keyring(path)


def test_both_files_are_private(path: Path) -> None:
    assert {oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()} == {"0o600"}


def test_no_key_stands_in_plain_in_the_file(path: Path) -> None:
    content = path.read_text()
    for purpose in PURPOSES:
        key = open_keyring(path).key(purpose)
        assert base64.b64encode(key).decode() not in content
        assert key.hex() not in content


def test_the_repr_shows_no_secret(path: Path) -> None:
    keyring = open_keyring(path)
    shown = repr(keyring)
    assert keyring.backup_identity not in shown
    assert repr(keyring.key("token")) not in shown


def test_a_key_encryption_key_of_the_environment_opens_and_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINGLIN_KEK", base64.b64encode(os.urandom(32)).decode())
    create_keyring(tmp_path / "keyring.json")
    assert open_keyring(tmp_path / "keyring.json").key("token")
    assert not (tmp_path / "kek").exists()


@pytest.mark.parametrize("kek", ["no base64!", "c2hvcnQ="])
def test_a_malformed_key_encryption_key_of_the_environment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kek: str
) -> None:
    monkeypatch.setenv("XINGLIN_KEK", kek)
    with pytest.raises(KeyringError, match="XINGLIN_KEK"):
        create_keyring(tmp_path / "keyring.json")


def test_a_purpose_without_a_key_is_named() -> None:
    with pytest.raises(KeyringError, match="no key for 'field'"):
        Keyring(keys={}, backup_recipient="", backup_identity="").cipher()


def test_the_newest_key_of_a_purpose_encrypts() -> None:
    keyring = Keyring(keys={"field": {1: bytes(32), 2: bytes([2] * 32)}}, backup_recipient="", backup_identity="")
    sealed = keyring.cipher().encrypt_column("p", ["a"], [1], [None])[0] or b""
    assert (sealed[1:3], sealed[3:5]) == (b"\x00\x01", b"\x00\x02")  # key id, version


def test_a_keyring_of_an_older_program_gets_what_it_lacks_and_keeps_the_rest(path: Path) -> None:
    before = open_keyring(path)
    document = json.loads(path.read_text())
    document["keys"] = [entry for entry in document["keys"] if entry["purpose"] != "audit_chain"]
    del document["audit"]
    path.write_text(json.dumps(document))
    with pytest.raises(KeyringError, match="no key for 'audit_chain'"):
        open_keyring(path).key("audit_chain")
    create_keyring(path)
    after = open_keyring(path)
    assert after.key("audit_chain") != before.key("audit_chain")
    assert len(after.audit_signing) == 32
    assert {k: v for k, v in after.keys.items() if k != "audit_chain"} == {
        k: v for k, v in before.keys.items() if k != "audit_chain"
    }
    assert after.backup_identity == before.backup_identity


def test_the_signing_key_stands_wrapped_and_is_not_shown(path: Path) -> None:
    signing = open_keyring(path).audit_signing
    assert base64.b64encode(signing).decode() not in path.read_text()
    assert repr(signing) not in repr(open_keyring(path))
