"""Keys of persons, derived from a field's key and the person's salt.

``HMAC(field key, "salted person" ‖ US ‖ patient key ‖ US ‖ salt)`` with the suite's HMAC (RFC 2104); patient keys are
32 hexadecimal digits and salts 16 bytes, so the input is unambiguous. Without salts: ``HMAC(field key, "person" ‖ US ‖
patient key)``, the form of values that were written before there were any, and of key holders that keep none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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

    def column(self, persons: Sequence[str | None], *, new: bool = False) -> list[KeyOrSealer]:
        """What a column's values are encrypted with, in their order.

        The columns of a batch have the same persons, whose keys are made once. Encryption under a key takes
        2.5 kB, which cost more time than the encryption where they outlive their row. The first column of persons who
        mostly have one row gets bytes, to be used with :attr:`make` and dropped; from the second on, it pays to keep.

        Args:
            persons: patient keys; ``None`` is nobody, whose key has no salt.
            new: make the salts that are missing.

        Returns:
            One entry a person: 32 bytes of key, or encryption that persons of several rows share; ``None`` where the
            person has no salt, because it was never made or was destroyed.
        """
        last, column = self._last
        if last == list(persons) and not (new and None in column):  # of the same objects: quick
            column[:] = [self.make(key) if isinstance(key, bytes) else key for key in column]
            return column
        unique = set(persons)
        salts: Mapping[str, bytes] = {}
        if self._salts is not None:
            salts = (self._salts.make if new else self._salts.find)({person for person in unique if person})
        keys: dict[str | None, KeyOrSealer] = {person: self._derived(person, salts) for person in unique}
        if 2 * len(unique) < len(persons):
            keys = {person: self.make(key) if isinstance(key, bytes) else None for person, key in keys.items()}
        column = [keys[person] for person in persons]
        self._last = (list(persons), column)
        return column

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
        if person:
            context.update(person.encode())
            if self._salts is not None:
                salt = salts.get(person)
                if salt is None:
                    return None
                context.update(b"\x1f" + salt)
        return context.finalize()


@dataclass(frozen=True)
class GivenSalts:
    """Salts that another process fetched; nothing is made here."""

    known: dict[str, bytes] = field(repr=False)

    def make(self, persons: Collection[str]) -> Mapping[str, bytes]:
        return self.find(persons)

    def find(self, persons: Collection[str]) -> Mapping[str, bytes]:
        return {person: self.known[person] for person in persons if person in self.known}
