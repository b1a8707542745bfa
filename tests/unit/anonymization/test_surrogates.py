"""Surrogates: steady, same kind, nobody's."""

from __future__ import annotations

import pytest

from anonymization.checksums import luhn_is_valid, resident_id_is_valid
from anonymization.lexicon.given_names import FEMALE, MALE
from anonymization.surrogates import Surrogates

KEY = bytes(range(32))


@pytest.fixture
def surrogates() -> Surrogates:
    return Surrogates(KEY, "person-1")


@pytest.mark.parametrize("name", ["张伟", "王建国", "欧阳修远", "阿依古丽·买买提", "JOHN SMITH", "诸葛亮"])
def test_a_surrogate_has_the_length_and_form_of_the_name(surrogates: Surrogates, name: str) -> None:
    made = surrogates.name(name)
    assert made is not None
    assert made != name
    assert ("·" in made) == ("·" in name)
    assert made.isascii() == name.isascii()
    assert len(made) == len(name) or name.isascii()


def test_the_same_person_and_name_give_the_same_surrogate_and_another_person_another(surrogates: Surrogates) -> None:
    assert surrogates.name("王建国") == Surrogates(KEY, "person-1").name("王建国")
    others = {Surrogates(KEY, f"person-{number}").name("王建国") for number in range(50)}
    assert len(others) > 40


def test_a_surrogate_depends_on_the_key(surrogates: Surrogates) -> None:
    assert surrogates.name("王建国") != Surrogates(b"x" * 32, "person-1").name("王建国")


def test_sex_decides_the_characters_of_the_given_name(surrogates: Surrogates) -> None:
    male, female = surrogates.name("王建国", "M"), surrogates.name("王建国", "F")
    assert male is not None and female is not None
    assert set(male[1:]) <= set(MALE)
    assert set(female[1:]) <= set(FEMALE)


def test_a_real_name_is_never_drawn() -> None:
    first = Surrogates(KEY, "p").name("王建国")
    second = Surrogates(KEY, "p", lambda name: name == first).name("王建国")
    assert second not in (None, first)


def test_no_name_is_given_when_every_name_is_real() -> None:
    assert Surrogates(KEY, "p", lambda _name: True).name("王建国") is None


def test_a_whole_name_starts_with_the_surrogate_of_its_surname(surrogates: Surrogates) -> None:
    made = surrogates.name("王建国")
    assert made is not None
    assert made.startswith(surrogates.surname("王"))
    assert surrogates.given("王建国") == made[1:]


def test_surrogate_numbers_cannot_exist(surrogates: Surrogates) -> None:
    assert surrogates.phone("154-1234-5678").startswith("10")
    assert surrogates.phone("154-1234-5678").count("-") == 2
    assert not resident_id_is_valid(surrogates.resident_id("11010519491231002X"))
    assert surrogates.resident_id("11010519491231002X").startswith("000000")
    assert surrogates.bank_card("6200001234567890128").startswith("0000")
    assert surrogates.email("zjg@example.com").endswith("@example.invalid")
    assert luhn_is_valid("0000000000000000") is False


def test_a_record_number_keeps_its_letters(surrogates: Surrogates) -> None:
    made = surrogates.record_number("ZY00123456")
    assert made.startswith("ZY0")
    assert len(made) == 10
