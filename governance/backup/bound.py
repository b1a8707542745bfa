"""What every adapter is bound to: an installation, its keys, its warehouse where one answers, and a clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from governance.backup.keys import BackupKeys
from governance.backup.policy import BackupPolicy, load_backup_policy
from governance.errors import BackupError
from governance.settings import Settings


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Bound:
    """The common part of the adapters.

    Attributes:
        dsn: the role ``backup`` on the warehouse; ``None`` where no server answers (after a disaster): listing,
            verifying and restoring work without.
        clock: gives the moment by which ages and retention are judged.
    """

    settings: Settings
    keys: BackupKeys = field(repr=False)
    dsn: str | None = field(default=None, repr=False)
    clock: Callable[[], datetime] = _now

    @property
    def policy(self) -> BackupPolicy:
        """The backup policy.

        Raises:
            BackupError: the policy file is malformed.
        """
        return load_backup_policy(self.settings.backup_policy)

    @property
    def connection(self) -> str:
        """The role ``backup``.

        Raises:
            BackupError: there is no connection to the warehouse.
        """
        if self.dsn is None:
            raise BackupError("there is no connection to the warehouse; start it (xinglin up)")
        return self.dsn
