"""Recovery of an unpacked copy: to the backup's own end, to a time, or as far as the archive goes.

It runs in a single-user server without network, so that nobody can connect before the copy is what it should be; there
the superuser also gets a new password. The log is decrypted by us into a private folder of the server's user.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from governance.backup.adapter import Target
from governance.backup.archive import fetch
from governance.backup.keys import BackupKeys
from governance.backup.timeline import Stretch
from governance.errors import BackupError
from governance.runtime.placement import ServerUser
from governance.runtime.postgres import SUPERUSER, PostgresServer

# A copy must never write into the archive of the original, nor believe that it is a standby of it.
COPY = {
    "allow_in_place_tablespaces": "on",  # tablespaces are plain folders of the copy
    "archive_mode": "off",
    "archive_command": "",
    "primary_conninfo": "",
    "synchronous_standby_names": "",
}
_LAST = re.compile(r"last completed transaction was at log time ([0-9: .-]+)\+00")
_UNREAD = re.compile(
    r"^ERROR: .*(?:\n +.*)?", re.MULTILINE
)  # a restore_command's words, which PostgreSQL takes for the end
_OFF = {"fsync": "off", "ssl": "off", "log_min_error_statement": "panic", "summarize_wal": "off", "hot_standby": "off"}


@dataclass(frozen=True)
class Log:
    """The decrypted log that a recovery reads, in a folder of the server's user; removed by :meth:`remove`."""

    folder: Path
    timeline: int

    @classmethod
    def of(cls, covered: Stretch, folder: Path, keys: BackupKeys, user: ServerUser, until: datetime | None) -> Log:
        """Decrypt the segments of a stretch, up to the first that reaches past ``until``.

        Raises:
            BackupError: one of them is damaged.
        """
        folder.mkdir(mode=0o700)
        for entry in (*covered.histories, *covered.entries):
            (folder / entry.name).write_bytes(fetch(entry, keys))
            if until is not None and entry.label.until is not None and entry.label.until > until:
                break
        user.take_over(folder)
        return cls(folder, covered.timeline)

    def settings(self, target: Target) -> dict[str, str]:
        """PostgreSQL's settings for recovering from this log."""
        values = {
            "restore_command": f'cp "{self.folder}/%f" "%p"',
            "recovery_target_timeline": str(self.timeline),
            "recovery_target_action": "promote",
        }
        if target.time is not None:
            values["recovery_target_time"] = target.time.astimezone(UTC).isoformat()
        return values

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def recover(
    server: PostgresServer, real: Path, user: ServerUser, password: str, settings: Mapping[str, str]
) -> datetime | None:
    """Recover the copy and give the superuser a new password; time of the last transaction replayed, if any was.

    Args:
        settings: of :meth:`Log.settings`; none recovers to the backup's own end.

    Raises:
        BackupError: the copy cannot be recovered, or a segment was there and could not be read. PostgreSQL takes that
            for the end of the log, and would open a copy that holds less.
    """
    if settings:
        (real / "recovery.signal").touch(mode=0o600)
        user.take_over(real / "recovery.signal")
    overrides = server.understood(COPY | _OFF) | {
        "log_min_messages": "log",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **settings,
    }
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
    if unread := _UNREAD.search(result.stderr):
        words = " ".join(unread[0].split())[-500:]
        raise BackupError(f"the log cannot be read as far as it goes: {words}")
    if result.returncode != 0:
        said = "; ".join(line for line in result.stderr.splitlines() if "FATAL" in line or "PANIC" in line)
        raise BackupError(f"the restored copy cannot be recovered: {(said or result.stderr.strip())[-500:]}")
    last = _LAST.findall(result.stderr)
    return datetime.fromisoformat(last[-1].strip()).replace(tzinfo=UTC) if last else None
