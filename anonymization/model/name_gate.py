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
_SECOND: Final = "".join(sorted({surname[1] for surname in COMPOUND}))
_FIRST: Final = "".join(sorted(COMMON | RARE | {surname[0] for surname in COMPOUND}))
_CANDIDATE: Final = re.compile(
    rf"[{_FIRST}](?:[{_SECOND}](?<={any_of(sorted(COMPOUND))})(?={_USUAL}({_USUAL})?)"
    rf"|(?<=[{_SINGLE}])(?={_USUAL}({_USUAL})?))"
)
"""A surname and one or two characters that may be a given name. It starts with a class, so that `re` skips fast."""
_LONGER: Final = 3.0
_USUAL_PAIR: Final = 4
_LEVELS: Final = 10
_LENGTHS: Final = ("0", "1", "2")
_CONTEXT_AT_MOST: Final = 3.0
"""Log odds that the surroundings of a candidate can add; a name that is farther below is not looked at."""


class Scored(NamedTuple):
    """A possible name: half-open span and the gate's probability (0..1)."""

    start: int
    end: int
    probability: float


def candidates(text: str, first: int = 0, last: int | None = None) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, length of the surname) of everything that has the shape of a Han name; they overlap."""
    for match in _CANDIDATE.finditer(text, first, len(text) if last is None else last):
        start, middle = match.span()
        yield start, middle + 1, middle - start
        if match.lastindex:
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
        self._pairs: dict[str, int] = {pairs[2 * index : 2 * index + 2]: level for index, level in enumerate(levels)}
        self._inner: Callable[[str, int], tuple[float, int, int]] = lru_cache(maxsize=1 << 16)(self._of_name)
        self._context = _ContextTables(self._weights)

    def score(self, text: str, least: float, first: int = 0, last: int | None = None) -> list[Scored]:
        """Return the candidates of a normalised, simplified text from a probability on, the best at each place.

        `first` and `last` bound a passage of the text; what lies beyond counts as another line.
        """
        bound = _logit(least)
        last = len(text) if last is None else last
        inner, pair, tables = self._inner, self._pairs.get, self._context
        left, right = tables.left, tables.right
        near, pair_before, pair_after = tables.kinds["b"].get, tables.kinds["B"].get, tables.kinds["A"].get
        behind, entering, leaving = tables.kinds["a"].get, tables.kinds["p"].get, tables.kinds["q"].get
        enter_levels, leave_levels, enter_joined, leave_within = (tables.by_levels[kind] for kind in (3, 4, 5, 6))
        found: list[Scored] = []
        for start, end, family in candidates(text, first, last):
            total, joined, within = inner(text[start:end], family)
            if total + _CONTEXT_AT_MOST < bound:
                continue
            # The sum of the weights of `context_features`, in their order, without spelling the features out.
            length = end - start - family
            before = left[text[start - 1]] if start > first else "^"
            before2 = "^^" if before == "^" else (left[text[start - 2]] if start - 1 > first else "^") + before
            after = right[text[end]] if end < last else "$"
            after2 = "$$" if after == "$" else after + (right[text[end + 1]] if end + 1 < last else "$")
            enter, leave = before + text[start], text[end - 1] + after
            enters, leaves = pair(enter, 0), pair(leave, 0)
            total += near(before, 0.0)
            total += pair_before(before2, 0.0)
            total += behind(after + _LENGTHS[length], 0.0)
            total += pair_after(after2, 0.0)
            total += entering(enter, 0.0)
            total += leaving(leave, 0.0)
            total += enter_levels[enters][0]
            total += leave_levels[leaves][length]
            total += enter_joined[joined][enters]
            total += leave_within[within][leaves]
            if total >= bound:
                found.append(Scored(start, end, 1.0 / (1.0 + exp(-max(-50.0, total)))))
        return _best(found) if len(found) > 1 else found

    def is_usual(self, pair: str) -> bool:
        """Tell whether two characters often stand side by side in running text."""
        return self.how_usual(pair) >= _USUAL_PAIR

    def how_usual(self, pair: str) -> int:
        """Return how usual two characters are side by side in running text, 1 to 9; 0 when they are hardly ever."""
        return self._pairs.get(pair, 0)

    def _of_name(self, name: str, family: int) -> tuple[float, int, int]:
        """Return the sum over the features of a name, and how usual its two pairs are."""
        weight = self._weights.get
        total = 0.0
        for feature in name_features(name, family, self._pairs):
            total += weight(feature, 0.0)
        return total, self._pairs.get(name[family - 1 : family + 1], 0), self._pairs.get(name[family:], 0)


class _Shapes(dict[str, str]):
    """The shape of each character as `_near` gives it, made when it is first asked for."""

    def __init__(self, edge: str) -> None:
        super().__init__()
        self._edge = edge

    def __missing__(self, character: str) -> str:
        self[character] = shape = _near(character, 0, self._edge)
        return shape


class _ContextTables:
    """The weights of `context_features` by the first letter of the feature, so that none has to be spelled out."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.left, self.right = _Shapes("^"), _Shapes("$")
        self.kinds: dict[str, dict[str, float]] = {kind: {} for kind in "bBaApq"}
        for feature, weight in weights.items():
            if feature[:1] in self.kinds:
                self.kinds[feature[0]][feature[1:]] = weight
        levels = range(_LEVELS)
        self.by_levels = {3: [[weights.get(f"3{one}", 0.0)] for one in levels]} | {
            kind: [[weights.get(f"{kind}{one}{other}", 0.0) for other in levels] for one in levels]
            for kind in (4, 5, 6)
        }


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
