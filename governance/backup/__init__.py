"""Backups that are proved: encrypted while they are written, complete or absent, restored and compared by a command."""

from governance.backup.backing_up import back_up
from governance.backup.keys import BackupKeys
from governance.backup.manifest import Manifest
from governance.backup.restoring import RestoredServer, restore
from governance.backup.store import BackupRecord, find_backup, list_backups

__all__ = [
    "BackupKeys",
    "BackupRecord",
    "Manifest",
    "RestoredServer",
    "back_up",
    "find_backup",
    "list_backups",
    "restore",
]
