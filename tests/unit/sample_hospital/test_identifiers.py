"""Invented identifiers look right to a check and cannot be anybody's."""

from __future__ import annotations

import re
from datetime import date
from random import Random

import phonenumbers
import sample_reading as reading
from sample_reading import Hospital

from include.sample_hospital import identifiers

PROVINCES = {*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82}


def test_identity_numbers_are_checked_unique_and_of_no_region() -> None:
    made = [identifiers.resident_id(index, date(1980, 2, 29), index % 2 == 0) for index in range(30_000)]
    assert len(set(made)) == len(made)
    for number in made[:500]:
        assert identifiers.check_digit(number[:17]) == number[17]
        assert int(number[:2]) not in PROVINCES  # a citizen's card
        assert int(number[1:3]) not in PROVINCES  # a foreigner's residence card: 9, then the province


def test_mobiles_look_like_mobiles_and_are_allotted_to_nobody() -> None:
    for number in (identifiers.mobile(Random(seed)) for seed in range(200)):
        assert re.fullmatch(r"1[3-9]\d{9}", number)
        assert not phonenumbers.is_valid_number(phonenumbers.parse(number, "CN"))


def test_landlines_cannot_be_dialled() -> None:
    for number in (identifiers.landline(Random(seed)) for seed in range(50)):
        assert not phonenumbers.is_valid_number(phonenumbers.parse(number, "CN")), number


def test_bank_cards_pass_luhn() -> None:
    for card in (identifiers.bank_card(Random(seed)) for seed in range(50)):
        digits = [int(d) for d in reversed(card)]
        assert sum(digits[0::2]) % 10 == (-sum(sum(divmod(2 * d, 10)) for d in digits[1::2])) % 10


def test_patient_numbers_differ_between_systems_and_never_collide() -> None:
    for number in (identifiers.his_number, identifiers.lis_number, identifiers.emr_number, identifiers.path_number):
        assert len({number(index) for index in range(20_000)}) == 20_000
    assert identifiers.unknown_lis_number() not in {identifiers.lis_number(index) for index in range(20_000)}


def test_rows_agree_with_the_identity_number(hospital: Hospital) -> None:
    patients = [row for row in hospital.rows("his.patient") if row["resident_id"]]
    assert len(patients) > 250
    for row in patients:
        assert row["resident_id"][6:14] == row["birth_date"]
        assert int(row["resident_id"][16]) % 2 == (row["sex"] == "1")
    assert any(not row["resident_id"] for row in hospital.rows("his.patient"))


def test_the_hospital_key_has_no_number_of_a_real_region(hospital: Hospital) -> None:
    text = "".join(row["text"] for row in hospital.rows("emr.note"))
    found = re.findall(r"(?<!\d)\d{17}[\dX](?!\d)", text)
    assert found
    assert all(number.startswith("99") for number in found)
    assert reading.key(hospital.key, "persons")
