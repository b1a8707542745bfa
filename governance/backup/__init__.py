"""Backups that are proved: encrypted while they are written, complete or absent, restored and compared by a command."""

from governance.backup.adapter import BackupAdapter, BackupKind, RestoredCopy, Target
from governance.backup.backing_up import back_up
from governance.backup.embedded import EmbeddedBackups
from governance.backup.keys import BackupKeys
from governance.backup.manifest import Manifest
from governance.backup.restoring import restore
from governance.backup.store import BackupRecord, find_backup, list_backups

__all__ = [
    "BackupAdapter",
    "BackupKeys",
    "BackupKind",
    "BackupRecord",
    "EmbeddedBackups",
    "Manifest",
    "RestoredCopy",
    "Target",
    "back_up",
    "find_backup",
    "list_backups",
    "restore",
]
