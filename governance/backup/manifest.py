"""The manifest of a backup: what it is, what it must hold, and a signature that outsiders can check.

A backup place can be read without a database: the list of backups is rebuilt from the manifests in it. Each manifest
names the others that stood there when it was made, so that one that vanishes later is missed.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from anonymization.encryption import Suite
from governance.backup.adapter import BackupInfo, BackupKind
from governance.backup.comparing import Recorded
from governance.backup.contents import Snapshot, TableContent
from governance.backup.signing import Checker, Signer
from governance.errors import BackupError

MANIFEST = "manifest.json"
ID = r"^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$"
_DIGEST = r"^[0-9a-f]{64}$"


class StoredFile(BaseModel):
    """One encrypted file of a backup.

    Attributes:
        archive: what it holds: ``base``, the number of a tablespace, or ``backup_manifest`` (PostgreSQL's own).
        size, sha256: of the file as it stands in the place (bytes).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")
    archive: str = Field(pattern=r"^(base|backup_manifest|[0-9]+)$")
    size: int
    sha256: str = Field(pattern=_DIGEST)


class Manifest(BaseModel):
    """One backup.

    Attributes:
        parent: of an incremental backup, the one that it builds on; ``parent_sha256`` is of that one's manifest file.
        files: the encrypted files beside the manifest, each zstd over tar (PostgreSQL's manifest: zstd over JSON).
        server_version: of the server, e.g. 170010.
        timeline, start_lsn, end_lsn: where in the write-ahead log it lies; the log between them is in the backup.
        snapshot: the snapshot in which ``tables`` was read.
        database: the database whose tables are listed; the backup holds all databases of the cluster.
        tables: ``schema.table`` → figures.
        known: the other backups in the place when this one was made: id → SHA-256 of the manifest file.
        signature: over all other fields (:mod:`governance.backup.signing`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[2] = 2
    backup_id: str = Field(pattern=ID)
    kind: BackupKind
    parent: str | None = Field(default=None, pattern=ID)
    parent_sha256: str | None = Field(default=None, pattern=_DIGEST)
    run_id: str
    started_at: AwareDatetime
    ended_at: AwareDatetime
    suite: Suite
    recipients: tuple[str, ...]
    files: tuple[StoredFile, ...]
    server_version: int
    system_identifier: str
    timeline: int
    start_lsn: str
    end_lsn: str
    snapshot: Snapshot
    database: str
    tables: dict[str, TableContent]
    known: dict[str, str]
    signature: str = ""

    @property
    def comparable(self) -> int:
        """Number of tables that must be equal in a restored copy."""
        return sum(not content.changed for content in self.tables.values())

    @property
    def rows(self) -> int:
        """Rows of all tables at the snapshot."""
        return sum(content.rows for content in self.tables.values())

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)

    def info(self, holds: tuple[str, ...] = ()) -> BackupInfo:
        """What the adapter's interface says of it."""
        return BackupInfo(
            *(self.backup_id, self.kind, self.parent, self.started_at, self.ended_at, self.size),
            *(self.timeline, self.start_lsn, self.end_lsn, holds),
        )

    def recorded(self) -> Recorded:
        """What it says of the tables."""
        return Recorded(*(self.backup_id, self.started_at, self.ended_at), *(self.database, self.snapshot, self.tables))

    def signed(self, signer: Signer) -> Manifest:
        """The manifest with its signature."""
        return self.model_copy(update={"signature": signer.sign(self.model_dump(mode="json"))})

    def content(self) -> bytes:
        """The bytes of its file."""
        return self.model_dump_json(indent=1).encode() + b"\n"


def read_manifest(folder: Path, checker: Checker | None = None) -> tuple[Manifest, bytes]:
    """Read a manifest and the bytes of its file; with a checker, check its signature.

    Raises:
        BackupError: the manifest is missing, malformed, altered, or signed with another key.
    """
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
        manifest = Manifest.model_validate_json(content)
    except FileNotFoundError as error:
        raise BackupError(
            f"{path} is missing: the backup was interrupted, or somebody removed it; use another one"
        ) from error
    except (OSError, ValidationError, ValueError) as error:
        raise BackupError(f"{path} is damaged ({type(error).__name__}); use another backup") from error
    if checker is not None and not checker.holds(manifest.model_dump(mode="json")):
        raise BackupError(f"{path} was altered after it was signed, or the keyring is another one; use another backup")
    if manifest.backup_id != folder.name:
        raise BackupError(f"{path} belongs to backup {manifest.backup_id}; use another one")
    return manifest, content


def new_backup_id(now: datetime, unique: bytes) -> str:
    """Identity of a backup: its start in UTC to the second, and four random bytes."""
    return f"{now:%Y%m%dT%H%M%SZ}-{unique.hex()}"
