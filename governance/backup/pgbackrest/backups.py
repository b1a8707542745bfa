"""The server adapter: each backup goes to every repository; ids are ``repo<N>/<label>`` (docs/decisions/0019)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

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
from governance.backup.bound import Bound
from governance.backup.comparing import Recorded
from governance.backup.keys import BackupKeys
from governance.backup.pgbackrest.archive import Archive
from governance.backup.pgbackrest.checking import unsound_files, verify_all
from governance.backup.pgbackrest.contents import read_contents
from governance.backup.pgbackrest.restoring import Chosen, restore
from governance.backup.pgbackrest.retention import expire
from governance.backup.pgbackrest.site import Repository, Site, load_site, write_configuration
from governance.backup.pgbackrest.taking import back_up
from governance.backup.pgbackrest.tool import Tool
from governance.backup.recording import record_hold
from governance.backup.records import Hold, read_records, write_record
from governance.backup.retention import full_is_due
from governance.backup.timeline import broken_at, said
from governance.errors import BackupError, DatabaseError
from governance.keys import open_keyring
from governance.runtime.placement import ServerUser
from governance.settings import Settings

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class PgBackRestBackups(Bound):
    """Backups of the site's cluster in its repositories; implements ``BackupAdapter``.

    Attributes:
        apart: leave out the first repository, the one near the server.
    """

    apart: bool = False
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
    def repositories(self) -> tuple[Repository, ...]:
        """The repositories that are meant, in the site's order."""
        return self.site.repositories[1:] if self.apart else self.site.repositories

    def on_copy(self) -> PgBackRestBackups:
        """As in ``BackupAdapter``: on the repositories after the first, as if that were lost."""
        return replace(self, apart=True)

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
        made = [back_up(self, item, "full", run_id) for item in self.repositories]
        return made[0]

    def incremental(self, run_id: str, parent: str | None = None) -> BackupInfo:
        """As in ``BackupAdapter``, in every repository; pgBackRest builds on the newest backup there only."""
        for repository in self.repositories:
            newest = [info.backup_id for info in self.standing(repository)][-1:]
            if not newest:
                raise BackupError(f"{self.prefix(repository)} holds no backup to build on; take a full one")
            if parent is not None and parent.startswith(self.prefix(repository)) and not parent.endswith(newest[0]):
                raise BackupError(f"pgBackRest builds on the newest backup only, {self.prefix(repository)}{newest[0]}")
        made = [back_up(self, item, "incr", run_id) for item in self.repositories]
        return made[0]

    def due(self, run_id: str, *, attempts: int = 1) -> BackupInfo:  # noqa: ARG002 - one copy a repository is enough
        """As in ``BackupAdapter``, in every repository; ``attempts`` is not used."""
        made = [back_up(self, item, self._due_kind(item), run_id) for item in self.repositories]
        return made[0]

    def backups(self) -> Listing:
        """As in ``BackupAdapter``."""
        infos: list[BackupInfo] = []
        faults: list[str] = []
        for repository in self.repositories:
            prefix = self.prefix(repository)
            stored = self.tool.stored(repository)
            faults += [f"{prefix}backup: {stored.fault}"] if stored.fault else []
            faults += [f"{prefix}{label}: it holds pages with wrong checksums" for label in stored.page_errors]
            held = read_records(self.folder(repository), self.keys.checker).held()
            infos += [self.outward(repository, info, held) for info in stored.backups]
        infos.sort(key=lambda info: info.ended_at)
        return Listing(tuple(infos), tuple(faults))

    def recorded(self) -> tuple[Recorded, ...]:
        """As in ``BackupAdapter``: from our own records, of the backups that stand."""
        found = []
        for repository in self.repositories:
            contents, _ = read_contents(self.folder(repository), self.keys.checker)
            found += [
                contents[info.backup_id].recorded(self.prefix(repository))
                for info in self.standing_or_none(repository)
                if info.backup_id in contents
            ]
        return tuple(sorted(found, key=lambda item: item.started_at))

    def recoverable(self) -> tuple[Range, ...]:
        """As in ``BackupAdapter``; ranges of each repository on their own, read from its log with pg_waldump."""
        return tuple(item for repository in self.repositories for item in self._ranges(repository))

    def complete_until(self) -> datetime | None:
        """As in ``BackupAdapter``: beside the repositories, the server's own log that is not archived yet is read."""
        furthest = max(self.recoverable(), key=lambda item: item.until, default=None)
        if furthest is None or furthest.broken_at or self.dsn is None:
            return furthest.until if furthest else None
        asked = self.clock()
        repository, _ = self._find(furthest.backup_id)
        try:
            waiting = self._archive(repository).waiting(self.dsn)
        except (BackupError, DatabaseError):
            return furthest.until  # what the server has beyond the archive cannot be known
        return min(waiting) if waiting else asked

    def verify(self, *, deep: bool = False) -> Verification:
        """As in ``BackupAdapter``, every repository."""
        return verify_all(self, deep=deep)

    def restore(
        self,
        to: Path,
        *,
        backup: str | None = None,
        target: Target | None = None,
        before_opening: tuple[BeforeOpening, ...] = (),
        keep: bool = False,
    ) -> RestoredCopy:
        """As in ``BackupAdapter``; without a backup's id from the first repository that can, the latest from the one
        whose log goes furthest.
        """
        chosen = self._chosen(backup, target or Target())
        unsound = partial(unsound_files, self, chosen.repository, chosen.info.backup_id)
        return restore(self.tool, chosen, to, unsound, keep=keep, before_opening=before_opening)

    def expire(self, *, plan: bool = False) -> Expiry:
        """As in ``BackupAdapter``, each repository by its own periods."""
        results = [
            expire(
                self.tool,
                repository,
                self.folder(repository),
                self.keys,
                self.policy.model_copy(update={"keep": repository.keep, "log_days": repository.log_days}),
                self.clock(),
                None if plan else (self.connection, self.settings, self.prefix(repository)),
            )
            for repository in self.repositories
        ]
        prefixes = [self.prefix(repository) for repository in self.repositories]
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
        if info.backup_id not in read_records(self.folder(repository), self.keys.checker).held():
            raise BackupError(f"{backup_id} is not on hold; see `xinglin backups`")
        self._decide(repository, Hold(backup_id=info.backup_id, action="release", reason=reason, at=self.clock()))

    # -- one repository -----------------------------------------------------------------------------------------

    def _due_kind(self, repository: Repository) -> str:
        return "full" if full_is_due(self.standing(repository), self.policy, self.clock()) else "incr"

    def standing(self, repository: Repository) -> tuple[BackupInfo, ...]:
        """Backups in a repository by the tool's own labels, oldest first; ``BackupError`` when it cannot be used."""
        stored = self.tool.stored(repository)
        if stored.fault and not stored.backups and stored.fault != "no valid backups":
            raise BackupError(f"{self.prefix(repository)} cannot be used: {stored.fault}")
        return stored.backups

    def standing_or_none(self, repository: Repository) -> tuple[BackupInfo, ...]:
        """The same, none where the repository cannot be used."""
        try:
            return self.standing(repository)
        except BackupError:
            return ()

    def _ranges(self, repository: Repository) -> list[Range]:
        archive = self._archive(repository)
        found: list[Range] = []
        last: list[str] = []
        for info in self.standing(repository):
            covered = archive.followed(info)
            until = archive.newest_commit(covered)
            if until is None or until < info.ended_at:
                continue
            timeline = int(covered[-1][:8], 16)
            if not found or (found[-1].timeline, found[-1].until) != (timeline, until):
                found.append(Range(f"{self.prefix(repository)}{info.backup_id}", timeline, info.ended_at, until))
                last = covered
        return [*found[:-1], *(replace(item, broken_at=broken_at(archive.files, last)) for item in found[-1:])]

    def _archive(self, repository: Repository) -> Archive:
        return Archive.of(self.tool, repository, self.site.passphrase(repository, self.keys))

    def _chosen(self, backup: str | None, target: Target) -> Chosen:
        if target.time is not None and (target.latest or target.time.tzinfo is None):
            raise BackupError("a target is either a time with its zone (2026-06-01T12:00:00+08:00) or --latest")
        candidates = [self._find(backup)] if backup else self._candidates(furthest=target.latest)
        if not candidates:
            raise BackupError("there is no backup in any repository yet (xinglin backup)")
        for repository, info in candidates:
            if target.time is None or self._reaches(repository, info, target.time):
                name = f"{self.prefix(repository)}{info.backup_id}"
                recorded = next((item for item in self.recorded() if item.backup_id == name), None)
                return Chosen(name, repository, info, target, recorded)
        raise BackupError(f"{target.time} cannot be restored; recoverable is {said(self.recoverable())}")

    def _candidates(self, *, furthest: bool) -> list[tuple[Repository, BackupInfo]]:
        """Backups, the newest first; the first repository's before the next one's; one that is lost is passed over.

        Args:
            furthest: the repository whose log goes furthest before the others.
        """
        repositories = sorted(self.repositories, key=self._until, reverse=True) if furthest else self.repositories
        return [
            (repository, info) for repository in repositories for info in reversed(self.standing_or_none(repository))
        ]

    def _until(self, repository: Repository) -> datetime:
        """Newest commit of a repository's archive; the beginning of time where it cannot be used."""
        with contextlib.suppress(BackupError):
            return max((item.until for item in self._ranges(repository)), default=_NEVER)
        return _NEVER

    def _reaches(self, repository: Repository, info: BackupInfo, moment: datetime) -> bool:
        if info.ended_at > moment:
            return False
        archive = self._archive(repository)
        until = archive.newest_commit(archive.followed(info))
        return until is not None and moment <= until

    def _find(self, backup_id: str) -> tuple[Repository, BackupInfo]:
        for repository in self.repositories:
            prefix = self.prefix(repository)
            for info in self.standing_or_none(repository) if backup_id.startswith(prefix) else ():
                if info.backup_id == backup_id.removeprefix(prefix):
                    return repository, info
        raise BackupError(f"there is no backup {backup_id}; see `xinglin backups`")

    def _decide(self, repository: Repository, record: Hold) -> None:
        write_record(self.folder(repository), record, self.keys.signer)
        record_hold(self.connection, record, self.settings, self.prefix(repository))

    def outward(self, repository: Repository, info: BackupInfo, held: dict[str, str]) -> BackupInfo:
        """A backup by the ids that are used outside, with its hold."""
        prefix = self.prefix(repository)
        holds = (held[info.backup_id],) if info.backup_id in held else ()
        parent = f"{prefix}{info.parent}" if info.parent else None
        return replace(info, backup_id=f"{prefix}{info.backup_id}", parent=parent, holds=holds)

    def prefix(self, repository: Repository) -> str:
        """What stands before a label in an id."""
        return f"repo{self.site.number(repository)}/"

    def folder(self, repository: Repository) -> Path:
        """Our own records of a repository."""
        return self.settings.backups / "pgbackrest" / f"repo{self.site.number(repository)}"
