"""Names for training text: surnames by how common they are, given names from openly licensed lists and characters.

`jieba` (MIT) lists some ten thousand person names (part of speech nr) among its words; those with a Chinese surname
give the given names. An invented name may equal a living person's by chance, as any common name does.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

from anonymization.lexicon.given_names import EITHER, FEMALE, GIVEN, MALE
from anonymization.lexicon.surnames import COMMON_BY_SIZE, COMPOUND, RARE, surname_length

_FEWEST: Final = 2


def listed_given_names(dictionary: Path) -> list[str]:
    """Return the given names of the person names in jieba's dict.txt."""
    given = []
    for line in dictionary.read_text(encoding="utf-8").splitlines():
        word, _, kind = line.split(" ")
        family = surname_length(word)
        if kind == "nr" and family and 1 <= len(word) - family <= _FEWEST:
            given.append(word[family:])
    return given


class NameMaker:
    """Draws names; the same seed draws the same names."""

    def __init__(self, draw: random.Random, listed: list[str]) -> None:
        self._draw, self._listed = draw, listed
        self._compound, self._rare = sorted(COMPOUND), sorted(RARE)
        self._weights = [1.0 / (rank + 8) for rank in range(len(COMMON_BY_SIZE))]

    def surname(self) -> str:
        """Return a surname: mostly a common one, sometimes a rare or compound one."""
        chance = self._draw.random()
        if chance < 0.03:
            return self._draw.choice(self._compound)
        if chance < 0.06:
            return self._draw.choice(self._rare)
        if chance < 0.16:
            return self._draw.choice(COMMON_BY_SIZE)
        return self._draw.choices(COMMON_BY_SIZE, self._weights)[0]

    def given(self) -> str:
        """Return a given name of one or two characters."""
        chance = self._draw.random()
        if chance < 0.35:
            return self._draw.choice(self._listed)
        pool = MALE if chance < 0.55 else FEMALE if chance < 0.75 else EITHER if chance < 0.9 else sorted(GIVEN)
        length = 1 if self._draw.random() < 0.25 else 2
        return "".join(self._draw.choice(pool) for _ in range(length))

    def name(self) -> str:
        """Return a whole name."""
        return self.surname() + self.given()
