"""Confidence intervals of a share: Wilson's score interval and Clopper and Pearson's exact one."""

from __future__ import annotations

from math import exp, lgamma, log, sqrt
from typing import Final

_Z: Final = 1.959964
"""Quantile of the standard normal distribution for 95 %."""
_STEPS: Final = 60
_TERMS: Final = 300


def wilson(count: int, n: int) -> tuple[float, float] | None:
    """Return the 95 % score interval of count out of n (Wilson 1927); None when n is 0."""
    if n == 0:
        return None
    share = count / n
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def clopper_pearson(count: int, n: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the exact binomial interval of count out of n (Clopper and Pearson 1934); None when n is 0."""
    if n == 0:
        return None
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else _beta_quantile(tail, count, n - count + 1)
    high = 1.0 if count == n else _beta_quantile(1 - tail, count + 1, n - count)
    return low, high


def _beta_quantile(share: float, a: float, b: float) -> float:
    """Return x where the Beta(a, b) distribution function reaches a share, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _beta_distribution(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta_distribution(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function by its continued fraction (Lentz's method)."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _beta_distribution(1.0 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1.0 - x)) / a
    tiny = 1e-30
    c, d = 1.0, 1.0 / _nonzero(1.0 - (a + b) * x / (a + 1), tiny)
    fraction = d
    for m in range(1, _TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _nonzero(1.0 + term * d, tiny)
            c = _nonzero(1.0 + term / c, tiny)
            fraction *= c * d
        if abs(c * d - 1.0) < 1e-14:
            break
    return front * fraction


def _nonzero(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny
