"""docs/adding-a-source.md is run as it stands: its files are written, its delivery is collected and standardized."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from governance.collection.stage import collect_source
from governance.database import Role, connect
from governance.lifecycle.layers import build_layer
from governance.migrate import migrate
from governance.settings import Settings
from tests.conftest import Warehouse
from tests.integration.conftest import Hospital

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "adding-a-source.md").read_text("utf-8")


def files() -> dict[str, str]:
    """Path → content of every block that the guide introduces as a file."""
    return dict(re.findall(r"^`([\w./-]+)`[^\n]*:\n\n```\w+\n(.*?)```", GUIDE, re.MULTILINE | re.DOTALL))


@pytest.fixture
def written(empty_warehouse: Warehouse, hospital: Hospital) -> Settings:
    """A copy of the project's configuration with the guide's files and lines in it, and the guide's delivery."""
    folder = empty_warehouse.settings.state / "guide"
    for name in ("include/contracts", "dbt_project"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("target", "logs"), dirs_exist_ok=True)
    for path, content in files().items():
        target = folder / ("deliveries" if path.endswith(".csv") else "") / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, "utf-8")
    for path, line in re.findall(r"to `(dbt_project/seeds/\w+\.csv)`:\n\n```csv\n(.*?)```", GUIDE, re.DOTALL):
        with (folder / path).open("a", encoding="utf-8") as seed:
            seed.write(line)
    old, new = re.search(r"Replace\n\n```text\n(.*?)```\n\nby\n\n```text\n(.*?)```", GUIDE, re.DOTALL).groups()  # type: ignore[union-attr]
    project = folder / "dbt_project" / "dbt_project.yml"
    assert project.read_text("utf-8").count(old) == 1
    project.write_text(project.read_text("utf-8").replace(old, new), "utf-8")
    _known_patients(folder / "deliveries", hospital)
    return empty_warehouse.settings.model_copy(
        update={
            "contracts": folder / "include" / "contracts",
            "dbt_project": folder / "dbt_project",
            "deliveries": folder / "deliveries",
        }
    )


def _known_patients(deliveries: Path, hospital: Hospital) -> None:
    """The guide's two patients get the numbers of two of the sample hospital's, whose register is delivered as well."""
    register = sorted(hospital.deliveries.glob("his/*/HZXX.csv"))[0]
    target = deliveries / register.relative_to(hospital.deliveries)
    target.parent.mkdir(parents=True)
    shutil.copy(register, target)
    numbers = [line.split(",")[0] for line in register.read_text("gb18030", errors="replace").splitlines()[1:]]
    known = [number for number in numbers if re.fullmatch(r"\d{8}", number)]
    glucose = deliveries / "poct" / "2026-06-01" / "glucose.csv"
    text = glucose.read_text("utf-8").replace("10000001", known[40]).replace("10000002", known[41])
    glucose.write_text(text, "utf-8")


def test_the_guides_files_are_found() -> None:
    assert {Path(path).name for path in files()} == {
        "glucose.csv",
        "glucose.odcs.yaml",
        "stg_poct__glucose.sql",
        "_poct.yml",
    }


def test_what_the_guide_says_works(empty_warehouse: Warehouse, written: Settings) -> None:
    own = replace(empty_warehouse, settings=written)
    catalogue = migrate(own.dsn(Role.ADMIN), own.settings)
    assert catalogue.failures == {}
    collect_source("his", own.dsn(Role.COLLECT), own.settings, "guide")
    tally = collect_source("poct", own.dsn(Role.COLLECT), own.settings, "guide")
    assert (tally.rows_in, tally.accepted, tally.quarantined) == (4, 2, 2)
    build_layer("standardize", own.dsn(Role.TRANSFORM), own.settings, "guide")
    with connect(own.dsn(Role.AUDIT)) as connection:
        rows = connection.execute(
            "select value_num, unit, test_code, loinc_code, category, person_key is not null from base.lab_result"
            " where source_system = 'poct' order by value_num"
        ).fetchall()
        rules = connection.execute(
            "select row_number, rule_ids from governance.quarantined where source = 'poct' order by row_number"
        ).fetchall()
    expected = ("mmol/L", "GLU", "2345-7", "laboratory", True)
    assert rows == [(Decimal("6.4"), *expected), (Decimal("6.993"), *expected)]
    assert [row[0] for row in rules] == [4, 5]
    assert "plausible_value" in str(rules[0][1])
    assert "value" in str(rules[1][1])
