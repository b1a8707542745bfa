"""The archiver's process: started with the database server, stopped before it, watched by pid and start time."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from governance.database import connect
from governance.errors import RuntimeFailure
from governance.runtime.postgres import PostgresServer
from governance.runtime.processes import ProcessId, session_of
from governance.runtime.secrets import Secrets
from governance.settings import Settings


@dataclass(frozen=True)
class ArchiverFiles:
    """Where the archiver of a state folder keeps what it needs."""

    state: Path

    @property
    def process(self) -> Path:
        """Pid and start time of the process."""
        return self.state / "run" / "archiver.pid.json"

    @property
    def status(self) -> Path:
        """What it last said of itself."""
        return self.state / "run" / "archiver.json"

    @property
    def spool(self) -> Path:
        """Segments that are received and not archived yet; as readable as the server's own files."""
        return self.state / "run" / "wal"

    @property
    def log(self) -> Path:
        """Its words."""
        return self.state / "logs" / "archiver.log"


class ArchiverProcess:
    """The archiver of one state folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.files = ArchiverFiles(settings.state)

    def start(self, server: PostgresServer, held: Secrets) -> None:
        """Start it for a running server; one that runs is left alone. It reports failures in its status file.

        Its replication slot is there when this returns, so that every later backup is followed by archived log.
        """
        from governance.backup.archiver import make_slot  # noqa: PLC0415 - slow imports, only needed here
        from governance.keys import open_keyring  # noqa: PLC0415

        if self.processes():
            return
        with connect(held["dsn_backup"], autocommit=True, application="xinglin archiver") as connection:
            make_slot(connection)
        keyring = open_keyring(self._settings.keyring)
        orders = {
            "dsn": held["dsn_backup"],
            "receiver": server.tool("pg_receivewal"),
            "backups": str(self._settings.backups),
            "spool": str(self.files.spool),
            "status": str(self.files.status),
            "heartbeat_seconds": self._settings.archive_heartbeat_seconds,
            "copy_to": str(self._settings.backup_copy) if self._settings.backup_copy else None,
            "suite": keyring.suite,
            "recipients": [keyring.backup_recipient],
            "signing": _encoded(keyring.keys["backup_signing"]),
            "stream": _encoded(keyring.keys["backup_stream"]) if keyring.suite == "gm" else {},
        }
        self.files.log.parent.mkdir(parents=True, exist_ok=True)
        with self.files.log.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "governance.backup.archiver"],
                cwd=self._settings.project,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        assert child.stdin is not None  # noqa: S101 - a pipe was asked for
        child.stdin.write(json.dumps(orders).encode())
        child.stdin.close()
        child.returncode = 0  # from here on it is watched by pid and start time, also by other commands
        identity = ProcessId.of(child.pid)
        if identity is None:
            raise RuntimeFailure(f"the archiver of the log ended at once; see {self.files.log}")
        self.files.process.parent.mkdir(parents=True, exist_ok=True)
        self.files.process.write_text(json.dumps({"pid": identity.pid, "started": identity.started}), "utf-8")

    def stop(self) -> None:
        """Let it archive the last segment, then end it; nothing of it is left running."""
        leader = self._leader()
        if leader is None:
            return
        leader.terminate(20)
        for left in session_of(leader):
            left.terminate(2)
        self.files.process.unlink(missing_ok=True)

    def processes(self) -> list[ProcessId]:
        """The archiver and its receiver, none when it does not run."""
        leader = self._leader()
        if leader is None or not leader.is_alive():
            return []
        return session_of(leader)

    def _leader(self) -> ProcessId | None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            recorded = json.loads(self.files.process.read_text("utf-8"))
            return ProcessId(int(recorded["pid"]), int(recorded["started"]))
        return None


def _encoded(keys: dict[int, bytes]) -> dict[int, str]:
    return {version: base64.b64encode(key).decode() for version, key in keys.items()}
