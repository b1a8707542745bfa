"""The Basic Application Level Confidentiality Profile of DICOM PS3.15 Annex E, Table E.1-1, and the options used here.

`profile.csv` holds one row an attribute: tag, name, basic action, and what four options change (SOURCES.md names where
it comes from). Where the standard leaves the action to the type of the attribute in its IOD ("X/Z/D"), the one that is
valid for every type is taken: dummy before empty before removed; sequences are emptied rather than filled.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import Final

_TABLE: Final = Path(__file__).with_name("profile.csv")


class Action(StrEnum):
    """What becomes of an attribute."""

    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    KEEP = "K"
    CLEAN = "C"
    """Text is scrubbed, dates are shifted."""
    UID = "U"


class Option(Enum):
    """Options of Annex E with their codes (PS3.16 CID 7050) and meanings."""

    MODIFIED_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option", "modified_dates")
    CLEAN_DESCRIPTORS = ("113105", "Clean Descriptors Option", "clean_descriptors")
    DEVICE_IDENTITY = ("113109", "Retain Device Identity Option", "device_identity")
    PATIENT_CHARACTERISTICS = ("113108", "Retain Patient Characteristics Option", "patient_characteristics")
    SAFE_PRIVATE = ("113111", "Retain Safe Private Option", "")

    @property
    def code(self) -> str:
        """Return the code of CID 7050."""
        return self.value[0]

    @property
    def meaning(self) -> str:
        """Return the code's meaning."""
        return self.value[1]

    @property
    def column(self) -> str:
        """Return the option's column of the table; empty where it has none."""
        return self.value[2]


BASIC_CODE: Final = ("113100", "Basic Application Confidentiality Profile")

SAFE_PRIVATE: Final = frozenset(
    {
        ("Philips PET Private Group", 0x7053, 0x00),  # SUV factor
        ("Philips PET Private Group", 0x7053, 0x09),  # activity concentration factor
        ("Philips Imaging DD 001", 0x2001, 0x03),  # diffusion b-factor
        ("Philips Imaging DD 001", 0x2001, 0x04),  # diffusion direction
        ("SIEMENS MR HEADER", 0x0019, 0x0C),  # b-value
        ("SIEMENS MR HEADER", 0x0019, 0x0D),  # diffusion directionality
        ("SIEMENS MR HEADER", 0x0019, 0x0E),  # diffusion gradient direction
        ("SIEMENS MR HEADER", 0x0019, 0x27),  # b-matrix
        ("GEMS_PARM_01", 0x0043, 0x39),  # b-value
        ("GEMS_ACQU_01", 0x0019, 0xBB),  # diffusion direction X
        ("GEMS_ACQU_01", 0x0019, 0xBC),  # diffusion direction Y
        ("GEMS_ACQU_01", 0x0019, 0xBD),  # diffusion direction Z
    }
)
"""Private attributes of Table E.3.10-1 that are numbers needed for analysis: creator, group, element in its block."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    name: str
    basic: str
    options: Mapping[str, str]

    def action(self, options: frozenset[Option], *, is_sequence: bool = False) -> Action:
        """Return the action under the options that are on."""
        chosen = {self.options[o.column] for o in options if self.options.get(o.column)}
        if "K" in chosen:
            return Action.KEEP
        if "C" in chosen and not is_sequence:
            return Action.CLEAN
        choices = self.basic.replace("U*", "U").split("/")
        if is_sequence:
            return Action(next(a for a in ("U", "Z", "X", "D") if a in choices))
        return Action(next(a for a in ("U", "D", "Z", "X") if a in choices))


@functools.cache
def profile() -> Mapping[int, Rule]:
    """Return the rules by tag. Repeating groups (50xx, 60xx) are not in it: `rule_of` knows them."""
    return {int(tag, 16): rule for tag, rule in _rows() if "x" not in tag}


def rule_of(tag: int) -> Rule | None:
    """Return the rule of a tag, None for an attribute that the table does not name."""
    group = tag >> 16
    if 0x5000 <= group <= 0x50FF:
        return _repeating()["50xxxxxx"]
    if 0x6000 <= group <= 0x60FF:
        return _repeating().get(f"60xx{tag & 0xFFFF:04X}")
    return profile().get(tag)


@functools.cache
def _repeating() -> Mapping[str, Rule]:
    return {tag: rule for tag, rule in _rows() if "x" in tag}


@functools.cache
def _rows() -> list[tuple[str, Rule]]:
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    columns = [option.column for option in Option if option.column]
    return [(r["tag"], Rule(r["name"], r["basic"], {c: r[c] for c in columns if r[c]})) for r in rows]
