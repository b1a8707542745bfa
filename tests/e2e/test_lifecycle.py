"""The lifecycle as a user runs it: ``xinglin demo`` under a real Airflow, in an empty state folder.

One state folder serves the whole module; the tests run in their order, as a user's days follow each other: a first run
that starts and stops all servers, then ``xinglin up``, more runs and questions beside them, and ``xinglin down``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from governance.access.demonstration import PURPOSE
from governance.runtime.stack import Stack, Status
from governance.settings import PROJECT, Settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]
PATIENTS = 150
SYNTHEA = PROJECT.parent / "shared" / "data" / "synthea_csv"


class Site:
    """One installation: a state folder and the command line on it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.environment = {**os.environ, "XINGLIN_STATE": str(state), "COLUMNS": "160"}

    def xinglin(self, *arguments: str, expect: int = 0) -> str:
        command = [sys.executable, "-m", "governance.cli", *arguments]
        done = subprocess.run(
            command, cwd=PROJECT, env=self.environment, capture_output=True, text=True, timeout=1500, check=False
        )
        output = done.stdout + done.stderr
        assert done.returncode == expect, f"{' '.join(arguments)} ended with {done.returncode}:\n{output[-8000:]}"
        return output

    def status(self) -> Status:
        return Stack(Settings.from_environment({"XINGLIN_STATE": str(self.state)})).status()

    def secrets(self) -> dict[str, str]:
        return dict(json.loads((self.state / "secrets.json").read_text("utf-8")))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site") / "state")
    yield made
    made.xinglin("down")  # also where a test failed


@pytest.fixture(scope="module")
def first_run(site: Site) -> str:
    return site.xinglin("demo", "--patients", str(PATIENTS), "--days", "1")


def test_first_run_holds_everything(first_run: str) -> None:
    assert "备份" in first_run
    assert "溯源" in first_run or "trace" in first_run


def test_nothing_is_left_running(first_run: str, site: Site) -> None:
    assert first_run
    status = site.status()
    assert (status.database, status.airflow) == ("", "")


@pytest.fixture(scope="module")
def running(first_run: str, site: Site) -> Site:
    """Warehouse and Airflow, up for work; stopped by the module's last test."""
    assert "http://127.0.0.1:" in site.xinglin("up")
    return site


def test_second_run_with_nothing_new_says_so_and_loads_nothing(running: Site) -> None:
    output = running.xinglin("demo", "--days", "1")
    assert re.search("没有新|nothing new", output)


def test_a_further_day_is_an_increment(running: Site) -> None:
    """The day's rows are collected, reach the marts, every check holds again, and the servers stay up."""
    output = running.xinglin("demo", "--days", "2")
    assert not re.search("没有新数据|nothing new", output)
    status = running.status()
    assert status.database and status.airflow


def test_researcher_reads_marts_and_nothing_else(running: Site) -> None:
    query = "select count(research_id) from specialty.breast_cancer_patient"
    with psycopg.connect(running.secrets()["researcher_dsn"], autocommit=True) as connection:
        assert connection.execute(query).fetchone() == (0,)  # no work is open
        connection.execute("select access.begin_work('breast_cancer', %s)", (PURPOSE,))
        row = connection.execute(query).fetchone()
        assert row is not None and row[0] > 0
        for table in ("base.person", "landing.his_patient", "vault.his_patient", "deid.free_text", "quarantine.row"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select 1 from {table}")


def test_the_query_of_the_readme_gives_rows(running: Site) -> None:
    begin = f"select access.begin_work('breast_cancer', '{PURPOSE}')"
    query = "select molecular_subtype, count(*) from specialty.breast_cancer_patient group by 1"
    for page in ("README.md", "README.zh-CN.md"):
        text = (PROJECT / page).read_text("utf-8")
        assert begin in text and query in text
    assert "luminal" in running.xinglin("psql", "--as", "researcher", "-c", begin, "-c", query).lower()


def test_readings_are_reconciled_and_one_without_work_is_found(running: Site) -> None:
    assert "without open work" in running.xinglin("audit", "reconcile", expect=1)  # the first of the readings above
    assert "demo_researcher" in running.xinglin("audit", "who-read", "--table", "specialty.breast_cancer_patient")
    assert "no drift" in running.xinglin("access", "drift")


def test_trace_leads_to_files_that_exist(running: Site) -> None:
    with psycopg.connect(running.secrets()["researcher_dsn"], autocommit=True) as connection:
        connection.execute("select access.begin_work('breast_cancer', %s)", (PURPOSE,))
        row = connection.execute("select lineage_id from specialty.breast_cancer_patient limit 1").fetchone()
    assert row is not None
    found = json.loads(running.xinglin("trace", "specialty.breast_cancer_patient", str(row[0]), "--json"))
    assert found["rows"]
    deliveries = running.state / "deliveries"
    for source in found["rows"]:
        lines = (deliveries / source["file"]).read_bytes().count(b"\n") + 1
        assert 1 <= source["line"] <= lines


def test_a_lost_mart_row_lineage_fails_verification(running: Site) -> None:
    """The checks that the demo ends with can fail: a row is taken away, the check names it, the exit status tells."""
    with psycopg.connect(running.secrets()["postgres_superuser_dsn"], autocommit=True) as connection:
        connection.execute(
            "delete from lineage.specialty__breast_cancer_patient where ctid in"
            " (select ctid from lineage.specialty__breast_cancer_patient limit 1)"
        )
    output = running.xinglin("verify", "--only", "rows.marts", expect=1)
    assert "breast_cancer_patient" in output


def test_down_stops_all(running: Site) -> None:
    running.xinglin("down")
    status = running.status()
    assert (status.database, status.airflow, status.memory) == ("", "", 0)


@pytest.mark.skipif(not SYNTHEA.is_dir(), reason="the Synthea files of another team are not here (shared/data)")
def test_a_system_that_no_one_here_wrote_goes_the_whole_path(tmp_path: Path) -> None:
    """Contracts and staging models alone bring it to the marts; every check holds."""
    other = Site(tmp_path / "state")
    output = other.xinglin("demo", "--source", str(SYNTHEA))
    assert "hypertension" in output
