"""Coarser values: city of an address, year of a birth, one group for the very old."""

from __future__ import annotations

from datetime import date

import pytest

from anonymization.generalize import birth_year, division_city, grouped_age, grouped_birth_year


@pytest.mark.parametrize("address", ["", "不详", "某地", "朝阳区建国路", "甲市乙区"])
def test_an_address_without_a_certain_city_gives_none(address: str) -> None:
    assert division_city(address) is None


@pytest.mark.parametrize(
    ("address", "city"),
    [
        ("浙江省杭州市西湖区文三路12号", "浙江省杭州市"),
        ("杭州市余杭区", "浙江省杭州市"),
        ("余杭区五常街道", "浙江省杭州市"),
        ("上海市浦东新区张江路1号", "上海市"),
        ("北京朝阳区建国路", "北京市"),
        ("湖北恩施", "湖北省恩施土家族苗族自治州"),
        ("吉林市船营区", "吉林省吉林市"),
        ("海南藏族自治州共和县", "青海省海南藏族自治州"),
        ("江苏省昆山市玉山镇", "江苏省苏州市"),
        ("海南省儋州市", "海南省儋州市"),
        ("四川省甲虚市乙镇", "四川省"),
    ],
)
def test_an_address_keeps_province_and_city(address: str, city: str) -> None:
    assert division_city(address) == city


def test_a_birth_date_keeps_its_year() -> None:
    assert birth_year(date(1956, 3, 5)) == birth_year("1956-03-05") == 1956
    assert birth_year("不详") is None


def test_ages_from_90_are_one_group() -> None:
    assert (grouped_age(89), grouped_age(90), grouped_age(104)) == ("89岁", "90岁以上", "90岁以上")


def test_birth_years_that_tell_an_age_over_89_are_one_group() -> None:
    assert grouped_birth_year(1930, date(2026, 1, 1)) == "1936年或更早"
    assert grouped_birth_year(1937, date(2026, 1, 1)) == "1937年"
