"""Derived random streams: every person, visit and day has its own generator, so nothing depends on what was drawn
before.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Stream(IntEnum):
    """What a generator is for. Equal keys in different streams give unrelated numbers."""

    PERSON = 1
    COURSE = 2
    BREAST_CANCER = 3
    VISIT = 4
    STAFF = 5
    DEFECT = 6
    BASELINE = 7
    NOTE = 8


def derive(seed: int, stream: Stream, index: int, part: int = 0) -> Random:
    """Return the generator of (seed, stream, index, part); equal arguments always give the same numbers."""
    return Random((((seed << 8 | int(stream)) << 40 | index) << 24) | part)


class Weighted(Generic[T]):
    """A fixed list of choices with weights, drawn from in one bisection."""

    def __init__(self, choices: Sequence[tuple[T, float]]) -> None:
        self._items = [item for item, _ in choices]
        self._cumulative = list(accumulate(weight for _, weight in choices))

    def draw(self, rng: Random) -> T:
        return rng.choices(self._items, cum_weights=self._cumulative)[0]


def scramble(value: int, modulus: int, salt: int) -> int:
    """Map 0 <= value < modulus one-to-one onto the same range, so that neighbours do not look like neighbours."""
    # 55,621,373 shares no factor with the moduli in use (products of 2, 3 and 5)
    return (value * 55_621_373 + salt * 77_777_777) % modulus
