"""Providers of the key-encryption key: the same keyring behind each of them, rotated, and moved from one to another.

The token is SoftHSM 2 (Debian: softhsm2) through python-pkcs11; without either, its tests are skipped and say so. The
transit engine is a small server of our own (``transit.py``), not Vault.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from governance.errors import KeyringError
from governance.keys import create_keyring, open_keyring
from governance.keys.provider import WORDS, provider
from governance.keys.store import add_version, describe, rewrap
from tests.unit.keys.transit import Transit, serving

LIBRARY = next((p for p in Path("/usr/lib").glob("**/softhsm/libsofthsm2.so")), None)
NO_TOKEN = (
    None
    if LIBRARY and shutil.which("softhsm2-util") and importlib.util.find_spec("pkcs11")
    else "needs SoftHSM 2 and python-pkcs11 (apt-get install softhsm2; pip install python-pkcs11)"
)
Environment = Callable[[], None]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("XINGLIN_")]:
        monkeypatch.delenv(name)
    return tmp_path / "keys" / "keyring.json"


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A token with a PIN; SoftHSM reads its settings once a process, so there is one for the session."""
    if NO_TOKEN:
        pytest.skip(NO_TOKEN)
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", "test", "--pin", "1234", "--so-pin", "5678"],
        check=True,
        capture_output=True,
    )
    return "test"


@pytest.fixture
def transit() -> Iterator[Transit]:
    with serving(Transit()) as engine:
        yield engine


