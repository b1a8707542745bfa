"""Numbers: every surface form in every carrier, hostile carriers first; nothing but numbers."""

from __future__ import annotations

import pytest

from anonymization.recognizers.bank_card import BankCardRecognizer
from anonymization.recognizers.base import ScanRecognizer
from anonymization.recognizers.certificate import CertificateRecognizer, SocialCreditCodeRecognizer
from anonymization.recognizers.contact import EmailRecognizer, QqRecognizer, WebRecognizer, WechatRecognizer
from anonymization.recognizers.english import SsnRecognizer
from anonymization.recognizers.licence_plate import LicensePlateRecognizer
from anonymization.recognizers.medical_record import MedicalRecordRecognizer
from anonymization.recognizers.phone import PhoneRecognizer
from anonymization.recognizers.resident_id import ResidentIdRecognizer

CARRIERS = ["患者{}转入", "电话{}转", "（{}）", "，{}。", "号码: {} 等", "{}"]
MOBILES = [
    "15412345678",
    "154 1234 5678",
    "154-1234-5678",
    "154.1234.5678",
    "１５４１２３４５６７８",
    "+86 15412345678",
    "86-154-1234-5678",
    "0086 154 1234 5678",
]
RESIDENTS = [
    "11010519491231002X",
    "110105 19491231 002X",
    "110105-19491231-002X",
    "１１０１０５１９４９１２３１００２Ｘ",
    "110105491231002",
]
CARDS = [
    "6200001234567890128",
    "6200 0012 3456 7890 128",
    "6200-0012-3456-7890-128",
    "６２００００１２３４５６７８９０１２８",
]


def found(recognizer: ScanRecognizer, text: str) -> list[str]:
    return [text[result.start : result.end] for result in recognizer.analyze(text, [])]


def covers(recognizer: ScanRecognizer, text: str, value: str) -> bool:
    start, end = text.index(value), text.index(value) + len(value)
    return any(r.start <= start and end <= r.end for r in recognizer.analyze(text, []))


@pytest.mark.parametrize("carrier", ["1.{}", "联系人：1.{} 2.王芳", "电话 2.{}"])
@pytest.mark.parametrize("number", ["15412345678", "154-1234-5678", "010-62345678", "0755-86123456"])
def test_a_telephone_after_the_number_of_a_list_item_is_found(carrier: str, number: str) -> None:
    assert covers(PhoneRecognizer(), carrier.format(number), number)
    assert found(PhoneRecognizer(), f"12.1.{number} 比值3.1541234567 0.15412345678") == []


@pytest.mark.parametrize(
    "text", ["1.192.168.1.100", "10.0.0.1:8080", "IP地址:10.1.2.3", "(ip 10.0.0.1)", "2.www.example.cn"]
)
def test_addresses_of_machines_are_found_in_lists_with_ports_and_after_labels(text: str) -> None:
    assert found(WebRecognizer(), text)


@pytest.mark.parametrize("text", ["2.3.4.5", "1.2.840.10008.5.1.4", "3.1.2.4.5", "IP:300.1.1.1"])
def test_numbers_with_dots_are_no_addresses_of_machines(text: str) -> None:
    assert found(WebRecognizer(), text) == []


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("value", MOBILES)
def test_a_mobile_is_found_whatever_touches_it(carrier: str, value: str) -> None:
    bare = value.removeprefix("+86 ").removeprefix("0086 ").removeprefix("86-")
    assert covers(PhoneRecognizer(), carrier.format(value), bare)


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("value", RESIDENTS)
def test_a_resident_number_is_found_whatever_touches_it(carrier: str, value: str) -> None:
    assert covers(ResidentIdRecognizer(), carrier.format(value), value)


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("value", CARDS)
def test_a_bank_card_is_found_whatever_touches_it(carrier: str, value: str) -> None:
    assert covers(BankCardRecognizer(), carrier.format(value), value)


@pytest.mark.parametrize(
    "value", ["020-8123456", "(020)8123456", "020 81234567", "0571-88886666转801", "0571—88886666", "400-820-8820"]
)
def test_a_landline_is_found_beside_han_text(value: str) -> None:
    assert covers(PhoneRecognizer(), f"家中座机{value}，", value.partition("转")[0])


