"""Keyring file: made, opened, given new versions, wrapped anew.

Two files, so that neither alone opens anything: ``keyring.json`` holds the keys wrapped with AES key wrap (RFC 3394)
under the key-encryption key, which stands in ``kek`` beside it or in the environment variable ``XINGLIN_KEK``
(base64; a secrets backend sets it on a server). Both files have mode 0600 and never enter the database or a backup of
it. Every change writes the file whole and renames it: a killed process leaves the old one or the new one.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from anonymization.encryption import Suite
from governance.errors import KeyringError
from governance.keys.kek import KEY_BYTES, NEXT_FILE, given_kek, next_kek, possible_keks, write_private
from governance.keys.keyring import PURPOSES, Keyring
from governance.keys.persons import PersonKeys
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
    kek_path = path.with_name("kek")
    if kek_path.exists():
        raise KeyringError(f"{kek_path} exists but {path} does not: restore the keyring from its own backup")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = given_kek()
    kek = given or os.urandom(KEY_BYTES)
    identity = pyrage.x25519.Identity.generate()
    document = {
        "format": 1,
        "created_at": _now(),
        "suite": suite,
        "keys": [_entry(kek, purpose, 1) for purpose in PURPOSES],
        "backup": {"recipient": str(identity.to_public()), "identity": _wrapped_text(kek, str(identity))},
        "audit": _signing_key(kek),
    }
    if not given:
        write_private(kek_path, base64.b64encode(kek) + b"\n")
    _write(path, document)


def open_keyring(path: Path) -> Keyring:
    """Read and unwrap the keyring.

    Raises:
        KeyringError: a file is missing or malformed, or the key-encryption key does not fit.
    """
    for attempt in (1, 2):  # between reading the two files, a rotation may have replaced both
        try:
            document = _read(path)
            return _opened(path, document, _fitting(path, document))
        except InvalidUnwrap as error:
            if attempt == 2:
                raise KeyringError(
                    f"the key-encryption key does not open {path}: it belongs to another keyring"
                ) from error
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
        document["keys"].append(_entry(kek, purpose, version) | ({"pending": True} if pending else {}))
    return version


def promote(path: Path, purpose: str) -> None:
    """Make the pending version of a purpose the one that new values get; errors as in :func:`add_version`."""
    with _changing(path) as (document, _):
        for entry in document["keys"]:
            if entry["purpose"] == purpose:
                entry.pop("pending", None)


def rewrap(path: Path) -> None:
    """Wrap every key under a new key-encryption key; no value is encrypted anew, no key changes.

    With the key in the environment the new one is read from ``XINGLIN_KEK_NEXT``; else it is made and takes the place
    of the file ``kek``. Killed in the middle, the keyring opens with the old key or with the new one, which stands in
    ``kek.next``; running it again goes on.

    Raises:
        KeyringError: as in :func:`add_version`, or ``XINGLIN_KEK_NEXT`` is not set.
    """
    given = next_kek()
    following = path.with_name(NEXT_FILE)
    with _changing(path) as (document, old):
        new = given or os.urandom(KEY_BYTES)
        if not given:
            if following.exists() and base64.b64decode(following.read_bytes()) == old:
                following.replace(path.with_name("kek"))  # a killed rotation had come this far
            write_private(following, base64.b64encode(new) + b"\n")
        for entry in [*document["keys"], document["backup"], *([document["audit"]] if "audit" in document else [])]:
            name = next(name for name in ("wrapped", "identity", "signing") if name in entry)
            entry[name] = _text(aes_key_wrap(new, aes_key_unwrap(old, base64.b64decode(entry[name]))))
        document["kek_since"] = _now()
    if not given:
        following.replace(path.with_name("kek"))


def _complete(path: Path) -> None:
    """Add the keys that a keyring of an older program does not have.

    A keyring that cannot be read, or whose key-encryption key is another one, is left as it is: opening it says why.
    """
    document = _read(path)
    if "audit" in document and {entry["purpose"] for entry in document["keys"]} >= set(PURPOSES):
        return
    with contextlib.suppress(KeyringError), _changing(path) as (changed, kek):
        known = {entry["purpose"] for entry in changed["keys"]}
        changed["keys"] += [_entry(kek, purpose, 1) for purpose in PURPOSES if purpose not in known]
        changed.setdefault("audit", _signing_key(kek))


def describe(path: Path) -> dict[str, Any]:
    """What the keyring file says of itself without any key: suite, dates, ``keys`` with purpose, id, date, pending."""
    document = _read(path)
    kept = ("purpose", "id", "created_at", "pending")
    return {
        "suite": _suite(document),
        "created_at": document["created_at"],
        "kek_since": document.get("kek_since", document["created_at"]),
        "keys": [{name: entry.get(name) for name in kept} for entry in document["keys"]],
    }


@contextmanager
def _changing(path: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The document and its key-encryption key, alone among processes; written when the block ends without an error."""
    open_keyring(path)  # every fault of the files is named before anything is changed
    try:
        with path.with_name("keyring.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            document = _read(path)
            yield document, _fitting(path, document)
            _write(path, document)
    except OSError as error:
        raise KeyringError(f"{path.parent} cannot be written ({error.strerror}); nothing was changed") from error


def _fitting(path: Path, document: dict[str, Any]) -> bytes:
    """The key-encryption key that opens the document (``InvalidUnwrap`` when none does)."""
    first = base64.b64decode(document["keys"][0]["wrapped"])
    failure = InvalidUnwrap()
    for kek in possible_keks(path):
        try:
            aes_key_unwrap(kek, first)
        except InvalidUnwrap as error:
            failure = error
        else:
            return kek
    raise failure


def _opened(path: Path, document: dict[str, Any], kek: bytes) -> Keyring:
    keys: dict[str, dict[int, bytes]] = {}
    for entry in document["keys"]:
        unwrapped = aes_key_unwrap(kek, base64.b64decode(entry["wrapped"]))
        keys.setdefault(entry["purpose"], {})[int(entry["id"])] = unwrapped
    audit = document.get("audit")  # a keyring of an older program has none
    return Keyring(
        keys=keys,
        audit_signing=aes_key_unwrap(kek, base64.b64decode(audit["signing"])) if audit else b"",
        backup_recipient=document["backup"]["recipient"],
        backup_identity=aes_key_unwrap(kek, base64.b64decode(document["backup"]["identity"])).decode().strip(),
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


def _entry(kek: bytes, purpose: str, version: int) -> dict[str, Any]:
    wrapped = _text(aes_key_wrap(kek, os.urandom(KEY_BYTES)))
    return {"id": version, "purpose": purpose, "wrapped": wrapped, "created_at": _now()}


def _signing_key(kek: bytes) -> dict[str, str]:
    """A new Ed25519 key (RFC 8032): its public half, and its secret half wrapped."""
    key = Ed25519PrivateKey.generate()
    return {
        "public": _text(key.public_key().public_bytes_raw()),
        "signing": _text(aes_key_wrap(kek, key.private_bytes_raw())),
    }


def _wrapped_text(kek: bytes, text: str) -> str:
    secret = text.encode()
    return _text(aes_key_wrap(kek, secret + b"\n" * (-len(secret) % 8)))


def _write(path: Path, document: dict[str, Any]) -> None:
    write_private(path, json.dumps(document, indent=1).encode())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
