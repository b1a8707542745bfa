"""The server adapter: each backup goes to every repository; ids are ``repo<N>/<label>`` (docs/decisions/0019)."""

from __future__ import annotations

import concurrent.futures
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import psycopg

from governance.backup.adapter import (
    BackupInfo,
    BackupKind,
    BeforeOpening,
    Expiry,
    Fault,
    Finding,
    Listing,
    Range,
    Target,
    Verification,
)
from governance.backup.contents import mark_changed, snapshot, table_contents
from governance.backup.keys import BackupKeys
from governance.backup.pgbackrest.archive import Archive
from governance.backup.pgbackrest.cipher import examine, read_list
from governance.backup.pgbackrest.contents import Contents, read_contents, write_contents
from governance.backup.pgbackrest.restoring import Chosen, programs, restore
from governance.backup.pgbackrest.retention import expire
from governance.backup.pgbackrest.site import Repository, Site, load_site, write_configuration
from governance.backup.pgbackrest.tool import Tool
from governance.backup.pgbackrest.verifying import Known, RepositoryCheck
from governance.backup.policy import BackupPolicy, load_backup_policy
from governance.backup.recording import Made, record_hold, record_made
from governance.backup.records import Hold, read_records, write_record
from governance.backup.restoring import DATA, RestoredServer, remove_restored
from governance.backup.timeline import said
from governance.backup.wal import SEGMENT, bounds
from governance.database import connect
from governance.errors import BackupError, DatabaseError
from governance.keys import open_keyring
from governance.runtime.placement import ServerUser
from governance.runtime.postgres import PostgresServer
from governance.settings import Settings


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class PgBackRestBackups:
    """Backups of the site's cluster in its repositories; implements ``BackupAdapter``.

    Attributes:
        dsn: the role ``backup`` on the warehouse; ``None`` where no server answers: listing, verifying, restoring work
            without.
        clock: gives the moment by which ages and retention are judged.
    """

    settings: Settings
    keys: BackupKeys = field(repr=False)
    dsn: str | None = field(default=None, repr=False)
    clock: Callable[[], datetime] = _now
    name: str = "pgbackrest"

    @classmethod
    def of(cls, settings: Settings, dsn: str | None = None) -> PgBackRestBackups:
        """The backups of an installation; the tool's configuration is written anew.

        Raises:
            KeyringError: the keyring cannot be opened.
            BackupError: the site's file is malformed, or the configuration cannot be written.
        """
        made = cls(settings, BackupKeys.of(open_keyring(settings.keyring)), dsn)
        write_configuration(made.site, made.keys, made.tool.user)
        return made

    @cached_property
    def site(self) -> Site:
        """The site's file; ``BackupError`` when it is malformed."""
        return load_site(self.settings.pgbackrest)

    @property
    def policy(self) -> BackupPolicy:
        """The backup policy; ``BackupError`` when it is malformed."""
        return load_backup_policy(self.settings.backup_policy)

    @property
    def tool(self) -> Tool:
        """pgBackRest, as the user who runs the cluster."""
        return Tool(self.site, ServerUser.choose())

    def prepare(self) -> None:
        """Make the repositories ready (``stanza-create``), and check that the log arrives in all of them.

        Raises:
            BackupError: the server does not answer, or its archive_command is not the site's.
        """
        self.tool.run("stanza-create")
        self.tool.run("check")

    def full(self, run_id: str) -> BackupInfo:
        """As in ``BackupAdapter``, in every repository; of the first one the result."""
        made = [self._back_up(item, "full", run_id) for item in self.site.repositories]
        return made[0]

    def incremental(self, run_id: str, parent: str | None = None) -> BackupInfo:
        """As in ``BackupAdapter``, in every repository; pgBackRest builds on the newest backup there only."""
        for repository in self.site.repositories:
            newest = [info.backup_id for info in self._standing(repository)][-1:]
            if not newest:
                raise BackupError(f"{self._prefix(repository)} holds no backup to build on; take a full one")
            if parent is not None and parent.startswith(self._prefix(repository)) and not parent.endswith(newest[0]):
                raise BackupError(f"pgBackRest builds on the newest backup only, {self._prefix(repository)}{newest[0]}")
        made = [self._back_up(item, "incr", run_id) for item in self.site.repositories]
        return made[0]

    def due(self, run_id: str, *, attempts: int = 1) -> BackupInfo:  # noqa: ARG002 - one copy a repository is enough
        """As in ``BackupAdapter``, in every repository; ``attempts`` is not used."""
        made = [self._back_up(item, self._due_kind(item), run_id) for item in self.site.repositories]
        return made[0]

    def backups(self) -> Listing:
        """As in ``BackupAdapter``."""
        infos: list[BackupInfo] = []
        faults: list[str] = []
        for repository in self.site.repositories:
            prefix = self._prefix(repository)
            stored = self.tool.stored(repository)
            faults += [f"{prefix}backup: {stored.fault}"] if stored.fault else []
            faults += [f"{prefix}{label}: it holds pages with wrong checksums" for label in stored.page_errors]
            held = read_records(self._folder(repository), self.keys.checker).held()
            infos += [self._outward(repository, info, held) for info in stored.backups]
        infos.sort(key=lambda info: info.ended_at)
        return Listing(tuple(infos), tuple(faults))

    def recoverable(self) -> tuple[Range, ...]:
        """As in ``BackupAdapter``; ranges of each repository on their own, read from its log with pg_waldump."""
        return tuple(item for repository in self.site.repositories for item in self._ranges(repository))

    def verify(self, *, deep: bool = False) -> Verification:
        """As in ``BackupAdapter``, every repository."""
        head, findings, unchecked = self._archiving()
        totals = [0, 0, 0, 0]
        for repository in self.site.repositories:
            folder = self._folder(repository)
            contents, faults = read_contents(folder, self.keys.checker)
            records = read_records(folder, self.keys.checker)
            for path, words in (*faults, *records.faults):
                findings.append(Finding(str(path.relative_to(self.settings.backups)), Fault.FORGED, words))
            known = Known(contents, records.gone(), records.log_before, head, self.policy.newest_backup_hours)
            check = RepositoryCheck(
                self.tool, repository, self.site.passphrase(repository, self.keys), known, self.clock()
            )
            try:
                check.run()
            except BackupError as error:
                unchecked.append(f"{self._prefix(repository)}: {error}")
            for label in records.held():
                if label not in {info.backup_id for info in self._standing_or_none(repository)}:
                    check.found(f"backup/{self.site.stanza}/{label}", Fault.MISSING, "it is on legal hold, and gone")
            if not check.backups and not check.findings:
                check.found(f"backup/{self.site.stanza}", Fault.MISSING, "there is no backup in this repository")
            if deep and not check.findings:
                findings += self._bad_pages(repository)
            findings += check.findings
            counts = (check.backups, check.segments, check.files, check.bytes)
            totals = [total + count for total, count in zip(totals, counts, strict=True)]
        return Verification(tuple(findings), tuple(unchecked), *totals)

    def restore(
        self,
        to: Path,
        *,
        backup: str | None = None,
        target: Target | None = None,
        before_opening: tuple[BeforeOpening, ...] = (),
        keep: bool = False,
    ) -> RestoredServer:
        """As in ``BackupAdapter``; without a backup's id from the first repository that can."""
        chosen = self._chosen(backup, target or Target())
        name = f"{self._prefix(chosen.repository)}{chosen.info.backup_id}"
        return restore(self.tool, chosen, name, to, keep=keep, before_opening=before_opening)

    def expire(self, *, plan: bool = False) -> Expiry:
        """As in ``BackupAdapter``, each repository by its own periods."""
        results = [
            expire(
                self.tool,
                repository,
                self._folder(repository),
                self.keys,
                self.policy.model_copy(update={"keep": repository.keep, "log_days": repository.log_days}),
                self.clock(),
                None if plan else (self._dsn, self.settings, self._prefix(repository)),
            )
            for repository in self.site.repositories
        ]
        prefixes = [self._prefix(repository) for repository in self.site.repositories]
        pairs = list(zip(prefixes, results, strict=True))
        return Expiry(
            {f"{prefix}{name}": why for prefix, result in pairs for name, why in result.removed.items()},
            {f"{prefix}{name}": why for prefix, result in pairs for name, why in result.kept.items()},
            sum(result.segments for result in results),
            sum(result.bytes for result in results),
            done=not plan,
        )

    def hold(self, backup_id: str, reason: str) -> None:
        """As in ``BackupAdapter``."""
        repository, info = self._find(backup_id)
        self._decide(repository, Hold(backup_id=info.backup_id, action="hold", reason=reason, at=self.clock()))

    def release(self, backup_id: str, reason: str) -> None:
        """As in ``BackupAdapter``."""
        repository, info = self._find(backup_id)
        if info.backup_id not in read_records(self._folder(repository), self.keys.checker).held():
            raise BackupError(f"{backup_id} is not on hold; see `xinglin backups`")
        self._decide(repository, Hold(backup_id=info.backup_id, action="release", reason=reason, at=self.clock()))

    # -- one repository -----------------------------------------------------------------------------------------

    def _back_up(self, repository: Repository, kind: str, run_id: str) -> BackupInfo:
        """One backup into one repository, with the figures of what it holds, signed and recorded."""
        before = {info.backup_id for info in self._standing(repository)}
        with (
            snapshot(self._dsn) as (connection, taken),
            concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="contents") as pool,
        ):
            hashing = pool.submit(table_contents, connection, taken)
            try:
                self.tool.run("backup", f"--type={kind}", f"--annotation=run={_plain(run_id)}", repository=repository)
            except BaseException:
                connection.cancel()  # nobody needs the hashes any more
                raise
            tables = mark_changed(self._dsn, hashing.result(), taken)
            database = connection.info.dbname
        stored = self.tool.stored(repository)
        made = [info for info in stored.backups if info.backup_id not in before]
        if len(made) != 1:
            raise BackupError(
                f"pgbackrest ended without an error, but {self._prefix(repository)} lists {len(made)} new backups; "
                "see its log, and nothing was recorded"
            )
        contents = Contents(
            backup_id=made[0].backup_id,
            run_id=run_id,
            ended_at=made[0].ended_at,
            manifest_sha256=self._manifest_digest(repository, made[0].backup_id),
            system_identifier=stored.system_identifier,
            database=database,
            snapshot=taken,
            tables=tables,
        )
        write_contents(self._folder(repository), contents, self.keys.signer)
        info = self._outward(repository, made[0], {})
        file = f"{self._prefix(repository)}backup/{self.site.stanza}/{made[0].backup_id}/backup.manifest"
        record_made(self._dsn, Made(info, file, contents.manifest_sha256, (), tables, run_id), self.settings)
        if made[0].backup_id in stored.page_errors:
            raise BackupError(
                f"{info.backup_id} is complete and kept, but the database holds pages with wrong checksums: "
                "run `xinglin backup verify`, which names the files, and restore them from an older backup"
            )
        return info

    def _manifest_digest(self, repository: Repository, label: str) -> str:
        """SHA-256 of a backup's manifest in plain, read as verification will read it."""
        folder = f"backup/{self.site.stanza}"
        name = f"{folder}/backup.info"
        with self.tool.reading(repository, name) as file:
            info = examine(file, self.site.passphrase(repository, self.keys), name, keep=True).plain
        name = f"{folder}/{label}/backup.manifest"
        with self.tool.reading(repository, name) as file:
            passphrase = json.loads(read_list(info.decode("utf-8"))["cipher"]["cipher-pass"])
            return sha256(examine(file, passphrase, name, keep=True).plain).hexdigest()

    def _due_kind(self, repository: Repository) -> str:
        policy = self.policy
        since_full: list[BackupInfo] = []
        for info in reversed(self._standing(repository)):
            since_full.append(info)
            if info.kind is BackupKind.FULL:
                break
        if not since_full or len(since_full) > policy.increments_at_most:
            return "full"
        is_time = self.clock() - since_full[-1].started_at >= timedelta(days=policy.full_every_days)
        return "full" if is_time else "incr"

    def _standing(self, repository: Repository) -> tuple[BackupInfo, ...]:
        stored = self.tool.stored(repository)
        if stored.fault and not stored.backups and stored.fault != "no valid backups":
            raise BackupError(f"{self._prefix(repository)} cannot be used: {stored.fault}")
        return stored.backups

    def _standing_or_none(self, repository: Repository) -> tuple[BackupInfo, ...]:
        try:
            return self._standing(repository)
        except BackupError:
            return ()

    def _ranges(self, repository: Repository) -> list[Range]:
        archive = self._archive(repository)
        found: list[Range] = []
        for info in self._standing(repository):
            covered = archive.followed(info)
            until = archive.newest_commit(covered)
            if until is None or until < info.ended_at:
                continue
            timeline = int(covered[-1][:8], 16)
            if not found or (found[-1].timeline, found[-1].until) != (timeline, until):
                found.append(Range(f"{self._prefix(repository)}{info.backup_id}", timeline, info.ended_at, until))
        return found

    def _archive(self, repository: Repository) -> Archive:
        return Archive.of(self.tool, repository, self.site.passphrase(repository, self.keys))

    def _chosen(self, backup: str | None, target: Target) -> Chosen:
        if target.time is not None and (target.latest or target.time.tzinfo is None):
            raise BackupError("a target is either a time with its zone (2026-06-01T12:00:00+08:00) or --latest")
        candidates = [self._find(backup)] if backup else self._candidates()
        if not candidates:
            raise BackupError("there is no backup in any repository yet (xinglin backup)")
        for repository, info in candidates:
            if target.time is None or self._reaches(repository, info, target.time):
                contents, _ = read_contents(self._folder(repository), self.keys.checker)
                return Chosen(repository, info, target, contents.get(info.backup_id))
        raise BackupError(f"{target.time} cannot be restored; recoverable is {said(self.recoverable())}")

    def _candidates(self) -> list[tuple[Repository, BackupInfo]]:
        """Backups, the newest first; the first repository's before the next one's; one that is lost is passed over."""
        return [
            (repository, info)
            for repository in self.site.repositories
            for info in reversed(self._standing_or_none(repository))
        ]

    def _reaches(self, repository: Repository, info: BackupInfo, moment: datetime) -> bool:
        if info.ended_at > moment:
            return False
        archive = self._archive(repository)
        until = archive.newest_commit(archive.followed(info))
        return until is not None and moment <= until

    def _find(self, backup_id: str) -> tuple[Repository, BackupInfo]:
        for repository in self.site.repositories:
            prefix = self._prefix(repository)
            for info in self._standing_or_none(repository) if backup_id.startswith(prefix) else ():
                if info.backup_id == backup_id.removeprefix(prefix):
                    return repository, info
        raise BackupError(f"there is no backup {backup_id}; see `xinglin backups`")

    def _archiving(self) -> tuple[str, list[Finding], list[str]]:
        """The newest segment that the server says it archived, what is wrong with its archiving, what was not asked."""
        if self.dsn is None:
            return "", [], ["the server was not asked what it has archived: log missing at the end is not noticed"]
        try:
            with connect(self.dsn, application="xinglin backup verify") as connection:
                row = connection.execute(
                    "select coalesce(last_archived_wal, ''), last_archived_time,"
                    " last_failed_time is not null and last_failed_time > coalesce(last_archived_time, '-infinity'),"
                    " pg_walfile_name(pg_current_wal_lsn()) from pg_stat_archiver"
                ).fetchone()
        except (psycopg.Error, DatabaseError) as error:
            return "", [], [f"the server does not say what it has archived ({str(error).splitlines()[0]})"]
        assert row is not None  # noqa: S101 - the view has one row
        head, at, fails, current = row[0][:24], row[1], row[2], row[3]
        findings = []
        if fails:
            findings.append(Finding(f"archive/{head}", Fault.OLD, "the server's archive_command fails; see its log"))
        elif SEGMENT.match(head) and head[:8] == current[:8] and at is not None:
            behind = bounds(current)[1] - bounds(head)[2]
            seconds = (self.clock() - at).total_seconds()
            if behind > 0 and seconds > self.policy.log_archive_seconds:
                words = f"log has been finished for {seconds:.0f} s that is not archived (the server writes {current})"
                findings.append(Finding(f"archive/{head}", Fault.OLD, words))
        return (head if SEGMENT.match(head) else ""), findings, []

    def _bad_pages(self, repository: Repository) -> Iterator[Finding]:
        """Restore the newest backup of a repository, and check every page with pg_checksums on the stopped copy."""
        info = self._standing(repository)[-1]
        name = f"{self._prefix(repository)}{info.backup_id}"
        target = self.settings.state / "tmp" / "deep" / secrets.token_hex(4)
        try:
            restored = self.restore(target, backup=name)
        except BackupError as error:
            yield Finding(name, Fault.PAGE, f"it does not restore: {error}")
            return
        try:
            for words in restored.comparison.differences:
                yield Finding(name, Fault.ALTERED, words)
            real = (target / DATA).resolve()
            server = PostgresServer(target / DATA, programs=programs(real))
            result = self.tool.user.run([server.tool("pg_checksums"), "--check", f"--pgdata={real}"], cwd=real)
            if result.returncode != 0:
                yield Finding(name, Fault.PAGE, f"pg_checksums: {result.stdout.strip()[-300:]}")
        finally:
            remove_restored(target)

    def _decide(self, repository: Repository, record: Hold) -> None:
        write_record(self._folder(repository), record, self.keys.signer)
        record_hold(self._dsn, record, self.settings, self._prefix(repository))

    def _outward(self, repository: Repository, info: BackupInfo, held: dict[str, str]) -> BackupInfo:
        prefix = self._prefix(repository)
        holds = (held[info.backup_id],) if info.backup_id in held else ()
        parent = f"{prefix}{info.parent}" if info.parent else None
        return replace(info, backup_id=f"{prefix}{info.backup_id}", parent=parent, holds=holds)

    def _prefix(self, repository: Repository) -> str:
        return f"repo{self.site.number(repository)}/"

    def _folder(self, repository: Repository) -> Path:
        """Our own records of a repository."""
        return self.settings.backups / "pgbackrest" / f"repo{self.site.number(repository)}"

    @property
    def _dsn(self) -> str:
        if self.dsn is None:
            raise BackupError("there is no connection to the warehouse; start it (xinglin up)")
        return self.dsn


def _plain(run_id: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_.:+" else "_" for letter in run_id)
