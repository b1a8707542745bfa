"""Follow the chain of DAG runs: each stage that brings something new starts the next one through its asset."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from governance.errors import RuntimeFailure
from governance.runtime.airflow_client import AirflowClient, DagRun, TaskInstance
from governance.runtime.progress import Progress

STAGES = ["collect", "standardize", "deidentify", "publish", "back_up"]
_FINISHED = {"success", "skipped", "failed", "upstream_failed", "removed"}
_POLL = 0.5  # seconds
_PATIENCE = 60.0  # seconds within which the scheduler must start the next stage
_LOG_LINES = 25


@dataclass(frozen=True)
class Followed:
    """What came of a chain: its runs in order, and the stage that found nothing new (the chain ends there), if any."""

    runs: list[DagRun]
    nothing_new: str | None


def follow(client: AirflowClient, first: DagRun, progress: Progress, watch: Callable[[], None]) -> Followed:
    """Wait for a run and all runs that follow from it.

    Args:
        client: Airflow's API.
        first: the run to begin with.
        progress: told of each change.
        watch: called between looks; raises when a server has died.

    Raises:
        RuntimeFailure: a task failed (the message ends with its log), or a stage was not followed by the next.
    """
    runs = [_finish(client, first, progress, watch)]
    while True:
        run = runs[-1]
        if run.dag_id == STAGES[-1]:
            return Followed(runs, None)
        if not client.asset_events(run):
            progress.show(run.dag_id, "nothing new")
            return Followed(runs, run.dag_id)
        following = _following(client, run, watch)
        runs.append(_finish(client, following, progress, watch))


def _finish(client: AirflowClient, run: DagRun, progress: Progress, watch: Callable[[], None]) -> DagRun:
    """Wait until a run has ended."""
    while True:
        run = client.run(run.dag_id, run.run_id)
        tasks = client.task_instances(run)
        progress.show(run.dag_id, run.state, sum(task.state in _FINISHED for task in tasks), len(tasks))
        if run.is_finished:
            break
        watch()
        time.sleep(_POLL)
    if run.state != "success":
        raise RuntimeFailure(_failure(client, run, tasks))
    return run


def _following(client: AirflowClient, run: DagRun, watch: Callable[[], None]) -> DagRun:
    """The run of the next stage that this run's assets have started."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for dag_id, run_id in client.started_by(run):
            if dag_id in STAGES:
                return client.run(dag_id, run_id)
        watch()
        time.sleep(_POLL)
    raise RuntimeFailure(
        f"'{run.dag_id}' brought something new, but no further stage was started within {_PATIENCE:.0f} s; "
        "look in the web UI (make up) whether the next DAG is paused or has an import error"
    )


def _failure(client: AirflowClient, run: DagRun, tasks: list[TaskInstance]) -> str:
    """Which task failed, and the end of its log."""
    failed = [task for task in tasks if task.state == "failed"]
    names = ", ".join(f"{task.task_id}[{task.map_index}]" if task.map_index >= 0 else task.task_id for task in failed)
    message = f"the stage '{run.dag_id}' failed (run {run.run_id}); failed tasks: {names or 'none'}"
    for task in failed[:2]:
        lines = client.log_lines(run, task)[-_LOG_LINES:]
        message += f"\n── {task.task_id}, try {task.try_number}:\n" + "\n".join(lines)
    return message
