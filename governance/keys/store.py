"""Keyring file: made, opened, given new versions, wrapped anew.

``keyring.json`` holds the keys, wrapped under a key-encryption key that a provider keeps
(:mod:`governance.keys.provider`): software keeps it in the file ``kek`` or the environment variable ``XINGLIN_KEK``, a
PKCS#11 token or Vault within itself. Files have mode 0600 and never enter the database or a backup of it. Every change
writes the file whole and renames it: a killed process leaves the old one or the new one.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from anonymization.encryption import Suite
from governance.errors import KeyringError
from governance.keys.kek import KEY_BYTES, SoftwareKek, write_private
from governance.keys.keyring import PURPOSES, Keyring
from governance.keys.persons import PersonKeys
from governance.keys.provider import SOFTWARE, KekProvider, WrongKekError, chosen, provider
from governance.keys.use import KeyUse


def create_keyring(path: Path, suite: Suite = Suite.INTL) -> None:
    """Make a new keyring and its key-encryption key; an existing one only gets the keys that it lacks.

    Raises:
        KeyringError: a key-encryption key stands there without its keyring (a lost keyring must not be papered over),
            or the keyring that exists is of another suite.
    """
    if path.exists():
        made_for = _suite(_read(path))
        if made_for is not suite:
            raise KeyringError(
                f"{path} was made for the suite '{made_for}', and the setting says '{suite}': tokens and blind indexes "
                f"would no longer match. Set XINGLIN_SUITE={made_for}; a field may name another suite in its contract"
            )
        _complete(path)
        return
    kek = chosen(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kek.create()
    identity = pyrage.x25519.Identity.generate()
    document = {
        "format": 1,
        "created_at": _now(),
        "suite": suite,
        "provider": kek.name,
        "keys": _entries(kek, PURPOSES),
        "backup": {"recipient": str(identity.to_public()), "identity": kek.wrap([_padded(str(identity))])[0]},
        "audit": _signing_key(kek),
    }
    _write(path, document)


def open_keyring(path: Path) -> Keyring:
    """Read and unwrap the keyring.

    Raises:
        KeyringError: a file is missing or malformed, or the key-encryption key does not fit.
    """
    for attempt in (1, 2):  # between reading the keyring and its key, a rotation may have replaced both
        try:
            document = _read(path)
            return _opened(path, document, _provider(path, document))
        except WrongKekError:
            if attempt == 2:
                raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _not_ours(path, error) from error
    raise AssertionError  # pragma: no cover


def add_version(path: Path, purpose: str, *, pending: bool = False) -> int:
    """Give a purpose a new key; returns its version.

    Args:
        pending: lookups know it, new values do not get it before :func:`promote`.

    Raises:
        KeyringError: as in :func:`open_keyring`, or the folder cannot be written.
    """
    with _changing(path) as (document, kek):
        version = 1 + max(int(entry["id"]) for entry in document["keys"] if entry["purpose"] == purpose)
        (entry,) = _entries(kek, [purpose], version)
        document["keys"].append(entry | ({"pending": True} if pending else {}))
    return version


def promote(path: Path, purpose: str) -> None:
    """Make the pending version of a purpose the one that new values get; errors as in :func:`add_version`."""
    with _changing(path) as (document, _):
        for entry in document["keys"]:
            if entry["purpose"] == purpose:
                entry.pop("pending", None)


def rewrap(path: Path) -> None:
    """Wrap every key under a new key-encryption key; no value is encrypted anew, no key changes.

    The provider that ``XINGLIN_KEK_PROVIDER`` names makes the new key; if it is not the one that wrapped it so far,
    the keyring moves to it. Software takes the key from ``XINGLIN_KEK_NEXT`` if the environment holds the present
    one; else it makes one, which takes the place of the file ``kek``. Killed in the middle, the keyring opens with the
    old key or with the new one, and running it again goes on.

    Raises:
        KeyringError: as in :func:`add_version`, ``XINGLIN_KEK_NEXT`` is not set, or the new provider does not give back
            what it wrapped; nothing was changed.
    """
    with _changing(path) as (document, old):
        new = chosen(path, otherwise=old.name)
        places = _places(document)
        wrapped = [entry[name] for entry, name in places]
        if new.name == old.name:
            new = old
            texts = old.rotate(wrapped)
        else:
            new.create()
            secrets = old.unwrap(wrapped)
            texts = new.wrap(secrets)
            if new.unwrap(texts) != secrets:
                raise KeyringError(f"the provider '{new.name}' does not give back what it wrapped; nothing was changed")
        for (entry, name), text in zip(places, texts, strict=True):
            entry[name] = text
        document["provider"], document["kek_since"] = new.name, _now()
    new.settle()
    if new is not old and isinstance(old, SoftwareKek):
        old.retire()


def _complete(path: Path) -> None:
    """Add the keys that a keyring of an older program does not have.

    A keyring that cannot be read, or whose key-encryption key is another one, is left as it is: opening it says why.
    """
    document = _read(path)
    if "audit" in document and {entry["purpose"] for entry in document["keys"]} >= set(PURPOSES):
        return
    with contextlib.suppress(KeyringError), _changing(path) as (changed, kek):
        known = {entry["purpose"] for entry in changed["keys"]}
        changed["keys"] += _entries(kek, [purpose for purpose in PURPOSES if purpose not in known])
        if "audit" not in changed:
            changed["audit"] = _signing_key(kek)


def describe(path: Path) -> dict[str, Any]:
    """What the keyring file says of itself without any key: suite, dates, ``keys`` with purpose, id, date, pending."""
    document = _read(path)
    kept = ("purpose", "id", "created_at", "pending")
    return {
        "suite": _suite(document),
        "created_at": document["created_at"],
        "provider": document.get("provider", SOFTWARE),
        "kek_since": document.get("kek_since", document["created_at"]),
        "keys": [{name: entry.get(name) for name in kept} for entry in document["keys"]],
    }


@contextmanager
def _changing(path: Path) -> Iterator[tuple[dict[str, Any], KekProvider]]:
    """The document and its provider, alone among processes; written when the block ends without an error."""
    open_keyring(path)  # every fault of the files is named before anything is changed
    try:
        with path.with_name("keyring.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            document = _read(path)
            kek = _provider(path, document)
            kek.unwrap([document["keys"][0]["wrapped"]])  # software learns which of its keys fits
            yield document, kek
            _write(path, document)
    except OSError as error:
        raise KeyringError(f"{path.parent} cannot be written ({error.strerror}); nothing was changed") from error


def _provider(path: Path, document: dict[str, Any]) -> KekProvider:
    return provider(document.get("provider", SOFTWARE), path)  # a keyring of an older program is software's


def _places(document: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Every wrapped text of a keyring: the entry that holds it, and its name there."""
    places = [(entry, "wrapped") for entry in document["keys"]] + [(document["backup"], "identity")]
    return places + ([(document["audit"], "signing")] if "audit" in document else [])


