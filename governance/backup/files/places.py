"""Files in their places: take, list, verify, restore, expire."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from governance.backup.adapter import Expiry, Verification
from governance.backup.files.expiring import expire_snapshots
from governance.backup.files.policy import folders_of, load_files_policy, targets_of
from governance.backup.files.restoring import RestoredFiles, restore_snapshot
from governance.backup.files.snapshot import Snapshot, read_snapshots
from governance.backup.files.taking import Progress, Taken, take
from governance.backup.files.target import Target
from governance.backup.files.verifying import verify_place
from governance.backup.keys import BackupKeys
from governance.backup.policy import BackupPolicy, load_backup_policy
from governance.backup.records import Destroyed
from governance.backup.store import locked
from governance.keys import open_keyring
from governance.settings import Settings


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class FileBackups:
    """The files of an installation in one of its places.

    Attributes:
        folders: name → folder, what a run backs up.
        clock: gives the moment by which ages and retention are judged.
        lock_file: lets one process at a time take or remove; ``None`` where nobody else does.
    """

    target: Target
    folders: dict[str, Path]
    keys: BackupKeys = field(repr=False)
    policy: BackupPolicy
    clock: Callable[[], datetime] = _now
    lock_file: Path | None = None

    @classmethod
    def all_of(cls, settings: Settings) -> list[FileBackups]:
        """One for each place of the policy.

        Raises:
            BackupError: a policy is malformed, a folder is missing, or a place cannot be used.
            KeyringError: the keyring cannot be opened.
        """
        policy = load_files_policy(settings.files_policy)
        folders = folders_of(policy, settings)
        keys = BackupKeys.of(open_keyring(settings.keyring))
        kept = load_backup_policy(settings.backup_policy)
        lock = settings.state / "run" / "files.lock"
        return [cls(Target(place), folders, keys, kept, lock_file=lock) for place in targets_of(policy, settings)]

    def take(self, run_id: str, *, plan: bool = False, progress: Progress | None = None) -> Taken:
        """Take a snapshot of every folder; errors as in :func:`governance.backup.files.taking.take`."""
        with self._alone():
            return take(self.target, self.folders, self.keys, run_id, plan=plan, progress=progress)

    def snapshots(self) -> tuple[list[Snapshot], list[str]]:
        """Sound snapshots, oldest first, and one sentence for each file in their folder that is none.

        Raises:
            BackupError: the place cannot be read.
        """
        found, _, faults = read_snapshots(self.target, self.target.listing(), self.keys)
        return found, [f"{name}: {words}" for name, words in faults]

    def verify(self) -> Verification:
        """As :func:`governance.backup.files.verifying.verify_place`."""
        return verify_place(self)

    def restore(self, to: Path, snapshot_id: str | None = None) -> RestoredFiles:
        """As :func:`governance.backup.files.restoring.restore_snapshot`."""
        return restore_snapshot(self, to, snapshot_id)

    def expire(self, tell: Callable[[Destroyed], None], *, plan: bool = False) -> Expiry:
        """As :func:`governance.backup.files.expiring.expire_snapshots`."""
        with self._alone():
            return expire_snapshots(self, tell, plan=plan)

    def _alone(self) -> AbstractContextManager[object]:
        """Nobody on this machine takes or removes snapshots meanwhile."""
        return locked(self.lock_file, Path(self.target.root)) if self.lock_file else nullcontext()
