"""``xinglin trace``: from a mart row back to the source files."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from governance.database import Role, connect, connection_string
from governance.lineage.trace import Trace, trace
from governance.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("trace")(trace_command)


def trace_command(
    table: Annotated[str, typer.Argument(help="mart, e.g. specialty.breast_cancer_patient")],
    key: Annotated[str, typer.Argument(help="the row's key or lineage_id")],
    columns: Annotated[bool, typer.Option(help="also show where each column comes from")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """追溯一行数据的来源 · follow a mart row back to system, file and line."""
    settings = Settings.from_environment()
    with connect(connection_string(Role.AUDIT, settings.state), application="xinglin trace") as connection:
        found = trace(connection, table, key)
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False, indent=1))
        return
    _show(found, columns=columns)


def _show(found: Trace, *, columns: bool) -> None:
    console = Console()
    console.print(f"[bold]{found.table}[/] lineage_id {found.lineage_id}")
    console.print(
        f"发布运行 published by run {found.run_id} · 去标识策略 policy {found.policy_version}"
        f" · 契约 contracts {found.contract_version}"
    )
    rows = Table(title=f"来源行 source rows: {len(found.rows)}")
    for heading in ("系统 system", "表 table", "文件 file", "行 line", "批次 batch", "契约 contract", "策略 policy"):
        rows.add_column(heading)
    for row in found.rows:
        rows.add_row(
            row.source, row.source_table, row.file, str(row.line), str(row.batch_id), row.contract_version,
            row.policy_version or "",
        )  # fmt: skip
    console.print(rows)
    if columns:
        origins = Table(title="字段来源 column origins")
        origins.add_column("字段 column")
        origins.add_column("来源 delivered column")
        for name, sources in found.columns.items():
            origins.add_row(name, "\n".join(sources))
        console.print(origins)
