"""Airflow's processes: API server, scheduler with LocalExecutor, DAG processor; each in its own session and log file.

No triggerer runs, because no DAG defers. Who runs is written to ``<state>/run/airflow.json`` with pid and start time,
so that another command (or the next one after a crash) can stop exactly those processes, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import psycopg

from governance.errors import RuntimeFailure
from governance.runtime.airflow_client import AirflowClient
from governance.runtime.airflow_environment import ADMIN, airflow_environment, airflow_home, passwords_file
from governance.runtime.preload import LOCAL_SETTINGS
from governance.runtime.processes import ProcessId, free_port, session_of, terminate_all
from governance.runtime.secrets import Secrets
from governance.settings import Settings

COMPONENTS: dict[str, list[str]] = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
}
_STOP_ORDER = (("scheduler", "dag-processor"), ("api-server",))  # tasks that end still report to the API server


class AirflowServers:
    """The three processes of one state folder.

    Args:
        settings: where things are.
        dags: another DAG folder than the project's (tests).
    """

    def __init__(self, settings: Settings, *, dags: Path | None = None) -> None:
        self._settings = settings
        self._dags = dags
        self._file = settings.state / "run" / "airflow.json"
        self._logs = settings.state / "logs"

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self, held: Secrets) -> None:
        """Start the processes, without waiting (:meth:`wait_until_healthy`); if all run, they are left alone.

        Raises:
            RuntimeFailure: the metadata database could not be migrated, or Airflow runs on other deliveries.
        """
        if len(self.processes()) == len(COMPONENTS):
            if self._recorded_deliveries() != str(self._settings.deliveries):
                raise RuntimeFailure(
                    f"Airflow runs on the deliveries in {self._recorded_deliveries()}; "
                    f"stop it first (make down), then run on {self._settings.deliveries}"
                )
            return
        self.stop()
        port = free_port(self._recorded_port())
        environment = airflow_environment(self._settings, held, port, dags=self._dags)
        self._write_home(held)
        self._migrate(held, environment)
        started: dict[str, ProcessId] = {}
        for name, arguments in COMPONENTS.items():
            with self._new_log(name).open("wb") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", "airflow", *arguments],
                    cwd=airflow_home(self._settings),
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            child.returncode = 0  # from here on it is watched by pid and start time, also by other commands
            if identity := ProcessId.of(child.pid):
                started[name] = identity
            self._record(port, started)

    def wait_until_healthy(self, held: Secrets, timeout: float = 180) -> None:
        """Wait until all three report themselves healthy, and see to it that the pools are there.

        Raises:
            RuntimeFailure: one ended or did not become healthy in time; the message ends with its log.
        """
        client = self.client(held)
        deadline = time.monotonic() + timeout
        while not (client.is_healthy() and client.can_log_in()):  # the login fails if another's server has the port
            self.check()
            if time.monotonic() > deadline:
                raise RuntimeFailure(f"Airflow was not healthy after {timeout:.0f} s; see the logs in {self._logs}")
            time.sleep(0.25)
        pools = self._settings.project / "include" / "airflow" / "pools.json"
        for name, pool in json.loads(pools.read_text("utf-8")).items():
            client.set_pool(name, int(pool["slots"]), str(pool["description"]))

    def check(self) -> None:
        """Raise when one of the processes has ended by itself.

        Raises:
            RuntimeFailure: names the process and ends with the last lines of its log.
        """
        for name in COMPONENTS.keys() - self.processes().keys():
            log = self._log(name)
            raise RuntimeFailure(f"Airflow's {name} has ended; see {log}, which ends:\n{self._log_end(name)}")

    def stop(self) -> None:
        """End all processes of this state folder, tasks included; nothing is left running."""
        running, strays = self.processes(), self.everything()
        for group in _STOP_ORDER:
            terminate_all([running[name] for name in group if name in running], timeout=30)
        terminate_all(strays + self.everything(), timeout=5)
        with contextlib.suppress(OSError, ValueError):
            if port := self._recorded_port():
                self._record(port, {})

    # -- state --------------------------------------------------------------------------------------------------

    def processes(self) -> dict[str, ProcessId]:
        """The processes that run, by name; a recorded pid that now belongs to somebody else is not among them."""
        return {name: identity for name, identity in self._recorded().items() if identity.is_alive()}

    def everything(self) -> list[ProcessId]:
        """All processes: the three, their workers and tasks, and strays whose parent has ended."""
        return [process for leader in self._recorded().values() for process in session_of(leader)]

    @property
    def url(self) -> str:
        """The address of the web UI and the API.

        Raises:
            RuntimeFailure: Airflow has never been started here.
        """
        port = self._recorded_port()
        if port is None:
            raise RuntimeFailure("Airflow has not been started here; run `xinglin up`")
        return f"http://127.0.0.1:{port}"

    def client(self, held: Secrets) -> AirflowClient:
        """A client of the API, logged in as the administrator on first use."""
        return AirflowClient(self.url, ADMIN, held["airflow_admin_password"])

    # -- inside -------------------------------------------------------------------------------------------------

    def _write_home(self, held: Secrets) -> None:
        home = airflow_home(self._settings)
        (home / "config").mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
        (home / "config" / "airflow_local_settings.py").write_text(LOCAL_SETTINGS, "utf-8")
        passwords = passwords_file(self._settings)
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({ADMIN: held["airflow_admin_password"]}), "utf-8")
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _migrate(self, held: Secrets, environment: dict[str, str]) -> None:
        """Bring the metadata database up to date, unless this very version of Airflow has done so already."""
        wanted = version("apache-airflow-core")
        dsn = held["airflow_dsn"].replace("postgresql+psycopg2://", "postgresql://")
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("create table if not exists xinglin_migrated (airflow_version text primary key)")
            if connection.execute("select 1 from xinglin_migrated where airflow_version = %s", (wanted,)).fetchone():
                return
            with self._log("migrate").open("ab") as log:
                result = subprocess.run(
                    [sys.executable, "-m", "airflow", "db", "migrate"],
                    cwd=airflow_home(self._settings),
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
            if result.returncode != 0:
                raise RuntimeFailure(
                    f"Airflow's metadata database could not be migrated; see {self._log('migrate')}, which ends:\n"
                    + self._log_end("migrate")
                )
            connection.execute("delete from xinglin_migrated")
            connection.execute("insert into xinglin_migrated values (%s)", (wanted,))

    def _record(self, port: int, processes: dict[str, ProcessId]) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        entries = {name: [identity.pid, identity.started] for name, identity in processes.items()}
        temporary = self._file.with_suffix(".new")
        record = {"port": port, "deliveries": str(self._settings.deliveries), "processes": entries}
        temporary.write_text(json.dumps(record), "utf-8")
        temporary.replace(self._file)

    def _recorded(self) -> dict[str, ProcessId]:
        try:
            entries = json.loads(self._file.read_text("utf-8"))["processes"]
            return {str(name): ProcessId(int(entry[0]), int(entry[1])) for name, entry in entries.items()}
        except (OSError, ValueError, KeyError, IndexError):
            return {}

    def _recorded_port(self) -> int | None:
        try:
            return int(json.loads(self._file.read_text("utf-8"))["port"])
        except (OSError, ValueError, KeyError):
            return None

    def _recorded_deliveries(self) -> str | None:
        try:
            return str(json.loads(self._file.read_text("utf-8"))["deliveries"])
        except (OSError, ValueError, KeyError):
            return None

    def _log(self, name: str) -> Path:
        return self._logs / f"airflow-{name}.log"

    def _new_log(self, name: str) -> Path:
        """The log file of a start; that of the start before is kept beside it."""
        log = self._log(name)
        if log.exists():
            log.replace(log.with_suffix(".previous.log"))
        return log

    def _log_end(self, name: str) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self._log(name).read_text("utf-8", errors="replace").splitlines()[-15:])
        return "(no log)"
