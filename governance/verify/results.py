"""What a check says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.verify.context import Context


class State(StrEnum):
    """How a check ended. Only ``PASSED`` says that something was proved."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"  # there was nothing to check
    BROKEN = "broken"  # the check itself could not be carried out; counts as failed

    @property
    def words(self) -> str:
        """In Chinese and English."""
        return {
            State.PASSED: "通过 passed",
            State.FAILED: "失败 FAILED",
            State.NOT_APPLICABLE: "不适用 not applicable",
            State.BROKEN: "未能检查 COULD NOT BE CHECKED",
        }[self]


@dataclass(frozen=True)
class Outcome:
    """Result of a check's function.

    Attributes:
        figures: what was counted, Chinese first; shown whatever the state.
        checked: how many things were looked at; with none, the check is not applicable.
        findings: what is wrong, one sentence each, with ids and places and never a patient's value.
    """

    figures: str
    checked: int
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """One check: its name (``family.what``), its title in Chinese and English, and its function.

    Attributes:
        beside: it mostly waits for other processes, so it runs beside the checks before it.
    """

    name: str
    title: str
    function: Callable[[Context], Outcome]
    beside: bool = False


@dataclass(frozen=True)
class CheckResult:
    """What one check said about the system."""

    name: str
    title: str
    state: State
    figures: str
    findings: tuple[str, ...] = field(default=())
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Nothing is wrong as far as this check could see."""
        return self.state in (State.PASSED, State.NOT_APPLICABLE)


def amount(number: int, chinese: str, english: str) -> str:
    """A figure with its noun in both languages: ``1,204 批次 batches``."""
    return f"{number:,} {chinese} {english}"


def figures(parts: Iterable[str]) -> str:
    """Figures in one line."""
    return "，".join(parts)
