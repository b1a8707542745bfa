"""The moment of a drill: drawn with a recorded seed from everything that can be restored, so nobody can choose well."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from governance.backup.adapter import Range

_MARGIN = timedelta(seconds=1)


def draw(ranges: Sequence[Range], seed: int) -> datetime | None:
    """A moment within the ranges, every second of them equally likely; ``None`` if they hold no second.

    Args:
        seed: the same seed and ranges give the same moment.
    """
    lengths = [max((item.until - item.earliest - _MARGIN).total_seconds(), 0.0) for item in ranges]
    if not sum(lengths):
        return None
    at = random.Random(seed).uniform(0, sum(lengths))  # noqa: S311 - it is to be repeatable, not secret
    for item, length in zip(ranges, lengths, strict=True):
        if at <= length:
            return item.earliest + timedelta(seconds=at)
        at -= length
    return ranges[-1].until - _MARGIN
