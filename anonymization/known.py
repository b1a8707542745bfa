"""Known identifiers: what the hospital already knows of a patient is looked for in the patient's notes.

One Aho-Corasick pass finds the patient's and relatives' names, the staff's, addresses and employers with their partial
forms; a second one, over the text without separators between digits, finds numbers however they are grouped. Short
numbers and everyday words are guarded: patient number 1 does not destroy "身高1.82m".
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

import ahocorasick_rs
from pydantic import BaseModel, ConfigDict, Field

from anonymization.address_parts import address_parts, organization_parts
from anonymization.entities import Entity
from anonymization.lexicon import any_of
from anonymization.lexicon.given_names import NOT_NAMES, UNUSUAL
from anonymization.lexicon.name_context import AFTER_NAME, RELATIVES, TITLES
from anonymization.lexicon.surnames import WORDLIKE, surname_length
from anonymization.normalize import normalize

_LEAST_NUMBER: Final = 5
_DOTS: Final = re.compile("[·•・‧∙.]")
_SEPARATOR: Final = re.compile(r"(?<=[0-9A-Za-z])[ \t\-—–._/·]{1,2}(?=[0-9A-Za-z])")
_CALLED: Final = re.compile(
    rf"(?:{any_of(RELATIVES)}|患者|病人|患儿|其[子女妻夫父母兄弟姐妹]|[叫名唤是阿小老]|:)[ :]?$"
)
_FOLLOWED: Final = re.compile(
    any_of(map(re.escape, [*TITLES, *(word for word in AFTER_NAME if len(word) > 1), *"诉因称述"]))
)


class KnownPerson(BaseModel):
    """Somebody whose name may stand in the notes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(repr=False)
    role: Literal["patient", "relative", "staff"] = "patient"
    sex: Literal["M", "F", "U"] = "U"


