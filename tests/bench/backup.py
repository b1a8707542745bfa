"""Backups beside what a user would do instead, on one database of random rows: ratios within one run."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from anonymization.encryption import Suite
from governance.backup.adapter import BackupInfo, Target
from governance.backup.archiver import Status
from governance.backup.embedded import EmbeddedBackups
from governance.backup.scratch import remove_restored
from governance.runtime.archiving import ArchiverProcess
from governance.runtime.postgres import PostgresServer
from governance.runtime.secrets import Secrets
from governance.settings import Settings
from tests.bench.measure import Results, scratch_site

_T = TypeVar("_T")
_ROW = 120  # bytes of a row with its share of the key's index, about


def measure_backup(results: Results, folder: Path, megabytes: int) -> None:
    """Full, incremental, restore, both suites, RPO; on a database of ``megabytes``."""
    with scratch_site(folder, folder / "deliveries") as (settings, server):
        held = Secrets.of(settings.state)
        archiver = ArchiverProcess(settings)
        try:
            _measure(results, settings, server, held, archiver, megabytes)
        finally:
            archiver.stop()


def _measure(
    results: Results, settings: Settings, server: PostgresServer, held: Secrets, archiver: ArchiverProcess, size: int
) -> None:
    dsn = held["dsn_backup"]
    rows = size * 1_000_000 // _ROW
    with psycopg.connect(server.superuser_dsn("warehouse"), autocommit=True) as connection:
        connection.execute("create schema bench")
        connection.execute(
            "create table bench.lab as select i as id, (random() * 1e6)::int as patient, random() as value,"
            " md5(i::text) as code, now() - random() * interval '900 days' as at from generate_series(1, %s) as i",
            (rows,),
        )
        connection.execute("alter table bench.lab add primary key (id)")
        connection.execute("vacuum (freeze, analyze) bench.lab")
        connection.execute("checkpoint")
        row = connection.execute("select sum(pg_database_size(oid)) from pg_database").fetchone()
    assert row
    what = f"{float(row[0]) / 1e9:.2f} GB"
    backups = EmbeddedBackups.of(settings, dsn)
    sm4 = replace(backups, keys=replace(backups.keys, suite=Suite.GM))
    plain = _timed(lambda: _basebackup(server, dsn, settings.state / "plain"))[0]
    shutil.rmtree(settings.state / "plain")
    full, made = _timed(lambda: backups.full("bench"))
    gm, _ = _timed(lambda: sm4.full("bench"))
    results.add("backup", "pg_basebackup, zstd in the server, not encrypted", plain, "s", "", what)
    results.add("backup", "full, encrypted (age), hashed, signed", full, "s", "", what)
    results.add("backup", "the same against pg_basebackup + zstd", full / plain, "times", "1.2", what)
    results.add("backup", "full in suite gm (SM4) against suite intl", gm / full, "times", "1.6", what)
    made = backups.full("bench")
    _restoring(results, settings, server, backups, made, what)
    with psycopg.connect(server.superuser_dsn("warehouse"), autocommit=True) as connection:
        connection.execute("update bench.lab set value = -value where id <= %s", (rows // 100,))
    seconds, incremental = _timed(lambda: backups.incremental("bench"))
    results.add(
        "backup", "incremental after 1 % change, against the full", incremental.bytes / made.bytes, "times", "0.1"
    )
    results.add("backup", "incremental after 1 % change", seconds, "s", "", f"{incremental.bytes / 1e6:,.0f} MB")
    archiver.start(server, held)
    _recovery_point(results, settings, server)


def _restoring(
    results: Results, settings: Settings, server: PostgresServer, backups: EmbeddedBackups, made: BackupInfo, what: str
) -> None:
    restored = backups.restore(settings.state / "copy", backup=made.backup_id, target=Target())
    assert restored.comparison.holds, restored.comparison
    remove_restored(settings.state / "copy")
    dumped, loaded = _dump_and_load(server, settings.state / "dump")
    note = f"{what}; decrypted, every file verified, recovered, running"
    results.add("backup", "restore (RTO) until it accepts connections", restored.seconds, "s", "< 120", note)
    results.add("backup", "pg_dump -Fd -j2, then pg_restore -j2", loaded, "s", "", f"dump {dumped:.1f} s before it")
    results.add("backup", "restore: times faster than pg_restore -j2", loaded / restored.seconds, "times", "3")


def _recovery_point(results: Results, settings: Settings, server: PostgresServer) -> None:
    """For twice the heartbeat, write a row a second, and look how old the newest archived moment is."""
    ages = []
    deadline = time.monotonic() + 2.5 * settings.archive_heartbeat_seconds
    status = settings.state / "run" / "archiver.json"
    with psycopg.connect(server.superuser_dsn("warehouse"), autocommit=True) as connection:
        while time.monotonic() < deadline:
            connection.execute("insert into bench.lab (id, value) select max(id) + 1, 1 from bench.lab")
            said = Status.read(status)
            if said and said.until:
                ages.append(time.time() - said.until.timestamp())
            time.sleep(1)
    assert ages
    results.add("backup", "age of the newest archived moment (RPO), greatest", max(ages), "s", "< 60", "a row a second")


def _basebackup(server: PostgresServer, dsn: str, to: Path) -> None:
    options = ["--format=tar", "--wal-method=fetch", "--checkpoint=fast", "--compress=server-zstd:level=3"]
    manifest = ["--manifest-checksums=SHA256", "--no-password"]
    _run([server.tool("pg_basebackup"), f"--pgdata={to}", *options, *manifest], dsn, database=False)


def _dump_and_load(server: PostgresServer, folder: Path) -> tuple[float, float]:
    """The same rows by pg_dump and pg_restore, into a second database of the same server."""
    dsn = server.superuser_dsn("warehouse")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create database again")
    dump = [server.tool("pg_dump"), "--format=directory", "--jobs=2", "--compress=zstd:3", f"--file={folder}"]
    dumped, _ = _timed(lambda: _run([*dump, "--schema=bench"], dsn))
    load = [server.tool("pg_restore"), "--jobs=2", "--dbname=again", str(folder)]
    loaded, _ = _timed(lambda: _run(load, dsn))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("drop database again")
    shutil.rmtree(folder)
    return dumped, loaded


def _run(command: list[str], dsn: str, *, database: bool = True) -> None:
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "sslmode": "PGSSLMODE"}
    names |= {"sslrootcert": "PGSSLROOTCERT"} | ({"dbname": "PGDATABASE"} if database else {})
    login = {names[key]: str(value) for key, value in conninfo_to_dict(dsn).items() if key in names}
    subprocess.run(command, env=os.environ | login, check=True)


def _timed(work: Callable[[], _T]) -> tuple[float, _T]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result
