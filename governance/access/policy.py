"""What the contracts and the policy say about marts: project, and the columns that each group may be granted."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.errors import AccessError
from governance.settings import Settings

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads ten times faster
Zone = Literal["specialty", "research"]
ZONES: tuple[Zone, ...] = ("specialty", "research")
Reader = Literal["engineer", "researcher"]
RESTRICTED = "restricted_diseases"  # column of a mart by which its row security knows rows of level 5
Level = int  # GB/T 39725: 1 (open) to 5 (strictly restricted)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Policy(_Frozen):
    """``include/policy/access.yaml``: the highest level a group may read in a zone, and the known definer functions."""

    version: str
    highest_level: dict[Zone, dict[Reader, Level]]
    definer_functions: tuple[str, ...] = Field(min_length=1)


class Mart(_Frozen):
    """A mart as it is declared.

    Attributes:
        project: research project or specialty whose approval opens it.
        levels: column -> level, in the order of the contract.
        readers: group -> columns that it is granted.
        restricted: diseases of level 5 whose rows it may hold, for readers whose approval names them.
    """

    schema_name: str
    table_name: str
    project: str
    levels: dict[str, Level]
    readers: dict[str, tuple[str, ...]]
    restricted: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``schema.table``."""
        return f"{self.schema_name}.{self.table_name}"


def load_policy(settings: Settings) -> Policy:
    """Read the access policy.

    Raises:
        AccessError: the file is missing or malformed.
    """
    path = settings.project / "include" / "policy" / "access.yaml"
    try:
        return Policy.model_validate(_document(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise AccessError(f"{path.name}: {where}: {first['msg']}; correct it and run again") from error


def declared_marts(settings: Settings, policy: Policy | None = None) -> dict[str, Mart]:
    """Every mart that the dbt project's contracts declare, by ``schema.table``.

    Raises:
        AccessError: a contract names no project or no level, or a file cannot be read.
    """
    rules = policy or load_policy(settings)
    marts = [
        _mart(zone, model, rules)
        for zone in ZONES
        for path in sorted((settings.dbt_project / "models" / zone).rglob("*.yml"))
        for model in _document(path).get("models", [])
    ]
    return {mart.name: mart for mart in marts}


def _mart(zone: Zone, model: dict[str, object], policy: Policy) -> Mart:
    name = str(model["name"])
    meta = _meta(model)
    project, level = meta.get("project"), meta.get("level")
    if not isinstance(project, str) or not isinstance(level, int):
        raise AccessError(f"mart {zone}.{name}: its contract's meta lacks project or level; add them, run again")
    columns = model.get("columns")
    levels = {
        str(column["name"]): int(str(_meta(column).get("level", level)))
        for column in (columns if isinstance(columns, list) else [])
    }
    readers: dict[str, tuple[str, ...]] = {
        group: tuple(column for column, needed in levels.items() if needed <= highest)
        for group, highest in sorted(policy.highest_level.get(zone, {}).items())
    }
    restricted = meta.get("restricted", [])
    if not isinstance(restricted, list) or (restricted and RESTRICTED not in levels):
        raise AccessError(f"mart {zone}.{name}: meta.restricted needs a list and the column {RESTRICTED}; correct it")
    return Mart(
        schema_name=zone, table_name=name, project=project, levels=levels, readers=readers,
        restricted=tuple(map(str, restricted)),
    )  # fmt: skip


def _meta(node: dict[str, object]) -> dict[str, object]:
    config = node.get("config")
    meta = config.get("meta") if isinstance(config, dict) else None
    return meta if isinstance(meta, dict) else {}


def _document(path: Path) -> dict[str, list[dict[str, object]]]:
    try:
        document = yaml.load(path.read_text("utf-8"), Loader=_LOADER)  # noqa: S506  a safe loader
    except (OSError, yaml.YAMLError) as error:
        raise AccessError(f"{path.name} cannot be read as YAML; restore the file") from error
    if not isinstance(document, dict):
        raise AccessError(f"{path.name} is not a mapping; restore the file")
    return document
