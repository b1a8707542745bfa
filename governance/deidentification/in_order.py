"""Work on a stream of items by several processes, answers in the order of the items, memory bounded."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from threading import Thread
from typing import Annotated, Any, Final, TypeVar

import typer

from governance.errors import RuntimeFailure, SettingsError

Item = TypeVar("Item")
Answer = TypeVar("Answer")
JobsOption = Annotated[str, typer.Option("--jobs", "-j", help="进程数或 all number of processes, or all")]

_AHEAD: Final = 3  # items under way for each process
_LOOK_SECONDS: Final = 1.0
_work: Callable[[Any], Any] | None = None


def in_order(work: Callable[[Item], Answer], items: Iterable[Item], processes: int) -> Iterator[Answer]:
    """Yield the answers; with one process each before the next item is asked for.

    `work` goes to each process once: it may hold what is costly to build, if it builds it on its first item.

    Raises:
        RuntimeFailure: the system ended a process.
    """
    if processes == 1:
        yield from map(work, items)
        return
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    try:
        with ProcessPoolExecutor(processes, context, initializer=_start, initargs=(work, os.getpid())) as pool:
            waiting: deque[Future[Answer]] = deque()
            for item in items:
                waiting.append(pool.submit(_answer, item))
                if len(waiting) >= processes * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise RuntimeFailure("a process was ended from outside (memory?); run with fewer --jobs") from error


def processes_of(jobs: str) -> int:
    """Number of processes that ``--jobs`` names.

    Raises:
        SettingsError: it is neither a number from 1 nor "all".
    """
    if jobs == "all":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not jobs.isdecimal() or int(jobs) < 1:
        raise SettingsError("--jobs is a number from 1, or all")
    return int(jobs)


def _start(work: Callable[[Any], Any], parent: int) -> None:
    global _work  # noqa: PLW0603  one a process
    _work = work
    Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent was killed: it would wait for ever, with texts of patients in its memory."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


def _answer(item: Any) -> Any:
    assert _work is not None  # noqa: S101
    return _work(item)
