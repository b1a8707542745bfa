"""Keys of persons, derived from a field's key and the person's salt.

``HMAC(field key, "salted person" ‖ US ‖ patient key ‖ US ‖ salt)`` with the suite's HMAC (RFC 2104); patient keys are
32 hexadecimal digits and salts 16 bytes, so the input is unambiguous. Without salts: ``HMAC(field key, "person" ‖ US ‖
patient key)``, the form of values that were written before there were any, and of key holders that keep none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from anonymization.encryption.suites import Sealer, Suite

_CACHE_LIMIT = 20_000  # persons; 2.5 kB each


class Salts(Protocol):
    """Where the salts of persons are kept: 16 random bytes each, by patient key (hexadecimal)."""

    def make(self, persons: Collection[str]) -> Mapping[str, bytes]:
        """Salts of persons whose values are about to be encrypted; new ones are durable before this returns."""
        ...

    def find(self, persons: Collection[str]) -> Mapping[str, bytes]:
        """Salts of persons that have one; a destroyed one is missing."""
        ...


KeyOrSealer = bytes | Sealer | None
"""A person's key, or encryption under it where several rows share it; ``None`` where the person has no salt."""


class Persons:
    """The persons' keys under one key version and suite; those of the last column are kept, and of single values.

    Attributes:
        make: makes encryption under a key of 32 bytes.
    """

    def __init__(self, suite: Suite, key: bytes, salts: Salts | None) -> None:
        self._root = suite.mac(key)
        self._root.update(b"person\x1f" if salts is None else b"salted person\x1f")
        self.make = suite.make_sealer
        self._salts = salts
        self._last: tuple[list[str | None], list[KeyOrSealer]] = ([], [])
        self._single: dict[str | None, Sealer] = {}

    def column(self, persons: Sequence[str | None], *, new: bool = False) -> Iterable[KeyOrSealer]:
        """What a column's values are encrypted with, in their order.

        The columns of a batch have the same persons, whose keys are made once. Encryption under a key takes 2.5 kB,
        and outliving its row costs more time than making it anew: persons who mostly have one row get bytes, made as
        they are asked for, to be used with :attr:`make` and dropped.

        Args:
            persons: patient keys; ``None`` is nobody, whose key has no salt.
            new: make the salts that are missing.

        Returns:
            One entry a row, to be gone through once: 32 bytes of key, or encryption that rows of the same person share;
            ``None`` where the person has no salt, because it was never made or was destroyed.
        """
        rows = list(persons)
        last, column = self._last
        if last == rows and not (new and None in column):  # of the same objects: quick
            return column
        unique = set(rows)
        salts: Mapping[str, bytes] = {}
        if self._salts is not None:
            salts = (self._salts.make if new else self._salts.find)({person for person in unique if person})
        if 2 * len(unique) >= len(rows):
            return self._one_by_one(rows, salts)
        keys = {person: self._derived(person, salts) for person in unique}
        shared = {person: None if key is None else self.make(key) for person, key in keys.items()}
        self._last = rows, [shared[person] for person in rows]
        return self._last[1]

    def _one_by_one(self, rows: list[str | None], salts: Mapping[str, bytes]) -> Iterator[bytes | None]:
        made: list[KeyOrSealer] = []
        for person in rows:
            key = self._derived(person, salts)
            made.append(key)
            yield key
        self._last = rows, made

    def sealer(self, person: str | None) -> Sealer | None:
        """Encryption under the key of one person; ``None`` if the person has no salt."""
        found = self._single.get(person)
        if found is None:
            key = self._derived(person, self._salts.find((person,)) if self._salts is not None and person else {})
            if key is None:
                return None
            if len(self._single) >= _CACHE_LIMIT:
                self._single.clear()
            found = self._single[person] = self.make(key)
        return found

    def _derived(self, person: str | None, salts: Mapping[str, bytes]) -> bytes | None:
        context = self._root.copy()
        if person and self._salts is not None:
            salt = salts.get(person)
            if salt is None:
                return None
            context.update(b"%b\x1f%b" % (person.encode(), salt))
        elif person:
            context.update(person.encode())
        return context.finalize()


@dataclass(frozen=True)
class GivenSalts:
    """Salts that another process fetched; nothing is made here."""

    known: dict[str, bytes] = field(repr=False)

    def make(self, persons: Collection[str]) -> Mapping[str, bytes]:
        return self.find(persons)

    def find(self, persons: Collection[str]) -> Mapping[str, bytes]:
        return {person: self.known[person] for person in persons if person in self.known}
