"""The two shapes that every recognizer of the project has: a table of forms, or a hand-written scan.

Both are ordinary Presidio recognizers: they work in a stock AnalyzerEngine on the text as written, and in ours on text
that was normalised once. Word boundaries are ASCII look-arounds, never `\\b`, which does not fire between a Han
character and a digit. Context stands in the pattern itself, since no tokens exist for Presidio to look at.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, Final, NamedTuple

from presidio_analyzer import EntityRecognizer, RecognizerResult

from anonymization.normalize import NormalizedText, normalize

LEFT = r"(?<![0-9A-Za-z_])"
RIGHT = r"(?![0-9A-Za-z_])"
MORE_DIGITS = r"(?=[ \t\-—–._/·()\dXx*×•]{6})(?:[ \t\-—–._/·()]{0,2}[\dXx*×•]){6}"
"""What follows the first digit of a long number: six more digits or masks with the separators people type."""
_STRETCH: Final = re.compile(r"\d[ \t\-—–._/·()\dXxＸ*×•●#]{5,}")
_DATE: Final = re.compile(r"(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./](?:0?[1-9]|[12]\d|3[01])[ (]*(?:[ ]\d\d?[ (]*)?")
_BEFORE, _BEHIND = 64, 48
"""Characters around a hint that the forms of a recognizer may look at."""
START = r"(?<![0-9A-Za-z_].)"
"""The left boundary, written behind the first character: patterns that start with a plain class scan fast."""
HAN = r"\u3400-\u4dbf\u4e00-\u9fff\u3007"


class Finding(NamedTuple):
    """One find in the normalised text: entity type, half-open span, score 0..1, and the form that found it."""

    entity: str
    start: int
    end: int
    score: float
    form: str


@dataclass(frozen=True)
class Form:
    """One spelling of an identifier: a pattern whose group `v` (or whole match) is the identifier itself.

    `check` sees the matched value and may refuse it. `needs` is a cheap test: a text with none of these strings is not
    scanned (empty = always scanned); every match must hold one of them, since a text stands in a batch with others.
    `start` is a quicker pattern for the places where a match may start; `around` is one for what every match holds,
    with how far a match and what it looks at may reach before and behind it.
    """

    name: str
    pattern: str
    score: float
    entity: str | None = None
    check: Callable[[str], bool] | None = None
    needs: tuple[str, ...] = ()
    flags: int = 0
    start: re.Pattern[str] | None = None
    around: tuple[re.Pattern[str], int, int] | None = None
    compiled: re.Pattern[str] = field(init=False, repr=False)
    group: int | str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compiled", re.compile(self.pattern, self.flags))
        object.__setattr__(self, "group", "v" if "v" in self.compiled.groupindex else 0)

    def matches(self, text: str, first: int, last: int) -> Iterator[re.Match[str]]:
        """Yield the matches in a passage of a text, as `finditer` does."""
        if self.start is not None:
            return matches_at(self.compiled, text, self.start, first, last)
        if self.around is not None:
            return matches_near(self.compiled, text, *self.around, first, last)
        return self.compiled.finditer(text, first, last)


class ScanRecognizer(EntityRecognizer):  # type: ignore[misc]
    """A Presidio recognizer that scans normalised text with `scan` and maps its finds back to the original text."""

    ENTITIES: ClassVar[Sequence[str]]
    LANGUAGES: ClassVar[Sequence[str]] = ("zh",)

    def __init__(self, supported_language: str = "zh", **settings: Any) -> None:
        super().__init__(supported_entities=list(self.ENTITIES), supported_language=supported_language, **settings)

    def load(self) -> None:
        """Nothing to load: the tables are compiled when the module is imported."""

    @abstractmethod
    def scan(self, text: str) -> Iterable[Finding]:
        """Yield what is found in a normalised text, in any order."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        """Return Presidio results with offsets in `text` as given (or normalised, if that is what was given)."""
        del nlp_artifacts
        given_normalized = isinstance(text, NormalizedText)
        normalized = normalize(text)
        results = []
        for finding in self.scan(normalized):
            if entities and finding.entity not in entities:
                continue
            span = finding.start, finding.end
            start, end = span if given_normalized else normalized.original_span(*span)
            metadata = {
                RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
                RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
                "form": finding.form,
            }
            results.append(RecognizerResult(finding.entity, start, end, finding.score, None, metadata))
        return results


class FormRecognizer(ScanRecognizer):
    """A recognizer that is nothing but its table of forms."""

    FORMS: ClassVar[Sequence[Form]]
    HINT: ClassVar[re.Pattern[str] | None] = None
    """What every find of every form holds or touches: the forms are tried only around it (None: everywhere).

    A hint starts with one character class: only then does `re` skip quickly over text that cannot match.
    """
    NUMBER_HINT: ClassVar[re.Pattern[str] | None] = None
    """A further hint that is tried only within stretches of number characters, which are looked for once for all."""

    def scan(self, text: str) -> Iterator[Finding]:
        """Yield the value of every match of every form that its check accepts."""
        around = self._around(text)
        if around is not None and not around:
            return
        for form in self.FORMS:
            if form.needs and not any(needle in text for needle in form.needs):
                continue
            for first, last in around or ((0, len(text)),):
                for match in form.matches(text, first, last):
                    start, end = match.span(form.group)
                    if start < end and (form.check is None or form.check(text[start:end])):
                        yield Finding(form.entity or self.ENTITIES[0], start, end, form.score, form.name)

    def _around(self, text: str) -> list[tuple[int, int]] | None:
        if self.NUMBER_HINT is None:
            return None if self.HINT is None else windows(text, self.HINT)
        found = [
            (max(0, first - _BEFORE), min(len(text), last + _BEHIND))
            for first, last in number_stretches(text)
            if self.NUMBER_HINT.search(text, first, last)
        ]
        if self.HINT is not None:
            found += windows(text, self.HINT)
        return joined(sorted(found))


@lru_cache(maxsize=1)
def number_stretches(text: str) -> tuple[tuple[int, int], ...]:
    """Return the places of six and more characters that long numbers are written with, dates left out.

    The answer is kept for the next recognizer.
    """
    return tuple(match.span() for match in _STRETCH.finditer(text) if _DATE.fullmatch(match.group()) is None)


def matches_near(
    pattern: re.Pattern[str],
    text: str,
    hint: re.Pattern[str],
    before: int,
    after: int,
    first: int = 0,
    last: int | None = None,
) -> Iterator[re.Match[str]]:
    """Yield the matches of a pattern in a text, as `finditer` does, but look around the matches of a hint only.

    Every match with all that it looks at must lie between `before` characters ahead of the start of a match of the
    hint and `after` behind it. A hint starts with one character class: only then does `re` skip text that cannot match.
    """
    last = len(text) if last is None else last
    for start, end in windows(text, hint, before, after, first, last):
        yield from pattern.finditer(text, start, end)


def matches_at(
    pattern: re.Pattern[str], text: str, hint: re.Pattern[str], first: int = 0, last: int | None = None
) -> Iterator[re.Match[str]]:
    """Yield the matches of a pattern in a text, as `finditer` does, but try only where a match of a hint starts."""
    free, last = first, len(text) if last is None else last
    for place in hint.finditer(text, first, last):
        match = pattern.match(text, place.start(), last) if place.start() >= free else None
        if match is not None:
            yield match
            free = match.end()


def windows(
    text: str,
    hint: re.Pattern[str],
    before: int = _BEFORE,
    after: int = _BEHIND,
    start: int = 0,
    end: int | None = None,
) -> list[tuple[int, int]]:
    """Return the places around the matches of a hint, overlapping ones joined: most text is then not looked at."""
    end = len(text) if end is None else end
    return joined(
        (max(start, match.start() - before), min(end, match.end() + after)) for match in hint.finditer(text, start, end)
    )


def joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans that come in order of their starts, those that touch as one."""
    found: list[tuple[int, int]] = []
    for first, last in spans:
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found
