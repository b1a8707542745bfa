"""Which passages of a text are English: the English model must not read Chinese notes with English drugs and eponyms.

A text without Han characters is English as a whole, if it has words beside abbreviations and units. Of a mixed text,
only lines without Han characters count, and only if they hold sentences: some function words, not just abbreviations
and laboratory values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from anonymization.batches import parts

_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_WORD: Final = re.compile(r"[A-Za-z]{3}")
_LINE: Final = re.compile(r"[^\n]+")
_FUNCTION_WORD: Final = re.compile(
    r"(?<![A-Za-z])(?:the|of|and|is|was|are|were|to|in|for|with|my|his|her|he|she|you|your|by|from|at|on|has|had|an|dear"
    r"|regards|sincerely|we|they|not|be|will|this|that)(?![A-Za-z])",
    re.IGNORECASE,
)
_PLAIN_WORD: Final = re.compile(
    r"(?<![A-Za-z/])(?:[A-Z][a-z]{2}|(?![munpk]?mol|min|cells?|kpa|copies)[a-z]{3})|[A-Z]{6}"
)
_LEAST_FUNCTION_WORDS: Final = 3


@lru_cache(maxsize=1)
def english_passages(text: str) -> tuple[tuple[int, int], ...]:
    """Return the places of the English passages of a normalised text, or of each text in a batch.

    The last answer is kept: each recognizer of English text asks the same.
    """
    return tuple(_passages(text))


def _passages(text: str) -> Iterator[tuple[int, int]]:
    if _WORD.search(text) is None:
        return
    for start, end in parts(text):
        if _WORD.search(text, start, end) is None:
            continue
        if _HAN.search(text, start, end) is None:
            if _PLAIN_WORD.search(text, start, end) or _FUNCTION_WORD.search(text, start, end):
                yield start, end
            continue
        for line in _LINE.finditer(text, start, end):
            if _HAN.search(line.group()) is None and _has_sentence(line.group()):
                yield line.span()


def _has_sentence(line: str) -> bool:
    return sum(1 for _ in _FUNCTION_WORD.finditer(line)) >= _LEAST_FUNCTION_WORDS
