"""Known identifiers: everyday words and short numbers are guarded; partial and regrouped forms are found."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from anonymization.entities import Entity
from anonymization.known import KnownIdentifiers, KnownMatcher, KnownPerson
from anonymization.normalize import normalize


def hits(text: str, persons: tuple[KnownPerson, ...] = (), values: tuple[tuple[Entity, str], ...] = ()) -> set[str]:
    folded = normalize(text)
    return {folded[hit.start : hit.end] for hit in KnownMatcher(persons, values).hits(folded)}


def test_nothing_known_finds_nothing() -> None:
    assert hits("患者王建国，电话15412345678") == set()


def test_a_short_number_does_not_destroy_measures() -> None:
    assert hits("身高1.82m，体温36.1℃", values=((Entity.MEDICAL_RECORD_NUMBER, "1"),)) == set()


def test_a_number_inside_a_longer_number_is_no_hit() -> None:
    assert hits("序号912345678、0.12345678", values=((Entity.MEDICAL_RECORD_NUMBER, "12345678"),)) == set()


def test_a_name_that_is_a_word_needs_a_label() -> None:
    person = (KnownPerson(name="安静"),)
    assert hits("保持环境安静舒适", person) == set()
    assert hits("患者安静入院", person) == {"安静"}


@pytest.mark.parametrize("text", ["飘杰2026年3月1日来诊", "今日飘杰诉头痛", "飘杰说头痛", "嘱飘杰次日复查"])
def test_a_given_name_that_is_no_word_is_found_wherever_it_stands(text: str) -> None:
    assert hits(text, (KnownPerson(name="许飘杰"),)) == {"飘杰"}


def test_a_given_name_across_two_words_is_no_hit() -> None:
    assert hits("神志清楚，精神可", (KnownPerson(name="许志清"),)) == set()
    assert hits("许志清于今日入院，志清自诉无不适", (KnownPerson(name="许志清"),)) == {"许志清", "志清"}
    assert hits("今日飘杰诉头痛", (KnownPerson(name="许飘杰", role="staff"),)) == set()


@pytest.mark.parametrize(
    "text", ["电话154 1234-5678", "电话１５４１２３４５６７８", "电话154.1234.5678转", "15412345678"]
)
def test_a_number_is_found_however_it_is_grouped(text: str) -> None:
    assert hits(text, values=((Entity.PHONE, "15412345678"),))


def test_a_name_in_running_text_is_found_between_han_characters() -> None:
    assert hits("向患者及王建国交代病情", (KnownPerson(name="王建国"),)) == {"王建国"}


def test_a_surname_with_a_title_and_a_given_name_after_a_label_are_found() -> None:
    person = (KnownPerson(name="禤建国"),)
    assert hits("请禤主任查房", person) == {"禤"}
    assert hits("患者建国诉头痛", person) == {"建国"}
    assert hits("建国以来", person) == set()


def test_a_dotted_name_is_found_with_other_dots_and_in_part() -> None:
    person = (KnownPerson(name="阿依古丽·买买提"),)
    assert hits("患者阿依古丽•买买提，阿依古丽自述", person) == {"阿依古丽•买买提", "阿依古丽", "买买提"}


def test_an_english_name_is_found_in_any_case_beside_han_text() -> None:
    assert hits("患者John Smithson因", (KnownPerson(name="JOHN SMITHSON"),)) >= {"John Smithson"}


@pytest.mark.parametrize("text", ["患者JOHN SMITHSON1周来腰痛", "2.John Smithson，男", "1.john smithson"])
def test_an_english_name_may_touch_a_digit(text: str) -> None:
    assert {found.lower() for found in hits(text, (KnownPerson(name="JOHN SMITHSON"),))} >= {"john smithson"}
    assert hits("Li Na3天前入院", (KnownPerson(name="李娜"),)) == {"Li Na"}
    assert hits("3.Li Na", (KnownPerson(name="李娜"),)) == {"Li Na"}


def test_a_number_after_the_number_of_a_list_item_is_found_and_one_after_a_decimal_point_is_not() -> None:
    values = ((Entity.PHONE, "15412345678"),)
    assert hits("联系人：1.15412345678", values=values) == {"15412345678"}
    assert hits("2.15412345678", values=values) == {"15412345678"}
    assert hits("12.3.15412345678 0.15412345678 153.15412345678", values=values) == set()


def test_an_address_is_found_without_its_city_and_by_its_road() -> None:
    address = ((Entity.ADDRESS, "广东省广州市越秀区橘井路123号金桂花园12栋305房"),)
    assert hits("住橘井路123号", values=address) == {"橘井路123号"}
    assert hits("来自广东省广州市", values=address) == set()


def test_an_employer_is_found_without_its_city() -> None:
    assert hits("在粤晟电子科技有限公司上班", values=((Entity.ORGANIZATION, "广州市粤晟电子科技有限公司"),)) == {
        "粤晟电子科技有限公司"
    }


def test_no_plain_value_shows_in_a_repr() -> None:
    known = KnownIdentifiers(
        person="p1", persons=(KnownPerson(name="王建国"),), values=((Entity.PHONE, "15412345678"),)
    )
    assert "王建国" not in repr(known)
    assert "15412345678" not in repr(known)


def test_a_malformed_record_is_refused_without_showing_its_value() -> None:
    with pytest.raises(ValidationError) as raised:
        KnownPerson.model_validate({"name": "王建国", "role": "王建国"})
    assert "王建国" not in str(raised.value)


@pytest.mark.parametrize(
    "written",
    ["Wang Jianguo", "Wáng Jiànguó", "WANG JIAN-GUO", "Jianguo Wang", "Jian Guo Wang", "Wang, Jianguo", "J.G. Wang"],
)
def test_a_name_is_found_in_pinyin(written: str) -> None:
    assert hits(f"患者{written}入院", (KnownPerson(name="王建国"),)) == {written}


@pytest.mark.parametrize(
    ("name", "written"), [("吕秀英", "Lü Xiuying"), ("吕秀英", "Lyu Xiuying"), ("曾丽", "Zeng Li")]
)
def test_readings_and_the_letter_u_with_dots_are_known(name: str, written: str) -> None:
    assert hits(f"{written}到院", (KnownPerson(name=name),)) == {written}


@pytest.mark.parametrize("text", ["Na 138mmol/L, Li 0.8", "li na", "wang", "WBC 12.3", "Guo"])
def test_pinyin_inside_other_words_and_values_is_no_name(text: str) -> None:
    assert hits(text, (KnownPerson(name="李娜"), KnownPerson(name="王建国"))) == set()


@pytest.mark.parametrize("written", ["王健国", "汪建国", "王建过"])
def test_a_slip_to_a_character_that_sounds_alike_is_found_anywhere(written: str) -> None:
    assert hits(f"今日{written}诉头痛", (KnownPerson(name="王建国"),)) == {written}


def test_another_slip_is_found_where_a_name_is_announced() -> None:
    person = (KnownPerson(name="王建国"),)
    assert hits("患者王建军，男", person) == {"王建军"}
    assert hits("患者王国建，男", person) == {"王国建"}
    assert hits("同病房王建军今日出院", person) == set()


def test_a_record_number_is_found_with_its_letters_grouped() -> None:
    assert hits("编号ZY-2026 0012、余", values=((Entity.MEDICAL_RECORD_NUMBER, "ZY20260012"),)) == {"ZY-2026 0012"}
