"""``xinglin verify``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from governance.database import Role, connection_string
from governance.errors import GovernanceError
from governance.runtime.sample import ANSWER_KEY
from governance.settings import Settings
from governance.verify.context import Context
from governance.verify.registry import run_checks
from governance.verify.results import CheckResult, State

_SHOWN = 20


def verify(
    only: Annotated[
        list[str] | None, typer.Option("--only", help="只做此项或此类检查 a check or a family; may be repeated")
    ] = None,
    canaries: Annotated[
        Path | None, typer.Option("--canaries", help="植入标识文件 NDJSON of planted identifiers: type, value")
    ] = None,
    no_restore: Annotated[bool, typer.Option("--no-restore", help="不做恢复检查 skip restoring the backup")] = False,
    not_searched: Annotated[
        list[Path] | None, typer.Option("--not-searched", help="不搜索的文件夹 holds plain identifiers by purpose")
    ] = None,
) -> None:
    """核验：逐项证明 · Prove, on the running system, what the pipeline promises; one line a check."""
    try:
        settings = Settings.from_environment()
        dsn = connection_string(Role.AUDIT, settings.state)
        context = context_of(settings, dsn, canaries, restore=not no_restore, not_searched=not_searched or ())
        results = run_checks(context, only or (), show)
    except GovernanceError as error:
        typer.echo(f"失败 failed: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(summary(results))
    if not all(result.holds for result in results):
        raise typer.Exit(1)


def context_of(
    settings: Settings,
    dsn: str,
    canaries: Path | None = None,
    *,
    restore: bool = True,
    not_searched: Sequence[Path] = (),
) -> Context:
    """What checks need; the sample hospital's answer key, where there is one, gives canaries and is not searched."""
    key = settings.state / ANSWER_KEY
    planted = key / "canaries.ndjson"
    return Context(
        settings,
        dsn,
        canaries=canaries or (planted if planted.is_file() else None),
        restore=restore,
        not_searched=(key, *(path.absolute() for path in not_searched)),
    )


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("verify")(verify)


def show(result: CheckResult) -> None:
    """Print one result: one line, and one more for each finding."""
    typer.echo(f"{result.state.words} · {result.title} [{result.name}]: {result.figures} ({result.seconds:.1f} s)")
    for finding in result.findings[:_SHOWN]:
        typer.echo(f"    - {finding}")
    if len(result.findings) > _SHOWN:
        typer.echo(f"    … 另有 and {len(result.findings) - _SHOWN} more")


def summary(results: list[CheckResult]) -> str:
    """How many checks ended in which state."""
    counts = {state: sum(result.state is state for result in results) for state in State}
    return "，".join(f"{state.words}: {count}" for state, count in counts.items() if count)
