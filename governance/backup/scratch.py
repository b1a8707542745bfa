"""A restored copy as a scratch server: what is the same whatever laid its files down.

Layout of the folder that a restore fills: ``data`` (or a link to where the server's user can reach it), ``data.tls``,
``server.log`` and, when the server is kept, ``connection.conf`` (a libpq service file with a new superuser password;
the passwords that the cluster had when it was backed up are not needed). Nobody but this program, which alone knows
that password, can connect before the hooks have run.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from governance.backup.adapter import CONNECTION, SERVICE, BeforeOpening, RestoredCopy, Target
from governance.backup.comparing import Comparison, Recorded, compare
from governance.backup.recovery import COPY, recover
from governance.errors import BackupError, RuntimeFailure
from governance.runtime.placement import ServerUser
from governance.runtime.postgres import HBA, SUPERUSER, THROW_AWAY, PostgresServer

DATA = "data"
_CLOSED_HBA = f"hostssl all {SUPERUSER} 127.0.0.1/32 scram-sha-256\n"
_BESIDE = (".chain", ".wal", ".tablespaces")  # what restores make beside the data, wherever they lie
_OURS = {DATA, f"{DATA}.tls", f"{DATA}.postgresql", *(f"{DATA}{name}" for name in _BESIDE), "server.log", CONNECTION}


@dataclass(frozen=True)
class Unopened:
    """The files of a backup, laid down and not yet recovered.

    Attributes:
        folder: that the restore fills; ``real``: where its data lie.
        size: bytes of the files.
        began: when the restore began, on the monotonic clock.
        programs: of PostgreSQL in the data's version, ``None`` for the wheel's.
        keep: leave the server running; a copy that is not kept syncs nothing to disk.
    """

    backup_id: str
    folder: Path
    real: Path
    size: int
    began: float
    keep: bool
    programs: Path | None = None
    _password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def _server(self) -> PostgresServer:
        return PostgresServer(
            self.folder / DATA,
            log_file=self.folder / "server.log",
            superuser_password=self._password,
            port=0,
            settings=COPY if self.keep else COPY | THROW_AWAY,
            programs=self.programs,
        )

    def put_aside(self, names: Iterable[str]) -> None:
        """Replace files of settings by empty ones: the original's must not decide over the copy."""
        for name in names:
            path = self.real / name
            if path.exists():
                path.replace(path.with_name(f"{name}.original"))
            path.touch(mode=0o600)
            ServerUser.choose().take_over(path)

    def recover(self, settings: Mapping[str, str]) -> datetime | None:
        """Recover as :func:`governance.backup.recovery.recover`; errors as there."""
        return recover(self._server, self.real, ServerUser.choose(), self._password, settings)

    def open(
        self,
        target: Target,
        recovered_to: datetime | None,
        recorded: Recorded | None,
        database: str,
        before_opening: Sequence[BeforeOpening],
    ) -> RestoredCopy:
        """Start the recovered copy, run the hooks while nobody else can connect, open it, and compare every table.

        Args:
            recorded: what the backup's tables held; ``None`` where the record is lost, which is a difference.
            database: to connect to.

        Raises:
            BackupError: the copy does not start, a table cannot be read, or a hook failed.
        """
        server = self._server
        try:
            (self.real / "pg_hba.conf").write_text(_CLOSED_HBA, "utf-8")
            server.start()
            dsn = server.superuser_dsn(database)
            changed = [hook(dsn) for hook in before_opening]
            version = _open_to_all(dsn, self.real)
            seconds = time.monotonic() - self.began
            later = target.latest or target.time is not None or None in changed
            touched = {name for names in changed for name in names or ()}
            comparison = compare(dsn, recorded, later=later, touched=touched) if recorded else self._unrecorded()
            if self.keep:
                _write_connection(self.folder, dsn)
        except RuntimeFailure as error:
            raise BackupError(f"the restored copy of {self.backup_id} does not start: {error}") from error
        finally:
            if not self.keep:
                server.stop()
        return RestoredCopy(
            *(self.folder, self.backup_id, comparison, self.keep, self.size, seconds, version),
            target=target,
            recovered_to=recovered_to,
        )

    def _unrecorded(self) -> Comparison:
        words = f"there is no record of what {self.backup_id} held, so the copy cannot be compared"
        return Comparison((), (), (), (words,), 0)


def remove_restored(to_dir: Path) -> None:
    """Stop a restored copy if it still runs, and remove it; also what a killed restore left of one.

    Raises:
        BackupError: the folder holds no restored copy.
    """
    data = to_dir / DATA
    is_copy = (data / "PG_VERSION").is_file() or (data.is_dir() and {path.name for path in to_dir.iterdir()} <= _OURS)
    if not is_copy:
        raise BackupError(f"{to_dir} holds no restored copy; nothing was removed")
    _destroy(to_dir)
    for name in ("server.log", CONNECTION):
        (to_dir / name).unlink(missing_ok=True)
    if not any(to_dir.iterdir()):
        to_dir.rmdir()


def remove_scratch(to_dir: Path) -> None:
    """Remove a restored copy if it is there, and the two scratch folders above it that are empty then."""
    if to_dir.exists():
        remove_restored(to_dir)
    for above in to_dir.parents[:2]:
        with contextlib.suppress(OSError):  # something else may be there
            above.rmdir()


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
        _destroy(to_dir)
        for left in to_dir.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        if not existed:
            to_dir.rmdir()
        raise


def _destroy(to_dir: Path) -> None:
    """Stop the server and remove its data and what a restore made beside them, wherever they lie."""
    real = (to_dir / DATA).resolve()
    for name in _BESIDE:
        shutil.rmtree(real.with_name(real.name + name), ignore_errors=True)
    PostgresServer(to_dir / DATA, log_file=to_dir / "server.log").destroy()


def _open_to_all(dsn: str, real: Path) -> int:
    """Let everybody in who may connect to the original; the server's version."""
    (real / "pg_hba.conf").write_text(HBA, "utf-8")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select pg_reload_conf()")
        return connection.info.server_version


def _write_connection(to_dir: Path, dsn: str) -> None:
    path = to_dir / CONNECTION
    path.touch(mode=0o600)
    lines = [f"{name}={value}" for name, value in conninfo_to_dict(dsn).items()]
    path.write_text("\n".join([f"[{SERVICE}]", *lines]) + "\n", "utf-8")
