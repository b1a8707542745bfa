"""The backup policy: ``include/policy/backup.yaml``, read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.errors import BackupError

_Model = TypeVar("_Model", bound=BaseModel)


class Keep(BaseModel):
    """How many periods keep their newest backup; ``newest`` counts backups, whatever their age."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    newest: int = Field(ge=1)
    days: int = Field(ge=0)
    weeks: int = Field(ge=0)
    months: int = Field(ge=0)
    years: int = Field(ge=0)


class DrillLimits(BaseModel):
    """What a restore drill is held against."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rpo_seconds: int = Field(ge=1)
    rto_seconds: int = Field(ge=1)
    sample_values: int = Field(ge=1)


class WarningLimits(BaseModel):
    """When a figure is a warning sign."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    earlier_at_least: int = Field(ge=3)
    deviations: float = Field(gt=0)
    size_factor: float = Field(gt=1)
    change_factor: float = Field(gt=1)
    randomness_rise: float = Field(gt=0, lt=1)


class BackupPolicy(BaseModel):
    """What the policy file says; the file explains each key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1]
    full_every_days: int = Field(ge=1)
    increments_at_most: int = Field(ge=0)
    newest_backup_hours: int = Field(ge=1)
    log_archive_seconds: int = Field(ge=1)
    keep: Keep
    log_days: int = Field(ge=1)
    drill: DrillLimits
    warnings: WarningLimits


class _Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [key.value for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                line = node.value[position][0].start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: key '{key}' stands twice")
        return super().construct_mapping(node, deep)


def load_backup_policy(path: Path) -> BackupPolicy:
    """Read the policy; errors as in :func:`read_policy`."""
    return read_policy(path, BackupPolicy)


def read_policy(path: Path, model: type[_Model]) -> _Model:
    """Read a policy file strictly.

    Raises:
        BackupError: the file cannot be read, or a key is missing, unknown, doubled or out of range; names file and key.
    """
    try:
        document = yaml.load(path.read_text("utf-8"), Loader=_Strict)  # noqa: S506 - a safe loader
        return model.model_validate(document)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BackupError(
            f"{path} cannot be read ({str(error).splitlines()[0]}); correct it, nothing was done"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BackupError(f"{path}: {where}: {first['msg']}; correct it, nothing was done") from error
