"""Bring a backup back as a running scratch server, and compare what it holds with the manifest.

Layout of the folder that a restore fills: ``data`` (or a link to where the server's user can reach it), ``data.tls``,
``server.log`` and, when the server is kept, ``connection.conf`` (a libpq service file with a new superuser password;
the passwords that the cluster had when it was backed up are not needed). Nobody but this program, which alone knows
that password, can connect before the hooks have run.
"""

from __future__ import annotations

import configparser
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from governance.backup.adapter import BeforeOpening, RestoredCopy, Target
from governance.backup.archive import list_archive
from governance.backup.comparing import compare
from governance.backup.keys import BackupKeys
from governance.backup.recovery import COPY, Log, recover
from governance.backup.store import BackupRecord, chain, find_backup, list_backups
from governance.backup.timeline import Stretch, forks, need, ranges, said, stretch
from governance.backup.unpacking import remove_work, unpacked
from governance.errors import BackupError, RuntimeFailure
from governance.runtime.placement import ServerUser
from governance.runtime.postgres import HBA, SUPERUSER, THROW_AWAY, PostgresServer
from governance.settings import Settings

SERVICE = "restored"
DATA = "data"
_CONNECTION = "connection.conf"
_OURS = {DATA, f"{DATA}.tls", f"{DATA}.postgresql", f"{DATA}.chain", f"{DATA}.wal", "server.log", _CONNECTION}
CLOSED_HBA = f"hostssl all {SUPERUSER} 127.0.0.1/32 scram-sha-256\n"
_NO_HOOKS: Sequence[BeforeOpening] = ()


@dataclass(frozen=True)
class RestoredServer(RestoredCopy):
    """A restored copy on an embedded server."""

    @property
    def service_file(self) -> Path:
        """libpq service file of a kept server (``PGSERVICEFILE=… psql service=restored``)."""
        return self.folder / _CONNECTION

    def dsn(self) -> str:
        """Connection string of a kept server: as superuser, to the database that the manifest lists."""
        parameters = configparser.ConfigParser(interpolation=None)
        parameters.read(self.service_file, "utf-8")
        return make_conninfo(**dict(parameters[SERVICE]))


@dataclass(frozen=True)
class Plan:
    """What a restore starts from, and how far it goes; ``covered`` is the log to replay, none for the backup's end."""

    record: BackupRecord
    target: Target
    covered: Stretch | None = None


def plan(settings: Settings, keys: BackupKeys, backup: str | None = None, target: Target | None = None) -> Plan:
    """Choose the backup and the log for a restore.

    Raises:
        BackupError: there is no such backup, or the target is outside what is recoverable (the message says what is).
    """
    target = target or Target()
    if target.time is None and not target.latest:
        return Plan(find_backup(settings.backups, backup, keys.checker), target)
    if target.time is not None and (target.latest or target.time.tzinfo is None):
        raise BackupError("a target is either a time with its zone (2026-06-01T12:00:00+08:00) or --latest")
    records = _candidates(settings, keys, backup)
    entries, _ = list_archive(settings.backups, keys.checker)
    forked = forks(entries, keys)
    possible = ranges([record.manifest for record in records], entries, forked)
    for record in reversed(records):
        covered = stretch(entries, forked, record.manifest)
        if target.latest:
            return Plan(record, target, need(covered, record.manifest))
        assert target.time is not None  # noqa: S101 - as checked above
        if covered.until and record.manifest.ended_at <= target.time <= covered.until:
            return Plan(record, target, covered)
    raise BackupError(f"{target.time} cannot be restored; recoverable is {said(possible)}")


def _candidates(settings: Settings, keys: BackupKeys, backup: str | None) -> list[BackupRecord]:
    if backup is not None:
        return [find_backup(settings.backups, backup, keys.checker)]
    records, faults = list_backups(settings.backups, keys.checker)
    if not records:
        raise BackupError("; ".join(faults) or f"there is no backup in {settings.backups} yet (xinglin backup)")
    return records


