"""NFKC with offsets: one spelling to match on, and the way back to the text as it was written.

Full-width digits, letters and punctuation become ASCII, compatibility forms are folded, invisible characters vanish.
Matching happens on the normalised text; every span is mapped back, so what is replaced is the original characters.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from typing import Final

_FOLDED_CODES: Final = (
    *range(0x80, 0x10000),
    *range(0x1D400, 0x1D800),
    *range(0x1F100, 0x1F200),
    *range(0x2F800, 0x2FA20),
)
_INVISIBLE: Final = frozenset("\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff")


def _fold(character: str) -> str:
    return "" if character in _INVISIBLE else unicodedata.normalize("NFKC", character)


def _tables() -> tuple[dict[int, str], re.Pattern[str]]:
    """Split the folds of the planes that have any into those of one character, and those that change the length."""
    same_length: dict[int, str] = {}
    other_length: list[str] = []
    for code in _FOLDED_CODES:
        character = chr(code)
        folded = "\ufffd" if 0xD800 <= code <= 0xDFFF else _fold(character)
        if folded == character:
            continue
        if len(folded) == 1:
            same_length[code] = folded
        else:
            other_length.append(character)
    return same_length, re.compile("[" + re.escape("".join(other_length)) + "]")


_SAME_LENGTH, _OTHER_LENGTH = _tables()


class NormalizedText(str):
    """A string in normalised form that knows where each of its characters came from.

    `offsets` is None when every character kept its place; otherwise offsets[i] is the place in the original text of
    the i-th normalised character, with one more entry for the end.
    """

    __slots__ = ("offsets",)
    offsets: array[int] | None

    @classmethod
    def of(cls, text: str) -> NormalizedText:
        """Wrap a text that is in normalised form already."""
        wrapped = cls(text)
        wrapped.offsets = None
        return wrapped

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Map a span [start, end) of the normalised text to the span of the original characters that made it."""
        if self.offsets is None:
            return start, end
        if start >= end:
            return self.offsets[start], self.offsets[start]
        last = self.offsets[end - 1]
        following = end
        while following < len(self.offsets) - 1 and self.offsets[following] == last:
            following += 1
        return self.offsets[start], max(self.offsets[following], last + 1)


def normalize(text: str) -> NormalizedText:
    """Return the text in NFKC, character by character, without invisible characters; O(n), no length limit."""
    if isinstance(text, NormalizedText):
        return text
    if text.isascii():
        return NormalizedText.of(text)
    if _OTHER_LENGTH.search(text) is None:
        return NormalizedText.of(text.translate(_SAME_LENGTH))
    return _normalize_with_offsets(text)


def _normalize_with_offsets(text: str) -> NormalizedText:
    pieces: list[str] = []
    offsets: array[int] = array("q")
    position = 0
    for match in _OTHER_LENGTH.finditer(text):
        start = match.start()
        pieces.append(text[position:start].translate(_SAME_LENGTH))
        offsets.extend(range(position, start))
        folded = _fold(match.group())
        pieces.append(folded)
        offsets.extend([start] * len(folded))
        position = start + 1
    pieces.append(text[position:].translate(_SAME_LENGTH))
    offsets.extend(range(position, len(text) + 1))
    result = NormalizedText("".join(pieces))
    result.offsets = offsets
    return result
