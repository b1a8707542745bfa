"""Check digits of the three standards."""

from __future__ import annotations

import pytest

from anonymization.checksums import luhn_is_valid, resident_id_is_valid, social_credit_code_is_valid


@pytest.mark.parametrize("number", ["", "x" * 18, "110105194912310021", "110105194913310020", "１" * 18])
def test_a_wrong_resident_number_is_refused(number: str) -> None:
    assert not resident_id_is_valid(number)


@pytest.mark.parametrize("number", ["11010519491231002X", "11010519491231002x"])
def test_a_right_resident_number_is_accepted(number: str) -> None:
    assert resident_id_is_valid(number)


@pytest.mark.parametrize(("digits", "valid"), [("", False), ("0000000000000000", False), ("6200001234567890128", True)])
def test_luhn(digits: str, valid: bool) -> None:
    assert luhn_is_valid(digits) is valid


def test_a_social_credit_code_is_checked() -> None:
    assert social_credit_code_is_valid("91350100M000100Y43")
    assert not social_credit_code_is_valid("91350100M000100Y44")
