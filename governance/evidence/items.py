"""The table of items (``include/evidence/security.yaml``), validated when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from governance.errors import SettingsError

FILE = Path("include") / "evidence" / "security.yaml"


class Answer(StrEnum):
    """What this system can show for an item."""

    EVIDENCE = "evidence"
    PARTLY = "partly"
    ELSEWHERE = "elsewhere"

    @property
    def words(self) -> str:
        """In Chinese and English."""
        return {
            Answer.EVIDENCE: "有证据命令 evidence",
            Answer.PARTLY: "部分，另需 in part, and needs",
            Answer.ELSEWHERE: "需另行提供 needs",
        }[self]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Item(_Frozen):
    """One item of a standard.

    Attributes:
        wording: where clause and content are known from: a table of ``contents`` that was seen, or ``memory``.
        checks: checks of ``xinglin verify``.
        commands: further commands, ``xinglin …``.
        lacks_zh, lacks_en: what must come from elsewhere: a certified product, a second site, the hospital's rules.
    """

    clause: str
    wording: Literal["contents", "memory"]
    requirement_zh: str
    requirement_en: str
    checks: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    lacks_zh: str = ""
    lacks_en: str = ""

    @property
    def answer(self) -> Answer:
        """What this system can show for it."""
        if not self.checks and not self.commands:
            return Answer.ELSEWHERE
        return Answer.PARTLY if self.lacks_zh else Answer.EVIDENCE

    @property
    def evidence(self) -> tuple[str, ...]:
        """Every command that shows something for the item."""
        return (*(f"xinglin verify --only {check}" for check in self.checks), *self.commands)


class Standard(_Frozen):
    """One standard and its items."""

    id: str
    title_zh: str
    title_en: str
    items: tuple[Item, ...]


class Table(_Frozen):
    """All standards."""

    standards: tuple[Standard, ...]

    def items(self) -> Iterator[tuple[Standard, Item]]:
        """Every item with its standard."""
        for standard in self.standards:
            for item in standard.items:
                yield standard, item

    def checks(self) -> list[str]:
        """Names of all checks that some item names, sorted."""
        return sorted({check for _, item in self.items() for check in item.checks})


def load_items(project: Path) -> Table:
    """Read the table.

    Raises:
        SettingsError: the file is missing or malformed; names the place.
    """
    path = project / FILE
    try:
        return Table.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} cannot be read ({type(error).__name__}); restore it from the program") from error
