"""What every restore does before it opens a copy: what was withdrawn since the backup is withdrawn in the copy too."""

from __future__ import annotations

from collections.abc import Collection

from governance.backup.adapter import BeforeOpening
from governance.keys import open_keyring
from governance.keys.withdrawal import replay_tombstones
from governance.settings import Settings

_SETTLED = ("governance.batch", "governance.watermark", "quarantine.row")  # counts and columns that a withdrawal mends


def withdrawals(settings: Settings) -> BeforeOpening:
    """The hook that repeats every withdrawal; it returns the tables from which it may have removed rows.

    Raises (when called):
        KeyringError: the keyring or the key store cannot be read; the copy is not opened.
    """

    def replay(dsn: str) -> Collection[str]:
        store = open_keyring(settings.keyring).persons
        if store is None or not store.tombstones():
            return ()
        return {*replay_tombstones(dsn, settings).rows, *_SETTLED}

    return replay
