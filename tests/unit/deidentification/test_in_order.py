"""Several processes answer in order, never run far ahead, and a lost process is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.deidentification.in_order import in_order, processes_of
from governance.errors import RuntimeFailure, SettingsError


def slow_for_even(number: int) -> int:
    time.sleep(0.02 if number % 2 == 0 else 0)
    return number * 10


def end(_number: int) -> int:
    os._exit(1)


@pytest.mark.parametrize("processes", [1, 2])
def test_answers_come_in_the_order_of_the_items(processes: int) -> None:
    assert list(in_order(slow_for_even, range(20), processes)) == [number * 10 for number in range(20)]


def test_items_are_not_taken_far_ahead() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number

    answers = in_order(slow_for_even, items(), 2)
    for _ in range(10):
        next(answers)
    assert taken <= 10 + 2 * 3
    answers.close()


def test_a_process_that_is_lost_is_told() -> None:
    with pytest.raises(RuntimeFailure, match="fewer --jobs"):
        list(in_order(end, range(3), 2))


@pytest.mark.parametrize("jobs", ["0", "-1", "x", ""])
def test_a_wrong_number_of_processes_is_refused(jobs: str) -> None:
    with pytest.raises(SettingsError, match="--jobs"):
        processes_of(jobs)


def test_all_is_every_processor() -> None:
    assert processes_of("all") >= 1
    assert processes_of("3") == 3


def test_processes_end_when_the_one_that_started_them_is_killed() -> None:
    script = (
        "import os, time\n"
        "from governance.deidentification.in_order import in_order\n"
        "def work(_item): time.sleep(0.1); return os.getpid()\n"
        "for answer in in_order(work, iter(int, 1), 2): print(answer, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        workers = {int(program.stdout.readline()) for _ in range(20)}
        program.kill()
        deadline = time.monotonic() + 20
        while any(is_running(worker) for worker in workers):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
