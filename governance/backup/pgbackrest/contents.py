"""What each backup held, in our own signed record beside the tool's: figures to compare a restored copy with.

They lie in ``<backups>/pgbackrest/repo<N>/contents/<label>.json``, with holds and records of destruction beside them,
and go to a second place with the files (:mod:`governance.backup.files`). A restore works without them, but then proves
nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from governance.backup.comparing import Recorded
from governance.backup.contents import Snapshot, TableContent
from governance.backup.place import write_once
from governance.backup.signing import Checker, Signer, canonical
from governance.errors import BackupError

FOLDER = "contents"
LABEL = r"^[0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?$"


class Contents(BaseModel):
    """The record of one backup.

    Attributes:
        backup_id: the tool's label.
        started_at: before the snapshot.
        manifest_sha256: of ``backup.manifest`` as it lies in the repository.
        snapshot, tables: as in :class:`governance.backup.manifest.Manifest`.
        database: the database whose tables are listed; the backup holds all databases of the cluster.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    backup_id: str = Field(pattern=LABEL)
    run_id: str
    started_at: AwareDatetime
    ended_at: AwareDatetime
    manifest_sha256: str
    system_identifier: str
    database: str
    snapshot: Snapshot
    tables: dict[str, TableContent]
    signature: str = ""

    def recorded(self, prefix: str) -> Recorded:
        """What it says of the tables, by the id that is used outside."""
        return Recorded(
            *(f"{prefix}{self.backup_id}", self.started_at, self.ended_at), *(self.database, self.snapshot, self.tables)
        )


def write_contents(folder: Path, contents: Contents, signer: Signer) -> None:
    """Sign a record and write it.

    Raises:
        BackupError: the folder cannot be written, or holds another record of that backup.
    """
    document = contents.model_dump(mode="json")
    document["signature"] = signer.sign(document)
    write_once(folder / FOLDER / f"{contents.backup_id}.json", canonical(document) + b"\n")


def read_contents(folder: Path, checker: Checker) -> tuple[dict[str, Contents], list[tuple[Path, str]]]:
    """Sound records by label, and files that are none, with what is wrong."""
    found: dict[str, Contents] = {}
    faults: list[tuple[Path, str]] = []
    for path in sorted((folder / FOLDER).glob("*.json")):
        try:
            contents = Contents.model_validate_json(path.read_bytes())
            if not checker.holds(contents.model_dump(mode="json")) or path.stem != contents.backup_id:
                raise BackupError("it was altered, renamed, or signed by another installation")
        except (OSError, ValidationError, BackupError) as error:
            faults.append((path, str(error).splitlines()[0]))
            continue
        found[contents.backup_id] = contents
    return found, faults
