"""A snapshot: which objects one run needs (signed, readable by anybody), and which files they are (encrypted)."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from governance.backup.files.target import Target
from governance.backup.keys import BackupKeys
from governance.backup.manifest import ID
from governance.backup.records import Destroyed
from governance.backup.signing import canonical
from governance.errors import BackupError

SNAPSHOTS, OBJECTS, EXPIRED = "snapshots", "objects", "expired"
_DIGEST = r"^[0-9a-f]{64}$"


class StoredObject(BaseModel):
    """One object: its content's keyed digest, and bytes and SHA-256 of it as it lies in the place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    content: str = Field(pattern=_DIGEST)
    size: int
    sha256: str = Field(pattern=_DIGEST)


class Snapshot(BaseModel):
    """One run.

    Attributes:
        listing: name of the object that holds the :class:`Listing`.
        objects: every object that it needs, the listing's too: name → what it is.
        known: the other snapshots that stood there when it was made: id → SHA-256 of their file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    backup_id: str = Field(pattern=ID)
    run_id: str
    started_at: AwareDatetime
    ended_at: AwareDatetime
    listing: str
    objects: dict[str, StoredObject]
    known: dict[str, str]
    signature: str = ""

    @property
    def parent(self) -> None:
        """Every snapshot stands alone."""
        return

    @property
    def start_lsn(self) -> str:
        """Files have no log."""
        return "0/0"


class Entry(BaseModel):
    """One file, or one symbolic link (``link`` is where it leads).

    Attributes:
        content: keyed digest of its content, also of the object that holds it.
        state: size, change times (ns) and inode, by which the next run knows that it was not touched.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int
    mode: int
    mtime_ns: int
    state: tuple[int, int, int, int]
    content: str = ""
    link: str | None = None


class Listing(BaseModel):
    """Files of a snapshot: ``<folder>/<path>`` → entry; empty folders; and what was left out, being no file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: dict[str, Entry]
    empty_folders: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contents:
    """Names contents by a keyed digest: without the keyring nobody can ask whether a known file is in a place."""

    key: bytes = field(repr=False)

    @classmethod
    def of(cls, keys: BackupKeys) -> Contents:
        """From the oldest version of the keyring's ``backup_stream``, so that contents keep their names on rotation.

        Raises:
            BackupError: the keyring holds none.
        """
        if not keys.stream:
            raise BackupError(
                "the keyring holds no key backup_stream, by which contents are named; restore the keyring"
            )
        return cls(HKDF(SHA256(), 32, None, b"xinglin files 1").derive(keys.stream[min(keys.stream)]))

    def digest(self) -> hmac.HMAC:
        """A digest to be fed with a content."""
        return hmac.new(self.key, digestmod=sha256)


def read_snapshots(
    target: Target, listed: dict[str, int], keys: BackupKeys
) -> tuple[list[Snapshot], dict[str, str], list[tuple[str, str]]]:
    """Sound snapshots, oldest first; id → SHA-256 of their files; and names of files that are none, with the reason."""
    found: list[Snapshot] = []
    digests: dict[str, str] = {}
    faults: list[tuple[str, str]] = []
    for name in sorted(name for name in listed if name.startswith(f"{SNAPSHOTS}/")):
        try:
            with target.reading(name) as file:
                content = file.read()
            document = json.loads(content)
            snapshot = Snapshot.model_validate(document)
            if not keys.checker.holds(document) or name != f"{SNAPSHOTS}/{snapshot.backup_id}.json":
                raise BackupError("it was altered, renamed, or signed by another installation")
        except (ValueError, ValidationError, BackupError) as error:
            faults.append((name, str(error).splitlines()[0]))
            continue
        found.append(snapshot)
        digests[snapshot.backup_id] = sha256(content).hexdigest()
    found.sort(key=lambda snapshot: (snapshot.started_at, snapshot.backup_id))
    return found, digests, faults


def destroyed(target: Target, listed: dict[str, int], keys: BackupKeys) -> tuple[set[str], list[tuple[str, str]]]:
    """Snapshots that signed records say were destroyed, and records that are not sound."""
    gone: set[str] = set()
    faults: list[tuple[str, str]] = []
    for name in sorted(name for name in listed if name.startswith(f"{EXPIRED}/")):
        try:
            with target.reading(name) as file:
                document = json.loads(file.read())
            record = Destroyed.model_validate(document)
            if not keys.checker.holds(document):
                raise BackupError("its signature is missing or not of this installation")
            gone |= set(record.backups)
        except (ValueError, ValidationError, BackupError) as error:
            faults.append((name, str(error).splitlines()[0]))
    return gone, faults


def write_signed(target: Target, name: str, model: BaseModel, keys: BackupKeys, at: datetime) -> None:
    """Sign a document and write it under a new name.

    Raises:
        BackupError: the place refuses.
    """
    document = model.model_dump(mode="json")
    document["signature"] = keys.signer.sign(document)
    target.put(name, lambda file: file.write(canonical(document) + b"\n"), at)