def test_a_local_number_is_found_after_its_label() -> None:
    assert found(PhoneRecognizer(), "联系电话：88886666，") == ["88886666"]


@pytest.mark.parametrize(
    "text",
    [
        "白细胞15.41×10^9/L",
        "HCG 13812.5 mIU/ml",
        "剂量138mg 12:30",
        "ICD-10：C50.400",
        "血压 138/85mmHg 心率 76次/分",
        "",
    ],
)
def test_measures_are_no_phones(text: str) -> None:
    assert found(PhoneRecognizer(), text) == []


def test_a_resident_number_with_a_wrong_check_digit_still_identifies() -> None:
    assert found(ResidentIdRecognizer(), "号码110105194912310021；") == ["110105194912310021"]


def test_a_masked_resident_number_is_found() -> None:
    assert found(ResidentIdRecognizer(), "身份证110105********002X。") == ["110105********002X"]


def test_a_long_digit_run_is_no_resident_number() -> None:
    assert found(ResidentIdRecognizer(), "序列" + "1" * 40) == []


@pytest.mark.parametrize(
    "label", ["住院号", "门诊号：", "病案号 ", "病理号:", "检查号为", "【住院号】", "ＩＤ号：", "标本（编号"]
)
def test_a_record_number_is_found_after_its_label(label: str) -> None:
    assert found(MedicalRecordRecognizer(), f"患者{label}B20240012，余") == ["B20240012"]


@pytest.mark.parametrize(
    "text", ["住院3次", "门诊：血压138/85", "手术2次，住院12天", "检查：体温36.5℃", "病理：浸润性癌2级"]
)
def test_counts_after_clinic_words_are_no_record_numbers(text: str) -> None:
    assert found(MedicalRecordRecognizer(), text) == []


@pytest.mark.parametrize("value", ["zjg@example.com", "a.b-c_1@mail.example.org"])
def test_an_email_beside_han_text_takes_no_han_character(value: str) -> None:
    assert found(EmailRecognizer(), f"邮箱{value}已登记") == [value]


def test_a_full_width_email_is_found() -> None:
    assert found(EmailRecognizer(), "邮箱：ｚｊｇ＠ｅｘａｍｐｌｅ．ｃｏｍ。") == ["ｚｊｇ＠ｅｘａｍｐｌｅ．ｃｏｍ"]


@pytest.mark.parametrize(
    "text", ["微信号：wxid_ab12cd", "加微信wxid_ab12cd联系", "微信同wxid_ab12cd", "WeChat: wxid_ab12cd"]
)
def test_a_wechat_name_is_found_after_its_label(text: str) -> None:
    assert found(WechatRecognizer(), text) == ["wxid_ab12cd"]


def test_a_qq_number_is_found_after_its_label() -> None:
    assert found(QqRecognizer(), "QQ号99912345678。") == ["99912345678"]


@pytest.mark.parametrize("value", ["粤A12345", "粤A·12345", "京AD12345", "宁ZK9909"])
def test_a_licence_plate_is_found(value: str) -> None:
    assert found(LicensePlateRecognizer(), f"由家属驾车{value}送入") == [value]


def test_a_province_before_a_code_is_no_plate() -> None:
    assert found(LicensePlateRecognizer(), "苏ABCDEF 青霉素") == []


def test_ip_and_url_are_found() -> None:
    assert found(WebRecognizer(), "见http://example.com/a?b=1，来自192.168.10.25的") == [
        "http://example.com/a?b=1",
        "192.168.10.25",
    ]


def test_a_list_of_markers_is_no_ip_address() -> None:
    assert found(WebRecognizer(), "乙肝1.3.4.5阳性") == []


def test_a_passport_is_found_after_its_label() -> None:
    assert "E12345678" in found(CertificateRecognizer(), "护照号码：E12345678。")


def test_a_social_credit_code_needs_its_check_character() -> None:
    assert found(SocialCreditCodeRecognizer(), "代码91350100M000100Y43、91350100M000100Y44") == ["91350100M000100Y43"]


def test_a_social_security_number_is_found() -> None:
    assert found(SsnRecognizer(), "SSN 999-12-3456 on file")[:1] == ["999-12-3456"]
