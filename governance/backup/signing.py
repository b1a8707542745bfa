"""Signatures of what lies in a backup place: Ed25519 (RFC 8032) over a canonical JSON document, checkable by outsiders.

A signed document is a JSON object whose field ``signature`` is ``<key id>:<base64>`` over everything else. The public
keys lie beside the backups (``public-key-<id>.pem``); whoever checks for himself takes them from elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_DOMAIN = b"xinglin backup 2\n"  # a signature of this program's backups is no signature of anything else


@dataclass(frozen=True)
class Checker:
    """Public keys that may have signed, by key id; ``domain`` as in :class:`Signer`."""

    keys: Mapping[str, Ed25519PublicKey]
    domain: bytes = _DOMAIN

    def holds(self, document: Mapping[str, Any]) -> bool:
        """Whether the document carries a sound signature of one of the keys."""
        text = document.get("signature")
        key, _, encoded = text.partition(":") if isinstance(text, str) else ("", "", "")
        if key not in self.keys:
            return False
        try:
            self.keys[key].verify(base64.b64decode(encoded, validate=True), _message(document, self.domain))
        except (InvalidSignature, binascii.Error):
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """The installation's signing keys: the newest signs, every one of them is believed.

    Attributes:
        seeds: version in the keyring → secret half, 32 bytes.
        domain: stands before what is signed; a signature of one kind of document is none of another.
    """

    seeds: Mapping[int, bytes] = field(repr=False)
    domain: bytes = _DOMAIN

    @property
    def checker(self) -> Checker:
        """The public halves."""
        public = [Ed25519PrivateKey.from_private_bytes(seed).public_key() for seed in self.seeds.values()]
        return Checker({key_id(key): key for key in public}, self.domain)

    def sign(self, document: Mapping[str, Any]) -> str:
        """The signature of a document, whatever its field ``signature`` holds now."""
        private = Ed25519PrivateKey.from_private_bytes(self.seeds[max(self.seeds)])
        signed = private.sign(_message(document, self.domain))
        return f"{key_id(private.public_key())}:{base64.b64encode(signed).decode()}"

    def public_files(self) -> dict[str, bytes]:
        """File name → public key as PEM, for handing out."""
        return {
            f"public-key-{name}.pem": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            for name, key in self.checker.keys.items()
        }


def key_id(public: Ed25519PublicKey) -> str:
    """Id of a signing key: the first 8 bytes of its SHA-256, in hexadecimal."""
    return sha256(public.public_bytes_raw()).hexdigest()[:16]


def canonical(document: Mapping[str, Any]) -> bytes:
    """The one form of a JSON document: sorted keys, no spaces, ASCII."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _message(document: Mapping[str, Any], domain: bytes) -> bytes:
    return domain + canonical({name: value for name, value in document.items() if name != "signature"})
