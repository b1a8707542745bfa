"""A scratch server with its archiver and backups, for the tests of backups."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg

from governance.backup.embedded import EmbeddedBackups
from governance.runtime.archiving import ArchiverProcess
from governance.runtime.postgres import THROW_AWAY, PostgresServer
from governance.runtime.provision import provision
from governance.runtime.secrets import Secrets
from governance.settings import Settings


@dataclass
class Site:
    """A server with its archiver, a table of numbered rows, and backups."""

    settings: Settings
    server: PostgresServer
    secrets: Secrets
    archiver: ArchiverProcess
    backups: EmbeddedBackups
    moments: dict[int, datetime] = field(default_factory=dict)

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.server.superuser_dsn("warehouse"), autocommit=True)

    def write(self, number: int) -> datetime:
        """Insert a row and note a moment after it, at which it must be there."""
        with self.connect() as connection:
            connection.execute("insert into sample.event values (%s, md5(%s::text))", (number, number))
            time.sleep(0.05)
            row = connection.execute("select clock_timestamp()").fetchone()
        assert row
        self.moments[number] = row[0]
        time.sleep(0.05)
        return self.moments[number]

    def numbers(self, dsn: str) -> list[int]:
        with psycopg.connect(dsn) as connection:
            return [row[0] for row in connection.execute("select number from sample.event order by 1")]


def new_site(state: Path, suite: str = "intl", *, copy: Path | None = None) -> Site:
    settings = Settings.from_environment({"XINGLIN_STATE": str(state), "XINGLIN_SUITE": suite})
    settings = settings.model_copy(update={"archive_heartbeat_seconds": 1.0, "backup_copy": copy})
    server = PostgresServer(state / "postgres", superuser_password="p" * 24, settings=THROW_AWAY)
    server.initialise()
    server.start()
    secrets = provision(server, settings)
    archiver = ArchiverProcess(settings)
    archiver.start(server, secrets)
    site = Site(settings, server, secrets, archiver, EmbeddedBackups.of(settings, secrets["dsn_backup"]))
    with site.connect() as connection:
        connection.execute("create schema sample")
        connection.execute("create table sample.event (number integer primary key, text text)")
        connection.execute("create table sample.still as select i, md5(i::text) from generate_series(1, 20000) as i")
    return site