def _opened(path: Path, document: dict[str, Any], kek: KekProvider) -> Keyring:
    places = _places(document)
    secrets = kek.unwrap([entry[name] for entry, name in places])
    found = {name: secret for (_, name), secret in zip(places, secrets, strict=True) if name != "wrapped"}
    keys: dict[str, dict[int, bytes]] = {}
    for entry, secret in zip(document["keys"], secrets, strict=False):  # they come first
        keys.setdefault(entry["purpose"], {})[int(entry["id"])] = secret
    return Keyring(
        keys=keys,
        audit_signing=found.get("signing", b""),  # a keyring of an older program has none
        backup_recipient=document["backup"]["recipient"],
        backup_identity=found["identity"].decode().strip(),
        suite=_suite(document),
        pending=frozenset((e["purpose"], int(e["id"])) for e in document["keys"] if e.get("pending")),
        use=KeyUse.beside(path),
        person_store=PersonKeys.place(path),
        reload=partial(open_keyring, path),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
        if not isinstance(document, dict):
            raise TypeError("not a mapping")
        return document
    except FileNotFoundError as error:
        raise KeyringError(f"{error.filename} is missing; `xinglin up` makes a new keyring, or restore it") from error
    except (OSError, ValueError, TypeError) as error:
        raise _not_ours(path, error) from error


def _not_ours(path: Path, error: Exception) -> KeyringError:
    return KeyringError(f"{path} is not a keyring of this program ({type(error).__name__}); restore it")


def _suite(document: dict[str, Any]) -> Suite:
    try:
        return Suite(document.get("suite", Suite.INTL))  # a keyring made before suites is of the first one
    except ValueError as error:
        raise KeyringError(f"the keyring names a suite that this program does not know: {error}") from error


def _entries(kek: KekProvider, purposes: Sequence[str], version: int = 1) -> list[dict[str, Any]]:
    """New keys, wrapped."""
    texts = kek.wrap([os.urandom(KEY_BYTES) for _ in purposes]) if purposes else []
    return [
        {"id": version, "purpose": purpose, "wrapped": text, "created_at": _now()}
        for purpose, text in zip(purposes, texts, strict=True)
    ]


def _signing_key(kek: KekProvider) -> dict[str, str]:
    """A new Ed25519 key (RFC 8032): its public half, and its secret half wrapped."""
    key = Ed25519PrivateKey.generate()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode("ascii")
    return {"public": public, "signing": kek.wrap([key.private_bytes_raw()])[0]}


def _padded(text: str) -> bytes:
    secret = text.encode()
    return secret + b"\n" * (-len(secret) % 8)


def _write(path: Path, document: dict[str, Any]) -> None:
    write_private(path, json.dumps(document, indent=1).encode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
