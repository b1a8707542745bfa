"""Bank card numbers: 13 to 19 digits in one run or in groups of four, by the Luhn digit or by label."""

from __future__ import annotations

import re
from typing import ClassVar

from anonymization.checksums import luhn_is_valid
from anonymization.entities import Entity
from anonymization.recognizers.base import LEFT, RIGHT, Form, FormRecognizer


def _luhn(value: str) -> bool:
    return luhn_is_valid(re.sub(r"\D", "", value))


class BankCardRecognizer(FormRecognizer):
    """Finds bank cards: UnionPay and international prefixes with a right Luhn digit, or any number after a card label."""

    ENTITIES = (Entity.BANK_CARD,)
    FORMS: ClassVar = (
        Form("luhn", rf"{LEFT}(?:62|4\d|5[1-5]|3[57]|9[0-9]|60|68)\d{{11,17}}{RIGHT}", 0.8, check=_luhn),
        Form("grouped", rf"{LEFT}[3-69]\d{{3}}(?:[ \t\-.]\d{{4}}){{2,3}}[ \t\-.]\d{{1,7}}{RIGHT}", 0.85, check=_luhn),
        Form("unionpay", rf"{LEFT}62\d{{14,17}}{RIGHT}", 0.6, needs=("62",)),
        Form(
            "labelled",
            r"(?:银\s*行\s*卡|信用卡|储蓄卡|借记卡|工资卡|退款(?:卡|账)|[账帐]\s*[号户]|卡\s*号)(?:号码?|卡号|账号)?[:;为是)】\s]{0,3}"
            rf"(?P<v>\d(?:[ \t\-.]?\d){{11,18}}){RIGHT}",
            0.9,
            needs=("卡", "账", "帐"),
        ),
    )
