"""pgBackRest on a real PostgreSQL 15 of Debian: what our verification finds where the tool's own status is 0."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import yaml

from governance.backup.adapter import BackupKind, Fault, Target
from governance.backup.keys import BackupKeys
from governance.backup.pgbackrest import PgBackRestBackups
from governance.backup.pgbackrest.site import load_site
from governance.backup.pgbackrest.tool import installed
from governance.backup.restoring import remove_restored
from governance.errors import BackupError
from governance.keys import open_keyring
from governance.runtime.placement import ServerUser, remove_sheltered, shelter
from governance.runtime.postgres import HBA, PostgresServer
from governance.runtime.provision import provision
from governance.settings import Settings
from tests.conftest import scratch_folder

_BIN = Path("/usr/lib/postgresql/15/bin")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        installed() is None or not (_BIN / "postgres").exists(),
        reason="needs Debian's pgbackrest and postgresql-15 (apt-get install pgbackrest postgresql-15)",
    ),
]
_KEEP = {"newest": 1, "days": 0, "weeks": 0, "months": 0, "years": 0}


class Cluster:
    """A provisioned PostgreSQL 15 that archives into two repositories, with two backups and some log after them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = ServerUser.choose()
        self.settings = Settings.from_environment(
            {"XINGLIN_STATE": str(folder / "state"), "XINGLIN_PGBACKREST": str(folder / "site.yaml")}
        )
        self.data = folder / "data"
        self.server = self._server()
        self._write_site()
        self.server.start()
        self.secrets = provision(self.server, self.settings)
        self.adapter = PgBackRestBackups.of(self.settings, self.secrets["dsn_backup"])
        self.adapter.prepare()

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.server.superuser_dsn("warehouse"), autocommit=True)

    def archived(self) -> None:
        """Finish the segment that is being written, and wait until it is archived."""
        with self.connect() as connection:
            row = connection.execute("select pg_walfile_name(pg_switch_wal())").fetchone()
            assert row is not None
            for _ in range(100):
                done = connection.execute("select last_archived_wal from pg_stat_archiver").fetchone()
                if done and done[0] and done[0] >= row[0]:
                    return
                time.sleep(0.1)
        raise AssertionError("the segment was not archived within 10 s")

    def _server(self) -> PostgresServer:
        real = shelter(self.data, self.user)
        password = self.folder / "password"
        password.write_text("of-a-throw-away-server", "utf-8")
        self.user.take_over(password)
        command = [str(_BIN / "initdb"), "-D", str(real), "-k", "--no-sync", "-U", "postgres", "-A", "scram-sha-256"]
        made = self.user.run(
            [*command, f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8"], cwd=real
        )
        assert made.returncode == 0, made.stdout
        (real / "pg_hba.conf").write_text(f"local all all trust\n{HBA}", "utf-8")
        sockets = self.folder / "sockets"
        sockets.mkdir()
        self.user.take_over(sockets)
        site_work = self.folder / "work"
        settings = {
            "unix_socket_directories": str(sockets),
            "archive_mode": "on",
            "archive_command": f"pgbackrest --config={site_work}/pgbackrest.conf --stanza=ward archive-push %p",
            "fsync": "off",
        }
        return PostgresServer(
            self.data, superuser_password="of-a-throw-away-server", settings=settings, port=0, programs=_BIN
        )

    def _write_site(self) -> None:
        repositories = []
        for name in ("near", "far"):
            path = self.folder / name
            path.mkdir()
            self.user.take_over(path)
            repositories.append({"path": str(path), "keep": _KEEP, "log_days": 1})
        document = {
            "version": 1,
            "stanza": "ward",
            "data_dir": str(self.data.resolve()),
            "socket_dir": str(self.folder / "sockets"),
            "port": 0,
            "user": "postgres",
            "process_max": 2,
            "work_dir": str(self.folder / "work"),
            "passphrase_version": 1,
            "repositories": repositories,
        }
        from governance.runtime.processes import free_port

        document["port"] = free_port(None)
        self.server._wanted_port = document["port"]
        (self.folder / "site.yaml").write_text(yaml.safe_dump(document), "utf-8")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with scratch_folder() as folder:
        made = Cluster(folder)
        try:
            yield made
        finally:
            made.server.destroy()


def test_try(cluster: Cluster) -> None:
    t = time.time()
    print(cluster.adapter.full("r1"), time.time() - t)
    print(cluster.adapter.backups(), cluster.adapter.recoverable())
    t = time.time()
    print(cluster.adapter.verify(), time.time() - t)
    assert 0
