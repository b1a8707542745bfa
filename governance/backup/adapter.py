"""What every way of backing up offers: the embedded one (:mod:`governance.backup.embedded`), pgBackRest, others.

Commands, DAGs, the drill and the checks speak to this interface only. An adapter is bound to one cluster and one place;
it holds no open connection. All moments are aware datetimes. "Place" is where backups lie (a folder, a bucket, a
repository); a *file* in a finding is named as the place names it, so that an operator finds it with the tool's means.
"""

from __future__ import annotations

import configparser
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from governance.backup.comparing import Comparison, Recorded
    from governance.backup.policy import BackupPolicy
    from governance.settings import Settings

BeforeOpening = Callable[[str], Collection[str] | None]
"""Runs on a recovered copy before anybody else can connect to it; gets the superuser's connection string.

Returns the tables that it may have changed (``schema.table``), which then cannot be held against the figures of the
backup, or ``None`` when it cannot say: then no table can.
"""


class BackupKind(StrEnum):
    """Whether a backup stands alone."""

    FULL = "full"
    INCREMENTAL = "incremental"  # blocks changed since its parent; restores only with all its ancestors


@dataclass(frozen=True)
class BackupInfo:
    """One complete backup.

    Attributes:
        parent: the backup that an incremental one builds on; ``None`` for a full one.
        bytes: what it takes in the place, compressed and encrypted.
        ended_at: a restore of this backup alone gives the state of this moment, hence the earliest that a restore to a
            time can reach from it.
        timeline, start_lsn, end_lsn: in the write-ahead log; the log between them must be there.
        holds: reasons for which nobody may expire it, none as a rule.
    """

    backup_id: str
    kind: BackupKind
    parent: str | None
    started_at: datetime
    ended_at: datetime
    bytes: int
    timeline: int
    start_lsn: str
    end_lsn: str
    holds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing:
    """Backups with sound manifests, oldest first, and one sentence for each thing in the place that is not sound."""

    backups: tuple[BackupInfo, ...]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Range:
    """Every moment from ``earliest`` to ``until`` can be restored, on one unbroken stretch of the log.

    Attributes:
        backup_id: the first backup of the stretch.
        until: the newest commit that is known to be in the archive ("recoverable until").
        broken_at: the segment that is missing where the stretch ends although the archive holds later log, empty when
            it ends with the archive.
    """

    backup_id: str
    timeline: int
    earliest: datetime
    until: datetime
    broken_at: str = ""


class Fault(StrEnum):
    """What is wrong with a file of the place."""

    MISSING = "missing"
    ALTERED = "altered"  # its content or its length is not what was signed
    FORGED = "forged"  # its signature is missing or not of this installation
    UNREADABLE = "unreadable"  # the keys at hand do not open it
    GAP = "gap"  # write-ahead log is missing between two segments, or before the first that is needed
    CHAIN = "chain"  # an incremental backup whose ancestors are not all there
    PAGE = "page"  # a page of the database fails its checksum
    OLD = "old"  # nothing newer than the policy allows
    UNKNOWN = "unknown"  # something lies in the place that no manifest names


@dataclass(frozen=True)
class Finding:
    """One fault: which file of the place, what is wrong, and what to do, in words."""

    file: str
    fault: Fault
    words: str

    def __str__(self) -> str:
        return f"{self.file}: {self.words}"


@dataclass(frozen=True)
class Verification:
    """Result of verifying a place.

    Attributes:
        findings: what is wrong; empty when everything that was checked is sound.
        unchecked: what could not be checked, one sentence each (no keys for it, the server does not answer …).
        backups, segments, files, bytes: what was read; a verification that read nothing proves nothing.
    """

    findings: tuple[Finding, ...] = ()
    unchecked: tuple[str, ...] = ()
    backups: int = 0
    segments: int = 0
    files: int = 0
    bytes: int = 0

    @property
    def exit_status(self) -> int:
        """0 sound, 1 faults found, 2 something (or everything: an empty place) could not be checked."""
        if self.findings:
            return 1
        return 2 if self.unchecked or not self.backups else 0


@dataclass(frozen=True)
class Target:
    """How far to recover. Give one of the two, or neither: the backup's own end.

    Attributes:
        time: the last moment to have, in the log's own times of commit.
        latest: everything that is in the archive.
    """

    time: datetime | None = None
    latest: bool = False


SERVICE = "restored"
CONNECTION = "connection.conf"


@dataclass(frozen=True)
class RestoredCopy:
    """A restored copy of the cluster.

    Attributes:
        folder: what the restore filled.
        backup_id: the backup that it started from (of a chain: the last).
        target: how far it was recovered.
        recovered_to: time of the last transaction that it holds, ``None`` when no log beyond the backup was replayed.
        comparison: what it holds against what its manifest says; what could not be compared is listed there.
        kept: the server runs on, and :meth:`dsn` says how to reach it; else it was stopped again.
        server_version: of the server that runs the copy, e.g. 170010.
        bytes, seconds: of its files; until it accepted connections (the comparison comes after).
    """

    folder: Path
    backup_id: str
    comparison: Comparison
    kept: bool
    bytes: int
    seconds: float
    server_version: int
    target: Target = field(default_factory=Target)
    recovered_to: datetime | None = None

    @property
    def service_file(self) -> Path:
        """libpq service file of a kept server (``PGSERVICEFILE=… psql service=restored``)."""
        return self.folder / CONNECTION

    def dsn(self) -> str:
        """Connection string of a kept server: as superuser, to the database whose tables were compared."""
        parameters = configparser.ConfigParser(interpolation=None)
        parameters.read(self.service_file, "utf-8")
        return make_conninfo(**dict(parameters[SERVICE]))


