"""The moment of a drill: drawn with a recorded seed from everything that can be restored, so nobody can choose well.

One that somebody names is refused before the drill when it lies outside: a typing error is no failed drill.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from governance.backup.adapter import Range
from governance.backup.timeline import said
from governance.errors import BackupError

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


def refuse_outside(ranges: Sequence[Range], moment: datetime) -> None:
    """Refuse a named moment before the first or after the last that can be restored.

    A moment in a gap between, or any where nothing can be restored, is for the drill to fail on.

    Raises:
        BackupError: names what can be restored.
    """
    if ranges and not min(item.earliest for item in ranges) <= moment <= max(item.until for item in ranges):
        raise BackupError(
            f"{moment} is outside what can be restored, nothing was drilled; name one of {said(tuple(ranges))}"
        )
