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

_CACHE_LIMIT = 100_000  # persons, a batch; 2.5 kB each. Their other columns then need no new derivation


class Salts(Protocol):
    """Where the salts of persons are kept: 16 random bytes each, by patient key (hexadecimal)."""

    def make(self, persons: Collection[str]) -> Mapping[str, bytes]:
        """Salts of persons whose values are about to be encrypted; new ones are durable before this returns."""
        ...

    def find(self, persons: Collection[str]) -> Mapping[str, bytes]:
        """Salts of persons that have one; a destroyed one is missing."""
        ...


class Persons:
    """The persons' keys under one key version and suite; some ten thousand are kept."""

    def __init__(self, suite: Suite, key: bytes, salts: Salts | None) -> None:
        self._root = suite.mac(key)
        self._root.update(b"person\x1f" if salts is None else b"salted person\x1f")
        self._make = suite.make_sealer
        self._salts = salts
        self._known: Mapping[str, bytes] = {}
        self._prepared: Sequence[str | None] | None = None
        self._fetch = salts.find if salts is not None else _nothing
        self._sealers: dict[str, Sealer] = {}

    def prepare(self, persons: Sequence[str | None], *, new: bool = False) -> None:
        """Fetch the salts of a column's persons, all at once; ``new`` makes those that are missing.

        The columns of a batch share one list of persons, which is fetched for once.
        """
        if self._salts is None or self._prepared is persons:
            return
        self._fetch = self._salts.make if new else self._salts.find
        self._known = self._fetch({person for person in persons if person})
        self._prepared = persons

    def sealer(self, person: str) -> Sealer:
        """Encryption under the key of a person; the empty string is nobody, whose key has no salt.

        Raises:
            KeyError: the person has no salt.
        """
        found = self._sealers.get(person)
        if found is None:
            context = self._root.copy()
            context.update(person.encode())
            if self._salts is not None and person:
                salt = self._known.get(person) or self._fetch((person,))[person]
                context.update(b"\x1f" + salt)
            found = self._make(context.finalize())
            if len(self._sealers) >= _CACHE_LIMIT:
                self._sealers.clear()
            self._sealers[person] = found
        return found


def _nothing(_persons: Collection[str]) -> Mapping[str, bytes]:
    return {}


@dataclass(frozen=True)
class GivenSalts:
    """Salts that another process fetched; nothing is made here."""

    known: dict[str, bytes] = field(repr=False)

    def make(self, persons: Collection[str]) -> Mapping[str, bytes]:
        return self.find(persons)

    def find(self, persons: Collection[str]) -> Mapping[str, bytes]:
        return {person: self.known[person] for person in persons if person in self.known}
