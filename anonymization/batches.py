"""Short notes are analysed as one long text: most of the cost of a recognizer is in starting it.

Notes are joined by a mark that no pattern matches and no note can hold; what is found is cut back to its note.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from anonymization.normalize import NormalizedText

BETWEEN: Final = "\n\ufffc\n"
"""Stands between two texts of a batch. U+FFFC is neither white space nor a letter, digit or mark of any pattern."""
BATCH_CHARACTERS: Final = 16_000


def batches(texts: Sequence[NormalizedText]) -> Iterator[range]:
    """Yield ranges of indexes whose texts fill a batch; a longer text is a batch of its own."""
    first, size = 0, 0
    for index, text in enumerate(texts):
        if index > first and size + len(text) > BATCH_CHARACTERS:
            yield range(first, index)
            first, size = index, 0
        size += len(text) + len(BETWEEN)
    if first < len(texts):
        yield range(first, len(texts))


class Batch:
    """Some texts as one, with the way back."""

    def __init__(self, texts: Sequence[NormalizedText]) -> None:
        self.text = NormalizedText.of(BETWEEN.join(texts))
        self._starts = [0]
        self._ends: list[int] = []
        for text in texts:
            self._ends.append(self._starts[-1] + len(text))
            self._starts.append(self._ends[-1] + len(BETWEEN))

    def place(self, start: int, end: int) -> tuple[int, int, int]:
        """Return which text a span starts in and where in it; the part beyond that text is cut off."""
        index = bisect_right(self._starts, start, 0, len(self._ends)) - 1
        first = self._starts[index]
        return index, start - first, min(end, self._ends[index]) - first


def parts(text: str) -> Iterable[tuple[int, int]]:
    """Return the places of the single texts in a batch (of one text: the whole)."""
    first = 0
    while True:
        stop = text.find(BETWEEN, first)
        if stop < 0:
            yield first, len(text)
            return
        yield first, stop
        first = stop + len(BETWEEN)
