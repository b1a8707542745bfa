"""The archive of the log in one repository: what follows a backup without a gap, and up to which commit."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from governance.backup.adapter import BackupInfo
from governance.backup.pgbackrest.cipher import examine, read_list
from governance.backup.pgbackrest.restoring import programs_of
from governance.backup.pgbackrest.site import Repository
from governance.backup.pgbackrest.tool import Tool
from governance.backup.timeline import followed
from governance.backup.wal import HISTORY, SEGMENT, following, parents
from governance.database import connect
from governance.errors import BackupError

_COMMIT = re.compile(r"desc: COMMIT(?:_PREPARED)? (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC")


@dataclass(frozen=True)
class Archive:
    """Files of the archive of the cluster's present major version, by the segment's or history's name."""

    tool: Tool
    repository: Repository
    files: dict[str, str]
    major: str
    passphrase: str = field(repr=False)
    _commits: dict[str, datetime | None] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, tool: Tool, repository: Repository, passphrase: str) -> Archive:
        """List it.

        Args:
            passphrase: of the repository.

        Raises:
            BackupError: it cannot be listed, or its list not be read.
        """
        folder = f"archive/{tool.site.stanza}"
        name = f"{folder}/archive.info"
        with tool.reading(repository, name) as file:
            content = examine(file, passphrase, name, keep=True).plain
        try:
            info = read_list(content.decode("utf-8"))
        except ValueError as error:
            raise BackupError(f"{name} cannot be used: {error}") from error
        major = json.loads(info["db"]["db-version"])
        listed = tool.listing(repository, f"{folder}/{major}-{info['db']['db-id']}")
        files = {path.rsplit("/", 1)[1].split("-")[0]: path for path in listed}
        kept = {base: path for base, path in files.items() if SEGMENT.match(base) or HISTORY.match(base)}
        return cls(tool, repository, kept, major, json.loads(info["cipher"]["cipher-pass"]))

    def followed(self, backup: BackupInfo) -> list[str]:
        """Segments that follow a backup without a gap, on its timeline and on the one that goes on from it."""
        forked = {
            int(name[:8], 16): parents(self._content(name).decode("utf-8", errors="replace"))
            for name in self.files
            if HISTORY.match(name)
        }
        return followed(self.files, forked, backup)

    def newest_commit(self, names: list[str]) -> datetime | None:
        """Time of the last commit in the newest of the segments that holds one, ``None`` when none does.

        Raises:
            BackupError: a segment cannot be read, or there is no pg_waldump of the cluster's version.
        """
        for name in reversed(names):
            if name not in self._commits:
                self._commits[name] = self._last_commit(name)
            if self._commits[name] is not None:
                return self._commits[name]
        return None

    def waiting(self, dsn: str) -> list[datetime]:
        """Commits in the server's own log that the archive does not hold yet.

        Args:
            dsn: any role on the server.

        Raises:
            BackupError: the server's log cannot be read from here, or it is not the one that is archived.
            DatabaseError: the server does not answer.
        """
        with connect(dsn, application="xinglin backup") as connection:
            row = connection.execute("select pg_walfile_name(pg_current_wal_insert_lsn())").fetchone()
        current: str = row[0] if row else ""
        name = max((name for name in self.files if SEGMENT.match(name) and name[:8] == current[:8]), default="")
        if not name:
            raise BackupError(f"the archive holds nothing of the timeline of {current}, which the server writes")
        folder = self.tool.site.data_dir / "pg_wal"
        found: list[datetime] = []
        if not self._readable(folder):
            raise BackupError(f"{folder} cannot be read, so it is not known what is not archived yet")
        while (name := following(name)) <= current:
            if self._readable(folder / name):
                found += self._read(folder / name)
            elif name != current:  # the one that is next to be written may not be there yet
                raise BackupError(f"{folder / name}, which is not archived yet, is gone")
        return found

    def _readable(self, path: Path) -> bool:
        return self.tool.user.run(["test", "-r", str(path)], cwd=Path("/")).returncode == 0

    def _last_commit(self, name: str) -> datetime | None:
        user = self.tool.user
        with tempfile.TemporaryDirectory(prefix="xinglin-log-") as folder:
            path = Path(folder) / name
            path.write_bytes(self._content(name))
            user.take_over(Path(folder))
            return max(self._read(path), default=None)

    def _read(self, path: Path) -> list[datetime]:
        # it ends with an error where the log goes on in a segment that is not here; what it read is what counts
        command = ["env", "TZ=UTC", str(programs_of(self.major) / "pg_waldump"), "--rmgr=Transaction", str(path)]
        found = _COMMIT.findall(self.tool.user.run(command, cwd=Path("/")).stdout)
        return [datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in found]

    def _content(self, name: str) -> bytes:
        with self.tool.reading(self.repository, self.files[name]) as file:
            return examine(file, self.passphrase, self.files[name], keep=True).plain
