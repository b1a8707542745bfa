"""Warning signs on a real warehouse: growth as usual is quiet, encrypted text and a touched decoy are not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from governance.backup.drill.recording import open_incidents
from governance.backup.embedded import EmbeddedBackups
from governance.backup.signs.looking import Looked, look, remember
from governance.backup.signs.model import SignState
from governance.cli import app
from governance.database import Role
from tests.conftest import Warehouse

pytestmark = pytest.mark.integration
NOTES = ("患者诉左乳肿物三月余", "超声示低回声结节，边界不清", "建议穿刺活检，随访", "化疗第二周期，白细胞下降")


class Site:
    """An empty warehouse with a landed text column and delivered files."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse, self.dsn = warehouse, warehouse.dsn(Role.BACKUP)
        self.backups = EmbeddedBackups.of(warehouse.settings, self.dsn)
        self.draw = random.Random(5)
        self.deliveries: Path = warehouse.settings.deliveries
        self.deliveries.mkdir(parents=True)
        self.run("create table landing.sample (row_number integer, note text)")

    def run(self, statement: str, *parameters: object) -> None:
        with psycopg.connect(self.warehouse.superuser_dsn(), autocommit=True) as connection:
            connection.execute(statement.encode(), parameters)

    def deliver(self, number: int) -> None:
        """A day as usual: some hundred rows, one file."""
        text = "，".join(self.draw.choice(NOTES) for _ in range(8))
        self.run("insert into landing.sample select i, %s || i from generate_series(1, 200) as i", text)
        (self.deliveries / f"{number}.csv").write_text(f"{text}\n" * 200, "utf-8")

    def after_backup(self, number: int) -> Looked:
        looked = look(self.backups)
        remember(self.dsn, looked, f"run-{number}")
        return looked

    def states(self) -> dict[str, SignState]:
        return {found.name: found.state for found in look(self.backups).signs}

    def open(self) -> set[str]:
        return {incident.kind for incident in open_incidents(self.dsn)}


@pytest.fixture
def site(empty_warehouse: Warehouse) -> Iterator[Site]:
    made = Site(empty_warehouse)
    for number in range(6):
        made.deliver(number)
        made.after_backup(number)
    yield made


def test_growth_as_usual_is_quiet_and_what_is_not_there_is_not_judged(site: Site) -> None:
    states = site.states()
    assert {states[name] for name in ("text", "files", "decoy")} == {SignState.QUIET}
    assert {states[name] for name in ("size", "change", "archive")} == {SignState.NOT_APPLICABLE}
    assert states["age"] is SignState.WARNING  # there is no backup
    assert site.open() == {"sign:age"}


def test_too_few_figures_are_not_judged(empty_warehouse: Warehouse) -> None:
    made = Site(empty_warehouse)
    made.deliver(1)
    assert made.states()["text"] is SignState.NOT_APPLICABLE
    assert made.states()["files"] is SignState.NOT_APPLICABLE


def test_landed_text_that_is_encrypted_in_place_warns_for_as_long_as_it_is(site: Site) -> None:
    site.run("update landing.sample set note = encode(sha256(convert_to(note, 'UTF8')), 'base64')")
    for number in range(6, 14):
        assert "text" in {found.name for found in site.after_backup(number).warnings}
    assert "sign:text" in site.open()
    site.run("truncate landing.sample")
    site.deliver(20)
    site.after_backup(20)
    assert "sign:text" not in site.open()


def test_delivered_files_that_are_encrypted_in_place_warn(site: Site) -> None:
    for path in site.deliveries.iterdir():
        path.write_bytes(site.draw.randbytes(path.stat().st_size))
    assert site.states()["files"] is SignState.WARNING


@pytest.mark.parametrize(
    "touch",
    [
        "update governance.decoy set content = md5(content) where id = 9",
        "delete from governance.decoy where id = 64",
        "truncate governance.decoy",
        "drop table governance.decoy",
    ],
)
def test_a_touched_decoy_warns_by_command(site: Site, touch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    site.run(touch)
    monkeypatch.setenv("XINGLIN_STATE", str(site.warehouse.settings.state))
    done = CliRunner().invoke(app, ["backup", "warnings"])
    assert done.exit_code == 1, done.output
    line = next(line for line in done.output.splitlines() if "诱饵表" in line)
    assert "WARNING" in line
