"""Replacement values: dates move exactly, UIDs are valid, whatever is malformed goes."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from anonymization.dicom.values import KeyedValues, dummy, grouped_age, shifted

VALUES = KeyedValues(bytes(32))


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(-180, 180))
def test_dates_move_by_whole_days_and_come_back(day: date, days: int) -> None:
    written = day.strftime("%Y%m%d")
    moved = shifted("DA", written, days)
    assert moved is not None
    assert datetime.strptime(moved, "%Y%m%d").date() == day + timedelta(days=days)
    assert shifted("DA", moved, -days) == written


@pytest.mark.parametrize(
    ("vr", "value", "moved"),
    [
        ("DA", "2026.03.05", "20260306"),
        ("DA", "2026-03-05", "20260306"),
        ("DT", "20260305101112.123456+0800", "20260306101112.123456+0800"),
        ("DT", "2026030510", "2026030610"),
        ("DT", "202603", "202603"),
        ("DT", "2026", "2026"),
        ("TM", "101112.5", "101112.5"),
        ("DA", "2026", None),
        ("DA", "20260305WANG", None),
        ("DA", "20261305", None),
        ("DT", "20260305 WANG", None),
        ("DT", "99991231", None),
    ],
)
def test_forms_of_dates(vr: str, value: str, moved: str | None) -> None:
    assert shifted(vr, value, 1) == moved


@given(st.from_regex(r"1\.2\.[1-9][0-9]{0,8}(\.[1-9][0-9]{0,8}){0,4}", fullmatch=True))
def test_uids_are_valid_and_keyed(original: str) -> None:
    made = VALUES.uid(original)
    assert UID(made).is_valid
    assert made == KeyedValues(bytes(32)).uid(original)
    assert made != KeyedValues(b"k" * 32).uid(original)


def test_uids_of_the_standard_stay() -> None:
    assert VALUES.uid("1.2.840.10008.5.1.4.1.1.2") == "1.2.840.10008.5.1.4.1.1.2"
    assert VALUES.uid("") == ""


@pytest.mark.parametrize(("age", "grouped"), [("089Y", "089Y"), ("090Y", "090Y"), ("104Y", "090Y"), ("100D", "100D")])
def test_ages_over_89_are_one_group(age: str, grouped: str) -> None:
    assert grouped_age(age) == grouped


def test_every_kind_of_value_has_a_dummy() -> None:
    assert dummy("DA") == "19000101"
    assert dummy("LO") == "ANONYMIZED"
    assert dummy("US") == 0
