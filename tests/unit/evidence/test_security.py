"""The table names nothing that does not exist, and claims nothing."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from typer.testing import CliRunner

from governance.cli import app
from governance.errors import SettingsError
from governance.evidence.items import FILE, Answer, Table, load_items
from governance.evidence.rendering import DISCLAIMER, Format, render
from governance.settings import PROJECT
from governance.verify.registry import checks
from governance.verify.results import CheckResult, State


@pytest.fixture(scope="module")
def table() -> Table:
    return load_items(PROJECT)


def resolved(words: list[str]) -> Any:
    """The command that a command line names, found as the program finds it."""
    found: Any = typer.main.get_command(app)
    for word in words:
        context = click.Context(found)
        _, found, _ = found.resolve_command(context, [word])
    return found


def test_every_check_exists(table: Table) -> None:
    assert set(table.checks()) <= {check.name for check in checks()}
    assert len(table.checks()) > 10


def test_every_command_exists(table: Table) -> None:
    commands = {command for _, item in table.items() for command in item.commands}
    assert len(commands) > 10
    for command in commands:
        program, *words = command.split()
        assert program == "xinglin"
        assert resolved(words).callback is not None, command


def test_a_command_that_does_not_exist_would_be_found() -> None:
    with pytest.raises(click.UsageError):
        resolved(["keys", "certify"])


def test_the_three_standards_are_there_and_every_item_is_answered(table: Table) -> None:
    assert [standard.id for standard in table.standards] == ["GB/T 39786-2021", "GB/T 22239-2019", "GB/T 39725-2020"]
    assert {item.answer for _, item in table.items()} == set(Answer)
    assert all(item.evidence or item.lacks_zh for _, item in table.items())
    assert all(bool(item.lacks_zh) is bool(item.lacks_en) for _, item in table.items())


@pytest.mark.parametrize("format_", Format)
def test_no_format_claims_conformity_or_hides_what_is_from_memory(table: Table, format_: Format) -> None:
    text = render(table, {}, format_)
    assert "不构成合规声明" in text and ("memory" in text)
    for claim in ("符合本标准", "已通过密评", "compliant", "conforms"):
        assert claim not in text


def test_results_of_checks_stand_beside_their_items(table: Table) -> None:
    result = CheckResult("server.tls", "t", State.FAILED, "3 个连接 | connections", ("connection 7 is not encrypted",))
    for format_ in (Format.TEXT, Format.MARKDOWN, Format.HTML):
        assert "失败 FAILED: 3 个连接" in render(table, {"server.tls": result}, format_)
    items = json.loads(render(table, {"server.tls": result}, Format.JSON))["items"]
    assert {item["results"]["server.tls"]["state"] for item in items if item["results"]} == {"failed"}


def test_markdown_rows_have_five_cells(table: Table) -> None:
    rows = [line for line in render(table, {}, Format.MARKDOWN).splitlines() if line.startswith("|")]
    assert rows and all(row.count("|") == 6 for row in rows)


def test_html_is_closed_and_escaped(table: Table) -> None:
    class Tags(HTMLParser):
        rows = 0

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.rows += tag == "tr"

    result = CheckResult("server.tls", "t", State.PASSED, "<script>")
    text = render(table, {"server.tls": result}, Format.HTML)
    tags = Tags()
    tags.feed(text)
    assert tags.rows == sum(1 for _ in table.items()) + len(table.standards)
    assert "<script>" not in text and DISCLAIMER[0] in text


def test_a_malformed_table_names_the_place(tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir(parents=True)
    shutil.copy(PROJECT / FILE, tmp_path / FILE)
    (tmp_path / FILE).write_text((PROJECT / FILE).read_text("utf-8").replace("wording: contents", "wording: sure", 1))
    with pytest.raises(SettingsError, match=r"items\.0\.wording"):
        load_items(tmp_path)


def test_the_command_prints_the_table_without_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_STATE", str(tmp_path))
    shown = CliRunner().invoke(app, ["evidence", "security"])
    assert shown.exit_code == 0 and "GB/T 39786-2021" in shown.output
    written = CliRunner().invoke(app, ["evidence", "security", "--format", "html", "--out", str(tmp_path / "e.html")])
    assert written.exit_code == 0 and (tmp_path / "e.html").read_text("utf-8").endswith("</html>\n")
