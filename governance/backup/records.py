"""Signed records in the place: legal holds, and what the retention policy destroyed. Written once, never changed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from governance.backup.place import write_once
from governance.backup.signing import Checker, Signer, canonical
from governance.errors import BackupError

HOLDS, EXPIRED = "holds", "expired"


class Hold(BaseModel):
    """One decision on a legal hold; of several for a backup the newest counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    backup_id: str
    action: Literal["hold", "release"]
    reason: str
    at: AwareDatetime
    signature: str = ""


class Destroyed(BaseModel):
    """What an expiry removed.

    Attributes:
        backups: id → SHA-256 of its manifest file.
        reasons: id → why it went.
        log_before: position (bytes) before which the archive of the log was removed as well.
        segments: how many objects of the log.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    at: AwareDatetime
    backups: dict[str, str]
    reasons: dict[str, str]
    log_before: int
    segments: int
    signature: str = ""


@dataclass(frozen=True)
class Records:
    """All sound records of a place, oldest first, and files that are none, with what is wrong."""

    holds: tuple[Hold, ...]
    destroyed: tuple[Destroyed, ...]
    faults: tuple[tuple[Path, str], ...]

    def held(self) -> dict[str, str]:
        """Backups on hold, with the reason."""
        newest = {record.backup_id: record for record in self.holds}
        return {name: record.reason for name, record in newest.items() if record.action == "hold"}

    def gone(self) -> dict[str, str]:
        """Backups that were destroyed, with the digest of their manifest."""
        return {name: digest for record in self.destroyed for name, digest in record.backups.items()}

    @property
    def log_before(self) -> int:
        """Position before which no log is expected."""
        return max((record.log_before for record in self.destroyed), default=0)


def read_records(backups: Path, checker: Checker) -> Records:
    """Read every record of the place."""
    faults: list[tuple[Path, str]] = []
    holds = [record for record in _read(backups / HOLDS, Hold, checker, faults) if isinstance(record, Hold)]
    gone = [record for record in _read(backups / EXPIRED, Destroyed, checker, faults) if isinstance(record, Destroyed)]
    holds.sort(key=lambda record: record.at)
    return Records(tuple(holds), tuple(sorted(gone, key=lambda record: record.at)), tuple(faults))


def write_record(backups: Path, record: Hold | Destroyed, signer: Signer) -> None:
    """Sign a record and write it.

    Raises:
        BackupError: the place cannot be written.
    """
    folder = backups / (HOLDS if isinstance(record, Hold) else EXPIRED)
    document: dict[str, Any] = record.model_dump(mode="json")
    document["signature"] = signer.sign(document)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.json"
    write_once(folder / name, canonical(document) + b"\n")


def _read(
    folder: Path, model: type[Hold | Destroyed], checker: Checker, faults: list[tuple[Path, str]]
) -> Iterator[Hold | Destroyed]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name.startswith("."):
            continue
        try:
            document = json.loads(path.read_bytes())
            record = model.model_validate(document)
            if not checker.holds(document):
                raise BackupError("its signature is missing or not of this installation")
        except (OSError, ValueError, ValidationError, BackupError) as error:
            faults.append((path, str(error).splitlines()[0]))
            continue
        yield record
