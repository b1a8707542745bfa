"""The name gate: a small linear model that says how likely a surname and what follows it are a person's name.

It is trained by `training/train_name_gate.py` on text that the project generates and on openly licensed text. It looks
at the characters of the name, the characters around it, and at how usual their pairs are in running text. In clinical
prose it decides alone when it is sure, and asks the taggers when it is not, so that they rarely have to run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib import resources
from math import exp, log
from typing import Final, NamedTuple

import numpy as np

from anonymization.errors import ModelError
from anonymization.lexicon import any_of
from anonymization.lexicon.given_names import UNUSUAL
from anonymization.lexicon.surnames import COMMON, COMPOUND, RARE

HAN: Final = r"\u3400-\u4dbf\u4e00-\u9fff"
_SINGLE: Final = "".join(sorted(COMMON | RARE))
_UNUSUAL: Final = "".join(sorted(UNUSUAL))
_USUAL: Final = rf"(?![{_UNUSUAL}])[{HAN}]"
_CANDIDATE: Final = re.compile(rf"(?:{any_of(sorted(COMPOUND))}|[{_SINGLE}])(?={_USUAL}({_USUAL})?)")
_LONGER: Final = 3.0
_USUAL_PAIR: Final = 4
_CONTEXT_AT_MOST: Final = 3.0
"""Log odds that the surroundings of a candidate can add; a name that is farther below is not looked at."""


class Scored(NamedTuple):
    """A possible name: half-open span and the gate's probability (0..1)."""

    start: int
    end: int
    probability: float


def candidates(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, length of the surname) of everything that has the shape of a Han name; they overlap."""
    for match in _CANDIDATE.finditer(text):
        start, middle = match.span()
        yield start, middle + 1, middle - start
        if match.group(1):
            yield start, middle + 2, middle - start


def _near(text: str, place: int, edge: str) -> str:
    """Return the shape of the character at a place, `edge` beyond the line."""
    if place < 0 or place >= len(text):
        return edge
    character = text[place]
    if character == "\n":
        return edge
    if character.isdigit():
        return "0"
    return "a" if character.isascii() and character.isalpha() else character


def name_features(name: str, family: int, pairs: Mapping[str, int]) -> list[str]:
    """Return the features of the name itself. `pairs` holds how usual two characters are side by side (1..9)."""
    surname, given = name[:family], name[family:]
    shape = f"{family}{len(given)}"
    first, within = pairs.get(name[family - 1] + given[0], 0), pairs.get(given, 0)
    return [
        "#" + shape,
        "s" + surname,
        "g" + given[0] + shape,
        "h" + given[-1] + shape,
        "G" + given,
        "N" + surname + given[0],
        f"1{first}{shape}",
        f"2{within}{shape}",
    ]


def context_features(text: str, start: int, end: int, family: int, pairs: Mapping[str, int]) -> list[str]:
    """Return the features of what stands around a candidate, two characters on each side."""
    length = end - start - family
    before, after = _near(text, start - 1, "^"), _near(text, end, "$")
    before2 = (before if before == "^" else _near(text, start - 2, "^")) + before
    after2 = after + (after if after == "$" else _near(text, end + 1, "$"))
    first = pairs.get(text[start + family - 1 : start + family + 1], 0)
    within = pairs.get(text[start + family : end], 0)
    enters, leaves = pairs.get(before + text[start], 0), pairs.get(text[end - 1] + after, 0)
    return [
        "b" + before,
        "B" + before2,
        f"a{after}{length}",
        "A" + after2,
        "p" + before + text[start],
        "q" + text[end - 1] + after,
        f"3{enters}",
        f"4{leaves}{length}",
        f"5{first}{enters}",
        f"6{within}{leaves}",
    ]


class NameGate:
    """The loaded gate. Raises ModelError when its file is missing or damaged."""

    def __init__(self) -> None:
        file = resources.files("anonymization.model") / "name_gate.npz"
        try:
            with resources.as_file(file) as path, np.load(path, allow_pickle=False) as table:
                names = bytes(table["features"]).decode().split("\n")
                self._weights: dict[str, float] = dict(zip(names, table["weights"].astype(float).tolist(), strict=True))
                pairs = bytes(table["pairs"]).decode()
                levels = table["levels"].tolist()
        except Exception as error:
            raise ModelError(
                "Model name_gate of anonymization/model cannot be loaded. Reinstall the package, or make the model "
                "anew with training/train_name_gate.py."
            ) from error
        self._inner: Callable[[str, int], float] = lru_cache(maxsize=1 << 16)(self._sum_of_name)
        self._pairs: dict[str, int] = {pairs[2 * index : 2 * index + 2]: level for index, level in enumerate(levels)}

    def score(self, text: str, least: float) -> list[Scored]:
        """Return the candidates of a normalised, simplified text from a probability on, the best at each place."""
        bound = _logit(least)
        weight, pairs, inner = self._weights.get, self._pairs, self._inner
        found: list[Scored] = []
        for start, end, family in candidates(text):
            total = inner(text[start:end], family)
            if total + _CONTEXT_AT_MOST < bound:
                continue
            for feature in context_features(text, start, end, family, pairs):
                total += weight(feature, 0.0)
            if total >= bound:
                found.append(Scored(start, end, 1.0 / (1.0 + exp(-max(-50.0, total)))))
        return _best(found)

    def is_usual(self, pair: str) -> bool:
        """Tell whether two characters often stand side by side in running text."""
        return self.how_usual(pair) >= _USUAL_PAIR

    def how_usual(self, pair: str) -> int:
        """Return how usual two characters are side by side in running text, 1 to 9; 0 when they are hardly ever."""
        return self._pairs.get(pair, 0)

    def _sum_of_name(self, name: str, family: int) -> float:
        weight = self._weights.get
        total = 0.0
        for feature in name_features(name, family, self._pairs):
            total += weight(feature, 0.0)
        return total


def _logit(probability: float) -> float:
    return log(probability / (1.0 - probability))


def _best(found: list[Scored]) -> list[Scored]:
    """Keep the likeliest of overlapping candidates; a longer one from the same place wins if it is nearly as likely."""
    chosen: list[Scored] = []
    for candidate in sorted(found, key=lambda c: (-c.probability * _LONGER ** (c.end - c.start), c.start)):
        if all(candidate.end <= other.start or other.end <= candidate.start for other in chosen):
            chosen.append(candidate)
    return sorted(chosen)


@lru_cache(maxsize=1)
def name_gate() -> NameGate:
    """Return the gate, loaded once a process."""
    return NameGate()
