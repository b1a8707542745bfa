"""``xinglin collect`` and ``xinglin contracts``: the gate by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from governance.collection.loading import Tally
from governance.collection.records import DeliveredFile
from governance.collection.stage import collect_source, sources
from governance.contracts import load_catalogue
from governance.database import Role, connection_string
from governance.errors import GovernanceError
from governance.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("collect")(collect_command)
    app.command("contracts")(contracts_command)


def collect_command(
    source: Annotated[list[str] | None, typer.Argument(help="sources; all when none is named")] = None,
) -> None:
    """采集新交付的文件 · collect what has been delivered."""
    settings = Settings.from_environment()
    run_id = f"cli__{datetime.now(UTC).isoformat(timespec='seconds')}"
    failed = False
    for name in source or sources(settings):
        try:
            tally = collect_source(name, connection_string(Role.COLLECT, settings.state), settings, run_id, _progress)
        except GovernanceError as error:
            failed = True
            typer.secho(f"✗ {error}", fg="red", err=True)
            continue
        typer.echo(
            f"{name}: 读入 read {tally.rows_in}, 接收 accepted {tally.accepted}, 隔离 quarantined {tally.quarantined}"
        )
    if failed:
        raise typer.Exit(1)


def contracts_command() -> None:
    """检查全部数据契约 · check every contract file."""
    catalogue = load_catalogue(Settings.from_environment().contracts)
    for source in catalogue.sources:
        typer.echo(f"✓ {source}: {', '.join(c.table for c in catalogue.of_source(source))}")
    for source, messages in catalogue.failures.items():
        for message in messages:
            typer.secho(f"✗ {source}: {message}", fg="red", err=True)
    if catalogue.failures:
        raise typer.Exit(1)


def _progress(file: DeliveredFile, tally: Tally) -> None:
    typer.echo(f"  {file.name}: {tally.rows_in} → {tally.accepted} + {tally.quarantined}")
