"""Cipher suites: ``intl`` (AES-256-GCM, HMAC-SHA256) and ``gm`` 国密 (SM4-GCM, HMAC-SM3).

SM4 after GB/T 32907-2016, SM3 after GB/T 32905-2016, GCM after NIST SP 800-38D with a 96-bit random nonce and a
128-bit tag. Both suites stand on the ``cryptography`` package, which has no SM4 class among its AEADs; its
``Cipher(SM4, GCM)`` is the same authenticated mode, and a tag of full length is demanded before anything is returned.
The package is not a module certified under the Chinese rules for commercial cryptography.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.hashes import SHA256, SM3, HashAlgorithm
from cryptography.hazmat.primitives.hmac import HMAC

NONCE_BYTES, TAG_BYTES = 12, 16
NONCE_BUDGET = 2**32
"""Encryptions with random nonces under one key (NIST SP 800-38D, 8.3: chance of a repeat stays below 2**-32)."""


class Suite(StrEnum):
    """Name of a suite, as settings and contracts write it."""

    INTL = "intl"
    GM = "gm"

    @property
    def number(self) -> int:
        """The byte that names the suite in a ciphertext."""
        return 1 if self is Suite.INTL else 2

    @property
    def description(self) -> str:
        """The algorithms, for a report."""
        return "AES-256-GCM, HMAC-SHA256" if self is Suite.INTL else "SM4-GCM, HMAC-SM3"

    @staticmethod
    def of(number: int) -> Suite | None:
        """The suite of a ciphertext's first byte, or ``None``."""
        return {1: Suite.INTL, 2: Suite.GM}.get(number)

    def mac(self, key: bytes) -> HMAC:
        """A fresh HMAC of the suite under ``key``."""
        algorithm: HashAlgorithm = SHA256() if self is Suite.INTL else SM3()
        return HMAC(key, algorithm)

    @property
    def make_sealer(self) -> Callable[[bytes], Sealer]:
        """Makes authenticated encryption under a 32-byte key, of which SM4 takes the first 16."""
        return AESGCM if self is Suite.INTL else _sm4


class Sealer(Protocol):
    """Authenticated encryption with associated data under one key; the tag follows the ciphertext."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """Ciphertext and tag."""
        ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """The plain bytes, or ``InvalidTag``."""
        ...


class Sm4Gcm:
    """SM4-GCM of the library behind the interface of its AESGCM.

    Args:
        key: 16 bytes.
    """

    __slots__ = ("_algorithm",)

    def __init__(self, key: bytes) -> None:
        self._algorithm = SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """Ciphertext and 16-byte tag."""
        context = Cipher(self._algorithm, modes.GCM(nonce)).encryptor()
        context.authenticate_additional_data(associated_data)
        sealed = context.update(data) + context.finalize()
        return sealed + context.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """The plain bytes; ``InvalidTag`` if anything was altered or cut."""
        if len(data) < TAG_BYTES:
            raise InvalidTag
        context = Cipher(self._algorithm, modes.GCM(nonce, data[-TAG_BYTES:])).decryptor()
        context.authenticate_additional_data(associated_data)
        return context.update(data[:-TAG_BYTES]) + context.finalize()


def _sm4(material: bytes) -> Sm4Gcm:
    return Sm4Gcm(material[:16])
