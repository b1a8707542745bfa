"""The servers of one state folder together: start, stop, look, remove."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from governance.errors import RuntimeFailure
from governance.runtime.airflow import AirflowServers
from governance.runtime.archiving import ArchiverProcess
from governance.runtime.postgres import PostgresServer
from governance.runtime.processes import proportional_memory
from governance.runtime.sample import ANSWER_KEY
from governance.runtime.secrets import Secrets
from governance.settings import Settings

_PRIVATE = ("logs", "run", "keys", "deliveries", "backups", ANSWER_KEY)
_MARKER = "xinglin-state"  # a folder without this file is not ours to remove


@dataclass(frozen=True)
class Status:
    """What runs: addresses are empty for what does not; memory in bytes, shared pages counted once.

    ``archive`` says up to when the write-ahead log is archived, or why it is not.
    """

    database: str
    airflow: str
    archive: str
    memory: int


def main_server(settings: Settings, held: Secrets | None = None) -> PostgresServer:
    """The warehouse's server (running or not)."""
    secrets = held or Secrets.of(settings.state)
    return PostgresServer(
        settings.state / "postgres",
        log_file=settings.state / "logs" / "postgres.log",
        superuser_password=secrets.get("password_postgres"),
    )


def _archive_words(archiver: ArchiverProcess, *, runs: bool, database: bool) -> str:
    from governance.backup.archiver import Status as Archiving  # noqa: PLC0415 - slow import

    said = Archiving.read(archiver.files.status)
    until = f"{said.until:%Y-%m-%d %H:%M:%S %Z}" if said and said.until else "—"
    if database and not runs:
        return f"未运行 NOT RUNNING; xinglin up 重新启动 starts it again; 可恢复至 recoverable until {until}"
    if said and said.state == "failing":
        return f"失败 FAILING: {said.fault}; 可恢复至 recoverable until {until}"
    behind = f"; 副本落后 THE COPY IS BEHIND: {said.copy_fault}" if said and said.copy_fault else ""
    return f"可恢复至 recoverable until {until}{behind}"


class Stack:
    """PostgreSQL and Airflow of one state folder.

    Args:
        settings: where things are.
        dags: another DAG folder than the project's (tests).
    """

    def __init__(self, settings: Settings, *, dags: Path | None = None) -> None:
        self._settings = settings
        self.airflow = AirflowServers(settings, dags=dags)
        self.archiver = ArchiverProcess(settings)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Only one command at a time starts, stops or removes servers.

        Raises:
            RuntimeFailure: another command is at it.
        """
        self._make_folders()
        with (self._settings.state / "run" / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RuntimeFailure(
                    f"another xinglin command is working on {self._settings.state}; wait for it, or stop it"
                ) from error
            yield

    def start_database(self) -> Secrets:
        """Start PostgreSQL with everything in it that the pipeline needs; safe to repeat.

        Raises:
            RuntimeFailure: the server did not start.
            DatabaseError: it could not be provisioned or migrated.
        """
        from governance.runtime.provision import provision  # noqa: PLC0415 - reads the contracts: 1 s

        self._make_folders()
        held = Secrets.of(self._settings.state)
        password = held.random("password_postgres")
        held.save()  # before the cluster is made, so that no cluster stands without its password
        server = main_server(self._settings, held)
        server.initialise(password)
        server.start()
        provisioned = provision(server, self._settings)
        self.archiver.start(server, provisioned)
        return provisioned

    def keep(self) -> None:
        """Note that the servers are to stay up until :meth:`stop`, whoever else uses them."""
        self._kept.touch()

    @property
    def is_kept(self) -> bool:
        """Whether somebody wants them to stay; servers that a killed command left behind are not."""
        return self._kept.exists()

    @property
    def _kept(self) -> Path:
        return self._settings.state / "run" / "kept"

    def stop_database(self) -> None:
        """Stop the archiver when it has archived everything, then PostgreSQL."""
        self.archiver.stop()
        main_server(self._settings).stop()

    def stop(self) -> None:
        """Stop Airflow, then PostgreSQL; nothing is left running."""
        self._kept.unlink(missing_ok=True)
        self.airflow.stop()
        self.stop_database()

    def status(self) -> Status:
        """What runs now."""
        server = main_server(self._settings)
        archiving = self.archiver.processes()
        processes = server.processes + archiving + self.airflow.everything()
        return Status(
            database=f"127.0.0.1:{server.port}" if server.is_running() else "",
            airflow=self.airflow.url if self.airflow.processes() else "",
            archive=_archive_words(self.archiver, runs=bool(archiving), database=server.is_running()),
            memory=sum(proportional_memory(process) for process in processes),
        )

    def remove(self) -> None:
        """Stop everything and remove the state folder with its data, keys, logs and backups, and nested samples'.

        Raises:
            RuntimeFailure: the folder was not made by this program.
        """
        state = self._settings.state
        if not state.exists():
            return
        if not (state / _MARKER).is_file():
            raise RuntimeFailure(f"{state} was not made by xinglin; remove it by hand if it is to go")
        for nested in state.glob(f"*/{_MARKER}"):
            Stack(Settings.from_environment({"XINGLIN_STATE": str(nested.parent)})).remove()
        self.airflow.stop()
        self.archiver.stop()
        main_server(self._settings).destroy()
        shutil.rmtree(state)

    def _make_folders(self) -> None:
        state = self._settings.state
        if state.is_dir() and any(state.iterdir()) and not (state / _MARKER).is_file():
            raise RuntimeFailure(f"{state} holds files that are not xinglin's; set XINGLIN_STATE to another folder")
        state.mkdir(parents=True, exist_ok=True)
        if state.stat().st_uid == os.geteuid():
            state.chmod(0o711)  # the server's user passes through, and cannot look around
        (state / _MARKER).touch()
        for name in _PRIVATE:
            (state / name).mkdir(mode=0o700, exist_ok=True)
