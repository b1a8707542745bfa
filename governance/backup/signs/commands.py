"""``xinglin backup warnings``."""

from __future__ import annotations

import typer

from governance.backup.choosing import adapter_of, embedded
from governance.backup.signs.looking import look
from governance.backup.signs.model import SignState
from governance.database import Role, connection_string
from governance.errors import SettingsError
from governance.settings import Settings

TITLES = {
    "size": "备份大小突变 size of full backups",
    "change": "变更率突变 share of incremental backups",
    "age": "备份过旧 age of the newest backup",
    "archive": "日志归档停滞 archive of the log",
    "text": "落地文本变得随机 landed text looks random",
    "files": "文件变得随机 files look random",
    "decoy": "诱饵表被动 decoy table",
}
_WORDS = {
    SignState.QUIET: "✓ 正常 quiet",
    SignState.WARNING: "✗ 警告 WARNING",
    SignState.NOT_APPLICABLE: "– 不适用 not applicable",
}


def warnings() -> None:
    """异常征兆：勒索软件与备份失修 · Warning signs; exit 0 quiet, 1 a warning, 2 nothing could be judged."""
    settings = Settings.from_environment()
    try:
        dsn = connection_string(Role.BACKUP, settings.state)
    except SettingsError:
        dsn = None
    signs = look(embedded(adapter_of(settings, dsn))).signs
    for found in signs:
        typer.echo(f"{_WORDS[found.state]}  {TITLES[found.name]}: {found.words}")
    states = {found.state for found in signs}
    if SignState.WARNING in states:
        raise typer.Exit(1)
    if states == {SignState.NOT_APPLICABLE}:
        raise typer.Exit(2)


def add(group: typer.Typer) -> None:
    """Add the command to ``xinglin backup``."""
    group.command("warnings")(warnings)
