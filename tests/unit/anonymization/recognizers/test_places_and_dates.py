"""Addresses, institutions, dates and ages: the finds, and the words that must stay."""

from __future__ import annotations

import pytest

from anonymization.entities import Entity
from anonymization.recognizers.address import AddressRecognizer
from anonymization.recognizers.age import AgeRecognizer
from anonymization.recognizers.base import ScanRecognizer
from anonymization.recognizers.dates import DateRecognizer
from anonymization.recognizers.organization import OrganizationRecognizer


def found(recognizer: ScanRecognizer, text: str) -> set[str]:
    return {text[result.start : result.end] for result in recognizer.analyze(text, [])}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "双侧肺区呼吸音清",
        "静脉通路2号针",
        "右肺上叶尖段",
        "建立呼吸道1号通路",
        "住院号及病区",
        "来自杭州市",
        "现住农村，务农",
        "现住女儿家，由女儿照料",
        "女，30岁，退休工人，主因咳嗽",
        "男，5岁，独生子人",
        "女，34岁，本市人，主因头痛",
        "男性，71岁，当地农村人，主因头痛",
        "专程去深圳为你们寄奖品，大家加油转发",
        "贵阳市中心医院（2017-02-21）血常规、尿常规回报",
        "2017-01-06南明区妇幼保健院）示：白细胞数",
    ],
)
def test_words_with_address_suffixes_are_no_addresses(text: str) -> None:
    assert found(AddressRecognizer(), text) == set()


@pytest.mark.parametrize(
    "address",
    [
        "广东省广州市越秀区橘井路123号金桂花园12栋305房",
        "广东省肇庆市四会市五眼井新街540号",
        "余杭区五常街道文一西路969号",
        "江西省赣州市于都县贡江镇长征村3组",
        "南昌市东湖区榕荫门外大街18号（老菜市场二层）",
        "南昌市东湖区榕荫门外大街18号金桂大厦1、2层",
        "西宁市城东区金桂街道白鹿收费站旁",
        "金桂城1区15号楼1单元601",
    ],
)
@pytest.mark.parametrize(
    "carrier", ["现住址：{}，电话", "【现住址】{}\n【电话】", "患者来自{}，因腹痛入院", "病历寄至{}，收件人"]
)
def test_an_address_is_covered_to_its_door(carrier: str, address: str) -> None:
    text = carrier.format(address)
    start, end = text.index(address), text.index(address) + len(address)
    covered = {i for r in AddressRecognizer().analyze(text, []) for i in range(r.start, r.end)}
    assert set(range(start, end)) <= covered


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("，男，双塔山人，主因咳嗽", "双塔山"),
        ("女性，45岁，汉族，已婚，老爷庙村人，于3天前", "老爷庙村"),
        ("女性，78岁，河北承德人，现住", "河北承德"),
        ("男 67岁 汉族 河东庄人 主因", "河东庄"),
        ("患者晏国富，男，双塔山人", "双塔山"),
        ("男56 岁已婚 汉族 河北承德市人，现住", "河北承德市"),
        ("现住电厂家属院，主因头痛", "电厂家属院"),
        ("现住二矿家属区3栋2单元，因腹痛", "二矿家属区3栋2单元"),
    ],
)
def test_where_somebody_is_from_or_lives_is_found_without_a_division(text: str, place: str) -> None:
    assert place in found(AddressRecognizer(), text)


@pytest.mark.parametrize(
    "text", ["当地医院", "建议到正规三甲医院就诊", "肿瘤医院", "转上级医院", "到癫痫专科医院", "公司职员"]
)
def test_generic_institutions_stay(text: str) -> None:
    assert found(OrganizationRecognizer(), text) == set()


@pytest.mark.parametrize(
    "name", ["佛山市第二十九人民医院", "杏林医科大学附属第一医院", "广州市粤晟电子科技有限公司", "北京协和医院"]
)
def test_a_named_institution_is_found(name: str) -> None:
    text = f"曾于{name}就诊"
    assert any(name in hit or hit in name for hit in found(OrganizationRecognizer(), text))


@pytest.mark.parametrize(
    "written",
    [
        "2026年3月5日",
        "2026-03-05",
        "2026/3/5",
        "2026--03--05 10:45",
        "2026-03-0511:10",
        "2026.03.05",
        "3月5日",
        "２０２６年３月５日",
        "二〇二六年三月五日",
        "2026年3月",
        "26年3月5日",
        "3月5日至8日",
        "March 5, 2026",
        "03/05/2026",
    ],
)
def test_a_date_is_found_beside_han_text(written: str) -> None:
    assert found(DateRecognizer(), f"于{written}入院") == {written}


@pytest.mark.parametrize(
    "text",
    [
        "反复咳嗽3月余",
        "术后第3天",
        "昨日夜间",
        "农历三月初五",
        "每日3次",
        "3个月前",
        "1/2片",
        "T2N1M0",
        "随访12月",
        "13月5",
    ],
)
def test_durations_and_relative_words_are_no_dates(text: str) -> None:
    assert found(DateRecognizer(), text) == set()


@pytest.mark.parametrize("text", ["出生日期：1956年3月5日", "1956-03-05出生", "生于1956年3月5日"])
def test_a_birth_date_has_its_own_type(text: str) -> None:
    assert [r.entity_type for r in DateRecognizer().analyze(text, [])] == [Entity.DATE_OF_BIRTH]


@pytest.mark.parametrize("text", ["93岁", "年龄：93", "100岁高龄", "九十三岁", "９３岁", "90余岁"])
def test_an_age_over_89_is_found(text: str) -> None:
    assert len(found(AgeRecognizer(), f"患者，{text}，女")) == 1


@pytest.mark.parametrize("text", ["89岁", "45岁", "体重93kg", "血压93/60", "93%", "190岁月"])
def test_other_numbers_are_no_old_ages(text: str) -> None:
    assert found(AgeRecognizer(), text) == set()
