"""The table of PS3.15 Annex E: well-formed, and read as the standard means it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from anonymization.dicom import profile as module
from anonymization.dicom.profile import Action, Option, profile, rule_of

FILE = Path(module.__file__).with_name("profile.csv")


def test_every_row_has_a_tag_and_known_actions() -> None:
    with FILE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) > 600
    assert len({row["tag"] for row in rows}) == len(rows)
    for row in rows:
        assert len(row["tag"]) == 8
        assert set(row["basic"].split("/")) <= {"X", "Z", "D", "U", "U*"}
        assert {row["modified_dates"], row["clean_descriptors"]} <= {"", "C"}
        assert {row["device_identity"], row["patient_characteristics"]} <= {"", "C", "K"}


@pytest.mark.parametrize(
    ("tag", "basic"),
    [
        (0x00100010, "Z"), (0x00100020, "Z/D"), (0x00100030, "Z"), (0x00080018, "U"), (0x00080080, "X/Z/D"),
        (0x00081030, "X"), (0x00081140, "X/Z/U*"), (0x00101010, "X"), (0x00400275, "X"), (0x00080050, "Z"),
    ],
)  # fmt: skip
def test_rows_known_from_the_standard(tag: int, basic: str) -> None:
    assert profile()[tag].basic == basic


def test_options_change_the_action() -> None:
    study_date, weight = profile()[0x00080020], profile()[0x00101030]
    assert study_date.action(frozenset()) is Action.EMPTY
    assert study_date.action(frozenset({Option.MODIFIED_DATES})) is Action.CLEAN
    assert weight.action(frozenset()) is Action.REMOVE
    assert weight.action(frozenset({Option.PATIENT_CHARACTERISTICS})) is Action.KEEP


def test_repeating_groups_are_covered() -> None:
    for tag in (0x60003000, 0x60FE3000, 0x60024000, 0x50000010, 0x50FE2000):
        rule = rule_of(tag)
        assert rule is not None
        assert rule.basic == "X"
    assert rule_of(0x60000010) is None
