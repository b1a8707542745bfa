"""Authenticated encryption of field values, each under its person's own key.

Layout of a ciphertext::

    1 byte   suite (1 = intl, AES-256-GCM; 2 = gm, SM4-GCM)
    2 bytes  key id, big-endian (0 = written before keys had ids: the key of the place)
    2 bytes  version of that key, big-endian
    12 bytes nonce, random
    n bytes  ciphertext and 16-byte tag

The associated data binds a ciphertext to where it stands: ``<schema>.<table>.<column>|<key id and version>|<row id>``;
a value moved to another row, column or table does not decrypt. The person's key is the suite's HMAC(key of that
version, patient key ‖ salt of the person), so that a value moved to another person does not decrypt either, and
nobody's does once the salt is destroyed. Two key ids name one key: values of the first were written before persons had
salts, and their persons' keys are made without.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TypeVar

from cryptography.exceptions import InvalidTag

from anonymization.encryption.persons import GivenSalts, Persons, Salts
from anonymization.encryption.suites import NONCE_BYTES, Suite
from anonymization.errors import DecryptionError

_T = TypeVar("_T")
_HEADER = struct.Struct(">BI12s")
_NAMED = struct.Struct(">BI")
_VERSION_LIMIT = 0xFFFF
_PARALLEL_FROM = 20_000  # values; below, starting processes costs more than it saves


@dataclass(frozen=True)
class KeyHolder:
    """What a cipher may ask of the place where keys are kept.

    Attributes:
        reserve: called with the key's version and a number of encryptions before they are made; raises when the
            nonce budget is used up.
        reload: the key's versions as they are now, asked when a ciphertext names a version that came later.
        salts: the persons' salts; ``None`` where persons' keys are made without.
    """

    reserve: Callable[[int, int], None] = field(default=lambda _version, _count: None, repr=False)
    reload: Callable[[], Mapping[int, bytes]] = field(default=dict, repr=False)
    salts: Salts | None = field(default=None, repr=False)


class FieldCipher:
    """Encrypts and decrypts columns.

    Args:
        keys: version → 32-byte key; several versions may live at once.
        current: version of the key that encrypts.
        key_id: 1 to 65,535, which key of the installation this is; 0 writes and reads values without an id.
        salted_id: the id under which values stand whose persons' keys are made with salts, if ``holder`` has any.
        suite: suite of values whose contract names none.
        holder: counts encryptions and knows later versions.
    """

    def __init__(
        self,
        keys: Mapping[int, bytes],
        current: int,
        *,
        key_id: int = 0,
        salted_id: int = 0,
        suite: Suite = Suite.INTL,
        holder: KeyHolder | None = None,
    ) -> None:
        if current not in keys or not 0 < current <= _VERSION_LIMIT:
            raise DecryptionError(f"field key {current} is not in the keyring; restore the keyring from its own backup")
        self._keys, self._current, self._key_id, self._suite = dict(keys), current, key_id, suite
        self._holder = holder or KeyHolder()
        self._salted_id = salted_id if self._holder.salts is not None else 0
        self._written_id = self._salted_id or key_id
        self._ids = {0, key_id, self._written_id}
        self._persons: dict[tuple[int, int], Persons] = {}

    def header(self, suite: Suite | None = None) -> bytes:
        """The five bytes with which a value encrypted now begins: suite, key id, version."""
        return struct.pack(">BHH", (suite or self._suite).number, self._written_id, self._current)

    def encrypt_column(
        self,
        place: str,
        values: Sequence[str | bytes | None],
        row_ids: Sequence[int],
        persons: Sequence[str | None],
        *,
        suite: Suite | None = None,
        workers: int = 1,
    ) -> list[bytes | None]:
        """Encrypt one column.

        Args:
            place: ``<schema>.<table>.<column>``.
            values: plain values; ``None`` stays ``None``, an empty string is encrypted like any other.
            row_ids: global id of each row.
            persons: patient key of each row (hexadecimal), or ``None`` for rows that belong to no person.
            suite: suite of this column, where its contract names one.
            workers: processes to share a long column among.

        Returns:
            One ciphertext a value, in their order.

        Raises:
            Whatever ``holder`` raises: the nonce budget is used up, or a person's salt may not be made.
        """
        chosen = suite or self._suite
        if wanted := len(values) - sum(value is None for value in values):
            self._holder.reserve(self._current, wanted)
        if workers > 1 and len(values) >= _PARALLEL_FROM:
            salts = self._holder.salts.make({p for p in persons if p}) if self._holder.salts else None
            parts = self._shared(workers, _encrypt, salts, place, values, row_ids, persons, chosen)
            return [sealed for part in parts for sealed in part]
        named = self._written_id << 16 | self._current
        prefix, header = f"{place}|{named}|", self.header(chosen)
        keys = self._persons_of(chosen, named)
        make = keys.make
        nonces, start = os.urandom(NONCE_BYTES * wanted), 0
        result: list[bytes | None] = []
        append = result.append
        for value, row_id, key in zip(values, row_ids, keys.column(persons, new=True), strict=True):
            if value is None:
                append(None)
                continue
            if key is None:
                raise _no_key(place, row_id)
            sealer = make(key) if isinstance(key, bytes) else key
            nonce = nonces[start : start + NONCE_BYTES]
            start += NONCE_BYTES
            plain = value.encode() if isinstance(value, str) else value
            append(header + nonce + sealer.encrypt(nonce, plain, f"{prefix}{row_id}".encode()))
        return result

    def decrypt_column(
        self,
        place: str,
        values: Sequence[bytes | None],
        row_ids: Sequence[int],
        persons: Sequence[str | None],
        *,
        workers: int = 1,
    ) -> list[str | None]:
        """Decrypt one column of texts; the inverse of :meth:`encrypt_column`.

        Raises:
            DecryptionError: a value was altered, moved from its place, or its key is not there. Names place and row.
        """
        if workers > 1 and len(values) >= _PARALLEL_FROM:
            salts = self._holder.salts.find({p for p in persons if p}) if self._holder.salts else None
            parts = self._shared(workers, _decrypt, salts, place, values, row_ids, persons)
            return [plain for part in parts for plain in part]
        headers = {value[: _NAMED.size] for value in values if value is not None}
        if len(headers) != 1 or not (opened := self._opened(headers.pop())):
            if self._holder.salts is not None:
                self._holder.salts.find({p for p in persons if p})  # all at once; the store remembers them
            return [
                None if value is None else self.decrypt(place, value, row_id, person).decode()
                for value, row_id, person in zip(values, row_ids, persons, strict=True)
            ]
        keys, named = opened
        result: list[str | None] = []
        append, make, prefix = result.append, keys.make, f"{place}|{named}|"
        for value, row_id, key in zip(values, row_ids, keys.column(persons), strict=True):
            if value is None:
                append(None)
                continue
            if key is None:
                raise _no_key(place, row_id)
            sealer = make(key) if isinstance(key, bytes) else key
            nonce, sealed = value[_NAMED.size : _HEADER.size], value[_HEADER.size :]
            try:
                append(sealer.decrypt(nonce, sealed, f"{prefix}{row_id}".encode()).decode())
            except InvalidTag as error:
                raise _altered(place, row_id) from error
        return result

    def decrypt(self, place: str, value: bytes, row_id: int, person: str | None) -> bytes:
        """Decrypt one value; errors as in :meth:`decrypt_column`."""
        try:
            number, named, nonce = _HEADER.unpack_from(value)
            persons = self._persons.get((number, named))
            if persons is None:
                persons = self._found(place, row_id, number, named)
            sealer = persons.sealer(person)
            if sealer is None:
                raise _no_key(place, row_id)
            return sealer.decrypt(nonce, value[_HEADER.size :], f"{place}|{named}|{row_id}".encode())
        except (InvalidTag, struct.error) as error:
            raise _altered(place, row_id) from error

    def _opened(self, header: bytes) -> tuple[Persons, int] | None:
        """The keys that a header names, and their id and version; ``None`` if they are not here (yet)."""
        if len(header) != _NAMED.size:
            return None
        number, named = _NAMED.unpack(header)
        suite = Suite.of(number)
        if suite is None or named >> 16 not in self._ids or named & _VERSION_LIMIT not in self._keys:
            return None
        return self._persons_of(suite, named), named

    def _found(self, place: str, row_id: int, number: int, named: int) -> Persons:
        """The keys that a header names, perhaps of a version that came after this cipher was made."""
        suite, key_id, version = Suite.of(number), named >> 16, named & _VERSION_LIMIT
        if version not in self._keys:
            self._keys |= {later: key for later, key in self._holder.reload().items() if later not in self._keys}
        if suite is None or key_id not in self._ids or version not in self._keys:
            raise DecryptionError(
                f"{place}, row {row_id}: suite {number} or key {named} unknown; check that the keyring is the one "
                "that this warehouse was written with"
            )
        return self._persons_of(suite, named)

    def _persons_of(self, suite: Suite, named: int) -> Persons:
        found = self._persons.get((suite.number, named))
        if found is None:
            salted = self._salted_id and named >> 16 == self._salted_id
            made = Persons(suite, self._keys[named & _VERSION_LIMIT], self._holder.salts if salted else None)
            found = self._persons[suite.number, named] = made
        return found

    def _shared(
        self, workers: int, work: Callable[..., _T], salts: Mapping[str, bytes] | None, place: str, *columns: object
    ) -> list[_T]:
        """The results of ``work`` on equal parts of the columns, made in processes of their own."""
        listed = [list(c) if isinstance(c, Sequence) and not isinstance(c, str) else c for c in columns]
        lengths = {len(c) for c in listed if isinstance(c, list)}
        if len(lengths) > 1:
            raise ValueError(f"values, rows and persons have different lengths: {sorted(lengths)}")
        size = -(-lengths.pop() // workers)
        given = None if salts is None else GivenSalts(dict(salts))
        bare = (self._keys, self._current, self._key_id, self._salted_id, given)
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            tasks = [
                pool.submit(work, bare, place, *(c[n : n + size] if isinstance(c, list) else c for c in listed))
                for n in range(0, size * workers, size)
            ]
            return [task.result() for task in tasks]


def _no_key(place: str, row_id: int) -> DecryptionError:
    return DecryptionError(
        f"{place}, row {row_id}: the key of its person is not in the key store; it was destroyed by a "
        "withdrawal (finish that: xinglin keys withdraw --resume), or the store is another one (restore it)"
    )


def _altered(place: str, row_id: int) -> DecryptionError:
    return DecryptionError(
        f"{place}, row {row_id}: the ciphertext was altered, moved or belongs to another key; "
        "compare the row with a backup"
    )


_Bare = tuple[dict[int, bytes], int, int, int, GivenSalts | None]


def _made(bare: _Bare) -> FieldCipher:
    keys, current, key_id, salted_id, salts = bare
    return FieldCipher(keys, current, key_id=key_id, salted_id=salted_id, holder=KeyHolder(salts=salts))


def _encrypt(
    bare: _Bare, place: str, values: list[str | bytes | None], rows: list[int], persons: list[str | None], suite: Suite
) -> list[bytes | None]:
    return _made(bare).encrypt_column(place, values, rows, persons, suite=suite)


def _decrypt(
    bare: _Bare, place: str, values: list[bytes | None], rows: list[int], persons: list[str | None]
) -> list[str | None]:
    return _made(bare).decrypt_column(place, values, rows, persons)
