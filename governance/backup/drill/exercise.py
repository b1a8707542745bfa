"""The ransomware exercise: destroy a site of our own making, bring it back from its write-once copy, prove the rest.

A scratch site is made with a server, a small sample hospital, backups, an archived log and a write-once copy. Then an
attack: the servers are killed, every file of the data directory and of the local backups is encrypted. Verification
must notice, the copy must refuse, and the drill's checks are run on what is restored from the copy. Keys and the audit
log's checkpoints stand elsewhere in a real installation, so they survive here, too.

The attack is refused on anything but what the exercise has made itself (:class:`Arena`).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from governance.backup.archiver import Status
from governance.backup.copying import copy_place, lock, unlock
from governance.backup.drill.content import live_figures
from governance.backup.drill.evidence import Evidence
from governance.backup.drill.outcomes import Check, check
from governance.backup.drill.running import Drill, Progress
from governance.backup.embedded import EmbeddedBackups
from governance.collection.stage import collect_source, sources
from governance.errors import BackupError
from governance.runtime.archiving import ArchiverFiles, ArchiverProcess
from governance.runtime.placement import shelter_name
from governance.runtime.postgres import PostgresServer
from governance.runtime.provision import provision
from governance.runtime.sample import Sample, generate_once
from governance.runtime.secrets import Secrets
from governance.settings import Settings

_MARKER = "xinglin-exercise"
_HEAD = 65_536  # bytes of each file that are encrypted: what most ransomware does, because it is quick
_ROWS = 1_000
_PATIENCE = 60
NOTES = (
    "演练站点由演练自建，生产数据未参与。 The site was made for the exercise; production took no part.",
    "文件属性防普通用户，不防 root：真正不可改的副本须在另一主机、另一账户或带对象锁的存储。"
    "File flags and modes keep out an ordinary user, not root, who can take them off: a copy that nobody here can "
    "alter is on another host, under another account, or in a bucket with object lock.",
)


@dataclass(frozen=True)
class Arena:
    """A folder that the exercise made, marked with a number that only it knows; nothing outside is ever destroyed.

    Attributes:
        protected: places of the production installation.
    """

    root: Path
    token: str
    protected: tuple[Path, ...]

    @classmethod
    def make(cls, production: Settings) -> Arena:
        """A new folder under the state folder's scratch space."""
        root = production.state / "tmp" / "exercise" / secrets.token_hex(4)
        root.mkdir(mode=0o711, parents=True)
        token = secrets.token_hex(16)
        with (root / _MARKER).open("x") as marker:
            marker.write(token)
        places = (
            production.state / "postgres", production.backups, production.backup_copy, production.keyring.parent,
            production.deliveries, production.audit_checkpoints,
        )  # fmt: skip
        return cls(root, token, tuple(place.resolve() for place in places if place is not None))

    def must_hold(self, victim: Path) -> Path:
        """The real path of a folder that may be destroyed: in this arena, or the shelter of a data directory in it.

        Raises:
            BackupError: it is not part of this exercise.
        """
        named, real = Path(os.path.abspath(victim)), victim.resolve()  # noqa: PTH100 - links are looked at below
        marker = self.root / _MARKER
        ours = marker.is_file() and marker.read_text() == self.token and self.root in named.parents
        sheltered = victim.is_symlink() and real.name == shelter_name(named)
        touched = any(real == place or place in real.parents or real in place.parents for place in self.protected)
        if not ours or touched or not (sheltered or self.root.resolve() in real.parents):
            raise BackupError(f"{victim} was not made by this exercise; nothing was touched")
        return real


def encrypt_folder(arena: Arena, victim: Path) -> int:
    """Do what ransomware does to a folder of the exercise: overwrite each file, rename it; how many files.

    Raises:
        BackupError: the folder is not part of the exercise.
    """
    real, count = arena.must_hold(victim), 0
    for path in [path for path in real.rglob("*") if path.is_file() and not path.is_symlink()]:
        with path.open("r+b") as file:
            file.write(os.urandom(min(path.stat().st_size, _HEAD)))
        path.rename(path.with_name(path.name + ".locked"))
        count += 1
    (real / "READ_ME.txt").write_text("This is an exercise.\n", "utf-8")
    return count


def refused(copy: Path) -> Check:
    """Whether the copy refuses change: files to be opened for writing, folders to lose a name. Alters nothing."""
    open_files = removable = files = 0
    for path in copy.rglob("*"):
        if path.is_file():
            files += 1
            with contextlib.suppress(OSError):
                os.close(os.open(path, os.O_WRONLY))
                open_files += 1
            with contextlib.suppress(OSError):
                again = path.with_name(path.name + ".locked")
                path.rename(again)
                again.rename(path)
                removable += 1
    findings = []
    if open_files:
        findings.append(f"{open_files} files can be overwritten by this user")
    if removable:
        findings.append(f"{removable} files can be renamed by this user: the folders are not append-only (chattr +a)")
    return check("write_once", files, f"{files} 个文件拒绝改写与改名 files refuse to be altered or renamed", findings)


