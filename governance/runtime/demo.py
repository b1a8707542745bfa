"""``make demo``: servers up, deliveries in, the lifecycle under Airflow's scheduler, proofs, summary, servers down."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from types import FrameType

from rich.console import Console

from governance.access.demonstration import approve_demo
from governance.database import Role
from governance.errors import GovernanceError, RuntimeFailure
from governance.runtime.airflow_client import AirflowClient
from governance.runtime.follow import STAGES, Follower
from governance.runtime.progress import Progress
from governance.runtime.report import Outcome, print_check, print_report
from governance.runtime.sample import ANSWER_KEY, Sample, choose, generate_once
from governance.runtime.secrets import Secrets
from governance.runtime.stack import Stack
from governance.runtime.summary import summarise
from governance.settings import Settings
from governance.verify import Context, run_checks
from include.sample_hospital.errors import SampleHospitalError

_DAG_PATIENCE = 120.0  # seconds until all DAG files must have been read


@dataclass(frozen=True)
class Wish:
    """What the caller wants to see.

    Attributes:
        patients: size of the sample hospital; None means that of the sample that is there, else 2,000.
        days: daily deliveries after the initial one; more than last time brings an increment.
        seed: seed of the sample.
        source: a folder of deliveries to use instead of the sample.
    """

    patients: int | None
    days: int
    seed: int
    source: Path | None


def run_demo(settings: Settings, wish: Wish) -> int:
    """Run the lifecycle once and print the summary; returns 0 only if everything held.

    Servers that ``up`` has started are left running; others are stopped, whatever happens: those that the demo started,
    and those that a killed demo left behind.
    """
    terminal = Console(highlight=False)
    console = terminal if terminal.is_terminal else Console(highlight=False, width=120)
    settings, sample = _deliveries(settings, wish)
    stack = Stack(settings)
    with _terminated_as_interrupt(), stack.locked():
        before = stack.status()
        try:
            return _run(stack, settings, sample, wish, console, was_up=bool(before.airflow))
        except (GovernanceError, SampleHospitalError) as error:
            console.print(f"\n失败 failed: {error}", markup=False, style="red", soft_wrap=True)
            logs = settings.state / "logs"
            console.print(f"日志 logs: {logs} · 修正后重跑 mend it and run again: make demo", markup=False)
            return 1
        except KeyboardInterrupt:
            console.print("\n已中断，再次运行即可继续 interrupted; run it again to go on")
            return 130
        finally:
            kept = stack.is_kept
            _stop(stack, airflow=not (kept and before.airflow), database=not (kept and before.database))


def _deliveries(settings: Settings, wish: Wish) -> tuple[Settings, Sample | None]:
    """Which deliveries are meant: a folder of the caller's, or a sample.

    Raises:
        RuntimeFailure: the folder does not exist.
    """
    if wish.source is not None:
        if not wish.source.is_dir():
            raise RuntimeFailure(f"the deliveries folder {wish.source} does not exist; SOURCE names a folder")
        return settings.model_copy(update={"deliveries": wish.source.absolute()}), None
    if settings.deliveries != settings.state / "deliveries":
        return settings, None  # XINGLIN_DELIVERIES names the hospital's own
    return choose(settings, wish.patients, wish.seed)


def _run(stack: Stack, settings: Settings, sample: Sample | None, wish: Wish, console: Console, *, was_up: bool) -> int:
    begun, since = time.monotonic(), datetime.now(UTC)
    with get_context("spawn").Pool(1) as workers:  # the sample is written while the servers start
        writing = workers.apply_async(generate_once, (settings, sample, wish.days)) if sample else None
        console.print("启动数据库与 Airflow（约 40 秒） starting the warehouse and Airflow (about 40 s) …")
        held = stack.start_database()
        approve_demo(held, settings)
        stack.airflow.start(held)
        if writing and sample:
            words = f"新交付 new deliveries: {writing.get()}"
            console.print(f"样本医院 sample hospital: {sample.patients:,} 名患者 patients · {words}")
        console.print(f"交付文件夹 deliveries: {settings.deliveries}", soft_wrap=True)
        stack.airflow.wait_until_healthy(held)
    client = stack.airflow.client(held)
    _wait_for_dags(client)
    ready = time.monotonic()
    console.print(f"服务就绪 servers are ready: {ready - begun:.1f} s · {stack.airflow.url}")
    if not was_up:
        _end_cut_off_runs(client, since)
    with Progress(STAGES, console) as progress:
        if not client.runs(STAGES[0], since=since):  # the clock may have started one by now, which does the same
            client.trigger(STAGES[0])
        followed = Follower(client, since, progress, stack.airflow.check).follow()
    ended = time.monotonic()
    console.print("\n核验 verification")
    checks = run_checks(_verification(settings, held), progress=lambda check: print_check(console, check))
    outcome = Outcome(
        settings=settings,
        summary=summarise(held[f"dsn_{Role.AUDIT}"], since),
        followed=followed,
        checks=checks,
        ready_seconds=ready - begun,
        pipeline_seconds=ended - ready,
        verify_seconds=time.monotonic() - ended,
    )
    return 0 if print_report(console, outcome) else 1


def _verification(settings: Settings, held: Secrets) -> Context:
    """The sample's planted identifiers are hunted, too; its answer key, which holds them in plain, is not searched."""
    key = settings.state / ANSWER_KEY
    canaries = key / "canaries.ndjson"
    return Context(
        settings,
        held[f"dsn_{Role.AUDIT}"],
        canaries=canaries if canaries.is_file() else None,
        not_searched=(key, settings.state / "deliveries"),
    )


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


def _end_cut_off_runs(client: AirflowClient, since: datetime) -> None:
    """Declare failed what an interrupted demo left unfinished; nobody runs it, and ``collect`` goes on from there."""
    for stage in STAGES:
        for run in client.runs(stage):
            if not run.is_finished and run.queued_at < since:
                client.fail(run)


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
