"""The embedded Airflow, for real: five small DAGs in a chain, followed to the end; and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest
from rich.console import Console

from governance.errors import RuntimeFailure
from governance.runtime.airflow_client import AirflowClient
from governance.runtime.follow import STAGES, Followed, Follower
from governance.runtime.progress import Progress
from governance.runtime.secrets import Secrets
from governance.runtime.stack import Stack
from governance.settings import Settings
from tests.conftest import scratch_folder

pytestmark = pytest.mark.integration

_DAGS = '''
"""Five stages that do nothing, coupled as the real ones are."""

from airflow.sdk import Asset, BaseHook, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

STAGES = %r


def stage(name, before):
    @dag(dag_id=name, schedule=[Asset(before)] if before else None, catchup=False, max_active_runs=1)
    def flow():
        @task(pool="collect")
        def work():
            conf = get_current_context()["dag_run"].conf
            login = BaseHook.get_connection("warehouse_collect")
            print("a careless line:", login.password, login.get_uri())
            if conf.get("fail"):
                raise AirflowFailException("file lis_result.csv cannot be read")
            return bool(conf.get("new", True))

        @task(outlets=[Asset(name)], trigger_rule="none_failed")
        def announce(new):
            if not new:
                raise AirflowSkipException("nothing new")

        announce(work())

    flow()


for stage_name, before in zip(STAGES, [None, *STAGES]):
    stage(stage_name, before)
'''


@dataclass(frozen=True)
class Running:
    settings: Settings
    stack: Stack
    secrets: Secrets
    client: AirflowClient

    def run(self, conf: dict[str, bool]) -> Followed:
        since = datetime.now(UTC)
        self.client.trigger("collect", conf)
        with Progress(STAGES, Console(quiet=True)) as progress:
            return Follower(self.client, since, progress, self.stack.airflow.check).follow()


@pytest.fixture(scope="module")
def airflow() -> Iterator[Running]:
    with scratch_folder() as folder:
        (folder / "dags").mkdir()
        (folder / "dags" / "stages.py").write_text(_DAGS % (STAGES,), "utf-8")
        settings = Settings.from_environment({"XINGLIN_STATE": str(folder / "state")})
        stack = Stack(settings, dags=folder / "dags")
        try:
            secrets = stack.start_database()
            stack.airflow.start(secrets)
            stack.airflow.wait_until_healthy(secrets)
            client = stack.airflow.client(secrets)
            deadline = time.monotonic() + 120
            while set(STAGES) - client.dags().keys():
                assert time.monotonic() < deadline, client.import_errors()
                time.sleep(0.3)
            yield Running(settings, stack, secrets, client)
        finally:
            stack.remove()


def test_a_chain_is_followed_to_its_end(airflow: Running) -> None:
    result = airflow.run({})
    assert [run.dag_id for run in result.runs] == STAGES
    assert (result.nothing_new, result.failures) == (None, [])
    assert all(run.state == "success" for run in result.runs)
    assert airflow.client.triggering_runs(result.runs[1]) == [("collect", result.runs[0].run_id)]
    assert airflow.client.xcom(result.runs[0], "work") is True


def test_nothing_new_ends_the_chain(airflow: Running) -> None:
    result = airflow.run({"new": False})
    assert [run.dag_id for run in result.runs] == ["collect"]
    assert result.nothing_new == "collect"


def test_a_failure_names_the_task_and_shows_its_log(airflow: Running) -> None:
    with pytest.raises(
        RuntimeFailure, match=r"'collect' failed .*failed tasks: work[\s\S]*lis_result.csv cannot be read"
    ):
        airflow.run({"fail": True})


def test_no_log_holds_a_password_even_of_a_careless_task(airflow: Running) -> None:
    airflow.run({"new": False})
    files = [file for file in (airflow.settings.state / "logs").rglob("*") if file.is_file()]
    assert any("task_id=work" in str(file) and "careless" in file.read_text("utf-8") for file in files)
    held = airflow.secrets.values
    words = {
        name: value for name, value in held.items() if name.startswith(("password_", "airflow_")) and "dsn" not in name
    }
    assert len(words) > 10
    for file in files:
        content = file.read_bytes()
        assert [name for name, word in words.items() if word.encode() in content] == [], file


def test_command_lines_hold_no_password(airflow: Running) -> None:
    running = [*airflow.stack.airflow.everything()]
    assert len(running) >= 7  # api-server, scheduler, four workers, dag-processor
    for process in running:
        line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert not [name for name, word in airflow.secrets.values.items() if len(word) > 8 and word.encode() in line]


def test_the_api_wants_a_login_and_listens_here_only(airflow: Running) -> None:
    assert httpx.get(f"{airflow.stack.airflow.url}/api/v2/dags", trust_env=False).status_code == 401
    with pytest.raises(RuntimeFailure, match="refused the login"):
        AirflowClient(airflow.stack.airflow.url, "admin", "admin").dags()
    port = int(airflow.stack.airflow.url.rpartition(":")[2])
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {fields[1] for fields in listening if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == port}
    assert addresses == {f"0100007F:{port:04X}"}


def test_airflow_talks_to_its_database_over_tls(airflow: Running) -> None:
    with psycopg.connect(airflow.secrets["postgres_superuser_dsn"]) as connection:
        row = connection.execute(
            "select count(*), bool_and(s.ssl) from pg_stat_activity a join pg_stat_ssl s using (pid)"
            " where a.datname = 'airflow'"
        ).fetchone()
    assert row is not None
    assert row[0] > 0
    assert row[1] is True


def test_other_deliveries_are_not_read_by_a_running_airflow(airflow: Running, tmp_path: Path) -> None:
    other = Stack(airflow.settings.model_copy(update={"deliveries": tmp_path}))
    with pytest.raises(RuntimeFailure, match="stop it first"):
        other.airflow.start(airflow.secrets)


def test_a_second_command_waits_its_turn(airflow: Running) -> None:
    command = [sys.executable, "-m", "governance.cli", "down"]
    environment = os.environ | {"XINGLIN_STATE": str(airflow.settings.state)}
    with airflow.stack.locked():
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "another xinglin command" in result.stderr


def test_a_dead_process_is_noticed_and_all_can_be_stopped(airflow: Running) -> None:
    """The last test of this module: the servers are stopped here, by another process than the one that started them."""
    everything = airflow.stack.airflow.everything()
    database = airflow.stack.status().database
    scheduler = airflow.stack.airflow.processes()["scheduler"]
    scheduler.terminate(timeout=5, first=signal.SIGKILL)
    with pytest.raises(RuntimeFailure, match="scheduler has ended"):
        airflow.stack.airflow.check()
    environment = os.environ | {"XINGLIN_STATE": str(airflow.settings.state)}
    assert database
    subprocess.run([sys.executable, "-m", "governance.cli", "down"], env=environment, check=True, timeout=120)
    assert [process for process in everything if process.is_alive()] == []
    status = airflow.stack.status()
    assert (status.database, status.airflow, status.memory) == ("", "", 0)