class KnownIdentifiers(BaseModel):
    """All that is known of one patient. `person` is a pseudonymous key: surrogates are consistent within it.

    `values` holds (entity type, plain value) pairs: identity numbers, phones, record numbers, addresses, employers …
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    person: str = ""
    persons: tuple[KnownPerson, ...] = Field(default=(), repr=False)
    values: tuple[tuple[Entity, str], ...] = Field(default=(), repr=False)


class Part(NamedTuple):
    """Which part of whose name a surface form is."""

    person: KnownPerson
    part: Literal["full", "given", "surname"]


class KnownHit(NamedTuple):
    """A known identifier in a normalised text; `whole` is False for partial forms (surname + title, given name)."""

    entity: str
    start: int
    end: int
    whole: bool


_Guard = Literal["none", "ascii", "word", "called", "titled"]


class _Pattern(NamedTuple):
    entity: str
    guard: _Guard
    length: int
    """How many characters of the match are the identifier (a title after a surname is not)."""
    whole: bool


class KnownMatcher:
    """Finds one set of known identifiers in normalised texts. Build once per patient (about 0.2 ms)."""

    def __init__(self, persons: Iterable[KnownPerson] = (), values: Iterable[tuple[str, str]] = ()) -> None:
        self.aliases: dict[str, Part] = {}
        self._words: dict[str, _Pattern] = {}
        self._numbers: dict[str, str] = {}
        for person in persons:
            self._add_person(person)
        for entity, value in values:
            self._add_value(entity, normalize(value).strip())
        self._word_keys, self._word_automaton = _automaton(self._words)
        self._number_keys, self._number_automaton = _automaton(self._numbers)

    @classmethod
    def of(cls, known: KnownIdentifiers) -> KnownMatcher:
        """Build the matcher of one patient."""
        return cls(known.persons, known.values)

    def is_known_name(self, name: str) -> bool:
        """Tell whether a name is one of the whole names of this matcher."""
        part = self.aliases.get(name)
        return part is not None and part.part == "full"

    def hits(self, text: str) -> Iterator[KnownHit]:
        """Yield known identifiers of a normalised text."""
        yield from self._word_hits(text)
        yield from self._number_hits(text)

    def _word_hits(self, text: str) -> Iterator[KnownHit]:
        if self._word_automaton is None:
            return
        lowered = _lower(text)
        for index, start, stop in self._word_automaton.find_matches_as_indexes(lowered, overlapping=True):
            pattern = self._words[self._word_keys[index]]
            end = start + pattern.length
            if _guarded(pattern, text, start, end, stop):
                yield KnownHit(pattern.entity, start, end, pattern.whole)

    def _number_hits(self, text: str) -> Iterator[KnownHit]:
        if self._number_automaton is None:
            return
        compact, places = _compact(_lower(text))
        for index, start, stop in self._number_automaton.find_matches_as_indexes(compact, overlapping=True):
            first, last = places[start], places[stop - 1]
            before, after = text[first - 1 : first], text[last + 1 : last + 2]
            if (
                _is_ascii_word(before)
                or _is_ascii_word(after)
                or (before == "." and text[first - 2 : first - 1].isdigit())
            ):
                continue
            yield KnownHit(self._numbers[self._number_keys[index]], first, last + 1, True)

    def _add_person(self, person: KnownPerson) -> None:
        name = normalize(person.name).strip()
        if len(name) < 2:
            return
        if name.isascii():
            self._add_spellings(person, {name, *(part for part in name.split() if len(part) >= 5)}, "ascii")
            return
        parts = [part for part in _DOTS.split(name) if part]
        if len(parts) > 1:
            spellings = {dot.join(parts) for dot in ("·", "•", "・", "‧", ".", "")} | {p for p in parts if len(p) >= 3}
            self._add_spellings(person, spellings, "none")
            return
        guard: _Guard = "word" if _is_everyday_word(name) else "none"
        self._add_spellings(person, {name, *({f"{name[0]} {name[1]}"} if len(name) == 2 else set())}, guard)
        family = surname_length(name) or 1
        given, surname = name[family:], name[:family]
        if len(given) >= 2 and given not in NOT_NAMES:
            self.aliases.setdefault(given, Part(person, "given"))
            self._words.setdefault(given, _Pattern(Entity.PERSON, "called", len(given), False))
        self.aliases.setdefault(surname, Part(person, "surname"))
        for title in TITLES:
            self._words.setdefault(surname + title, _Pattern(Entity.PERSON, "titled", family, False))

    def _add_spellings(self, person: KnownPerson, spellings: set[str], guard: _Guard) -> None:
        for spelling in spellings:
            self.aliases[spelling] = Part(person, "full")
            self._words[_lower(spelling)] = _Pattern(Entity.PERSON, guard, len(spelling), True)

    def _add_value(self, entity: str, value: str) -> None:
        if entity == Entity.PERSON:
            self._add_person(KnownPerson(name=value, role="relative"))
        elif entity in (Entity.ADDRESS, Entity.ORGANIZATION):
            parts = address_parts(value) if entity == Entity.ADDRESS else organization_parts(value)
            for part in parts:
                self._words.setdefault(_lower(part), _Pattern(entity, "none", len(part), True))
        else:
            compact, _ = _compact(_lower(value))
            if len(compact) >= _LEAST_NUMBER and sum(c.isdigit() for c in compact) >= 3:
                self._numbers.setdefault(compact, entity)
            elif len(value) >= _LEAST_NUMBER:
                self._words.setdefault(_lower(value), _Pattern(entity, "ascii", len(value), True))


def _automaton(patterns: dict[str, Any]) -> tuple[list[str], ahocorasick_rs.AhoCorasick | None]:
    keys = sorted(patterns)
    if not keys:
        return keys, None
    return keys, ahocorasick_rs.AhoCorasick(keys)


def _guarded(pattern: _Pattern, text: str, start: int, end: int, stop: int) -> bool:
    """Tell whether the surroundings let a match stand."""
    if pattern.guard == "none":
        return True
    before, after = text[start - 1 : start], text[stop : stop + 1]
    if pattern.guard == "ascii":
        return not _is_ascii_word(before) and not _is_ascii_word(after)
    if pattern.guard == "word":
        return not (before.isalnum() or after.isalnum()) or _CALLED.search(text, max(0, start - 6), start) is not None
    if pattern.guard == "called":
        return bool(_CALLED.search(text, max(0, start - 6), start)) or (
            not before.isalnum() and (not after.isalnum() or _FOLLOWED.match(text, end) is not None)
        )
    return text[start] not in WORDLIKE or not before.isalnum()


def _is_ascii_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _is_everyday_word(name: str) -> bool:
    return name in NOT_NAMES or (len(name) == 2 and name[1] in UNUSUAL)


def _lower(text: str) -> str:
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text


def _compact(text: str) -> tuple[str, Sequence[int]]:
    """Drop separators between letters and digits; return the rest with the place of each character."""
    places: array[int] = array("q")
    pieces: list[str] = []
    position = 0
    for match in _SEPARATOR.finditer(text):
        pieces.append(text[position : match.start()])
        places.extend(range(position, match.start()))
        position = match.end()
    if position == 0:
        return text, range(len(text))
    pieces.append(text[position:])
    places.extend(range(position, len(text)))
    return "".join(pieces), places
