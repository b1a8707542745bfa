"""When the newest transaction in an archive committed: read from the segments themselves with pg_waldump."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from governance.errors import BackupError
from governance.runtime.placement import ServerUser

_COMMIT = re.compile(r"desc: COMMIT(?:_PREPARED)? (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC")


def newest_commit(
    names: Iterable[str], content: Callable[[str], bytes], pg_waldump: str, user: ServerUser
) -> datetime | None:
    """The last commit in the newest of the segments that holds one.

    Args:
        names: segments, the newest first.
        content: gives a segment's plain content.

    Raises:
        BackupError: a segment cannot be read, or pg_waldump not be run.
    """
    for name in names:
        with tempfile.TemporaryDirectory(prefix="xinglin-log-") as folder:
            path = Path(folder) / name
            path.write_bytes(content(name))
            user.take_over(Path(folder))
            # it ends with an error where the log goes on in a segment that is not here; what it read is what counts
            result = user.run(["env", "TZ=UTC", pg_waldump, "--rmgr=Transaction", str(path)], cwd=Path("/"))
        found = _COMMIT.findall(result.stdout)
        if found:
            return datetime.fromisoformat(found[-1]).replace(tzinfo=UTC)
        if "could not find a valid record" in result.stdout or result.returncode == 127:
            raise BackupError(f"pg_waldump cannot read {name}: {result.stdout.strip()[-200:]}")
    return None
