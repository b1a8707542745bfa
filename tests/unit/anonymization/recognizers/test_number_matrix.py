"""Every form of a number in every carrier, through the whole detection: covered, and nothing beside it."""

from __future__ import annotations

import pytest

from anonymization.text import TextDeidentifier

CARRIERS = [
    "患者{}转入",
    "电话{}转",
    "（{}）",
    "，{}。",
    "号码：{} 等",
    "{}",
    "联系{}后",
    "{}患者本人",
    "本人\n{}\n签",
]


def full_width(value: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value)


MOBILES = [
    "15412345678",
    "+8615412345678",
    "+86 15412345678",
    "0086-15412345678",
    "(+86)15412345678",
    "154 1234 5678",
    "154-1234-5678",
    "154.1234.5678",
    "154—1234—5678",
    full_width("15412345678"),
    "一五四一二三四五六七八",
]
LANDLINES = ["020-81234567", "(020)81234567", "0571-88886666转801", "010 6512 3456", "02081234567", "400-820-8820"]
RESIDENTS = [
    "11010519491231002X",
    "11010519491231002x",
    "110105 19491231 002X",
    "110105-19491231-002X",
    "1101 0519 4912 3100 2X",
    full_width("11010519491231002X"),
    "110105491231002",
    "110105 491231 002",
    "110105********002X",
    "110***********1234",
]
CARDS = ["6200001234567890128", "6200 0012 3456 7890 128", "6200-0012-3456-7890-128", "4111111111111111"]
CONTACTS = [
    "zhang.san@example.com",
    full_width("zhang@example.com"),
    "192.168.1.100",
    "2001:db8::ff00:42:8329",
    "00:1A:2B:3C:4D:5E",
    "00-1a-2b-3c-4d-5e",
    "https://www.example.com/a?b=1",
]
OTHERS = [
    "粤A12345",
    "粤AD12345",
    "京A·12345",
    "军A12345",
    "WJ京12345",
    "91110000600037341L",
    "E12345678",
    "EA1234567",
    "H1234567800",
    "A123456(7)",
    "GB82WEST12345698765432",
    "GB82 WEST 1234 5698 7654 32",
]


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("value", [*MOBILES, *LANDLINES, *RESIDENTS, *CARDS, *CONTACTS, *OTHERS])
def test_a_number_is_covered_and_its_neighbours_stay(deidentifier: TextDeidentifier, carrier: str, value: str) -> None:
    text = carrier.format(value)
    start = text.index(value)
    wanted = {start + i for i, character in enumerate(value) if character.isalnum()}
    covered = {place for span in deidentifier.detect(text) for place in range(span.start, span.end)}
    letters = {place for place in covered if text[place].isalnum()}
    assert letters == wanted


@pytest.mark.parametrize(
    "text",
    [
        "T 36.5℃ P 78次/分 R 20次/分 BP 138/85mmHg SpO2 98%",
        "WBC 12.31×10^9/L，HGB 112g/L，PLT 230×10^9/L，CRP 45.2mg/L",
        "HCG 138125.34 mIU/ml，AFP 1210.5ng/ml，D-二聚体 15412ng/ml",
        "给予0.9%氯化钠250ml+头孢曲松2.0g ivgtt q12h",
        "pT2N1M0，ER(90%+)，Ki-67 30%，ICD-10：C50.400",
        "比例1:10:20，滴度1:1280，第4/5腰椎，3/6级杂音",
        "双乳BI-RADS 4a类，大小12×8×6mm，CT值-100~40HU",
        "Parkinson病、Hodgkin淋巴瘤、Crohn病、Wilson病，予Aspirin 100mg、Lipitor 20mg",
        "Babinski sign (-), Kernig sign (-), Murphy sign (+)",
    ],
)
def test_measures_scores_and_drugs_are_no_numbers_of_anybody(deidentifier: TextDeidentifier, text: str) -> None:
    assert deidentifier.detect(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("医师执业证书编号：110440106001234", "110440106001234"),
        ("医保编号:4401061234567", "4401061234567"),
        ("社会保障号码：440106194912310021", "440106194912310021"),
        ("军官证号：军字第1234567号", "军字第1234567"),
        ("起搏器序列号：PJN123456S", "PJN123456S"),
        ("标本号：20260305-0123", "20260305-0123"),
        ("床号：12-03", "12-03"),
        ("S/N: A12-345678", "A12-345678"),
        ("微信同号wx_zhang88", "wx_zhang88"),
        ("QQ：123456789", "123456789"),
        ("车牌号：使123456", "使123456"),
        ("银行卡尾号1234", "1234"),
        ("统一社会信用代码：91440101ABCDEFGH12", "91440101ABCDEFGH12"),
        ("国籍：加拿大", "加拿大"),
        ("职业：小学教师", "小学教师"),
    ],
)
def test_a_labelled_value_is_covered(deidentifier: TextDeidentifier, text: str, value: str) -> None:
    start = text.index(value)
    covered = {place for span in deidentifier.detect(text) for place in range(span.start, span.end)}
    assert set(range(start, start + len(value))) <= covered


@pytest.mark.parametrize("text", ["职业：不详", "职业：退休", "国籍：中国", "床号：", "医保类型：城镇职工"])
def test_fields_that_say_nothing_stay(deidentifier: TextDeidentifier, text: str) -> None:
    assert deidentifier.detect(text) == []
