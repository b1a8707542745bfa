"""The key store of persons: one random salt a patient key, wrapped, apart from the data and its backups.

A small SQLite database (``persons.sqlite`` beside the keyring, or where ``XINGLIN_PERSON_KEYS`` says). A person's field
key is made of the field's key and this salt (:mod:`anonymization.encryption.persons`); without the salt no ciphertext
of the person opens, wherever a copy of it lies. Salts are wrapped (AES key wrap, RFC 3394) under a key of the keyring,
so the key-encryption key protects them too and its rotation needs no change here.

A new salt is on the disk (``synchronous = extra``) before it is given out: no value refers to a salt that a crash could
lose. A destroyed one is overwritten (``secure_delete``), and a **tombstone** stays: a keyed hash of the patient key,
which can be recognised and not led back. Where a tombstone stands, no salt is made again.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from anonymization.encryption import KeyedDigest
from governance.errors import KeyringError

SALT_BYTES = 16
_VARIABLE = "XINGLIN_PERSON_KEYS"
_CACHE_LIMIT = 200_000  # salts held in memory
_CHUNK = 30_000  # values of one query; SQLite allows 32,766
_SCHEMA = (
    "create table if not exists salt (token blob primary key, wrapped blob not null) without rowid",
    "create table if not exists tombstone (token_hash blob primary key, withdrawal text not null, destroyed_at text"
    " not null, reason text not null, actor text not null, finished_at text) without rowid",
)

_PRAGMAS = ("pragma synchronous = extra", "pragma cache_size = -131072")  # 128 MiB: new salts fall on all pages
_BEFORE_DESTRUCTION = (
    "pragma secure_delete = on",
    "pragma temp_store = memory",  # the rewrite of the file leaves nothing elsewhere
)


@dataclass(frozen=True)
class Tombstone:
    """What stays of one destroyed salt.

    Attributes:
        token_hash: keyed hash of the patient key.
        withdrawal: id of the withdrawal, common to all patient keys of the person.
        reason: a code, never words about the person.
        actor: who withdrew.
        finished_at: when the warehouse's rows were gone; ``None`` while that is still to be done.
    """

    token_hash: bytes
    withdrawal: str
    destroyed_at: str
    reason: str
    actor: str
    finished_at: str | None = None


class PersonKeys:
    """The salts and tombstones of one installation; safe for many processes and threads.

    Args:
        file: the database; made with the first salt.
        key: 32 bytes that wrap salts.
        digest: keyed hash of patient keys for tombstones.
    """

    def __init__(self, file: Path, key: bytes, digest: KeyedDigest) -> None:
        self.file, self._key, self._digest = file, key, digest
        self._cache: dict[str, bytes] = {}
        self._lock = threading.Lock()

    @staticmethod
    def place(keyring: Path) -> Path:
        """Where the store of a keyring is."""
        return Path(os.environ.get(_VARIABLE) or keyring.with_name("persons.sqlite"))

    def make(self, persons: Collection[str]) -> Mapping[str, bytes]:
        """Salts of all ``persons`` (patient keys in hexadecimal), new ones for those that have none.

        Raises:
            KeyringError: one of them is withdrawn, or the store cannot be written.
        """
        with self._lock:
            found = self._known(persons)
            missing = [person for person in persons if person not in found]
            if missing:
                found |= self._add(missing)
            return found

    def find(self, persons: Collection[str]) -> Mapping[str, bytes]:
        """Salts of those ``persons`` that have one (KeyringError when the store cannot be read)."""
        with self._lock:
            return self._known(persons)

    def withdrawn(self, persons: Sequence[str]) -> set[str]:
        """Those of ``persons`` for whom a tombstone stands."""
        stones = self.tombstones()
        return self._buried(persons, {stone.token_hash for stone in stones}) if stones else set()

    def tombstones(self) -> list[Tombstone]:
        """All tombstones, in the order of their hashes."""
        if not self.file.exists():
            return []
        with self._opened(write=False) as database:
            return [Tombstone(*row) for row in database.execute("select * from tombstone order by token_hash")]

    def count(self) -> int:
        """Persons that have a salt."""
        if not self.file.exists():
            return 0
        with self._opened(write=False) as database:
            return int(database.execute("select count(*) from salt").fetchone()[0])

    def destroy(self, persons: Collection[str], withdrawal: str, reason: str, actor: str) -> list[bytes]:
        """Destroy salts and set tombstones, both or neither; returns the tombstones' hashes.

        Afterwards the file is rewritten, so that no page of it still holds a destroyed salt.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._lock, self._opened() as database:
            _prepare_destruction(database)
            database.execute("begin immediate")
            stones = [(self.hash_of(p), withdrawal, now, reason, actor) for p in persons]
            database.executemany("insert or ignore into tombstone values (?, ?, ?, ?, ?, null)", stones)
            database.executemany("delete from salt where token = ?", [(bytes.fromhex(p),) for p in persons])
            database.execute("commit")
            database.execute("vacuum")
            for person in persons:
                self._cache.pop(person, None)
        return [stone[0] for stone in stones]

    def bury(self, stones: Sequence[Tombstone]) -> None:
        """Take over tombstones of another copy of the store, and destroy the salts that stand beside them."""
        with self._lock, self._opened() as database:
            _prepare_destruction(database)
            database.execute("begin immediate")
            rows = [(s.token_hash, s.withdrawal, s.destroyed_at, s.reason, s.actor, s.finished_at) for s in stones]
            database.executemany("insert or ignore into tombstone values (?, ?, ?, ?, ?, ?)", rows)
            hashes = {row[0] for row in database.execute("select token_hash from tombstone")}
            tokens = [row[0] for row in database.execute("select token from salt")] if hashes else []
            gone = self._buried([token.hex() for token in tokens], hashes)
            database.executemany("delete from salt where token = ?", [(bytes.fromhex(p),) for p in gone])
            database.execute("commit")
            database.execute("vacuum")
            self._cache.clear()

    def finish(self, stones: Collection[bytes]) -> None:
        """Note that the warehouse holds no row any more of the persons of some tombstones (by ``token_hash``)."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._opened() as database:
            database.execute("begin immediate")
            statement = "update tombstone set finished_at = ? where token_hash = ? and finished_at is null"
            database.executemany(statement, [(now, stone) for stone in stones])
            database.execute("commit")

    def snapshot(self) -> bytes:
        """A consistent copy of the store, whoever writes to it meanwhile."""
        with self._opened(write=False) as database:
            return database.serialize()

    def merge(self, content: bytes) -> tuple[int, int]:
        """Add the salts of a copy that are missing here; how many were added, and refused because of a tombstone.

        Raises:
            KeyringError: the copy was made with another keyring; nothing was changed.
        """
        with closing(sqlite3.connect(":memory:")) as copy:
            copy.deserialize(content)
            rows = {token.hex(): wrapped for token, wrapped in copy.execute("select token, wrapped from salt")}
        for wrapped in rows.values():
            self._unwrapped(wrapped)
        with self._lock, self._opened() as database:
            database.execute("begin immediate")
            hashes = {row[0] for row in database.execute("select token_hash from tombstone")}
            buried = self._buried(list(rows), hashes) if hashes else set()
            before = database.total_changes
            missing = [(bytes.fromhex(person), wrapped) for person, wrapped in rows.items() if person not in buried]
            database.executemany("insert or ignore into salt values (?, ?)", missing)
            database.execute("commit")
            return database.total_changes - before, len(buried)

    def hash_of(self, person: str) -> bytes:
        """What a tombstone keeps of a patient key."""
        return bytes.fromhex(self._digest.one(bytes.fromhex(person)))

    def _buried(self, persons: Sequence[str], hashes: set[bytes]) -> set[str]:
        made = self._digest.many(bytes.fromhex(person) for person in persons)
        return {person for person, digest in zip(persons, made, strict=True) if bytes.fromhex(digest) in hashes}

    def _known(self, persons: Collection[str]) -> dict[str, bytes]:
        cache = self._cache
        found = {person: cache[person] for person in persons if person in cache}
        missing = [person for person in persons if person not in found]
        if missing and self.file.exists():
            with self._opened(write=False) as database:
                found |= self._stored(database, missing)
        return found

    def _stored(self, database: sqlite3.Connection, persons: Sequence[str]) -> dict[str, bytes]:
        found = {}
        ordered = sorted(persons)  # neighbours stand on one page
        for start in range(0, len(ordered), _CHUNK):
            some = list(map(bytes.fromhex, ordered[start : start + _CHUNK]))
            query = f"select token, wrapped from salt where token in ({','.join('?' * len(some))})"  # noqa: S608
            for token, wrapped in database.execute(query, some):
                found[token.hex()] = self._unwrapped(wrapped)
        self._remember(found)
        return found

    def _add(self, persons: Sequence[str]) -> dict[str, bytes]:
        noise, ordered = os.urandom(SALT_BYTES * len(persons)), sorted(persons)
        made = {p: noise[n * SALT_BYTES : (n + 1) * SALT_BYTES] for n, p in enumerate(ordered)}
        rows = [(bytes.fromhex(person), aes_key_wrap(self._key, salt)) for person, salt in made.items()]
        with self._opened() as database:
            database.execute("begin immediate")
            hashes = {row[0] for row in database.execute("select token_hash from tombstone")}
            if hashes and self._buried(ordered, hashes):
                raise KeyringError(
                    "a person whose values were to be encrypted has been withdrawn meanwhile; nothing was written. "
                    "Run it again: the gate then keeps the rows out"
                )
            before = database.total_changes
            database.executemany("insert or ignore into salt values (?, ?)", rows)
            database.execute("commit")
            if database.total_changes - before < len(rows):  # another process made some of them first
                return self._stored(database, ordered)
        self._remember(made)
        return made

    def _remember(self, salts: Mapping[str, bytes]) -> None:
        if len(self._cache) + len(salts) > _CACHE_LIMIT:
            self._cache.clear()
        self._cache.update(salts)

    def _unwrapped(self, wrapped: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._key, wrapped)
        except InvalidUnwrap as error:
            raise KeyringError(
                f"{self.file} was made with another keyring; restore both from backups of the same installation"
            ) from error

    @contextmanager
    def _opened(self, *, write: bool = True) -> Iterator[sqlite3.Connection]:
        try:
            if write and not self.file.exists():
                os.close(os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600))
            # what a killed writer left half done is undone by whoever opens next, which takes the right to write
            mode = "rw" if write or (os.access(self.file, os.W_OK) and os.access(self.file.parent, os.W_OK)) else "ro"
            address = f"{self.file.absolute().as_uri()}?mode={mode}"
            with closing(sqlite3.connect(address, uri=True, timeout=60, isolation_level=None)) as database:
                for statement in (*_PRAGMAS, *(_SCHEMA if write else ())):
                    database.execute(statement)
                yield database
        except (sqlite3.Error, OSError) as error:
            raise KeyringError(
                f"{self.file}: the key store cannot be {'written' if write else 'read'} ({error}); check the folder's "
                f"rights and space, or set {_VARIABLE}"
            ) from error


def _prepare_destruction(database: sqlite3.Connection) -> None:
    for statement in _BEFORE_DESTRUCTION:
        database.execute(statement)
