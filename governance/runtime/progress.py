"""Live progress of the stages: a table that redraws itself on a terminal, a line a change elsewhere (logs, CI)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

TITLES = {
    "collect": "采集 collect",
    "standardize": "标准化 standardize",
    "deidentify": "脱敏 deidentify",
    "publish": "发布 publish",
    "back_up": "备份 back up",
}
_STATES = {
    "waiting": "等待 waiting",
    "queued": "排队 queued",
    "running": "运行 running",
    "success": "完成 done",
    "failed": "失败 failed",
    "nothing new": "无新数据 nothing new",
}


@dataclass
class _Stage:
    state: str = "waiting"
    done: int = 0
    tasks: int = 0
    since: float = 0.0
    seconds: float = 0.0


class Progress:
    """Shows the stages while they run; use as a context manager.

    Args:
        stages: their ids in order.
        console: where to show.
        clock: seconds that only grow.
    """

    def __init__(self, stages: list[str], console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._stages = {name: _Stage() for name in stages}
        self._console = console
        self._clock = clock
        self._started = clock()
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.update(self._table(), refresh=True)
            self._live.stop()

    def show(self, name: str, state: str, done: int | None = None, tasks: int = 0) -> None:
        """A stage's state (waiting, queued, running, success, failed, nothing new) and its finished of all tasks.

        Without ``done`` the count stays as it was.
        """
        stage = self._stages.setdefault(name, _Stage())
        done = stage.done if done is None else done
        changed = (stage.state, stage.done) != (state, done)
        now = self._clock()
        if stage.state == "waiting" and state != "waiting":
            stage.since = now
        stage.state, stage.done, stage.tasks = state, done, max(tasks, stage.tasks)
        stage.seconds = now - stage.since if stage.since else 0.0
        if self._live:
            self._live.update(self._table())
        elif changed:
            self._console.print(
                f"[{now - self._started:6.1f} s] {_cell(TITLES.get(name, name), 24)} "
                f"{_cell(_STATES.get(state, state), 16)} {done}/{stage.tasks} 任务 tasks {stage.seconds:6.1f} s",
                markup=False,
                highlight=False,
            )

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for title in ("阶段 stage", "状态 state"):
            table.add_column(title, min_width=22)
        for title in ("任务 tasks", "秒 s"):
            table.add_column(title, justify="right", min_width=9)
        colours = {"success": "green", "failed": "red", "running": "cyan"}
        for name, stage in self._stages.items():
            colour = colours.get(stage.state, "")
            state = _STATES.get(stage.state, stage.state)
            table.add_row(
                TITLES.get(name, name),
                f"[{colour}]{state}[/]" if colour else state,
                f"{stage.done}/{stage.tasks}" if stage.tasks else "",
                f"{stage.seconds:.1f}" if stage.seconds else "",
            )
        return table


def _cell(text: str, width: int) -> str:
    """Text padded to a width in terminal cells; a Chinese character takes two."""
    taken = sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)
    return text + " " * max(width - taken, 0)
