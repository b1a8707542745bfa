"""The date shift: same form out as in, intervals kept, nothing invented for what is no date."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.dates import derive_shift_days, shift, shift_text

NOTE = date(2026, 3, 20)


@pytest.mark.parametrize("surface", ["", "2026年2月30日", "昨日", "13月5日", "abc"])
def test_what_is_no_date_gives_none(surface: str) -> None:
    assert shift_text(surface, 40, NOTE) is None


@pytest.mark.parametrize(
    ("surface", "moved"),
    [
        ("2026年3月5日", "2026年4月14日"),
        ("2026-03-05", "2026-04-14"),
        ("2026/3/5", "2026/4/14"),
        ("2026--03--05 10:45", "2026--04--14 10:45"),
        ("2026-03-0511:10", "2026-04-1411:10"),
        ("2026.03.05", "2026.04.14"),
        ("20260305", "20260414"),
        ("3月5日", "4月14日"),
        ("3月5日至8日", "4月14日至17日"),
        ("2026年3月", "2026年4月"),
        ("去年12月", "今年1月"),
        ("二〇二六年三月五日", "二〇二六年四月十四日"),
        ("March 5, 2026", "April 14, 2026"),
        ("03/05/2026", "04/14/2026"),
        ("2025年12月29日", "2026年2月7日"),
    ],
)
def test_a_written_date_moves_in_its_own_form(surface: str, moved: str) -> None:
    assert shift_text(surface, 40, NOTE) == moved


def test_a_partial_date_takes_the_year_of_the_note() -> None:
    assert shift_text("2月28日", 1, date(2024, 3, 1)) == "2月29日"
    assert shift_text("2月28日", 1, date(2026, 3, 1)) == "3月1日"


@settings(max_examples=200, deadline=None)
@given(
    st.dates(date(1950, 1, 1), date(2050, 12, 31)),
    st.integers(-180, 180),
    st.sampled_from(["%Y-%m-%d", "%Y年%m月%d日"]),
)
def test_a_shift_and_back_is_nothing(day: date, days: int, form: str) -> None:
    written = day.strftime(form)
    moved = shift_text(written, days, NOTE)
    assert moved is not None
    assert shift_text(moved, -days, NOTE) is not None
    assert moved.replace("年", "-").replace("月", "-").rstrip("日").split("-")[0] == str(shift(day, days).year)


def test_a_timestamp_keeps_its_time() -> None:
    assert shift(datetime(2026, 3, 5, 14, 30), -5) == datetime(2026, 2, 28, 14, 30)


def test_the_calendar_edge_is_held() -> None:
    assert shift(date(9999, 12, 30), 40) == date(9999, 12, 31)


def test_a_derived_shift_is_steady_within_bounds_and_never_zero() -> None:
    shifts = {derive_shift_days(b"k" * 32, f"p{number}", 30) for number in range(2000)}
    assert shifts == set(range(-30, 31)) - {0}
    assert derive_shift_days(b"k" * 32, "p1") == derive_shift_days(b"k" * 32, "p1")
    assert [derive_shift_days(b"k" * 32, f"p{n}") for n in range(9)] != [
        derive_shift_days(b"j" * 32, f"p{n}") for n in range(9)
    ]
