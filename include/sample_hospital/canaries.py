"""Canaries: identifiers that occur nowhere else, so that finding one after de-identification proves a leak.

Structured canaries replace an identifier of one patient (and so appear in that patient's notes too); note canaries
are written only into the text of one note, in a labelled context.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from include.sample_hospital import spans
from include.sample_hospital.identifiers import check_digit
from include.sample_hospital.people import Person
from include.sample_hospital.places import Address
from include.sample_hospital.spans import Mark, Text


def _identity(birth: date, number: int, male: bool) -> str:
    first17 = f"998877{birth:%Y%m%d}{900 + number * 2 + int(male):03d}"
    return first17 + check_digit(first17)


def _home(city: str, district: str, street: str) -> Address:
    return Address(full=f"广东省{city}{district}{street}", city=city, street=f"{district}{street}")


# patient index -> what is replaced. A 9 in the fourth place of a mobile and region 998877 belong to canaries alone.
_NAMES = {3: "禤馥莼", 17: "上官翯", 29: "逄燊", 41: "吐尔逊·卡哈尔江"}
_MOBILES = {5: "15498760013", 19: "16498760027", 31: "16998760041", 43: "16398760055"}
_HOMES = {
    7: _home("广州市", "荔湾区", "藕香榭路7788号鹤唳苑99栋9901房"),
    23: _home("佛山市", "禅城区", "蓼汀花溆巷6677号之九十九"),
    37: _home("清远市", "清城区", "凹晶溪馆路5566号88座8808室"),
}
_IDENTITIES = {11: 1, 13: 2, 47: 3, 53: 4}


def disguise(person: Person) -> Person:
    """Return the person with its canary, if its index has one."""
    index = person.index
    if index in _NAMES:
        return replace(person, name=_NAMES[index])
    if index in _MOBILES:
        return replace(person, mobile=_MOBILES[index], mobile_changes_at=None)
    if index in _HOMES:
        return replace(person, address=_HOMES[index])
    if index in _IDENTITIES:
        return replace(person, resident_id=_identity(person.birth, _IDENTITIES[index], person.male))
    return person


def structured(patients: int) -> list[dict[str, str]]:
    """Return the records of the structured canaries that a hospital of this size holds (identity numbers are added by
    the caller).
    """
    records = [("PERSON", i, v) for i, v in _NAMES.items()] + [("PHONE", i, v) for i, v in _MOBILES.items()]
    records += [("ADDRESS", i, home.full) for i, home in _HOMES.items()]
    return [
        {"type": kind, "value": value, "where": f"structured identifier of p{i:06d}"}
        for kind, i, value in records
        if i < patients
    ]


def identity_indexes(patients: int) -> list[int]:
    return [index for index in _IDENTITIES if index < patients]


# (type, value, sentence with {it}) - each is written once, into one admission note
NOTE_CANARIES: tuple[tuple[str, str, str], ...] = (
    (spans.PHONE, "15498760103", "紧急联系电话：{it}。"),
    (spans.PERSON, "麴婵翾", "联系人：{it}（其女）。"),
    (spans.RESIDENT_ID, _identity(date(1958, 4, 9), 21, False), "陪护人身份证号：{it}。"),
    (spans.ADDRESS, "广东省肇庆市端州区沁芳闸路4455号66栋6606房", "现暂住地址：{it}。"),
    (spans.PHONE, "164 9876 0117", "其子手机号码：{it}，夜间可联系。"),
    (spans.PERSON, "亓官骎", "家属签名：{it}。"),
    (spans.ORGANIZATION, "佛山市第二十九人民医院", "曾在{it}就诊，具体诊治不详。"),
    (spans.EMAIL, "qinfang.canary@example.net", "电子邮箱：{it}。"),
    (spans.WECHAT, "wxid_canary990017", "微信号：{it}。"),
    (spans.BANK_CARD, "6200009900990099007", "退费银行卡号：{it}。"),
    (spans.PLATE, "宁ZK9909", "由家属驾车（车牌号{it}）送入院。"),
    (spans.PERSON, "濮阳翙", "其弟{it}代述病史。"),
    (spans.RESIDENT_ID, _identity(date(1985, 11, 23), 22, True), "委托人身份证号码{it}，已核对。"),
    (spans.ADDRESS, "广州市海珠区暖香坞街3344号2楼", "家庭住址：{it}。"),
    (spans.PHONE, "169-9876-0131", "联系电话：{it}（其母）。"),
    (spans.RECORD_NUMBER, "ZY99887701", "外院住院号：{it}。"),
    (spans.QQ, "99988776601", "QQ：{it}。"),
    (spans.PERSON, "呼延祎喆", "外院主管医师{it}主任医师建议手术。"),
)


def sentence(number: int) -> tuple[Text, dict[str, str]]:
    """Return the sentence of note canary ``number`` and its record (without the place)."""
    kind, value, words = NOTE_CANARIES[number]
    text = Text().fill(words, lambda _key: Mark(kind, value))
    return text, {"type": kind, "value": value}
