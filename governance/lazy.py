"""Command groups that import a command's module when the command is called, so that help is instant.

A table names each command with its module, which has ``register(app)``, and its line of help.
"""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from anonymization.errors import AnonymizationError
from governance.errors import GovernanceError

Commands = dict[str, tuple[str, str]]
"""Command name -> module with ``register(app)``, help."""


class LazyGroup(TyperGroup):
    """Knows its commands by a table; imports one when it is called, and reports our errors in one line."""

    table: ClassVar[Commands] = {}

    def list_commands(self, _ctx: Any) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        loaded = super().get_command(ctx, cmd_name)
        if loaded is None and cmd_name in self.table:
            return TyperCommand(cmd_name, help=self.table[cmd_name][1], callback=None)
        return loaded

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in self.table:
            self.commands[args[0]] = load(self.table, args[0])
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (GovernanceError, AnonymizationError) as error:
            typer.echo(f"失败 failed: {error}", err=True)
            raise typer.Exit(1) from error


def lazy_group(table: Commands) -> type[LazyGroup]:
    """The class of a group with these commands, for ``typer.Typer(cls=…)``."""
    return type("LazyCommands", (LazyGroup,), {"table": table})


def load(table: Commands, name: str) -> Any:
    """The command of that name, imported from its part."""
    part = typer.Typer()
    importlib.import_module(table[name][0]).register(part)
    command = typer.main.get_command(part)
    return command.commands[name] if isinstance(command, TyperGroup) else command