@dataclass(frozen=True)
class Expiry:
    """What a policy lets go: backup ids and log segments, with the reason of each backup; what is kept, and why.

    Attributes:
        removed: backup id → why it goes (in a plan: would go).
        kept: backup id → why it stays (``newest``, ``day 2026-06-01``, ``hold: …``, ``ancestor of …``).
        segments: segments of the log that no kept backup needs.
        bytes: what is freed.
        done: false for a plan.
    """

    removed: dict[str, str]
    kept: dict[str, str]
    segments: int
    bytes: int
    done: bool


class BackupAdapter(Protocol):
    """A way of backing up one cluster to one place. Every method raises ``BackupError`` unless it says otherwise."""

    @property
    def name(self) -> str:
        """``embedded``, ``pgbackrest`` …; recorded with each backup and in each drill's report."""
        ...

    @property
    def settings(self) -> Settings:
        """The installation's settings."""
        ...

    @property
    def dsn(self) -> str | None:
        """The role ``backup`` on the live warehouse; ``None`` where no server answers (after a disaster)."""
        ...

    @property
    def policy(self) -> BackupPolicy:
        """The backup policy; ``BackupError`` when its file is malformed."""
        ...

    def on_copy(self) -> Self:
        """The same on the place that is apart from the first, for listing, verifying, restoring and drilling.

        Raises:
            BackupError: there is no such place.
        """
        ...

    def full(self, run_id: str) -> BackupInfo:
        """Take a backup that stands alone; it is listed only when it is complete, signed and on disk.

        Raises:
            BackupError: the server, the tool or the place failed; nothing new is listed, older backups are untouched.
            DatabaseError: the server cannot be reached.
            AuditError: the audit log refused the record of it; the backup itself is complete and listed.
        """
        ...

    def incremental(self, run_id: str, parent: str | None = None) -> BackupInfo:
        """Take a backup of what changed since ``parent`` (by default the newest); errors as in :meth:`full`.

        Raises:
            BackupError: also when there is no parent, or the server no longer knows what changed since then (its
                summaries of the log are gone): take a full backup instead.
        """
        ...

    def due(self, run_id: str, *, attempts: int = 1) -> BackupInfo:
        """Take the backup that the policy wants now: incremental, or full when none can be built on or it is time.

        Args:
            attempts: how often to try for a backup during which no data zone was written to; the last counts as it is.
                An adapter for which that is not worth another copy takes one.

        Raises:
            BackupError: as in :meth:`full`.
        """
        ...

    def backups(self) -> Listing:
        """The backups in the place, from their own manifests, without the database.

        Raises:
            BackupError: the place cannot be read at all. One unsound backup is a fault of the listing, not an error.
        """
        ...

    def recorded(self) -> tuple[Recorded, ...]:
        """What was recorded of the tables of the backups in the place, oldest first; unsound records are left out.

        Raises:
            BackupError: the place cannot be read at all.
        """
        ...

    def recoverable(self) -> tuple[Range, ...]:
        """What moments can be restored, oldest range first; empty when there is no archive of the log.

        Raises:
            BackupError: the place cannot be read.
        """
        ...

    def complete_until(self) -> datetime | None:
        """Nothing that was committed before this moment would be lost if the server died now; ``None``: all would be.

        It is ``until`` of the newest range, or later: an idle server commits nothing, and lacks nothing.

        Raises:
            BackupError: the place cannot be read.
        """
        ...

    def verify(self, *, deep: bool = False) -> Verification:
        """Check everything in the place without believing the tool's own exit status.

        Decrypts and hashes every file, checks signatures, chains of incremental backups, that the log is unbroken from
        the oldest backup to now on each timeline, and the policy's age limits. Finds, and never raises, whatever is
        wrong with the place's content.

        Args:
            deep: also unpack every backup and check every page's checksum (needs room for one unpacked chain).

        Raises:
            BackupError: the place cannot be read at all (exit status 2 of the command).
        """
        ...

    def restore(
        self,
        to: Path,
        *,
        backup: str | None = None,
        target: Target | None = None,
        before_opening: tuple[BeforeOpening, ...] = (),
        keep: bool = False,
    ) -> RestoredCopy:
        """Restore into an empty or new folder as a scratch server, and compare it with what the manifest says.

        The copy archives nowhere. ``before_opening`` runs in order on the recovered copy while it accepts nobody else.

        Args:
            backup: by default the newest, or for a time the newest that ended before it.
            target: by default the backup's own end.
            keep: leave the server running.

        Raises:
            BackupError: the folder is not empty; the backup is damaged, incomplete or made for another key; the target
                is outside what is recoverable (the message names the range); a hook failed. Everything that the restore
                wrote is removed again.
        """
        ...

    def expire(self, *, plan: bool = False) -> Expiry:
        """Remove what the retention policy no longer keeps; never a backup on hold, or part of a kept chain or its log.

        A signed record of what goes, and why, is in the place, and one in the audit log, before anything is removed.

        Args:
            plan: say what would be removed, and remove nothing.

        Raises:
            BackupError: the place refuses to delete (write-once, lock not yet over), or the policy is malformed.
        """
        ...

    def hold(self, backup_id: str, reason: str) -> None:
        """Keep a backup whatever the policy says (legal hold), with its ancestors and their log, until it is released.

        Raises:
            BackupError: there is no such backup.
        """
        ...

    def release(self, backup_id: str, reason: str) -> None:
        """End every hold of a backup.

        Raises:
            BackupError: there is no such backup, or it is not on hold.
        """
        ...
