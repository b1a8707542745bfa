"""Which adapter an installation uses: ``XINGLIN_BACKUP_ADAPTER``."""

from __future__ import annotations

from governance.backup.adapter import BackupAdapter
from governance.backup.backing_up import Progress
from governance.backup.embedded import EmbeddedBackups
from governance.backup.pgbackrest import PgBackRestBackups
from governance.errors import BackupError
from governance.settings import Settings


def adapter_of(settings: Settings, dsn: str | None = None, progress: Progress | None = None) -> BackupAdapter:
    """The installation's backups, behind ``BackupAdapter``.

    Args:
        dsn: the role ``backup``; ``None`` where no server answers.
        progress: told of a base backup's progress, by the adapter that knows it (``embedded``).

    Raises:
        KeyringError: the keyring cannot be opened.
        BackupError: the adapter's own file is malformed.
    """
    if settings.backup_adapter == "pgbackrest":
        return PgBackRestBackups.of(settings, dsn)
    return EmbeddedBackups.of(settings, dsn, progress)


def embedded(adapter: BackupAdapter) -> EmbeddedBackups:
    """The embedded adapter, for what only it has: filling the write-once copy, and warning signs.

    Raises:
        BackupError: the installation's adapter is another one.
    """
    if not isinstance(adapter, EmbeddedBackups):
        raise BackupError(
            f"this needs the embedded adapter, and XINGLIN_BACKUP_ADAPTER is {adapter.name}, "
            "whose second repository is the copy and is filled with each backup"
        )
    return adapter
