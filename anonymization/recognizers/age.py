"""Ages over 89: they are grouped, since so few people reach them that an age alone can identify."""

from __future__ import annotations

from typing import ClassVar

from anonymization.entities import Entity
from anonymization.recognizers.base import Form, FormRecognizer

_OLD = r"(?:9\d|1[0-2]\d)"
_HAN_OLD = "(?:十[一二三四五六七八九]?|百?(?:零?[一二三四五六七八九]|[一二]?十[一二三四五六七八九]?)?)"


def _is_old(value: str) -> bool:
    """Accept 九十 to 百二十九, refuse 一岁, 九岁 and the like."""
    return value.startswith(("九十", "百", "一百"))


class AgeRecognizer(FormRecognizer):
    """Finds ages of 90 and more, in digits and Han numerals; younger ages are no identifiers and stay."""

    ENTITIES = (Entity.AGE,)
    FORMS: ClassVar = (
        Form(
            "digits",
            r"[19](?<![0-9A-Za-z.\-~/].)(?:(?<=9)\d|(?<=1)[0-2]\d)\s?[余多来]?\s?周?(?:岁(?!以上)|歲|高龄)",
            0.95,
            needs=("岁", "歲", "高龄"),
        ),
        Form(
            "labelled",
            rf"(?:年\s{{0,20}}龄|[Aa]ge)\s{{0,2}}[:;为是]?\s{{0,2}}(?P<v>{_OLD})(?![0-9.%])(?!\s?岁?以上)(?!\s?(?:天|月|个月|d|m))",
            0.9,
            needs=("龄", "ge"),
        ),
        Form("han", rf"[九一百](?<![零一二三四五六七八九十百千万].){_HAN_OLD}[余多来]?(?:岁|高龄)", 0.9, check=_is_old),
        Form(
            "english",
            r"[19](?<![0-9.].)(?:(?<=9)\d|(?<=1)[0-2]\d)(?=[\s\-](?:years?[\s\-]old|y/?o|yrs?))",
            0.9,
            needs=("year", "y/o", "yo", "yr"),
        ),
    )
