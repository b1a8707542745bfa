"""A hospital on a real PostgreSQL 15 of Debian that pgBackRest backs up into two repositories."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
import yaml

from governance.audit import AuditKeys
from governance.audit.checkpoints import make_checkpoint
from governance.backup.pgbackrest import PgBackRestBackups
from governance.backup.pgbackrest.site import load_site
from governance.backup.pgbackrest.tool import installed
from governance.collection.stage import collect_source
from governance.contracts import load_catalogue
from governance.keys.purge import patients_present
from governance.keys.withdrawal import Reason, withdraw
from governance.runtime.placement import ServerUser, shelter
from governance.runtime.postgres import HBA, PostgresServer
from governance.runtime.processes import free_port
from governance.runtime.provision import provision
from governance.settings import Settings
from include.sample_hospital import generate
from tests.conftest import scratch_folder

_BIN = Path("/usr/lib/postgresql/15/bin")
needs_packages = pytest.mark.skipif(
    installed() is None or not (_BIN / "postgres").exists(),
    reason="needs Debian's pgbackrest and postgresql-15 (apt-get install pgbackrest postgresql-15)",
)
_KEEP = {"newest": 1, "days": 0, "weeks": 0, "months": 0, "years": 0}


class Cluster:
    """A provisioned PostgreSQL 15 that archives into two repositories, with two backups and some log after them.

    Attributes:
        between: after the first backup, before the second and before the one withdrawal.
    """

    between: datetime

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = ServerUser.choose()
        generate(folder / "deliveries", patients=50, daily_deliveries=0, answer_key=folder / "answer_key")
        self.environment = {
            "XINGLIN_STATE": str(folder / "state"),
            "XINGLIN_DELIVERIES": str(folder / "deliveries"),
            "XINGLIN_PGBACKREST": str(folder / "site.yaml"),
            "XINGLIN_BACKUP_ADAPTER": "pgbackrest",
        }
        self.settings = Settings.from_environment(self.environment)
        self.data = folder / "data"
        self.server = self._server()
        self._write_site()
        self.server.start()
        self.secrets = provision(self.server, self.settings)
        self.adapter = PgBackRestBackups.of(self.settings, self.secrets["dsn_backup"])
        self.adapter.prepare()

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.server.superuser_dsn("warehouse"), autocommit=True)

    def row(self) -> datetime:
        """Insert a row; when it was committed, as the server says."""
        with self.connect() as connection:
            connection.execute("insert into sample.visit (note) values ('a visit')")
            found = connection.execute("select clock_timestamp()").fetchone()
        assert found is not None
        return found[0]

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

    def fill(self) -> None:
        """Collect one source, back up, let a person withdraw, back up again."""
        collect_source("his", self.secrets["dsn_collect"], self.settings, "first")
        with self.connect() as connection:
            connection.execute("create schema sample")
            connection.execute("create table sample.visit (id bigint generated always as identity, note text)")
            connection.execute(
                "create table sample.lab as select i as id, md5(i::text) as v from generate_series(1, 20000) i"
            )
            self.adapter.full("first")
            patients = patients_present(connection, load_catalogue(self.settings.contracts))
        with psycopg.connect(self.secrets["dsn_audit"], autocommit=True) as audit:
            make_checkpoint(audit, AuditKeys.open(self.settings), self.settings.audit_checkpoints)
        time.sleep(1)  # pgBackRest's end of the backup is rounded up to the second
        self.row()
        self.between = self.row()
        withdraw(self.secrets["dsn_admin"], self.settings, patients[:1], Reason.CONSENT_WITHDRAWN, "test")
        self.adapter.incremental("second")
        for _ in range(4):  # segments in the middle and at the end of the archive
            self.row()
            self.archived()

    def _server(self) -> PostgresServer:
        real = shelter(self.data, self.user)
        password = self.folder / "password"
        password.write_text("of-a-throw-away-server", "utf-8")
        self.user.take_over(password)
        command = [str(_BIN / "initdb"), "-D", str(real), "-k", "--no-sync", "-U", "postgres", "-A", "scram-sha-256"]
        made = self.user.run([*command, f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8"], cwd=real)
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
        document["port"] = free_port(None)
        self.server._wanted_port = document["port"]
        (self.folder / "site.yaml").write_text(yaml.safe_dump(document), "utf-8")

    def tool(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """pgBackRest itself, with its own exit status."""
        site = load_site(self.settings.pgbackrest)
        return self.user.run(["pgbackrest", f"--config={site.config}", "--stanza=ward", *arguments], cwd=Path("/"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with scratch_folder() as folder:
        made = Cluster(folder)
        try:
            made.fill()
            yield made
        finally:
            with made.connect() as connection:  # stopping waits for the archive otherwise
                connection.execute("alter system set archive_command = '/bin/true'")
                connection.execute("select pg_reload_conf()")
            made.server.destroy()


@pytest.fixture
def near(cluster: Cluster) -> Iterator[Path]:
    """The first repository, put back as it was after the test."""
    folder, kept = cluster.folder / "near", cluster.folder / "near.kept"
    shutil.copytree(folder, kept, symlinks=True)
    yield folder
    shutil.rmtree(folder)
    kept.rename(folder)
    cluster.user.take_over(folder)


def data_files(near: Path) -> list[Path]:
    """Files of tables in the full backup, the largest first."""
    full = next(path for path in sorted((near / "backup" / "ward").iterdir()) if path.name.endswith("F"))
    files = [path for path in (full / "pg_data" / "base").rglob("*.zst") if path.is_file()]
    return sorted(files, key=lambda path: (-path.stat().st_size, path))


def segments(near: Path) -> list[Path]:
    """Segments of the log in a repository, the oldest first."""
    return sorted(path for path in (near / "archive" / "ward").rglob("*.zst") if "history" not in path.name)


def flip(path: Path) -> Path:
    """Alter one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


def delete(path: Path) -> Path:
    """Remove a file."""
    path.unlink()
    return path