def restore(
    wanted: BackupRecord | Plan,
    to_dir: Path,
    keys: BackupKeys,
    *,
    keep: bool = False,
    before_opening: Sequence[BeforeOpening] = _NO_HOOKS,
) -> RestoredServer:
    """Restore into an empty or new folder, run the hooks, and compare every table with the manifest.

    Args:
        wanted: a backup (restored to its own end), or a plan.
        before_opening: run in order on the recovered copy while nobody else can connect.

    Raises:
        BackupError: the folder is not empty; the backup is damaged, cut short or made for another key; the copy does
            not start; or a hook failed. Everything that the restore wrote is removed again.
    """
    chosen = wanted if isinstance(wanted, Plan) else Plan(wanted, Target())
    manifest = chosen.record.manifest
    started = time.monotonic()
    with clean_on_failure(to_dir):
        links = chain(chosen.record, keys.checker)
        server, real, size, password = _prepared(links, to_dir, keys, keep=keep)
        recovered_to = _recovered(chosen, server, real, keys, password)
        try:
            (real / "pg_hba.conf").write_text(CLOSED_HBA, "utf-8")
            server.start()
            dsn = server.superuser_dsn(manifest.database)
            changed = [hook(dsn) for hook in before_opening]
            open_to_all(dsn, real)
            seconds = time.monotonic() - started
            touched = {name for names in changed for name in names or ()}
            comparison = compare(dsn, manifest, later=chosen.covered is not None or None in changed, touched=touched)
            if keep:
                write_connection(to_dir, dsn)
        except RuntimeFailure as error:
            raise BackupError(f"the restored copy of {manifest.backup_id} does not start: {error}") from error
        finally:
            if not keep:
                server.stop()
    return RestoredServer(
        to_dir, manifest.backup_id, comparison, keep, size, seconds, target=chosen.target, recovered_to=recovered_to
    )


def remove_restored(to_dir: Path) -> None:
    """Stop a restored copy if it still runs, and remove it; also what a killed restore left of one.

    Raises:
        BackupError: the folder holds no restored copy.
    """
    data = to_dir / DATA
    is_copy = (data / "PG_VERSION").is_file() or (data.is_dir() and {path.name for path in to_dir.iterdir()} <= _OURS)
    if not is_copy:
        raise BackupError(f"{to_dir} holds no restored copy; nothing was removed")
    remove_work(data)
    PostgresServer(data, log_file=to_dir / "server.log").destroy()
    for name in ("server.log", _CONNECTION):
        (to_dir / name).unlink(missing_ok=True)
    if not any(to_dir.iterdir()):
        to_dir.rmdir()


def _prepared(
    links: list[BackupRecord], to_dir: Path, keys: BackupKeys, *, keep: bool
) -> tuple[PostgresServer, Path, int, str]:
    user = ServerUser.choose()
    password = secrets.token_urlsafe(24)
    server = PostgresServer(
        to_dir / DATA,
        log_file=to_dir / "server.log",
        superuser_password=password,
        port=0,
        settings=COPY if keep else COPY | THROW_AWAY,
    )
    real, size = unpacked(links, to_dir / DATA, keys, server, user)
    settings = real / "postgresql.auto.conf"  # outranks every file, so it must not decide over the copy
    settings.replace(real / "postgresql.auto.conf.original")
    settings.write_text("# The original's settings are in postgresql.auto.conf.original.\n", "utf-8")
    user.take_over(settings)
    return server, real, size, password


def _recovered(chosen: Plan, server: PostgresServer, real: Path, keys: BackupKeys, password: str) -> datetime | None:
    user = ServerUser.choose()
    if chosen.covered is None:
        return recover(server, real, user, password, {})
    log = Log.of(chosen.covered, real.with_name(real.name + ".wal"), keys, user, chosen.target.time)
    try:
        return recover(server, real, user, password, log.settings(chosen.target))
    finally:
        log.remove()


def open_to_all(dsn: str, real: Path) -> None:
    """Let everybody in who may connect to the original."""
    (real / "pg_hba.conf").write_text(HBA, "utf-8")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select pg_reload_conf()")


def write_connection(to_dir: Path, dsn: str) -> None:
    path = to_dir / _CONNECTION
    path.touch(mode=0o600)
    lines = [f"{name}={value}" for name, value in conninfo_to_dict(dsn).items()]
    path.write_text("\n".join([f"[{SERVICE}]", *lines]) + "\n", "utf-8")


@contextmanager
def clean_on_failure(to_dir: Path) -> Iterator[None]:
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
        server = PostgresServer(to_dir / DATA, log_file=to_dir / "server.log")
        remove_work(to_dir / DATA)
        server.destroy()
        for left in to_dir.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        if not existed:
            to_dir.rmdir()
        raise
