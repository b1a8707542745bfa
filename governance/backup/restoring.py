"""Bring a backup back as a running scratch server, and compare what it holds with the manifest.

Layout of the folder that a restore fills: ``data`` (or a link to where the server's user can reach it), ``data.tls``,
``server.log`` and, when the server is kept, ``connection.conf`` (a libpq service file with a new superuser password;
the passwords that the cluster had when it was backed up are not needed).
"""

from __future__ import annotations

import configparser
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from governance.backup.comparing import Comparison, compare
from governance.backup.keys import BackupKeys
from governance.backup.store import BackupRecord
from governance.backup.streams import unpack
from governance.errors import BackupError, RuntimeFailure
from governance.runtime.placement import ServerUser, shelter
from governance.runtime.postgres import SUPERUSER, THROW_AWAY, PostgresServer

SERVICE = "restored"
_DATA = "data"
_CONNECTION = "connection.conf"
# A copy must never write into the archive of the original, nor believe that it is a standby of it.
_COPY = {"archive_mode": "off", "archive_command": "", "primary_conninfo": "", "synchronous_standby_names": ""}


@dataclass(frozen=True)
class RestoredServer:
    """A restored copy.

    Attributes:
        folder: what the restore filled.
        comparison: what it holds against what its manifest says.
        kept: the server runs on, and :attr:`service_file` says how to reach it; else it was stopped again.
        bytes, seconds: of the unpacked files; until the copy accepted connections.
    """

    folder: Path
    comparison: Comparison
    kept: bool
    bytes: int
    seconds: float

    @property
    def service_file(self) -> Path:
        """libpq service file of a kept server (``PGSERVICEFILE=… psql service=restored``)."""
        return self.folder / _CONNECTION

    def dsn(self) -> str:
        """Connection string of a kept server: as superuser, to the database that the manifest lists."""
        parameters = configparser.ConfigParser(interpolation=None)
        parameters.read(self.service_file, "utf-8")
        return make_conninfo(**dict(parameters[SERVICE]))


def restore(
    record: BackupRecord,
    to_dir: Path,
    keys: BackupKeys,
    *,
    keep: bool = False,
    before_opening: Callable[[str], object] = lambda _dsn: None,
) -> RestoredServer:
    """Restore a backup into an empty or new folder and compare every table with the manifest.

    Args:
        before_opening: called with the superuser's connection string when the copy has been compared and before anybody
            else can reach it: withdrawals that came after the backup are repeated there
            (:func:`governance.keys.withdrawal.replay_tombstones`). When it fails, so does the restore.

    Raises:
        BackupError: the folder is not empty; the backup is damaged, cut short or made for another key; or the copy does
            not start. Everything that the restore wrote is removed again.
    """
    if keys.identity is None:
        raise BackupError("a restore needs the backup identity of the keyring, and this one holds none")
    started = time.monotonic()
    with _clean_on_failure(to_dir):
        server, size = _unpacked(record, to_dir, keys.identity, keep=keep)
        try:
            server.start()
            seconds = time.monotonic() - started
            dsn = server.superuser_dsn(record.manifest.database)
            comparison = compare(dsn, record.manifest)
            before_opening(dsn)
            if keep:
                _write_connection(to_dir, dsn)
        except RuntimeFailure as error:
            raise BackupError(f"the restored copy of {record.manifest.backup_id} does not start: {error}") from error
        finally:
            if not keep:
                server.stop()
    return RestoredServer(to_dir, comparison, keep, size, seconds)


def remove_restored(to_dir: Path) -> None:
    """Stop a restored copy if it still runs, and remove it.

    Raises:
        BackupError: the folder holds no restored copy.
    """
    data = to_dir / _DATA
    if not (data / "PG_VERSION").is_file():
        raise BackupError(f"{to_dir} holds no restored copy; nothing was removed")
    PostgresServer(data, log_file=to_dir / "server.log").destroy()
    for name in ("server.log", _CONNECTION):
        (to_dir / name).unlink(missing_ok=True)
    if not any(to_dir.iterdir()):
        to_dir.rmdir()


def _unpacked(record: BackupRecord, to_dir: Path, identity: str, *, keep: bool) -> tuple[PostgresServer, int]:
    user = ServerUser.choose()
    data = to_dir / _DATA
    real = shelter(data, user)
    size = unpack(record.file, real, identity, record.manifest.sha256)
    if not (real / "backup_label").is_file() or not (real / "PG_VERSION").is_file():
        raise BackupError(f"{record.file} holds no base backup of PostgreSQL; use another one (xinglin backups)")
    settings = real / "postgresql.auto.conf"  # outranks every file, so it must not decide over the copy
    settings.replace(real / "postgresql.auto.conf.original")
    settings.write_text("# The original's settings are in postgresql.auto.conf.original.\n", "utf-8")
    user.take_over(real)
    password = secrets.token_urlsafe(24)
    server = PostgresServer(
        data,
        log_file=to_dir / "server.log",
        superuser_password=password,
        port=0,
        settings=_COPY if keep else _COPY | THROW_AWAY,
    )
    _set_password(server, real, user, password)
    return server, size


def _set_password(server: PostgresServer, real: Path, user: ServerUser, password: str) -> None:
    """Recover the copy in a single-user server without network, and give the superuser a new password there."""
    overrides = {**_COPY, "fsync": "off", "ssl": "off", "log_min_messages": "fatal", "log_min_error_statement": "panic"}
    options = [part for name, value in overrides.items() for part in ("-c", f"{name}={value}")]
    result = subprocess.run(
        [server.tool("postgres"), "--single", "-j", "-D", str(real), *options, "postgres"],
        input=f"alter role {SUPERUSER} password '{password}';\n\n",
        cwd=real,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(real)},
        capture_output=True,
        text=True,
        check=False,
        user=user.uid,
        group=user.gid,
        extra_groups=None if user.uid is None else [],
    )
    if result.returncode != 0:
        said = result.stderr.strip().replace("\n", "; ")[-500:]
        raise BackupError(f"the restored copy cannot be recovered: {said or 'no message'}")


def _write_connection(to_dir: Path, dsn: str) -> None:
    path = to_dir / _CONNECTION
    path.touch(mode=0o600)
    lines = [f"{name}={value}" for name, value in conninfo_to_dict(dsn).items()]
    path.write_text("\n".join([f"[{SERVICE}]", *lines]) + "\n", "utf-8")


@contextmanager
def _clean_on_failure(to_dir: Path) -> Iterator[None]:
    """Refuse a folder that holds anything; leave it as it was found when the restore fails."""
    existed = to_dir.exists()
    if existed and (not to_dir.is_dir() or any(to_dir.iterdir())):
        raise BackupError(f"{to_dir} is not empty, and a restore overwrites nothing; name a new folder")
    try:
        to_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise BackupError(f"{to_dir} cannot be made ({error.strerror}); name another folder") from error
    try:
        yield
    except BaseException:
        PostgresServer(to_dir / _DATA, log_file=to_dir / "server.log").destroy()
        for left in to_dir.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        if not existed:
            to_dir.rmdir()
        raise
