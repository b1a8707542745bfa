"""``xinglin backup drill`` and ``xinglin backup drill-check``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from governance.backup.choosing import adapter_of
from governance.backup.drill.choosing import refuse_outside
from governance.backup.drill.evidence import Evidence, public_key, read_evidence, reports, signer
from governance.backup.drill.outcomes import State
from governance.backup.drill.report import STATES
from governance.backup.drill.running import Drill
from governance.backup.moments import parse_moment
from governance.database import Role, connection_string
from governance.errors import GovernanceError, SettingsError
from governance.keys import open_keyring
from governance.lifecycle.drilling import conclude
from governance.settings import Settings

_MARKS = {State.PASSED: "✓", State.FAILED: "✗", State.NOT_APPLICABLE: "–"}


def drill(
    time: Annotated[str | None, typer.Option("--time", help="目标时点 the moment, ISO 8601 (no zone: +08:00)")] = None,
    latest: Annotated[bool, typer.Option("--latest", help="恢复到日志末尾 as far as the log goes")] = False,
    seed: Annotated[int | None, typer.Option("--seed", help="抽取时点的种子 seed for drawing the moment")] = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="从另一处恢复 from the write-once copy, or pgBackRest's further repositories")
    ] = False,
) -> None:
    """恢复演练：随机时点、核对、计时、签名、报告 · Restore drill: a random moment unless one is named."""
    if time is not None and latest:
        raise SettingsError("give --time or --latest, not both")
    settings = Settings.from_environment()
    moment = parse_moment(time) if time else None
    dsn = _dsn(settings)
    backups = adapter_of(settings, dsn)
    backups = backups.on_copy() if copy else backups
    if moment is not None:
        refuse_outside(backups.recoverable(), moment)
    carried_out = Drill(
        backups,
        f"manual__{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "latest" if latest else "time",
        moment,
        seed,
        progress=lambda words: typer.echo(f"… {words}"),
    ).run()
    show(conclude(carried_out, settings, dsn), settings)


def exercise_ransomware(
    patients: Annotated[int, typer.Option(min=50, help="样本医院患者数 patients of the sample hospital")] = 50,
) -> None:
    """勒索软件演练：自建站点，破坏，从副本恢复，核对 · Ransomware exercise on a scratch site; never on production."""
    from governance.backup.drill.exercise import exercise  # noqa: PLC0415 - imports what collects data

    settings = Settings.from_environment()
    run_id = f"manual__{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    done = exercise(settings, run_id, lambda words: typer.echo(f"… {words}"), patients)
    show(conclude(done, settings, _dsn(settings)), settings)


def _dsn(settings: Settings) -> str | None:
    """The live warehouse, if one is known."""
    try:
        return connection_string(Role.BACKUP, settings.state)
    except SettingsError:
        return None


def show(evidence: Evidence, settings: Settings) -> None:
    """Print a drill's result; exit status 1 when it failed."""
    for check in evidence.checks:
        typer.echo(f"{_MARKS[check.state]} {STATES[check.state][0]} {check.title}: {check.words}")
        for finding in check.findings:
            typer.echo(f"    {finding}", err=True)
    rpo = "—" if evidence.rpo_seconds is None else f"{evidence.rpo_seconds:.1f} s"
    rto = "—" if evidence.rto_seconds is None else f"{evidence.rto_seconds:.1f} s"
    verdict = "演练合格 passed" if evidence.passed else "演练不合格 FAILED"
    typer.echo(f"{verdict}: {evidence.drill_id} · RPO {rpo} · RTO {rto}")
    typer.echo(f"报告 report: {reports(settings) / evidence.drill_id}.html")
    if not evidence.passed:
        raise typer.Exit(1)


def drill_check(
    file: Annotated[Path, typer.Argument(help="演练证据 evidence of a drill (JSON)")],
    key: Annotated[
        Path | None, typer.Option("--key", help="公钥 public key (PEM); default: this installation's keyring")
    ] = None,
) -> None:
    """核验演练证据的签名 · Check the signature of a drill's evidence, with the public key alone."""
    try:
        if key is not None:
            checker = public_key(key)
        else:
            checker = signer(open_keyring(Settings.from_environment().keyring)).checker
        evidence = read_evidence(file, checker)
    except GovernanceError as error:
        typer.echo(f"不可信 NOT TO BE BELIEVED: {error}", err=True)
        raise typer.Exit(1) from error
    verdict = "合格 passed" if evidence.passed else "不合格 failed"
    typer.echo(
        f"签名有效 the signature holds: {evidence.drill_id} · {verdict} · "
        f"{evidence.started_at.astimezone():%Y-%m-%d %H:%M}"
    )


def add(group: typer.Typer) -> None:
    """Add the commands to ``xinglin backup``."""
    group.command("drill")(drill)
    group.command("drill-check")(drill_check)
    group.command("exercise-ransomware")(exercise_ransomware)
