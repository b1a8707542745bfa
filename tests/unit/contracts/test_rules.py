"""Built-in checks and generalisers: the hostile value first."""

from __future__ import annotations

import pytest

from governance.contracts.rules import GENERALIZERS, plain_number, resident_id_checksum, zip3


@pytest.mark.parametrize(
    "value",
    ["", "1", "9979191964112100", "997919196411210020", "99791919641121002X", "９９７９１９１９６４１１２１００２１",
     "997919196411210021 ", "99791919641121002\u0661"],
)  # fmt: skip
def test_a_number_without_a_valid_check_character_fails(value: str) -> None:
    assert not resident_id_checksum(value)


@pytest.mark.parametrize("value", ["997919196411210021", "11010519491231002X", "11010519491231002x"])
def test_a_number_with_a_valid_check_character_passes(value: str) -> None:
    assert resident_id_checksum(value)


@pytest.mark.parametrize(
    ("address", "general"),
    [
        ("", None),
        ("解放路城市花园3栋", None),
        ("王家村市场街5号", None),
        ("广东省广州市荔湾区藕香榭路7788号", "广东省广州市"),
        ("四川省凉山彝族自治州西昌市航天大道1号", "四川省凉山彝族自治州"),
        ("北京市朝阳区建国路1号", "北京市"),
    ],
)
def test_an_address_keeps_its_city_and_nothing_below(address: str, general: str | None) -> None:
    assert GENERALIZERS["division_city"](address) == general


@pytest.mark.parametrize(
    ("code", "general"),
    [("", None), ("0213", None), ("02139", "021"), ("02139-4307", "021"), ("03601", "000"), ("82101", "000"),
     ("٠٢١٣٩", None)],
)  # fmt: skip
def test_a_postal_code_keeps_three_digits_where_enough_people_live(code: str, general: str | None) -> None:
    assert zip3(code) == general


@pytest.mark.parametrize(
    ("answer", "kept"), [("12.5", "12.5"), ("-3", "-3"), ("张三", None), ("12 Main St", None), ("1e5", None)]
)
def test_a_free_answer_is_kept_only_when_it_is_a_number(answer: str, kept: str | None) -> None:
    assert plain_number(answer) == kept
