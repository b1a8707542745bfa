"""Known identifiers: what the hospital already knows of a patient is looked for in the patient's notes.

One Aho-Corasick pass finds the patient's and relatives' names, the staff's, addresses and employers with their partial
forms, names in pinyin, and, from surname or given name onwards, titles and slips of one character. A second one, over
the runs of digits and letters without their separators, finds numbers however they are grouped. Short numbers and
everyday words are guarded: patient number 1 does not destroy "身高1.82m".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple

import ahocorasick_rs
from pydantic import BaseModel, ConfigDict, Field

from anonymization.address_parts import address_parts, organization_parts
from anonymization.entities import Entity
from anonymization.known_guards import LONG_NAME, Guard, is_guarded, is_slip, is_written_name, stands_alone
from anonymization.lexicon.given_names import NOT_NAMES, UNUSUAL
from anonymization.lexicon.surnames import surname_length
from anonymization.model.name_gate import name_gate
from anonymization.normalize import normalize
from anonymization.pinyin import pinyin_spellings, without_tones

_LEAST_NUMBER: Final = 5
_DOTS: Final = re.compile("[·•・‧∙.]")
_RUN: Final = re.compile(r"[0-9A-Za-z](?:(?:[ \t\-—–._/·']{0,2}|,[ ]?(?=[A-Za-z]))[0-9A-Za-z]){3,}")
_SEPARATORS: Final = str.maketrans("", "", " \t-—–._/·',")


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
    """A known identifier in a normalised text; `whole` is False for partial forms (surname + title, slips …)."""

    entity: str
    start: int
    end: int
    whole: bool


class _Pattern(NamedTuple):
    entity: str
    guard: Guard
    whole: bool


class KnownMatcher:
    """Finds one set of known identifiers in normalised texts. Build once per patient (about 0.2 ms)."""

    def __init__(self, persons: Iterable[KnownPerson] = (), values: Iterable[tuple[str, str]] = ()) -> None:
        self.aliases: dict[str, Part] = {}
        self._words: dict[str, _Pattern] = {}
        self._numbers: dict[str, str] = {}
        """Numbers and names in pinyin, lower case, without separators."""
        self._slips: dict[str, list[tuple[str, int]]] = {}
        """By surname or given name: the whole names, and where in them it stands."""
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

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known that could be found."""
        return self._word_automaton is None and self._number_automaton is None

    def is_known_name(self, name: str) -> bool:
        """Tell whether a name is one of the whole names of this matcher."""
        part = self.aliases.get(name)
        return part is not None and part.part == "full"

    def hits(self, text: str, *, guarded: bool = True) -> Iterator[KnownHit]:
        """Yield known identifiers of a normalised text; not ``guarded``, also long names inside of longer words."""
        yield from self._word_hits(text, guarded)
        yield from self._number_hits(text, guarded)

    def _word_hits(self, text: str, guarded: bool) -> Iterator[KnownHit]:
        if self._word_automaton is None:
            return
        lowered = without_tones(_lower(text))
        for index, start, end in self._word_automaton.find_matches_as_indexes(lowered, overlapping=True):
            word = self._word_keys[index]
            pattern = self._words[word]
            is_found = not guarded and pattern.guard == "ascii" and end - start >= LONG_NAME
            if is_found or is_guarded(pattern.guard, text, start, end):
                yield KnownHit(pattern.entity, start, end, pattern.whole)
            for name, offset in self._slips.get(word, ()):
                first, last = start - offset, start - offset + len(name)
                if first >= 0 and is_slip(name, text[first:last], text, first, last):
                    yield KnownHit(Entity.PERSON, first, last, False)

    def _number_hits(self, text: str, guarded: bool) -> Iterator[KnownHit]:
        if self._number_automaton is None:
            return
        plain = without_tones(_lower(text))
        for run in _RUN.finditer(plain):
            found = self._number_automaton.find_matches_as_indexes(run.group().translate(_SEPARATORS), overlapping=True)
            if not found:
                continue
            places = [place for place in range(run.start(), run.end()) if plain[place].isalnum()]
            for index, start, stop in found:
                first, last = places[start], places[stop - 1] + 1
                entity = self._numbers[self._number_keys[index]]
                if entity != Entity.PERSON:
                    is_found = stands_alone(text, first, last)
                else:
                    is_found = is_written_name(text, first, last) and (
                        stands_alone(text, first, last, touches=True) or (not guarded and last - first >= LONG_NAME)
                    )
                if is_found:
                    yield KnownHit(entity, first, last, True)

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
        guard: Guard = "word" if _is_everyday_word(name) else "none"
        self._add_spellings(person, {name, *({f"{name[0]} {name[1]}"} if len(name) == 2 else set())}, guard)
        family = surname_length(name) or 1
        given, surname = name[family:], name[:family]
        self.aliases.setdefault(surname, Part(person, "surname"))
        self._words.setdefault(surname, _Pattern(Entity.PERSON, "titled", False))
        if len(given) >= 2:
            if given not in NOT_NAMES:
                self.aliases.setdefault(given, Part(person, "given"))
            is_rare = person.role != "staff" and len(given) == 2 and not name_gate().how_usual(given)
            self._words.setdefault(given, _Pattern(Entity.PERSON, "rare" if is_rare else "called", False))
            if person.role != "staff":
                self._slips.setdefault(surname, []).append((name, 0))
                self._slips.setdefault(given, []).append((name, family))
        if person.role != "staff":
            for spelling in pinyin_spellings(surname, given):
                self._numbers.setdefault(spelling, Entity.PERSON)

    def _add_spellings(self, person: KnownPerson, spellings: set[str], guard: Guard) -> None:
        for spelling in spellings:
            self.aliases[spelling] = Part(person, "full")
            self._words[without_tones(_lower(spelling))] = _Pattern(Entity.PERSON, guard, True)

    def _add_value(self, entity: str, value: str) -> None:
        if entity == Entity.PERSON:
            self._add_person(KnownPerson(name=value, role="relative"))
        elif entity in (Entity.ADDRESS, Entity.ORGANIZATION):
            parts = address_parts(value) if entity == Entity.ADDRESS else organization_parts(value)
            for part in parts:
                self._words.setdefault(_lower(part), _Pattern(entity, "none", True))
        else:
            compact = _lower("".join(character for character in value if character.isalnum()))
            if len(compact) >= _LEAST_NUMBER and compact.isascii() and sum(c.isdigit() for c in compact) >= 3:
                self._numbers.setdefault(compact, entity)
            elif len(value) >= _LEAST_NUMBER:
                self._words.setdefault(_lower(value), _Pattern(entity, "ascii", True))


def _automaton(patterns: dict[str, Any]) -> tuple[list[str], ahocorasick_rs.AhoCorasick | None]:
    keys = sorted(patterns)
    if not keys:
        return keys, None
    return keys, ahocorasick_rs.AhoCorasick(keys)


def _is_everyday_word(name: str) -> bool:
    return name in NOT_NAMES or (len(name) == 2 and name[1] in UNUSUAL)


def _lower(text: str) -> str:
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text
