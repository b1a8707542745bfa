"""The keyed chain: each record's value is a MAC over the value before it and the record's leaf hash.

Who holds the database but not the key can rewrite no record and none after it. HMAC-SHA256 or HMAC-SM3 (GM/T 0004),
from the ``cryptography`` package; a record's *seal* says which, and under which version of the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from governance.errors import AuditError
from governance.keys import Keyring, open_keyring
from governance.settings import Settings

PURPOSE = "audit_chain"
_GENESIS = b"xinglin audit chain"


class Algorithm(StrEnum):
    """MAC of the chain."""

    HMAC_SHA256 = "hmac-sha256"
    HMAC_SM3 = "hmac-sm3"

    def hash(self) -> hashes.HashAlgorithm:
        """Its hash function."""
        return hashes.SM3() if self is Algorithm.HMAC_SM3 else hashes.SHA256()


class Mac:
    """One seal's MAC; the key is taken in once."""

    def __init__(self, algorithm: Algorithm, key: bytes) -> None:
        self._context = hmac.HMAC(key, algorithm.hash())

    def next(self, previous: bytes, leaf: bytes) -> bytes:
        """The chain value after ``previous`` for a record with this leaf hash."""
        context = self._context.copy()
        context.update(previous + leaf)
        return context.finalize()

    def each(self, inputs: bytes, size: int) -> list[bytes]:
        """The MACs of consecutive inputs of ``size`` bytes, as :meth:`next` makes them of a value and a leaf hash."""
        copy = self._context.copy
        made: list[bytes] = []
        append = made.append
        for start in range(0, len(inputs), size):
            context = copy()
            context.update(inputs[start : start + size])
            append(context.finalize())
        return made

    def genesis(self) -> bytes:
        """What stands before the first record."""
        return self.next(_GENESIS, b"")


@dataclass(frozen=True)
class AuditKeys:
    """What appending, signing and verifying may use. Its repr shows no key.

    Attributes:
        chain: versions of the chain's key.
        algorithm: MAC of new records.
        signing: signs checkpoints; only ``audit checkpoint`` needs it.
    """

    chain: Mapping[int, bytes] = field(repr=False)
    algorithm: Algorithm = Algorithm.HMAC_SHA256
    signing: Ed25519PrivateKey | None = field(default=None, repr=False)

    @classmethod
    def of(cls, keyring: Keyring, settings: Settings) -> AuditKeys:
        """The audit keys of a keyring, with the algorithm that the settings choose.

        Raises:
            KeyringError: the keyring has no key of the chain.
        """
        keyring.key(PURPOSE)
        signing = Ed25519PrivateKey.from_private_bytes(keyring.audit_signing) if keyring.audit_signing else None
        return cls(dict(keyring.keys[PURPOSE]), Algorithm(settings.audit_chain), signing)

    @classmethod
    def open(cls, settings: Settings) -> AuditKeys:
        """The audit keys of an installation.

        Raises:
            KeyringError: the keyring is missing, malformed or has no key of the chain.
        """
        return cls.of(open_keyring(settings.keyring), settings)

    @property
    def seal(self) -> str:
        """The seal of new records."""
        return f"{self.algorithm}/{max(self.chain)}"

    def mac(self, seal: str) -> Mac:
        """The MAC of a seal.

        Raises:
            AuditError: it names an algorithm or a key version that there is none of.
        """
        name, _, version = seal.partition("/")
        try:
            return Mac(Algorithm(name), self.chain[int(version)])
        except (ValueError, KeyError):
            raise AuditError(f"there is no key for the seal '{seal[:40]}'; restore the keyring that made it") from None

    def signer(self) -> Ed25519PrivateKey:
        """The key that signs checkpoints.

        Raises:
            AuditError: the keyring has none.
        """
        if self.signing is None:
            raise AuditError("the keyring has no key to sign checkpoints with; `make up` adds it")
        return self.signing

    def public(self) -> Ed25519PublicKey:
        """The key that checks checkpoints (AuditError as :meth:`signer`)."""
        return self.signer().public_key()