@pytest.fixture(params=["software", "pkcs11", "vault"])
def chosen(request: pytest.FixtureRequest, path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each provider in turn, with its settings."""
    monkeypatch.setenv("XINGLIN_KEK_PROVIDER", request.param)
    if request.param == "pkcs11":
        use_token(request.getfixturevalue("token"), f"kek-{path.parent.parent.name}", monkeypatch)
    elif request.param == "vault":
        use_transit(request.getfixturevalue("transit"), monkeypatch)
    return str(request.param)


def use_token(token: str, label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MODULE": str(LIBRARY), "TOKEN": token, "PIN": "1234", "KEY": label}.items():
        monkeypatch.setenv(f"XINGLIN_PKCS11_{name}", value)


def use_transit(transit: Transit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_VAULT_ADDR", transit.address)
    monkeypatch.setenv("XINGLIN_VAULT_TOKEN", transit.token)


def wrapped(path: Path) -> set[str]:
    return {entry["wrapped"] for entry in json.loads(path.read_text())["keys"]}


def test_a_keyring_opens_behind_each_provider(path: Path, chosen: str) -> None:
    create_keyring(path)
    keyring = open_keyring(path)
    assert describe(path)["provider"] == chosen and chosen in WORDS
    assert len({key for versions in keyring.keys.values() for key in versions.values()}) == len(keyring.keys)
    assert keyring.backup_identity.startswith("AGE-SECRET-KEY-") and len(keyring.audit_signing) == 32
    assert path.with_name("kek").exists() is (chosen == "software")
    assert not any(key.hex() in path.read_text() for versions in keyring.keys.values() for key in versions.values())


def test_a_rotation_changes_every_text_and_no_key(path: Path, chosen: str) -> None:
    create_keyring(path)
    before, texts = open_keyring(path), wrapped(path)
    rewrap(path)
    assert open_keyring(path) == before
    assert not wrapped(path) & texts
    rewrap(path)
    assert open_keyring(path) == before


def test_new_versions_are_wrapped_by_the_same_provider(path: Path, chosen: str) -> None:
    create_keyring(path)
    rewrap(path)
    assert add_version(path, "field") == 2
    assert set(open_keyring(path).keys["field"]) == {1, 2}


def test_another_key_does_not_open_the_keyring(path: Path, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create_keyring(path)
    other = path.parent.parent / "other" / "keyring.json"
    for name in ("XINGLIN_PKCS11_KEY", "XINGLIN_VAULT_KEY"):
        monkeypatch.setenv(name, f"other-{path.parent.parent.name}")
    create_keyring(other)
    document = json.loads(other.read_text())
    entry = json.loads(path.read_text())["keys"][0]
    document["keys"][0] = entry | {"wrapped": entry["wrapped"].replace("kek-", "other-kek-")}
    other.write_text(json.dumps(document))
    with pytest.raises(KeyringError, match=r"does not open|belongs to another|has no key"):
        open_keyring(other)


def test_an_older_keyring_is_opened_by_software(path: Path) -> None:
    create_keyring(path)
    document = json.loads(path.read_text())
    del document["provider"]
    path.write_text(json.dumps(document))
    assert open_keyring(path).keys and describe(path)["provider"] == "software"


def test_a_keyring_moves_from_software_to_vault_and_back(
    path: Path, transit: Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_keyring(path)
    keys = open_keyring(path).keys
    use_transit(transit, monkeypatch)
    monkeypatch.setenv("XINGLIN_KEK_PROVIDER", "vault")
    assert open_keyring(path).keys == keys  # still software's
    rewrap(path)
    assert describe(path)["provider"] == "vault" and not path.with_name("kek").exists()
    monkeypatch.delenv("XINGLIN_KEK_PROVIDER")
    assert open_keyring(path).keys == keys
    rewrap(path)  # without the setting it stays where it is
    assert describe(path)["provider"] == "vault"
    monkeypatch.setenv("XINGLIN_KEK_PROVIDER", "software")
    rewrap(path)
    assert describe(path)["provider"] == "software" and path.with_name("kek").exists()
    assert open_keyring(path).keys == keys


def test_vault_wraps_anew_without_giving_the_keys_out(
    path: Path, transit: Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_transit(transit, monkeypatch)
    vault = provider("vault", path)
    vault.create()
    texts = vault.wrap([bytes(32), bytes(range(64))])
    assert all(text.startswith("vault:v1:") for text in texts)
    transit.seen.clear()
    rotated = vault.rotate(texts)
    assert transit.seen == ["keys/xinglin-kek/rotate", "rewrap/xinglin-kek"]
    assert all(text.startswith("vault:v2:") for text in rotated)
    assert vault.unwrap(rotated) == vault.unwrap(texts) == [bytes(32), bytes(range(64))]


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("XINGLIN_VAULT_TOKEN", "wrong", "refused encrypt|refused keys"),
        ("XINGLIN_VAULT_ADDR", "http://127.0.0.1:1", "cannot be reached"),
        ("XINGLIN_VAULT_ADDR", "http://vault.example:8200", "is not https"),
        ("XINGLIN_VAULT_MOUNT", "elsewhere", "refused"),
        ("XINGLIN_VAULT_ADDR", "", "is not set"),
    ],
)
def test_what_is_wrong_with_vault_is_said_without_its_token(
    path: Path, transit: Transit, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, said: str
) -> None:
    use_transit(transit, monkeypatch)
    monkeypatch.setenv("XINGLIN_KEK_PROVIDER", "vault")
    monkeypatch.setenv(setting, value)
    with pytest.raises(KeyringError, match=said) as caught:
        create_keyring(path)
    assert transit.token not in str(caught.value)
    assert not path.exists()


def test_the_token_may_come_from_a_file(path: Path, transit: Transit, monkeypatch: pytest.MonkeyPatch) -> None:
    use_transit(transit, monkeypatch)
    monkeypatch.delenv("XINGLIN_VAULT_TOKEN")
    path.parent.mkdir(parents=True)
    (path.parent / "token").write_text(f"{transit.token}\n")
    monkeypatch.setenv("XINGLIN_VAULT_TOKEN_FILE", str(path.parent / "token"))
    vault = provider("vault", path)
    vault.create()
    assert transit.token not in repr(vault)


def test_the_key_cannot_be_taken_out_of_the_token(path: Path, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import pkcs11  # noqa: PLC0415 - not everywhere there

    use_token(token, "sealed", monkeypatch)
    provider("pkcs11", path).create()
    with pkcs11.lib(str(LIBRARY)).get_token(token_label=token).open(user_pin="1234") as session:
        key = session.get_key(label="sealed-1")
        assert key[pkcs11.Attribute.NEVER_EXTRACTABLE]
        with pytest.raises(pkcs11.AttributeSensitive):
            key[pkcs11.Attribute.VALUE]
        left = session.get_objects({pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.GENERIC_SECRET})
        assert list(left) == []


def test_a_wrong_pin_is_named_and_not_shown(path: Path, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_token(token, "sealed", monkeypatch)
    monkeypatch.setenv("XINGLIN_PKCS11_PIN", "9999")
    with pytest.raises(KeyringError, match="PinIncorrect") as caught:
        provider("pkcs11", path).create()
    assert "9999" not in str(caught.value) and "9999" not in repr(provider("pkcs11", path))


def test_a_missing_package_says_how_to_get_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_token("test", "sealed", monkeypatch)
    monkeypatch.setitem(__import__("sys").modules, "pkcs11", None)
    with pytest.raises(KeyringError, match="pip install"):
        provider("pkcs11", path).create()


def test_an_unknown_provider_lists_those_there_are(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_KEK_PROVIDER", "usb-stick")
    with pytest.raises(KeyringError, match="software, pkcs11, vault"):
        create_keyring(path)
