"""Encryption, decryption and blind indexes of Arrow columns; nulls and empty strings stay what they are.

The work is that of :class:`~anonymization.encryption.FieldCipher`; here only the columns' form changes.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa

from anonymization.encryption.cipher import FieldCipher
from anonymization.encryption.digests import BlindIndexer
from anonymization.encryption.suites import Suite

Column: TypeAlias = "pa.Array | pa.ChunkedArray"


def encrypt_column(
    cipher: FieldCipher,
    place: str,
    values: Column,
    row_ids: Column,
    persons: Column,
    *,
    suite: Suite | None = None,
    workers: int = 1,
) -> pa.Array:
    """Encrypt a column of texts or bytes.

    Args:
        place: ``<schema>.<table>.<column>``.
        values: string or binary, null where there is no value.
        row_ids: int64, the global id of each row, never null.
        persons: string, patient key of each row, null for rows of nobody.
        suite: suite of this column, where its contract names one.
        workers: processes to share the column among.

    Returns:
        ``binary``, null where ``values`` is.
    """
    sealed = cipher.encrypt_column(
        place, values.to_pylist(), row_ids.to_pylist(), persons.to_pylist(), suite=suite, workers=workers
    )
    return pa.array(sealed, pa.binary())


def decrypt_column(
    cipher: FieldCipher, place: str, values: Column, row_ids: Column, persons: Column, *, workers: int = 1
) -> pa.Array:
    """Decrypt a column of texts; the inverse of :func:`encrypt_column`, ``string`` with null where ``values`` is.

    Raises:
        DecryptionError: a value was altered, moved from its place, or its key is not there.
    """
    plain = cipher.decrypt_column(place, values.to_pylist(), row_ids.to_pylist(), persons.to_pylist(), workers=workers)
    return pa.array(plain, pa.string())


def blind_index(indexer: BlindIndexer, domain: str, values: Column) -> pa.Array:
    """Blind indexes of a column of texts: ``string`` of 32 hexadecimal digits, null where ``values`` is."""
    texts: list[Any] = values.to_pylist()
    made = iter(indexer.indexes(domain, [text for text in texts if text is not None]))
    return pa.array([None if text is None else next(made) for text in texts], pa.string())
