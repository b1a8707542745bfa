"""Follow the chain of DAG runs: each stage that brings something new starts the next one through its asset."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from governance.errors import RuntimeFailure
from governance.runtime.airflow_client import AirflowClient, DagRun, TaskInstance
from governance.runtime.progress import Progress

STAGES = ["collect", "standardize", "deidentify", "publish", "back_up"]
_FINISHED = {"success", "skipped", "failed", "upstream_failed", "removed"}
_POLL = 1.0  # seconds; each poll costs the API server about 50 ms of a core
_PATIENCE = 60.0  # seconds within which the scheduler must start the next stage
_LOG_LINES = 25


@dataclass
class Followed:
    """What came of a chain: its runs in order, what failed in them, and the stage that found nothing new, if any."""

    runs: list[DagRun] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    nothing_new: str | None = None


class Follower:
    """Waits for all runs of all stages since a moment, also those that the clock started meanwhile.

    Args:
        client: Airflow's API.
        since: runs that were queued before are not followed.
        progress: told of each change.
        watch: called between looks; raises when a server has died.
    """

    def __init__(self, client: AirflowClient, since: datetime, progress: Progress, watch: Callable[[], None]) -> None:
        self._client = client
        self._since = since
        self._progress = progress
        self._watch = watch

    def follow(self) -> Followed:
        """Wait for the whole chain; the first stage must have been triggered.

        A stage whose run failed may still have announced what it did finish (one source of many could not be read);
        then the chain goes on, and the failure is among the results.

        Raises:
            RuntimeFailure: a stage ended the chain by failing, or was not followed by the next; names task and log.
        """
        result = Followed()
        for stage in STAGES:
            runs = self._finish_all(stage)
            result.runs += runs
            failures = [_failure(self._client, run) for run in runs if run.state != "success"]
            announced = any(self._client.asset_events(run) for run in runs)
            if failures and not announced:
                raise RuntimeFailure("\n".join(failures))
            result.failures += failures
            if not announced:
                self._progress.show(stage, "nothing new")
                result.nothing_new = stage
                break
        return result

    def _finish_all(self, stage: str) -> list[DagRun]:
        """Wait until the stage has had a run and none of its runs is unfinished."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            runs = self._client.runs(stage, since=self._since)
            for run in runs:
                if not run.is_finished:
                    self._show(run)
                    break
            else:
                if runs:
                    self._show(runs[-1])
                    return runs
                if time.monotonic() > deadline:
                    raise RuntimeFailure(
                        f"no run of '{stage}' was started within {_PATIENCE:.0f} s after the stage before it; look in "
                        "the web UI (make up) whether its DAG is paused or has an import error"
                    )
            self._watch()
            time.sleep(_POLL)

    def _show(self, run: DagRun) -> None:
        tasks = self._client.task_instances(run)
        self._progress.show(run.dag_id, run.state, sum(task.state in _FINISHED for task in tasks), len(tasks))


def _failure(client: AirflowClient, run: DagRun) -> str:
    """Which tasks of a run failed, and the ends of their logs."""
    failed = [task for task in client.task_instances(run) if task.state == "failed"]
    names = ", ".join(_name(task) for task in failed)
    message = f"the stage '{run.dag_id}' failed (run {run.run_id}); failed tasks: {names or 'none'}"
    for task in failed[:3]:
        lines = [line for line in client.log_lines(run, task) if not line.startswith("::")][-_LOG_LINES:]
        message += f"\n── {_name(task)}, try {task.try_number}:\n" + "\n".join(lines)
    return message


def _name(task: TaskInstance) -> str:
    return f"{task.task_id}[{task.map_index}]" if task.map_index >= 0 else task.task_id
