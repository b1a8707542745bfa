"""NFKC with offsets: one spelling to match on, and the way back to the text as it was written.

Full-width digits, letters and punctuation become ASCII, compatibility forms are folded, dashes become hyphens;
invisible and control characters and the tags of HTML inside a line vanish, its line tags become line ends, its
references the characters they mean. Attributes of tags stay: they are searched like all other text.
Matching happens on the normalised text; every span is mapped back, so what is replaced is the original characters.
"""

from __future__ import annotations

import html
import re
import unicodedata
from array import array
from collections.abc import Iterable
from typing import Final

_FOLDED_CODES: Final = (
    *range(0x09),
    *range(0x0E, 0x1C),
    *range(0x7F, 0x10000),
    *range(0x1D400, 0x1D800),
    *range(0x1F100, 0x1F200),
    *range(0x2F800, 0x2FA20),
)
_INVISIBLE: Final = frozenset("\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff")

_CONTROL: Final = frozenset(map(chr, (*range(0x09), *range(0x0E, 0x1C), *range(0x7F, 0x85), *range(0x86, 0xA0))))
_DASHES: Final = frozenset("\u2010\u2011\u2012\u2013\u2212")
_MARKUP: Final = (
    r"</?(?:b|i|u|em|strong|span|font|sup|sub|small|big|a|code|s|mark)\s{0,3}/?>"
    r"|</?(?:br|p|div|tr|td|th|table|tbody|thead|li|ul|ol|h[1-6]|hr|pre|html|body|head|title)\s{0,3}/?>"
    r"|&(?:\#\d{2,7}|\#[xX][0-9A-Fa-f]{2,6}|nbsp|amp|lt|gt|quot|ensp|emsp|middot);"
)
_INLINE: Final = re.compile(r"</?(?:b|i|u|em|strong|span|font|sup|sub|small|big|a|code|s|mark)\b", re.IGNORECASE)
_HAS_MARKUP: Final = re.compile(_MARKUP, re.IGNORECASE)


def _fold(surface: str) -> str:
    """Return what one character, or one tag or reference of HTML, becomes."""
    if surface[0] == "<" and len(surface) > 1:
        return "" if _INLINE.match(surface) else "\n"
    if surface[0] == "&" and len(surface) > 1:
        return "".join(_fold(character) for character in html.unescape(surface))
    if surface in _INVISIBLE or surface in _CONTROL:
        return ""
    if surface in _DASHES:
        return "-"
    if "\ud800" <= surface <= "\udfff":
        return "\ufffd"
    return unicodedata.normalize("NFKC", surface)


def _tables() -> tuple[dict[int, str], re.Pattern[str]]:
    """Split the folds of the planes that have any into those of one character, and those that change the length."""
    same_length: dict[int, str] = {}
    other_length: list[str] = []
    for code in _FOLDED_CODES:
        character = chr(code)
        folded = _fold(character)
        if folded == character:
            continue
        if len(folded) == 1:
            same_length[code] = folded
        else:
            other_length.append(character)
    return same_length, _class_of(other_length)


def _class_of(characters: Iterable[str]) -> re.Pattern[str]:
    """Return a class of characters, those beyond the basic plane by whole blocks: `re` has no fast set for them."""
    basic = "".join(character for character in characters if character < "\U00010000")
    return re.compile(f"[{re.escape(basic)}\U0001d400-\U0001d7ff\U0001f100-\U0001f1ff\U0002f800-\U0002fa1f]")


_SAME_LENGTH, _OTHER_LENGTH = _tables()
_FOLDED: Final = _class_of(map(chr, _SAME_LENGTH))
_USUAL: Final = tuple((mark, _SAME_LENGTH[ord(mark)]) for mark in "，：；（）！？％～＋／")
_CHANGES: Final = re.compile(f"[<&]|{_OTHER_LENGTH.pattern}|{_FOLDED.pattern}")
"""What may change a text: most short pieces of one hold none of it."""
_OTHER_LENGTH_OR_MARKUP: Final = re.compile(f"{_MARKUP}|{_OTHER_LENGTH.pattern}", re.IGNORECASE)


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
    if _CHANGES.search(text) is None:
        return NormalizedText.of(text)
    if ("<" in text or "&" in text) and _HAS_MARKUP.search(text):
        return _normalize_with_offsets(text, _OTHER_LENGTH_OR_MARKUP)
    if _OTHER_LENGTH.search(text) is None:
        return NormalizedText.of(_fold_same_length(text))
    return _normalize_with_offsets(text, _OTHER_LENGTH)


def _fold_same_length(text: str) -> str:
    """Fold the characters whose fold is one character; the usual marks first, since few texts hold another one."""
    if text.isascii() and _FOLDED.search(text) is None:
        return text
    for mark, folded in _USUAL:
        text = text.replace(mark, folded)
    return text.translate(_SAME_LENGTH) if _FOLDED.search(text) else text


def _normalize_with_offsets(text: str, pattern: re.Pattern[str]) -> NormalizedText:
    pieces: list[str] = []
    offsets: array[int] = array("q")
    position = 0
    for match in pattern.finditer(text):
        start = match.start()
        pieces.append(_fold_same_length(text[position:start]))
        offsets.extend(range(position, start))
        folded = _fold(match.group())
        pieces.append(folded)
        offsets.extend([start] * len(folded))
        position = match.end()
    pieces.append(_fold_same_length(text[position:]))
    offsets.extend(range(position, len(text) + 1))
    result = NormalizedText("".join(pieces))
    result.offsets = offsets
    return result
