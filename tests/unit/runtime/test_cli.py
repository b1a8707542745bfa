"""The command line."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from governance import cli

PARTS = sorted(Path(cli.__file__).parent.glob("*/commands.py"))


def test_every_parts_commands_are_in_the_table() -> None:
    registered = set()
    for file in PARTS:
        module = f"governance.{file.parent.name}.commands"
        part = typer.Typer()
        importlib.import_module(module).register(part)
        registered |= {(command.name or command.callback.__name__, module) for command in part.registered_commands}
        registered |= {(group.name, module) for group in part.registered_groups}
    assert {(name, module) for name, (module, _) in cli.COMMANDS.items()} == registered


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli.app, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert name in result.output


def test_help_imports_no_part() -> None:
    started = time.monotonic()
    program = (
        "import sys; from governance.cli import app; app(['--help'], standalone_mode=False); print(sorted(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert time.monotonic() - started < 5  # 0.4 s on an idle machine
    assert "demo" in result.stdout
    assert "'psycopg'" not in result.stdout
    assert "'pydantic'" not in result.stdout


def test_our_errors_are_one_line_and_a_status(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.app, ["psql"], env={"XINGLIN_STATE": str(tmp_path / "none")})
    assert result.exit_code == 1
    assert result.output.startswith("失败 failed: no login for 'researcher'")


def test_what_was_not_made_by_us_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("1")
    result = CliRunner().invoke(cli.app, ["reset", "--yes"], env={"XINGLIN_STATE": str(tmp_path)})
    assert result.exit_code == 1
    assert (tmp_path / "precious").exists()


def test_reset_asks_first(tmp_path: Path) -> None:
    (tmp_path / "xinglin-state").touch()
    result = CliRunner().invoke(cli.app, ["reset"], input="n\n", env={"XINGLIN_STATE": str(tmp_path)})
    assert result.exit_code == 1
    assert (tmp_path / "xinglin-state").exists()
