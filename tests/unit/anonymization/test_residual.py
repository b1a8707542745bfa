"""The residual check finds what scrubbing left, and lets surrogates and measures pass."""

from __future__ import annotations

import pytest

from anonymization.entities import Entity
from anonymization.errors import ResidualIdentifierError
from anonymization.known import KnownMatcher, KnownPerson
from anonymization.residual import find_residual, require_clean

MATCHER = KnownMatcher([KnownPerson(name="王建国")], [(Entity.PHONE, "15412345678")])


@pytest.mark.parametrize(
    "text", ["", "患者林宏，【电话】，2026年3月5日", "10123456789", "000000194912310021", "白细胞 15.41×10^9/L"]
)
def test_clean_text_passes(text: str) -> None:
    assert not find_residual(text, MATCHER)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("向王建国交代", "PERSON"),
        ("电话１５４-1234 5678", "PHONE"),
        ("陌生手机16412345678", "PHONE"),
        ("号11010519491231002X。", "RESIDENT_ID"),
        ("寄a@example.com", "EMAIL"),
        ("卡6200001234567890128", "BANK_CARD"),
    ],
)
def test_what_is_left_is_found_by_kind(text: str, kind: str) -> None:
    assert find_residual(text, MATCHER)[kind] >= 1


def test_the_error_names_kinds_and_no_values() -> None:
    with pytest.raises(ResidualIdentifierError, match="PERSON 1") as raised:
        require_clean("向王建国交代", MATCHER)
    assert "王建国" not in str(raised.value)


@pytest.mark.parametrize("text", ["患者JOHN SMITHSONIAN入院", "xJohn Smithson", "Xwangxiaomingx"])
def test_a_long_name_that_the_scrubbing_spared_inside_a_word_is_left(text: str) -> None:
    matcher = KnownMatcher([KnownPerson(name="JOHN SMITHSON"), KnownPerson(name="王晓明")])
    assert find_residual(text, matcher)[Entity.PERSON]
