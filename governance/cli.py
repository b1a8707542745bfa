"""``xinglin``: the command line. A command's module is imported when the command is called, so that help is instant.

A part of the pipeline adds its commands in ``governance/<part>/commands.py`` with ``register(app)``, and one line here.
"""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from governance.errors import GovernanceError

COMMANDS: dict[str, tuple[str, str]] = {  # name -> module with register(app), help
    "demo": ("governance.runtime.commands", "演示 · Run the whole lifecycle on a sample hospital or your own folder"),
    "up": ("governance.runtime.commands", "启动 · Start the warehouse and Airflow and leave them running"),
    "down": ("governance.runtime.commands", "停止 · Stop everything"),
    "status": ("governance.runtime.commands", "状态 · What runs, and where"),
    "reset": ("governance.runtime.commands", "清空 · Remove all local state (asks first)"),
    "psql": ("governance.runtime.commands", "查询 · Query the warehouse as a researcher, auditor or service"),
    "collect": ("governance.collection.commands", "采集 · Collect new deliveries without Airflow"),
    "contracts": ("governance.collection.commands", "契约 · Check all contract files"),
    "trace": ("governance.lineage.commands", "溯源 · The way back from a mart row to system, file and line"),
    "verify": ("governance.verify.commands", "核验 · Prove on the running system what the pipeline promises"),
    "audit": ("governance.audit.commands", "审计 · Verify the audit log, prove a record, ask who read what"),
    "backup": ("governance.backup.commands", "备份 · Back up the whole cluster, encrypted"),
    "backups": ("governance.backup.commands", "备份列表 · List the backups"),
    "restore": ("governance.backup.commands", "恢复 · Restore to a scratch server and compare every table"),
}


class _LazyGroup(TyperGroup):
    """Knows its commands by the table above; imports one when it is called, and reports our errors in one line."""

    def list_commands(self, _ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        loaded = super().get_command(ctx, cmd_name)
        if loaded is None and cmd_name in COMMANDS:
            return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1], callback=None)
        return loaded

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in COMMANDS:
            self.commands[args[0]] = load(args[0])
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except GovernanceError as error:
            typer.echo(f"失败 failed: {error}", err=True)
            raise typer.Exit(1) from error


def load(name: str) -> Any:
    """The command of that name, imported from its part."""
    part = typer.Typer()
    importlib.import_module(COMMANDS[name][0]).register(part)
    command = typer.main.get_command(part)
    return command.commands[name] if isinstance(command, TyperGroup) else command


app = typer.Typer(cls=_LazyGroup, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _xinglin() -> None:
    """杏林：医院数据治理管道 · Xinglin: hospital data governance pipeline."""


if __name__ == "__main__":
    app(prog_name="xinglin")
