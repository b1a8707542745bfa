"""Authenticated encryption of field values, each under its person's own key.

Layout of a ciphertext::

    1 byte   suite (1 = AES-256-GCM)
    4 bytes  key id, big-endian
    12 bytes nonce, random
    n bytes  ciphertext and 16-byte tag

The associated data binds a ciphertext to where it stands: ``<table>.<column>|<key id>|<row id>``; a value moved to
another row, column or table does not decrypt. The person's key is HMAC-SHA-256(column key, patient key).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from anonymization.errors import DecryptionError

_HEADER = struct.Struct(">BI12s")
_AES_256_GCM = 1
_CACHE_LIMIT = 50_000


class FieldCipher:
    """Encrypts and decrypts columns.

    Args:
        keys: key id → 32-byte key; several versions may live at once.
        current: id of the key that encrypts.
    """

    def __init__(self, keys: Mapping[int, bytes], current: int) -> None:
        if current not in keys:
            raise DecryptionError(f"field key {current} is not in the keyring; restore the keyring from its own backup")
        self._roots = {}
        for key_id, key in keys.items():
            root = HMAC(key, SHA256())
            root.update(b"person\x1f")
            self._roots[key_id] = root
        self._current = current
        self._persons: dict[tuple[int, str], AESGCM] = {}

    def encrypt_column(
        self, place: str, values: Sequence[str | bytes | None], row_ids: Sequence[int], persons: Sequence[str | None]
    ) -> list[bytes | None]:
        """Encrypt one column.

        Args:
            place: ``<schema>.<table>.<column>``.
            values: plain values; ``None`` stays ``None``, an empty string is encrypted like any other.
            row_ids: global id of each row.
            persons: patient key of each row (hexadecimal), or ``None`` for rows that belong to no person.

        Returns:
            One ciphertext a value, in their order.
        """
        key_id = self._current
        nonces = os.urandom(12 * len(values))
        prefix = f"{place}|{key_id}|"
        result: list[bytes | None] = []
        for position, (value, row_id, person) in enumerate(zip(values, row_ids, persons, strict=True)):
            if value is None:
                result.append(None)
                continue
            nonce = nonces[12 * position : 12 * position + 12]
            plain = value.encode() if isinstance(value, str) else value
            sealed = self._person(key_id, person).encrypt(nonce, plain, f"{prefix}{row_id}".encode())
            result.append(_HEADER.pack(_AES_256_GCM, key_id, nonce) + sealed)
        return result

    def decrypt_column(
        self, place: str, values: Sequence[bytes | None], row_ids: Sequence[int], persons: Sequence[str | None]
    ) -> list[str | None]:
        """Decrypt one column of texts; the inverse of :meth:`encrypt_column`.

        Raises:
            DecryptionError: a value was altered, moved from its place, or its key is not there. Names place and row.
        """
        return [
            None if value is None else self.decrypt(place, value, row_id, person).decode()
            for value, row_id, person in zip(values, row_ids, persons, strict=True)
        ]

    def decrypt(self, place: str, value: bytes, row_id: int, person: str | None) -> bytes:
        """Decrypt one value; errors as in :meth:`decrypt_column`."""
        try:
            suite, key_id, nonce = _HEADER.unpack_from(value)
            if suite != _AES_256_GCM or key_id not in self._roots:
                raise DecryptionError(
                    f"{place}, row {row_id}: suite {suite} or key {key_id} unknown; check that the keyring is the one "
                    "that this warehouse was written with"
                )
            associated = f"{place}|{key_id}|{row_id}".encode()
            return self._person(key_id, person).decrypt(nonce, value[_HEADER.size :], associated)
        except (InvalidTag, struct.error) as error:
            raise DecryptionError(
                f"{place}, row {row_id}: the ciphertext was altered, moved or belongs to another key; "
                "compare the row with a backup"
            ) from error

    def _person(self, key_id: int, person: str | None) -> AESGCM:
        cached = self._persons.get((key_id, person or ""))
        if cached is None:
            context = self._roots[key_id].copy()
            context.update((person or "").encode())
            cached = AESGCM(context.finalize())
            if len(self._persons) >= _CACHE_LIMIT:
                self._persons.clear()
            self._persons[(key_id, person or "")] = cached
        return cached
