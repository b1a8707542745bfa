"""How often each key version has encrypted: the nonce budget (NIST SP 800-38D), counted and enforced.

Random 96-bit nonces allow 2**32 encryptions under one key. Every person has a key of one's own, so counting all
encryptions of a version together is the cautious side. The counts stand in a small SQLite database beside the keyring
(``key_use.sqlite``), or where ``XINGLIN_KEY_USE`` says when processes may not write there. Encryptions are reserved in
blocks *before* they are made: a killed process has counted too many, never too few.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from anonymization.encryption import NONCE_BUDGET
from governance.errors import KeyringError

BLOCK = 65_536
_VARIABLE = "XINGLIN_KEY_USE"
_TABLE = (
    "create table if not exists key_use"
    " (purpose text, version integer, encryptions integer not null, primary key (purpose, version))"
)
_ADD = (
    "insert into key_use values (:purpose, :version, :count) on conflict (purpose, version)"
    " do update set encryptions = encryptions + :count returning encryptions"
)


class KeyUse:
    """The counts of one installation; safe for many processes and threads.

    Args:
        file: the database; made when the first encryption is reserved.
        budget: encryptions that a key version may make.
    """

    def __init__(self, file: Path, budget: int = NONCE_BUDGET) -> None:
        self._file, self.budget = file, budget
        self._held: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()

    @classmethod
    def beside(cls, keyring: Path) -> KeyUse:
        """The counts that belong to a keyring file."""
        return cls(Path(os.environ.get(_VARIABLE) or keyring.with_name("key_use.sqlite")))

    def reserve(self, purpose: str, version: int, count: int) -> None:
        """Count ``count`` encryptions that are about to be made.

        Raises:
            KeyringError: the budget is used up (nothing may be encrypted), or the counts cannot be written.
        """
        with self._lock:
            held = self._held.get((purpose, version), 0)
            if held < count:
                held += self._take(purpose, version, count - held)
            self._held[(purpose, version)] = held - count

    def counts(self) -> dict[tuple[str, int], int]:
        """Encryptions by purpose and version; a version that never encrypted is missing."""
        if not self._file.exists():
            return {}
        with self._opened() as database:
            return {(row[0], row[1]): row[2] for row in database.execute("select * from key_use")}

    def _take(self, purpose: str, version: int, needed: int) -> int:
        with self._opened() as database:
            for wanted in (max(needed, BLOCK), needed):
                database.execute("begin immediate")
                values = {"purpose": purpose, "version": version, "count": wanted}
                total = int(database.execute(_ADD, values).fetchone()[0])
                if total <= self.budget:
                    database.execute("commit")
                    return wanted
                database.execute("rollback")
        raise KeyringError(
            f"key '{purpose}' version {version} has used its budget of {self.budget:,} encryptions (NIST SP 800-38D); "
            f"nothing was encrypted. Make a new version: xinglin keys rotate {purpose}"
        )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self._file.exists():
                os.close(os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600))
            with closing(sqlite3.connect(self._file, timeout=30, isolation_level=None)) as database:
                database.execute(_TABLE)
                yield database
        except (sqlite3.Error, OSError) as error:
            raise KeyringError(
                f"{self._file}: the use of keys cannot be counted ({error}); make it writable or set {_VARIABLE}"
            ) from error
