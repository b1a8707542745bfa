"""Bank card numbers: 13 to 19 digits in one run or in groups of four, by the Luhn digit or by label."""

from __future__ import annotations

import re
from typing import ClassVar

from anonymization.checksums import luhn_is_valid
from anonymization.entities import Entity
from anonymization.recognizers.base import MORE_DIGITS, RIGHT, START, Form, FormRecognizer

_SEPARATOR = r"[ \t\-.—·_/]"
_LABEL = (
    r"(?:银\s{0,20}行\s{0,20}卡|信用卡|储蓄卡|借记卡|工资卡|社保金融卡|退款(?:卡|账)|[账帐]\s{0,20}[号户]|卡\s{0,20}号)"
    r"(?:号码?|卡号|账号)?(?:\([\u4e00-\u9fff]{2,12}\))?[:;为是)】\s]{0,3}"
)
_LABEL_START = re.compile(r"[银信储借工社退账帐卡](?=[\s行用蓄记资保款号户])")


def _luhn(value: str) -> bool:
    return luhn_is_valid(re.sub(r"\D", "", value))


class BankCardRecognizer(FormRecognizer):
    """Finds bank cards: known prefixes with a right Luhn digit, or any number after a card label."""

    ENTITIES = (Entity.BANK_CARD,)
    NUMBER_HINT = re.compile(rf"\d{MORE_DIGITS}")
    HINT = re.compile(r"[卡号](?:(?<=卡)尾号|后四位)")
    FORMS: ClassVar = (
        Form("luhn", rf"[34569]{START}\d{{12,18}}{RIGHT}", 0.8, check=_luhn),
        Form(
            "grouped",
            rf"[3-69]{START}\d{{3}}(?:{_SEPARATOR}\d{{4}}){{2,3}}(?:{_SEPARATOR}\d{{1,7}})?{RIGHT}",
            0.85,
            check=_luhn,
        ),
        Form("six_groups", rf"[3-69]{START}\d{{5}}{_SEPARATOR}\d{{9,13}}{RIGHT}", 0.8, check=_luhn),
        Form("unionpay", rf"6{START}2\d{{14,17}}{RIGHT}", 0.6, needs=("62",)),
        Form("masked", rf"[3-69]{START}\d{{3,5}}[ ]?[*xX×•]{{4,12}}[ ]?\d{{3,4}}{RIGHT}", 0.6),
        Form("labelled", rf"{_LABEL}(?P<v>\d(?:{_SEPARATOR}?\d){{8,18}}){RIGHT}", 0.9, start=_LABEL_START),
        Form("last_digits", r"卡(?:号)?(?:尾号|后四位)[:为是]?\s{0,2}(?P<v>\d{4})(?!\d)", 0.7, needs=("卡",)),
    )
