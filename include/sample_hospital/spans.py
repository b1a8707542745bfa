"""Text that knows where its identifiers are: pieces are appended in order, so the recorded offsets are exact by
construction.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from random import Random
from typing import NamedTuple

PERSON, PHONE, RESIDENT_ID, ADDRESS, ORGANIZATION = "PERSON", "PHONE", "RESIDENT_ID", "ADDRESS", "ORGANIZATION"
RECORD_NUMBER, DATE, EMAIL, WECHAT, QQ = "MEDICAL_RECORD_NUMBER", "DATE", "EMAIL", "WECHAT", "QQ"
BANK_CARD, PLATE, AGE_OVER_89 = "BANK_CARD", "LICENSE_PLATE", "AGE_OVER_89"


class Mark(NamedTuple):
    """A piece of text that is an identifier of the given type."""

    type: str
    text: str


class Span(NamedTuple):
    """An identifier in a finished text: code points, 0-based, end exclusive."""

    start: int
    end: int
    type: str
    text: str


class Text:
    """A text under construction."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self.spans: list[Span] = []

    def add(self, piece: str | Mark | Text) -> Text:
        """Append plain text, an identifier, or another text with its identifiers."""
        if isinstance(piece, Text):
            offset, value = self._length, str(piece)
            self.spans.extend(Span(s.start + offset, s.end + offset, s.type, s.text) for s in piece.spans)
        elif isinstance(piece, Mark):
            value = piece.text
            if value:
                self.spans.append(Span(self._length, self._length + len(value), piece.type, value))
        else:
            value = piece
        self._parts.append(value)
        self._length += len(value)
        return self

    def fill(self, template: str, lookup: Callable[[str], str | Mark | Text]) -> Text:
        """Append a template; each ``{key}`` is replaced by what ``lookup`` returns for it."""
        for literal, key in _pieces(template):
            if literal:
                self.add(literal)
            if key:
                self.add(lookup(key))
        return self

    def __str__(self) -> str:
        return "".join(self._parts)

    def __len__(self) -> int:
        return self._length


@lru_cache(maxsize=4096)
def _pieces(template: str) -> tuple[tuple[str, str], ...]:
    parts = re.split(r"\{(\w+)\}", template)
    return tuple((parts[i], parts[i + 1] if i + 1 < len(parts) else "") for i in range(0, len(parts), 2))


def written_date(rng: Random, day: date, short_allowed: bool = True) -> Mark:
    """Return a date in one of the forms that notes use (日 and month without padding, ISO, slashes, dots, without
    year).
    """
    style = rng.random()
    if style < 0.34:
        text = f"{day.year}年{day.month}月{day.day}日"
    elif style < 0.64:
        text = day.isoformat()
    elif style < 0.74:
        text = f"{day.year}/{day.month}/{day.day}"
    elif style < 0.80:
        text = f"{day.year}.{day.month:02d}.{day.day:02d}"
    elif style < 0.86 or not short_allowed:
        text = f"{day.year}年{day.month:02d}月{day.day:02d}日"
    else:
        text = f"{day.month}月{day.day}日"
    return Mark(DATE, text)
