"""A warning sign, and when a figure has jumped: robustly, against the median of the earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

_NORMAL = 1.4826  # the median absolute deviation times this is the standard deviation of normal data


class SignState(StrEnum):
    """What a sign says."""

    QUIET = "quiet"
    WARNING = "warning"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True)
class Sign:
    """One sign.

    Attributes:
        name: of the sign; incidents are of kind ``sign:<name>``.
        words: figures and limits, Chinese first; ids only, never a value of a row.
    """

    name: str
    state: SignState
    words: str


def jump(value: float, earlier: Sequence[float], deviations: float, least: float) -> bool:
    """Whether a figure is far from the earlier ones, up or down.

    Args:
        deviations: how many robust standard deviations (median absolute deviation) are far.
        least: how far it must be at least, in the figure's own unit: figures that never vary have no deviation.
    """
    middle = median(earlier)
    spread = _NORMAL * median(abs(item - middle) for item in earlier)
    return abs(value - middle) > max(deviations * spread, least)


def sign(name: str, findings: Sequence[str], checked: int, words: str) -> Sign:
    """A sign: a warning with findings, not applicable with nothing checked, else quiet."""
    if findings:
        return Sign(name, SignState.WARNING, "; ".join(findings))
    return Sign(name, SignState.QUIET if checked else SignState.NOT_APPLICABLE, words)
