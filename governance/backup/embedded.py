"""The embedded adapter: base backups and log, encrypted and signed into a folder (docs/decisions/0016)."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import psycopg

from governance.backup.adapter import (
    BackupInfo,
    BeforeOpening,
    Expiry,
    Listing,
    Range,
    RestoredCopy,
    Target,
    Verification,
)
from governance.backup.archive import list_archive
from governance.backup.archiver import Status
from governance.backup.backing_up import Progress, back_up, lock_file, newest_chain
from governance.backup.bound import Bound
from governance.backup.comparing import Recorded
from governance.backup.keys import BackupKeys
from governance.backup.recording import record_destroyed, record_hold
from governance.backup.records import Destroyed, Hold, read_records, write_record
from governance.backup.restoring import plan, restore
from governance.backup.retention import expire, full_is_due
from governance.backup.scratch import DATA, remove_restored
from governance.backup.store import BackupRecord, find_backup, list_backups
from governance.backup.timeline import forks, ranges
from governance.backup.verifying import Expected, verify_place
from governance.database import connect
from governance.errors import BackupError, DatabaseError
from governance.keys import open_keyring
from governance.runtime.archiving import ArchiverFiles
from governance.runtime.placement import ServerUser
from governance.runtime.postgres import PostgresServer
from governance.settings import Settings


@dataclass(frozen=True)
class EmbeddedBackups(Bound):
    """Backups of the cluster that a connection string leads to, in ``settings.backups``; implements ``BackupAdapter``.

    Attributes:
        progress: told of a base backup's progress: bytes read, bytes in all.
    """

    progress: Progress | None = None
    name: str = "embedded"

    @classmethod
    def of(cls, settings: Settings, dsn: str | None = None, progress: Progress | None = None) -> EmbeddedBackups:
        """The backups of an installation.

        Raises:
            KeyringError: the keyring cannot be opened.
        """
        return cls(settings, BackupKeys.of(open_keyring(settings.keyring)), dsn, progress=progress)

    def on_copy(self) -> EmbeddedBackups:
        """As in ``BackupAdapter``: on the write-once copy (``XINGLIN_BACKUP_COPY``).

        Raises:
            BackupError: there is no copy.
        """
        if self.settings.backup_copy is None:
            raise BackupError("there is no second place; name one with XINGLIN_BACKUP_COPY, then: xinglin backup copy")
        return replace(self, settings=self.settings.model_copy(update={"backups": self.settings.backup_copy}))

    def full(self, run_id: str, *, attempts: int = 1) -> BackupInfo:
        """As in ``BackupAdapter``; with more ``attempts`` again when a data zone was written to meanwhile."""
        return self.record(run_id, None, attempts=attempts).manifest.info()

    def incremental(self, run_id: str, parent: str | None = None, *, attempts: int = 1) -> BackupInfo:
        """As in ``BackupAdapter``; ``attempts`` as in :meth:`full`."""
        since = newest_chain(self.settings, self.keys, parent)
        return self.record(run_id, since, attempts=attempts).manifest.info()

    def due(self, run_id: str, *, attempts: int = 1) -> BackupInfo:
        """As in ``BackupAdapter``.

        An incremental one that the server refuses (its summaries of the log are gone) is replaced by a full one, and
        the reason said on the standard error.

        Raises:
            BackupError: as in :meth:`full`.
        """
        since = self._parent()
        if since is not None:
            try:
                return self.record(run_id, since, attempts=attempts).manifest.info()
            except BackupError as error:
                sys.stderr.write(f"增量备份不可行，改为全量 no incremental backup, a full one instead: {error}\n")
        return self.record(run_id, None, attempts=attempts).manifest.info()

    def record(self, run_id: str, since: BackupRecord | None, *, attempts: int = 1) -> BackupRecord:
        """Take a backup since ``since``, or a full one; errors as in :meth:`full`."""
        return back_up(
            self.settings, self.connection, self.keys, run_id, since=since, attempts=attempts, progress=self.progress
        )

    def backups(self) -> Listing:
        """As in ``BackupAdapter``."""
        records, faults = list_backups(self.settings.backups, self.keys.checker, lock_file(self.settings))
        notes = read_records(self.settings.backups, self.keys.checker)
        held, gone = notes.held(), notes.gone()
        infos = tuple(
            record.manifest.info((held[record.manifest.backup_id],) if record.manifest.backup_id in held else ())
            for record in records
            if record.manifest.backup_id not in gone
        )
        return Listing(infos, (*faults, *(f"{path}: {words}" for path, words in notes.faults)))

    def recorded(self) -> tuple[Recorded, ...]:
        """As in ``BackupAdapter``: from the manifests."""
        records, _ = list_backups(self.settings.backups, self.keys.checker)
        return tuple(record.manifest.recorded() for record in records)

    def recoverable(self) -> tuple[Range, ...]:
        """As in ``BackupAdapter``."""
        records, _ = list_backups(self.settings.backups, self.keys.checker)
        entries, _ = list_archive(self.settings.backups, self.keys.checker)
        return ranges([record.manifest for record in records], entries, forks(entries, self.keys))

    def complete_until(self) -> datetime | None:
        """As in ``BackupAdapter``: the archiver's heartbeat makes a commit when nobody else does."""
        return max((item.until for item in self.recoverable()), default=None)

    def verify(self, *, deep: bool = False) -> Verification:
        """As in ``BackupAdapter``."""
        return verify_place(
            self.settings.backups,
            self.keys,
            self.policy,
            lock_file(self.settings),
            self._expected(),
            self.clock(),
            deep=self._bad_pages if deep else None,
        )

    def restore(
        self,
        to: Path,
        *,
        backup: str | None = None,
        target: Target | None = None,
        before_opening: tuple[BeforeOpening, ...] = (),
        keep: bool = False,
    ) -> RestoredCopy:
        """As in ``BackupAdapter``."""
        chosen = plan(self.settings, self.keys, backup, target)
        return restore(chosen, to, self.keys, keep=keep, before_opening=before_opening)

    def expire(self, *, plan: bool = False) -> Expiry:
        """As in ``BackupAdapter``."""
        return expire(
            self.settings.backups,
            self.keys,
            self.policy,
            lock_file(self.settings),
            self.clock(),
            self._tell,
            plan=plan,
        )

    def hold(self, backup_id: str, reason: str) -> None:
        """As in ``BackupAdapter``."""
        find_backup(self.settings.backups, backup_id, self.keys.checker)
        self._decide(Hold(backup_id=backup_id, action="hold", reason=reason, at=self.clock()))

    def release(self, backup_id: str, reason: str) -> None:
        """As in ``BackupAdapter``."""
        if backup_id not in read_records(self.settings.backups, self.keys.checker).held():
            raise BackupError(f"{backup_id} is not on hold; see `xinglin backups`")
        self._decide(Hold(backup_id=backup_id, action="release", reason=reason, at=self.clock()))

    def _parent(self) -> BackupRecord | None:
        """The backup that the next one may build on."""
        records, _ = list_backups(self.settings.backups, self.keys.checker)
        if full_is_due([record.manifest.info() for record in records], self.policy, self.clock()):
            return None
        with contextlib.suppress(BackupError):
            return newest_chain(self.settings, self.keys)
        return None

    def _expected(self) -> Expected:
        status = Status.read(ArchiverFiles(self.settings.state).status)
        is_copy = self.settings.backups == self.settings.backup_copy
        head = (status.copied if is_copy else status.head) if status else ""
        if self.dsn is None:
            return Expected({}, head, unchecked=("the warehouse was not asked which backups it has recorded",))
        try:
            with connect(self.dsn, application="xinglin backup verify") as connection:
                known = connection.execute(
                    "select backup_id, sha256 from governance.backup where expired_at is null and timeline is not null"
                    " and file not like 'repo%/%'"  # those are pgBackRest's, in its own repositories
                ).fetchall()
                row = connection.execute("select system_identifier::text from pg_control_system()").fetchone()
        except (psycopg.Error, DatabaseError) as error:
            reason = str(error).splitlines()[0]
            return Expected({}, head, unchecked=(f"the warehouse does not say which backups it has ({reason})",))
        return Expected(dict(known), head, row[0] if row else "", runs=bool(head))

    def _bad_pages(self, record: BackupRecord) -> Iterator[str]:
        """Restore a backup, and check every page with pg_checksums on the stopped copy."""
        target = self.settings.state / "tmp" / "deep" / secrets.token_hex(4)
        restored = restore(record, target, self.keys)
        try:
            yield from (f"{record.manifest.backup_id}: {words}" for words in restored.comparison.differences)
            server = PostgresServer(target / DATA)
            real = (target / DATA).resolve()
            result = ServerUser.choose().run([server.tool("pg_checksums"), "--check", f"--pgdata={real}"], cwd=real)
            if result.returncode != 0:
                yield f"pg_checksums: {result.stdout.strip()[-300:]}"
        finally:
            remove_restored(target)

    def _tell(self, record: Destroyed) -> None:
        record_destroyed(self.connection, record, self.settings)

    def _decide(self, record: Hold) -> None:
        write_record(self.settings.backups, record, self.keys.signer)
        record_hold(self.connection, record, self.settings)