def exercise(production: Settings, run_id: str, progress: Progress, patients: int = 50) -> Evidence:
    """Carry out the exercise on a scratch site; the evidence is not signed yet.

    Raises:
        GovernanceError: the scratch site could not be made. What fails after the attack is a failed check.
    """
    arena = Arena.make(production)
    try:
        with _site(arena, production) as site:
            return _carried_out(arena, site, run_id, progress, patients)
    finally:
        unlock(arena.root / "copy")
        shutil.rmtree(arena.root, ignore_errors=True)
        with contextlib.suppress(OSError):
            arena.root.parent.rmdir()


@dataclass(frozen=True)
class _Site:
    settings: Settings
    copy: Path
    server: PostgresServer
    archiver: ArchiverProcess
    secrets: Secrets


@contextmanager
def _site(arena: Arena, production: Settings) -> Iterator[_Site]:
    state = arena.root / "state"
    moved = {
        **{"state": state, "deliveries": state / "deliveries", "keyring": state / "keys" / "keyring.json"},
        **{"backups": state / "backups", "backup_copy": arena.root / "copy", "archive_heartbeat_seconds": 1.0},
        "audit_checkpoints": arena.root / "audit_checkpoints",
    }
    settings = production.model_copy(update=moved)
    state.mkdir(mode=0o711)
    server = PostgresServer(
        state / "postgres", log_file=state / "postgres.log", superuser_password=secrets.token_hex(16)
    )
    archiver = ArchiverProcess(settings)
    try:
        server.initialise()
        server.start()
        held = provision(server, settings)
        archiver.start(server, held)
        yield _Site(settings, arena.root / "copy", server, archiver, held)
    finally:
        archiver.stop()
        server.destroy()


def _carried_out(arena: Arena, site: _Site, run_id: str, progress: Progress, patients: int) -> Evidence:
    settings, dsn = site.settings, site.secrets["dsn_backup"]
    backups = EmbeddedBackups.of(settings, dsn)
    progress("准备演练站点：样本医院、备份、副本 the scratch site: sample hospital, backups, copy")
    generate_once(settings, Sample(patients, 20260601), 0)
    for source in sources(settings):
        collect_source(source, site.secrets["dsn_collect"], settings, run_id)
    backups.full(run_id)
    copy_place(settings.backups, site.copy, backups.keys)
    with psycopg.connect(site.server.superuser_dsn("warehouse"), autocommit=True) as connection:
        connection.execute(
            "create table landing.exercise as select i, now() as at from generate_series(1, %s) i", (_ROWS,)
        )
    figures = live_figures(dsn, backups.recorded()[-1])
    _wait_until_copied(settings)
    progress("攻击：进程被杀，数据目录与本地备份被加密 attack: servers killed, data and local backups encrypted")
    struck = datetime.now(UTC)
    _strike(arena, site)
    stricken = EmbeddedBackups.of(settings)
    done = [_noticed(stricken), refused(site.copy), _sound(stricken.on_copy())]
    drill = Drill(
        stricken.on_copy(), run_id, "ransomware", notes=NOTES, progress=progress, figures=figures, lost_at=struck,
        checks=done,
    )  # fmt: skip
    return drill.run()


def _wait_until_copied(settings: Settings) -> None:
    """Wait until everything that is committed now is in the copy of the log."""
    since, deadline = datetime.now(UTC), time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        status = Status.read(ArchiverFiles(settings.state).status)
        if status and status.copied_until and status.copied_until > since:
            return
        time.sleep(0.1)
    raise BackupError(f"the log was not copied within {_PATIENCE} s: {status.copy_fault if status else 'no archiver'}")


def _strike(arena: Arena, site: _Site) -> None:
    """Kill what runs, then encrypt the data directory and the local backups."""
    for process in site.archiver.processes():
        process.terminate(0, signal.SIGKILL)
    for process in site.server.processes:
        process.terminate(0, signal.SIGKILL)
    lock(site.copy)  # in an installation the copy's custodian has done so long before
    encrypt_folder(arena, site.server.data_dir)
    encrypt_folder(arena, site.settings.backups)


def _noticed(backups: EmbeddedBackups) -> Check:
    """Verification of the local place must not call it sound."""
    try:
        result = backups.verify()
    except BackupError as error:
        return check("noticed", 1, f"核验中止 verification stopped: {error}")
    findings = [] if result.findings else ["verification of the encrypted backups found nothing wrong"]
    return check("noticed", 1, f"{len(result.findings)} 项发现 findings", findings)


def _sound(copy: EmbeddedBackups) -> Check:
    result = copy.verify()
    words = f"{result.backups} 份备份 backups · {result.segments} 段日志 segments · {result.files} 个文件 files"
    return check("copy_sound", result.backups, words, [str(finding) for finding in result.findings])
