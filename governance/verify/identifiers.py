"""Which values must not be found in plain, and which of them can be hunted without false alarms.

Every direct identifier is taken from the vault, decrypted in memory and never written anywhere. Not every value can be
told from other text: a name of two characters is a part of ordinary words (升[高明]显), a number of eight digits may be
a date, and "退休" is an employer. The rules of :func:`judge` decide; what is left out is counted with its reason and
reported, never passed over in silence. Planted identifiers (canaries) are exempt: they are hunted always.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Flag, auto
from pathlib import Path

from governance.verify.hunting import Guard, Hunter, Needle
from governance.verify.sources import PERSON, Identifier, IdentifierSource, read_canaries
from governance.verify.spellings import has_digit, spellings, wide_spellings

ADDRESS = "ADDRESS"
_HAN = re.compile(r"[㐀-鿿]")
_HOUSE = re.compile(r"[0-9０-９号栋幢弄室楼村组队]")
_LOOSE = re.compile(r"[\s\-()（）·•.]")


class Reach(Flag):
    """Kinds of places in which a value can be hunted without false alarms."""

    NOWHERE = 0
    CELLS = auto()  # as a whole value of a text column
    TEXT = auto()  # logs, events, XCom, text columns
    BINARY = auto()  # files of the server, backups
    EVERYWHERE = CELLS | TEXT | BINARY


@dataclass
class Prey:
    """The identifiers to hunt, with what is known about them.

    Attributes:
        values: distinct identifiers, by position.
        reaches: where each may be hunted, by position.
        owners: patient keys of those whose own identifier it is, by position.
        excluded: (kind, reason) → number of distinct values that are hunted nowhere.
    """

    values: list[Identifier] = field(default_factory=list, repr=False)
    reaches: list[Reach] = field(default_factory=list)
    owners: list[set[str]] = field(default_factory=list, repr=False)
    excluded: Counter[tuple[str, str]] = field(default_factory=Counter)
    _hunters: dict[Reach, Hunter] = field(default_factory=dict, repr=False)

    def needles(self, place: Reach, besides: Reach = Reach.NOWHERE) -> list[Needle]:
        """Byte strings to hunt in one kind of place, without the values that are hunted in ``besides`` as well."""
        made = []
        for position, (identifier, reach) in enumerate(zip(self.values, self.reaches, strict=True)):
            if place & reach and not besides & reach:
                whole = place is Reach.CELLS
                shortest = 6 if whole or identifier.canary or place is Reach.TEXT else 8
                guard = Guard.CELL if whole else Guard.NO_DIGIT if has_digit(identifier.value) else Guard.NOTHING
                made += [Needle(p, guard, position) for p in spellings(identifier.value) if len(p) >= shortest]
                if not whole:  # in UTF-16 the neighbouring byte does not say where a number ends
                    wide = wide_spellings(identifier.value)
                    made += [Needle(p, Guard.NOTHING, position) for p in wide if len(p) >= shortest]
        return made

    def hunter(self, place: Reach) -> Hunter:
        """A hunter for one kind of place, made once; for ``TEXT | CELLS`` (columns) every value comes in once."""
        if place not in self._hunters:
            needles = self.needles(place & Reach.TEXT or place)
            if Reach.TEXT | Reach.CELLS in place:
                needles += self.needles(Reach.CELLS, besides=Reach.TEXT)
            self._hunters[place] = Hunter(needles)
        return self._hunters[place]

    def hunted(self, place: Reach) -> Counter[str]:
        """Distinct values of each kind that are hunted in one kind of place."""
        return Counter(i.kind for i, reach in zip(self.values, self.reaches, strict=True) if place & reach)

    def by_owner(self, place: Reach) -> dict[str, list[int]]:
        """Patient key → positions of his or her own identifiers that can be hunted in one kind of place."""
        owned: dict[str, list[int]] = defaultdict(list)
        for position, owners in enumerate(self.owners):
            if self.reaches[position] & place:
                for owner in owners:
                    owned[owner].append(position)
        return owned


def gather(source: IdentifierSource, canaries: Path | None = None) -> Prey:
    """Collect, make distinct, and judge.

    Raises:
        VerificationError: the canary file cannot be read.
    """
    prey = Prey()
    positions: dict[tuple[str, str], int] = {}
    for identifier in _all(source, canaries):
        key = (identifier.kind, identifier.value)
        at = positions.get(key)
        if at is None:
            reach, reason = (Reach.EVERYWHERE, "") if identifier.canary else judge(identifier.kind, identifier.value)
            at = positions[key] = len(prey.values)
            prey.values.append(identifier)
            prey.reaches.append(reach)
            prey.owners.append(set())
            if reach is Reach.NOWHERE:
                prey.excluded[identifier.kind, reason] += 1
        if identifier.owner:
            prey.owners[at].add(identifier.owner)
    return prey


def judge(kind: str, value: str) -> tuple[Reach, str]:
    """Where a value can be hunted, and if nowhere, why not (Chinese and English).

    Numbers of ten or more digits (nine, if grouped by hyphens), and mixtures of letters and at least seven digits, are
    hunted everywhere, but not as part of a longer number. Names of four or more characters too. Names of three are
    hunted in text; in the server's files they cannot be told from the surrogates of de-identified notes. Names of two
    only as a whole value. Addresses need a house or a village in them.
    """
    tight = _LOOSE.sub("", value)
    digits = sum(c.isdigit() for c in tight)
    han = len(_HAN.findall(value))
    if tight.isdigit():
        return (
            (Reach.EVERYWHERE, "")
            if digits >= 10 or (digits == 9 and "-" in value)
            else (Reach.NOWHERE, "数字过短 number too short")
        )
    if kind == PERSON:
        return _judge_name(value, tight, han, digits)
    if kind == ADDRESS:
        found = bool(_HOUSE.search(value)) and len(tight) >= 8
        return (Reach.EVERYWHERE, "") if found else (Reach.NOWHERE, "只到地名 no more than a place name")
    if han:
        return (Reach.EVERYWHERE, "") if len(tight) >= 6 else (Reach.NOWHERE, "常用词 an ordinary word")
    if digits >= 7 or (digits and len(tight) >= 12):
        return Reach.EVERYWHERE, ""
    return Reach.NOWHERE, "过短或无数字 too short or without a number"


def _judge_name(value: str, tight: str, han: int, digits: int) -> tuple[Reach, str]:
    if han >= 4 or (not han and len(tight) >= 8 and (digits or " " in value)):
        return Reach.EVERYWHERE, ""
    if han == 3:
        return Reach.CELLS | Reach.TEXT, ""
    if han == 2 or (not han and len(tight) >= 6 and digits):
        return Reach.CELLS, ""
    return Reach.NOWHERE, "姓名过短 name too short"


def _all(source: IdentifierSource, canaries: Path | None) -> Iterator[Identifier]:
    if canaries is not None:
        yield from read_canaries(canaries)
    yield from source.identifiers()
