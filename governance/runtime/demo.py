"""``make demo``: servers up, deliveries in, the whole lifecycle under Airflow's scheduler, proofs, a summary, servers down."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

from governance.database import Role
from governance.errors import GovernanceError, RuntimeFailure
from governance.runtime.airflow_client import AirflowClient
from governance.runtime.follow import STAGES, Followed, follow
from governance.runtime.progress import Progress
from governance.runtime.report import Outcome, print_report
from governance.runtime.sample import choose, generate_once
from governance.runtime.secrets import Secrets
from governance.runtime.stack import Stack
from governance.runtime.summary import stage_behind, summarise
from governance.settings import Settings
from governance.verify import run_checks

_DAG_PATIENCE = 120.0  # seconds until all DAG files must have been read


def run_demo(settings: Settings, *, patients: int | None, source: Path | None, seed: int) -> int:
    """Run the lifecycle once and print the summary; returns 0 only if everything held.

    Servers that ran before are left running; those that the demo started are stopped, whatever happens.

    Args:
        patients: size of the sample hospital; by default that of the sample that is there, else 2,000.
        source: a folder of deliveries to use instead of the sample.
        seed: seed of the sample.
    """
    console = Console(highlight=False, width=None if Console().is_terminal else 110)
    begun = time.monotonic()
    sample = None
    if source is not None:
        if not source.is_dir():
            raise RuntimeFailure(f"the deliveries folder {source} does not exist; SOURCE names a folder")
        settings = settings.model_copy(update={"deliveries": source.absolute()})
    elif settings.deliveries == settings.state / "deliveries":
        settings, sample = choose(settings, patients, seed)
    stack = Stack(settings)
    with _terminated_as_interrupt(), stack.locked():
        before = stack.status()
        try:
            with ThreadPoolExecutor(1) as workers:
                generating = workers.submit(generate_once, settings, sample) if sample else None
                held = _start(stack, console)
                if generating and sample:
                    made = "已生成 generated" if generating.result() else "已存在 already there"
                    console.print(f"样本医院 sample hospital: {sample.patients:,} 名患者 patients · {made} · {settings.deliveries}")
                else:
                    console.print(f"交付文件夹 deliveries: {settings.deliveries}")
                client = stack.airflow.client(held)
                stack.airflow.wait_until_healthy(held)
                _wait_for_dags(client)
            ready = time.monotonic()
            console.print(f"服务就绪 servers are ready: {ready - begun:.1f} s · {stack.airflow.url}")
            since, followed = _run_chain(stack, client, held, console, resume=not before.airflow)
            chain_seconds = time.monotonic() - ready
            checks = run_checks(settings)
            outcome = Outcome(
                settings=settings,
                summary=summarise(held[f"dsn_{Role.AUDIT}"], since),
                followed=followed,
                checks=checks,
                ready_seconds=ready - begun,
                pipeline_seconds=chain_seconds,
                verify_seconds=time.monotonic() - ready - chain_seconds,
            )
            return 0 if print_report(console, outcome) else 1
        except GovernanceError as error:
            console.print(f"\n失败 failed: {error}", markup=False, style="red")
            console.print(f"日志 logs: {settings.state / 'logs'} · 修正后重跑 mend it and run again: make demo", markup=False)
            return 1
        except KeyboardInterrupt:
            console.print("\n已中断，再次运行即可继续 interrupted; run it again to go on")
            return 130
        finally:
            _stop(stack, airflow=not before.airflow, database=not before.database)


def _start(stack: Stack, console: Console) -> Secrets:
    console.print("启动数据库与 Airflow（约 20 秒） starting the warehouse and Airflow (about 20 s) …")
    held = stack.start_database()
    stack.airflow.start(held)
    return held


def _wait_for_dags(client: AirflowClient) -> None:
    """Until the scheduler knows all stages.

    Raises:
        RuntimeFailure: a DAG file has an import error, or one is missing.
    """
    deadline = time.monotonic() + _DAG_PATIENCE
    while missing := set(STAGES) - client.dags().keys():
        errors = client.import_errors()
        if errors or time.monotonic() > deadline:
            reasons = "; ".join(f"{name}: {error}" for name, error in errors) or "no import error is known"
            raise RuntimeFailure(f"Airflow does not know the DAGs {', '.join(sorted(missing))}: {reasons}")
        time.sleep(0.3)


def _run_chain(
    stack: Stack, client: AirflowClient, held: Secrets, console: Console, *, resume: bool
) -> tuple[datetime, Followed]:
    """Start ``collect`` and follow it; then the stages that an interrupted run has left behind, if any."""
    if resume:  # nobody can be running them: Airflow was down
        for stage in STAGES:
            for run in client.runs(stage):
                if not run.is_finished:
                    client.fail(run)
    with Progress(STAGES, console) as progress:
        first = client.trigger(STAGES[0])
        followed = follow(client, first, progress, stack.airflow.check)
        behind = stage_behind(held[f"dsn_{Role.AUDIT}"], STAGES[1:]) if followed.nothing_new == STAGES[0] else None
        if behind:
            rest = follow(client, client.trigger(behind), progress, stack.airflow.check)
            followed = Followed([*followed.runs, *rest.runs], rest.nothing_new)
    if behind:
        console.print(f"上次运行中断，已从 {behind} 继续 an earlier run was cut off; went on from '{behind}'")
    return first.queued_at, followed


def _stop(stack: Stack, *, airflow: bool, database: bool) -> None:
    """Stop what the demo started; a second interrupt does not prevent it."""
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        if airflow:
            stack.airflow.stop()
        if database:
            stack.stop_database()
    finally:
        signal.signal(signal.SIGINT, previous)


@contextlib.contextmanager
def _terminated_as_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as Ctrl-C does, so that it stops its servers."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
