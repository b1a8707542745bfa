"""Labels of other corpora in the project's words. A label that is no identifier maps to None and is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from anonymization.entities import Entity

_SYNONYMS: Final[dict[str, str]] = {
    Entity.PERSON: "PER NAME PERSON PERSON_NAME PATIENT DOCTOR STAFF PER.NAM NR 姓名 人名 FIRST_NAME LAST_NAME",
    Entity.ADDRESS: (
        "ADDRESS ADDR LOC LOCATION GPE NS GPE.NAM LOC.NAM STREET_ADDRESS STREET CITY STATE COUNTRY ZIP ZIP_CODE"
        " 地址 地点 SCENE PLACE"
    ),
    Entity.ORGANIZATION: "ORG ORGANIZATION ORGANISATION COMPANY HOSPITAL GOVERNMENT NT ORG.NAM INSTITUTION 机构",
    Entity.PHONE: "PHONE PHONE_NUMBER TEL TELEPHONE MOBILE MOBILE_PHONE FAX CONTACT 电话 手机号",
    Entity.RESIDENT_ID: "RESIDENT_ID ID_CARD IDCARD ID_NUMBER CN_ID CHINA_ID 身份证 身份证号",
    Entity.MEDICAL_RECORD_NUMBER: "MEDICAL_RECORD_NUMBER MRN MEDICALRECORD MEDICAL_RECORD 病历号 住院号",
    Entity.DATE: "DATE DATE_TIME DATETIME TIME DAY 日期",
    Entity.DATE_OF_BIRTH: "DATE_OF_BIRTH DOB BIRTHDAY 出生日期",
    Entity.AGE: "AGE 年龄",
    Entity.EMAIL: "EMAIL EMAIL_ADDRESS MAIL 邮箱",
    Entity.WECHAT: "WECHAT WEIXIN 微信",
    Entity.QQ: "QQ",
    Entity.BANK_CARD: "BANK_CARD BANKCARD CREDIT_CARD 银行卡号",
    Entity.LICENSE_PLATE: "LICENSE_PLATE PLATE CAR_PLATE US_LICENSE_PLATE 车牌号",
    Entity.CERTIFICATE: "CERTIFICATE PASSPORT US_PASSPORT DRIVER_LICENSE US_DRIVER_LICENSE MEDICAL_LICENSE 证件号",
    Entity.SOCIAL_CREDIT_CODE: "SOCIAL_CREDIT_CODE USCC 统一社会信用代码",
    Entity.IP_ADDRESS: "IP_ADDRESS IP",
    Entity.URL: "URL DOMAIN_NAME WEBSITE 网址",
    Entity.SSN: "SSN US_SSN",
    Entity.OCCUPATION: "OCCUPATION PROFESSION JOB 职业",
    Entity.NATIONALITY: "NATIONALITY NRP CONT RACE 国籍",
}
_NO_IDENTIFIERS: Final = "O PER.NOM LOC.NOM ORG.NOM GPE.NOM TITLE EDU PRO MOVIE BOOK GAME POSITION MISC"

LABELS: Final[Mapping[str, str | None]] = {
    **{label: str(entity) for entity, labels in _SYNONYMS.items() for label in labels.split()},
    **{entity.value: entity.value for entity in Entity},
    **dict.fromkeys(_NO_IDENTIFIERS.split()),
}
"""Label in capitals -> entity type, or None."""


class LabelMap:
    """Maps labels; keeps how often which label was left out, so that nothing is dropped silently."""

    def __init__(self, changes: Mapping[str, str] | None = None) -> None:
        self._labels: dict[str, str | None] = dict(LABELS)
        self._labels.update({label.upper(): entity or None for label, entity in (changes or {}).items()})
        self.left_out: dict[str, int] = {}

    def __call__(self, label: str) -> str | None:
        """Return the entity type of a label, None when it is left out."""
        entity = self._labels.get(label.upper())
        if entity is None:
            self.left_out[label] = self.left_out.get(label, 0) + 1
        return entity
