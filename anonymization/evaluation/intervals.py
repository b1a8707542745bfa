"""Confidence intervals of a share: Wilson's score interval and Clopper and Pearson's exact one."""

from __future__ import annotations

from math import exp, fsum, lgamma, log, log1p, sqrt
from typing import Final

_Z: Final = 1.959964
"""Quantile of the standard normal distribution for 95 %."""
_STEPS: Final = 60


def wilson(count: int, n: int) -> tuple[float, float] | None:
    """Return the 95 % score interval of count out of n (Wilson 1927); None when n is 0."""
    if n == 0:
        return None
    share = count / n
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def clopper_pearson(count: int, n: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the exact binomial interval of count out of n (Clopper and Pearson 1934); None when n is 0. O(count)."""
    if n == 0:
        return None
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else _share_where(1 - tail, count - 1, n)
    high = 1.0 if count == n else _share_where(tail, count, n)
    return low, high


def _share_where(probability: float, count: int, n: int) -> float:
    """Return the share under which at most count of n has a probability, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _at_most(count, n, middle) > probability:  # it falls as the share grows
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _at_most(count: int, n: int, share: float) -> float:
    """Return the probability of at most count successes in n trials, 0 < share < 1."""
    one, other, whole = log(share), log1p(-share), lgamma(n + 1)
    return fsum(exp(whole - lgamma(k + 1) - lgamma(n - k + 1) + k * one + (n - k) * other) for k in range(count + 1))
