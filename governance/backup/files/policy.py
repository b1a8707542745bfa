"""Which folders are backed up and to where: ``include/policy/files.yaml``, and the pipeline's own folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from governance.backup.policy import read_policy
from governance.errors import BackupError
from governance.settings import Settings


class Place(BaseModel):
    """One target; ``lock_days`` asks an S3 bucket with object lock to refuse deletion for so long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(min_length=1)
    options: Mapping[str, str | int | bool] = {}
    lock_days: int | None = Field(default=None, ge=1)


class FilesPolicy(BaseModel):
    """What the policy file says; the file explains each key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    folders: Mapping[str, Path]
    targets: tuple[Place, ...]

    @field_validator("folders")
    @classmethod
    def _names(cls, folders: Mapping[str, Path]) -> Mapping[str, Path]:
        for name in folders:
            if not name.isidentifier() or name in _OWN:
                raise ValueError(
                    f"'{name}' cannot be a folder's name: a word of letters that is none of {sorted(_OWN)}"
                )
        return folders


_OWN = {"contracts", "policies", "projects", "reference", "audit_checkpoints", "backup_records"}


def load_files_policy(path: Path) -> FilesPolicy:
    """Read the policy.

    Raises:
        BackupError: it cannot be read, or a key is missing, unknown, doubled or out of range; names file and key.
    """
    return read_policy(path, FilesPolicy)


def folders_of(policy: FilesPolicy, settings: Settings) -> dict[str, Path]:
    """Every folder to back up, by name.

    Raises:
        BackupError: a folder that the policy names is not there.
    """
    own = {
        "contracts": settings.contracts,
        "policies": settings.policy.parent,
        "projects": settings.projects,
        "reference": settings.reference,
        "audit_checkpoints": settings.audit_checkpoints,
        "backup_records": settings.backups / "pgbackrest",
    }
    named = {name: settings.project / folder for name, folder in policy.folders.items()}
    for name, folder in named.items():
        if not folder.is_dir():
            raise BackupError(
                f"{folder} (folder '{name}' of {settings.files_policy}) is not there; mount it, run again"
            )
    return {name: folder for name, folder in own.items() if folder.is_dir()} | named


def targets_of(policy: FilesPolicy, settings: Settings) -> tuple[Place, ...]:
    """Every place; by default one, ``files`` in the backup folder."""
    return policy.targets or (Place(url=str(settings.backups / "files")),)
