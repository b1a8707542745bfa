"""Entity types of the project, their tags in scrubbed text, and their rank when spans overlap."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Entity(StrEnum):
    """What a span identifies. The values are the names used in contracts, policies and span tables."""

    PERSON = "PERSON"
    RESIDENT_ID = "RESIDENT_ID"
    PHONE = "PHONE"
    ADDRESS = "ADDRESS"
    ORGANIZATION = "ORGANIZATION"
    MEDICAL_RECORD_NUMBER = "MEDICAL_RECORD_NUMBER"
    DATE = "DATE"
    DATE_OF_BIRTH = "DATE_OF_BIRTH"
    AGE = "AGE"
    EMAIL = "EMAIL"
    WECHAT = "WECHAT"
    QQ = "QQ"
    BANK_CARD = "BANK_CARD"
    LICENSE_PLATE = "LICENSE_PLATE"
    CERTIFICATE = "CERTIFICATE"
    SOCIAL_CREDIT_CODE = "SOCIAL_CREDIT_CODE"
    IP_ADDRESS = "IP_ADDRESS"
    URL = "URL"
    SSN = "SSN"
    OCCUPATION = "OCCUPATION"
    NATIONALITY = "NATIONALITY"


TAGS: Final[dict[str, str]] = {
    Entity.PERSON: "姓名",
    Entity.RESIDENT_ID: "身份证号",
    Entity.PHONE: "电话",
    Entity.ADDRESS: "地址",
    Entity.ORGANIZATION: "机构",
    Entity.MEDICAL_RECORD_NUMBER: "病历号",
    Entity.DATE: "日期",
    Entity.DATE_OF_BIRTH: "出生日期",
    Entity.AGE: "年龄",
    Entity.EMAIL: "邮箱",
    Entity.WECHAT: "微信号",
    Entity.QQ: "QQ号",
    Entity.BANK_CARD: "银行卡号",
    Entity.LICENSE_PLATE: "车牌号",
    Entity.CERTIFICATE: "证件号",
    Entity.SOCIAL_CREDIT_CODE: "统一社会信用代码",
    Entity.IP_ADDRESS: "IP地址",
    Entity.URL: "网址",
    Entity.SSN: "SSN",
    Entity.OCCUPATION: "职业",
    Entity.NATIONALITY: "国籍",
}
"""The word inside 【】 that stands for an entity in scrubbed text."""

RANK: Final[dict[str, int]] = {
    entity: rank
    for rank, entity in enumerate(
        [
            Entity.URL,
            Entity.EMAIL,
            Entity.RESIDENT_ID,
            Entity.BANK_CARD,
            Entity.SOCIAL_CREDIT_CODE,
            Entity.SSN,
            Entity.CERTIFICATE,
            Entity.LICENSE_PLATE,
            Entity.WECHAT,
            Entity.QQ,
            Entity.IP_ADDRESS,
            Entity.MEDICAL_RECORD_NUMBER,
            Entity.PHONE,
            Entity.DATE_OF_BIRTH,
            Entity.DATE,
            Entity.AGE,
            Entity.ADDRESS,
            Entity.ORGANIZATION,
            Entity.OCCUPATION,
            Entity.NATIONALITY,
            Entity.PERSON,
        ]
    )
}
"""Lower wins when two spans of equal score and length overlap: the more specific form first."""


def tag(entity: str) -> str:
    """Return the bracketed tag of an entity type, such as 【身份证号】; an unknown type gets its own name."""
    return f"【{TAGS.get(entity, entity)}】"
