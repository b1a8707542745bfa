"""Encryption, decryption and blind indexes of Arrow and pandas columns; nulls and empty strings stay what they are.

The work is that of :class:`~anonymization.encryption.FieldCipher`; here only the columns' form changes. What is given
as pandas comes back as a Series of objects with the same index, missing values as ``None``.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa

from anonymization.encryption.cipher import FieldCipher
from anonymization.encryption.digests import BlindIndexer
from anonymization.encryption.suites import Suite

Column: TypeAlias = Any
"""A pyarrow Array or ChunkedArray, or a pandas Series."""


def encrypt_column(
    cipher: FieldCipher,
    place: str,
    values: Column,
    row_ids: Column,
    persons: Column,
    *,
    suite: Suite | None = None,
    workers: int = 1,
) -> Column:
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

    Raises:
        ValueError: a row id is missing or no whole number, or the columns have different lengths.
    """
    sealed = cipher.encrypt_column(
        place, _listed(values), _row_ids(row_ids), _listed(persons), suite=suite, workers=workers
    )
    return _like(values, sealed, pa.binary())


def decrypt_column(
    cipher: FieldCipher, place: str, values: Column, row_ids: Column, persons: Column, *, workers: int = 1
) -> Column:
    """Decrypt a column of texts; the inverse of :func:`encrypt_column`, ``string`` with null where ``values`` is.

    Raises:
        DecryptionError: a value was altered, moved from its place, or its key is not there.
        ValueError: as in :func:`encrypt_column`.
    """
    plain = cipher.decrypt_column(place, _listed(values), _row_ids(row_ids), _listed(persons), workers=workers)
    return _like(values, plain, pa.string())


def blind_index(indexer: BlindIndexer, domain: str, values: Column) -> Column:
    """Blind indexes of a column of texts: ``string`` of 32 hexadecimal digits, null where ``values`` is."""
    texts = _listed(values)
    made = iter(indexer.indexes(domain, [text for text in texts if text is not None]))
    return _like(values, [None if text is None else next(made) for text in texts], pa.string())


def _listed(column: Column) -> list[Any]:
    """The values of a column, ``None`` where one is missing (NaN and NA of pandas too)."""
    listed: list[Any] = _arrow(column).to_pylist()
    return listed


def _row_ids(column: Column) -> list[int]:
    """Row ids, to which the ciphertexts are bound; pandas makes floats of whole numbers as soon as one is missing."""
    ids = _arrow(column)
    if ids.null_count:
        raise ValueError(f"{ids.null_count} row ids are missing; a value is bound to its row: give every row its id")
    listed: list[int] = ids.cast(pa.int64()).to_pylist()  # pa.ArrowInvalid, a ValueError, where digits would be lost
    return listed


def _arrow(column: Column) -> Any:
    return column if isinstance(column, (pa.Array, pa.ChunkedArray)) else pa.array(column, from_pandas=True)


def _like(column: Column, values: list[Any], kind: pa.DataType) -> Column:
    """Values in the form of the column that was given."""
    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        return pa.array(values, kind)
    return type(column)(values, index=column.index, name=column.name, dtype=object)
