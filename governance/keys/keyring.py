"""Keyring file and its keys.

Two files, so that neither alone opens anything: ``keyring.json`` holds the keys wrapped with AES key wrap (RFC 3394)
under the key-encryption key, which stands in ``kek`` beside it or in the environment variable ``XINGLIN_KEK``
(base64; a secrets backend sets it on a server). Both files have mode 0600 and never enter the database or a backup of
it.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from anonymization.encryption import BlindIndexer, FieldCipher, KeyedDigest, Tokeniser
from governance.errors import KeyringError

PURPOSES = ("field", "quarantine", "token", "blind_index", "row_hash", "pseudonym", "manifest", "audit_chain")
_KEY_BYTES = 32
_KEK_VARIABLE = "XINGLIN_KEK"


@dataclass(frozen=True)
class Keyring:
    """Opened keys of one installation. Its repr shows no key."""

    keys: dict[str, dict[int, bytes]] = field(repr=False)
    backup_recipient: str
    backup_identity: str = field(repr=False)
    audit_signing: bytes = field(default=b"", repr=False)

    def key(self, purpose: str) -> bytes:
        """The newest key of a purpose.

        Raises:
            KeyringError: the keyring has no key for the purpose.
        """
        versions = self.keys.get(purpose)
        if not versions:
            raise KeyringError(f"the keyring has no key for '{purpose}'; it may be older than this program")
        return versions[max(versions)]

    def cipher(self, purpose: str = "field") -> FieldCipher:
        """Cipher for field values (``field``) or whole refused lines (``quarantine``)."""
        self.key(purpose)
        return FieldCipher(self.keys[purpose], max(self.keys[purpose]))

    def tokeniser(self) -> Tokeniser:
        """Makes tokens of record and patient numbers."""
        return Tokeniser(self.key("token"))

    def blind_indexer(self) -> BlindIndexer:
        """Makes blind indexes of identifiers."""
        return BlindIndexer(self.key("blind_index"))

    def digest(self, purpose: str, domain: str) -> KeyedDigest:
        """Keyed digest under the key of ``purpose`` (``row_hash``, ``pseudonym``, ``manifest``)."""
        return KeyedDigest(self.key(purpose), domain)


def create_keyring(path: Path) -> None:
    """Make a new keyring and its key-encryption key; an existing one only gets the keys that it lacks.

    Raises:
        KeyringError: a key-encryption key stands there without its keyring (a lost keyring must not be papered over).
    """
    if path.exists():
        _complete(path)
        return
    kek_path = path.with_name("kek")
    if kek_path.exists():
        raise KeyringError(f"{kek_path} exists but {path} does not: restore the keyring from its own backup")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kek = _given_kek() or os.urandom(_KEY_BYTES)
    identity = pyrage.x25519.Identity.generate()
    secret = str(identity).encode()
    padded = secret + b"\n" * (-len(secret) % 8)
    document = {
        "format": 1,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "keys": [_new_key(kek, purpose) for purpose in PURPOSES],
        "backup": {"recipient": str(identity.to_public()), "identity": _text(aes_key_wrap(kek, padded))},
        "audit": _new_signing_key(kek),
    }
    if not os.environ.get(_KEK_VARIABLE):
        _write_private(kek_path, base64.b64encode(kek) + b"\n")
    _write_private(path, json.dumps(document, indent=1).encode())


def open_keyring(path: Path) -> Keyring:
    """Read and unwrap the keyring.

    Raises:
        KeyringError: a file is missing or malformed, or the key-encryption key does not fit.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
        kek = _kek_of(path)
        keys: dict[str, dict[int, bytes]] = {}
        for entry in document["keys"]:
            unwrapped = aes_key_unwrap(kek, base64.b64decode(entry["wrapped"]))
            keys.setdefault(entry["purpose"], {})[int(entry["id"])] = unwrapped
        identity = aes_key_unwrap(kek, base64.b64decode(document["backup"]["identity"])).decode().strip()
        audit = document.get("audit")  # a keyring of an older program has none
        signing = aes_key_unwrap(kek, base64.b64decode(audit["signing"])) if audit else b""
        return Keyring(
            keys=keys,
            backup_recipient=document["backup"]["recipient"],
            backup_identity=identity,
            audit_signing=signing,
        )
    except FileNotFoundError as error:
        raise KeyringError(f"{error.filename} is missing; `xinglin up` makes a new keyring, or restore it") from error
    except InvalidUnwrap as error:
        raise KeyringError(f"the key-encryption key does not open {path}: it belongs to another keyring") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeyringError(f"{path} is not a keyring of this program ({type(error).__name__}); restore it") from error


def _complete(path: Path) -> None:
    """Add the keys of purposes that a keyring of an older program does not have.

    A keyring that cannot be read, or whose key-encryption key is another one, is left as it is: opening it says why.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
        missing = set(PURPOSES) - {entry["purpose"] for entry in document["keys"]}
        if not missing and "audit" in document:
            return
        open_keyring(path)
        kek = _kek_of(path)
    except (OSError, ValueError, KeyError, TypeError, KeyringError):
        return
    document["keys"] += [_new_key(kek, purpose) for purpose in PURPOSES if purpose in missing]
    document.setdefault("audit", _new_signing_key(kek))
    _write_private(path, json.dumps(document, indent=1).encode())


def _new_key(kek: bytes, purpose: str) -> dict[str, object]:
    return {"id": 1, "purpose": purpose, "wrapped": _text(aes_key_wrap(kek, os.urandom(_KEY_BYTES)))}


def _new_signing_key(kek: bytes) -> dict[str, str]:
    """An Ed25519 key (RFC 8032) that signs audit checkpoints: its public half, and its secret half wrapped."""
    key = Ed25519PrivateKey.generate()
    return {
        "public": _text(key.public_key().public_bytes_raw()),
        "signing": _text(aes_key_wrap(kek, key.private_bytes_raw())),
    }


def _kek_of(path: Path) -> bytes:
    encoded = os.environ.get(_KEK_VARIABLE) or path.with_name("kek").read_text("ascii")
    return base64.b64decode(encoded.strip(), validate=True)


def _given_kek() -> bytes | None:
    """The key-encryption key that the environment gives, None if it gives none.

    Raises:
        KeyringError: it is not 32 bytes in base64.
    """
    encoded = os.environ.get(_KEK_VARIABLE)
    if not encoded:
        return None
    try:
        kek = base64.b64decode(encoded.strip(), validate=True)
    except ValueError as error:
        raise KeyringError(f"{_KEK_VARIABLE} is not base64; make a key with `openssl rand -base64 32`") from error
    if len(kek) != _KEY_BYTES:
        raise KeyringError(f"{_KEK_VARIABLE} holds {len(kek)} bytes, not 32; make one with `openssl rand -base64 32`")
    return kek


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _write_private(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
