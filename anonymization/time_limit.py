"""A limit on the time that a text may take: what cannot be analysed in time is withheld, not waited for.

In the main thread an alarm interrupts even a pattern that has gone astray (`re` looks for signals while it matches). In
other threads, and where somebody else holds the alarm, the clock is read between the steps.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_BASE_SECONDS: Final = 10.0
_CHARACTERS_PER_SECOND: Final = 2_000
"""The slowest that an honest text may be: notes run a hundred times faster, news (all of it tagged) five times."""


class TimeLimitExceededError(Exception):
    """The time was over. Internal: callers turn it into RecognitionError."""


class Clock:
    """The end of the time of one text; `check` raises TimeLimitExceededError once it is over."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        """Raise when the time is over."""
        if time.monotonic() > self._end:
            raise TimeLimitExceededError


def allowed_seconds(characters: int, base: float = _BASE_SECONDS) -> float:
    """Return how long a text of this length may take."""
    return base + characters / _CHARACTERS_PER_SECOND


@contextmanager
def time_limit(seconds: float) -> Iterator[Clock]:
    """Limit the time of the block; raises TimeLimitExceededError inside of it."""
    clock = Clock(seconds)
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not hasattr(signal, "setitimer") or signal.getitimer(signal.ITIMER_REAL)[0] > 0:
        yield clock
        return
    previous = signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield clock
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise TimeLimitExceededError
