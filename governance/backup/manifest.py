"""The manifest of a backup: what it is, what it must hold, and a seal that only the keyring can make.

A backup folder can be read without a database: the list of backups is rebuilt from the manifests in it.
"""

from __future__ import annotations

import hmac
import json
import os
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from anonymization.encryption import KeyedDigest
from governance.backup.contents import Snapshot, TableContent
from governance.errors import BackupError

MANIFEST = "manifest.json"
FORMAT = 1


class Manifest(BaseModel):
    """One backup.

    Attributes:
        file: name of the encrypted file beside the manifest: age (X25519) over zstd over tar of the whole cluster.
        size, sha256: of that file (bytes) as it stands on disk.
        server_version: of the server, e.g. 170010.
        start_lsn: write-ahead log position read right before the backup started.
        snapshot: the snapshot in which ``tables`` was read.
        database: the database whose tables are listed; the backup holds all databases of the cluster.
        tables: ``schema.table`` → figures.
        seal: keyed digest of all other fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = Field(default=FORMAT, ge=FORMAT, le=FORMAT)
    backup_id: str = Field(pattern=r"^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$")
    run_id: str
    started_at: AwareDatetime
    ended_at: AwareDatetime
    file: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    size: int
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    recipients: tuple[str, ...]
    server_version: int
    system_identifier: str
    start_lsn: str
    snapshot: Snapshot
    database: str
    tables: dict[str, TableContent]
    seal: str = ""

    @property
    def comparable(self) -> int:
        """Number of tables that must be equal in a restored copy."""
        return sum(not content.changed for content in self.tables.values())

    @property
    def rows(self) -> int:
        """Rows of all tables at the snapshot."""
        return sum(content.rows for content in self.tables.values())

    def sealed(self, key: KeyedDigest) -> Manifest:
        """The manifest with its seal."""
        return self.model_copy(update={"seal": key.one(self._canonical())})

    def _canonical(self) -> bytes:
        document = self.model_dump(mode="json", exclude={"seal"})
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the sealed manifest into a folder, synced to disk; refuses to overwrite one.

    Raises:
        BackupError: the folder cannot be written to, or holds a manifest already.
    """
    path = folder / MANIFEST
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(manifest.model_dump_json(indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BackupError(f"{path} cannot be written ({error.strerror}); check the backup folder") from error


def read_manifest(folder: Path, key: KeyedDigest | None = None) -> Manifest:
    """Read a manifest; with a key, check its seal.

    Raises:
        BackupError: the manifest is missing, malformed, altered, or sealed with another key.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise BackupError(f"{path} is missing: without it the backup cannot be trusted; use another one") from error
    except (OSError, ValidationError, ValueError) as error:
        raise BackupError(f"{path} is damaged ({type(error).__name__}); use another backup") from error
    if key is not None and not hmac.compare_digest(manifest.sealed(key).seal, manifest.seal):
        raise BackupError(f"{path} was altered after it was sealed, or the keyring is another one; use another backup")
    return manifest


def new_backup_id(now: datetime, unique: bytes) -> str:
    """Identity of a backup: its start in UTC to the second, and four random bytes."""
    return f"{now:%Y%m%dT%H%M%SZ}-{unique.hex()}"
