"""``xinglin evidence security``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from governance.database import Role, connection_string
from governance.evidence.items import load_items
from governance.evidence.rendering import Format, render, summary
from governance.settings import Settings
from governance.verify.commands import context_of
from governance.verify.registry import run_checks
from governance.verify.results import CheckResult


def register(app: typer.Typer) -> None:
    """Add the group ``evidence``."""
    evidence = typer.Typer(no_args_is_help=True, help="证据 · Evidence for assessors")

    @evidence.callback()
    def _group() -> None:
        """证据 · Evidence for assessors."""

    evidence.command("security")(security)
    app.add_typer(evidence, name="evidence")


def security(
    run: Annotated[bool, typer.Option("--run", help="执行所列核验 carry out the checks that are named")] = False,
    format_: Annotated[Format, typer.Option("--format", help="text | markdown | html | json")] = Format.TEXT,
    out: Annotated[Path | None, typer.Option("--out", help="写入文件 write to a file")] = None,
) -> None:
    """GB/T 39786、22239、39725 条目与证据 · Items of three standards and the commands that are evidence for them."""
    settings = Settings.from_environment()
    table = load_items(settings.project)
    results: dict[str, CheckResult] = {}
    if run:
        context = context_of(settings, connection_string(Role.AUDIT, settings.state))
        for result in run_checks(context, table.checks(), lambda r: typer.echo(f"{r.state.words} {r.name}", err=True)):
            results[result.name] = result
    text = render(table, results, format_)
    if out is None:
        typer.echo(text)
    else:
        out.write_text(text + "\n", "utf-8")
        typer.echo(f"{out}: {summary(table)}")
    if not all(result.holds for result in results.values()):
        raise typer.Exit(1)
