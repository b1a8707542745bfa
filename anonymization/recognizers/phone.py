"""Telephone numbers: mobiles, landlines, service numbers, local numbers after a label, United States numbers."""

from __future__ import annotations

import re
from typing import ClassVar

from anonymization.entities import Entity
from anonymization.recognizers.base import MORE_DIGITS, RIGHT, START, Form, FormRecognizer

_SEPARATOR = r"[ \t.\-·_/—]{0,2}"
_NOT_DECIMAL = rf"{START}(?:(?<!\d[.\-].)|(?<=[^\d.\-][1-9]\..)|(?<=\A[1-9]\..))"
"""Not the digits behind a decimal point or a hyphen, but those behind the number of a list item (1.010-…)."""
_REST = rf"{_SEPARATOR}[3-9]{_SEPARATOR}(?:\d{_SEPARATOR}){{8}}\d{RIGHT}(?!\.\d|%)"
_AREA = r"(?:10|2\d|[3-9]\d{2})"
_EXTENSION = r"(?:[ \t]{0,4}(?:转|-|[Ee]xt\.?|分机号?|内线)[ \t:]{0,4}\d{1,6})?"
_LABEL = (
    r"(?:电\s{0,20}话|手\s{0,20}机|座\s{0,20}机|固\s{0,20}话|联系方式|联系号码|传\s{0,20}真|热线|拨打|致电|来电|[Tt][Ee][Ll]|[Pp]hone|[Mm]obile|[Ff]ax)"
    r"(?:号码?|是|为)?[.:;)\]】\s]{0,3}"
)
_LABEL_START = re.compile(r"[电手座固联传热拨致来TtPpMmFf](?=[\s话机真系线打电Eehoa])")
_HAN_DIGIT = "[一二三四五六七八九零〇幺]"


def _looks_dialled(value: str) -> bool:
    digits = re.sub(r"\D", "", value)
    return 7 <= len(digits) <= 15 and len(set(digits)) > 1


class PhoneRecognizer(FormRecognizer):
    """Finds telephone numbers in running Chinese text, with the separators people type."""

    ENTITIES = (Entity.PHONE,)
    NUMBER_HINT = re.compile(rf"\d{MORE_DIGITS}|555-")
    HINT = re.compile(
        rf"[尾后末短内分一幺](?:(?<=[尾短])号|(?<=[后末])四位|(?<=内)线|(?<=分)机|(?<=[一幺])[三四五六七八九]{_HAN_DIGIT}{{9}})"
    )
    FORMS: ClassVar = (
        Form("mobile", rf"1{_NOT_DECIMAL}{_REST}", 0.95),
        Form(
            "mobile_abroad",
            rf"(?:\+|0|8|\()(?<![0-9A-Za-z_].)[+0]?{_SEPARATOR}(?:0?8?6)\)?{_SEPARATOR}1{_REST}",
            0.95,
        ),
        Form("mobile_after_letters", rf"1(?<=[A-Za-z_]1)[3-9]\d{{9}}{RIGHT}", 0.6),
        Form(
            "mobile_masked",
            rf"1{START}[3-9]\d{_SEPARATOR}[*xX×•]{{4}}{_SEPARATOR}\d{{4}}{RIGHT}",
            0.7,
        ),
        Form("mobile_han", rf"[一幺](?<!{_HAN_DIGIT}.)[三四五六七八九]{_HAN_DIGIT}{{9}}(?!{_HAN_DIGIT})", 0.9),
        Form(
            "landline",
            rf"0{_NOT_DECIMAL}{_AREA}\)?[ \t\-—_.]{{1,2}}\d{{3,4}}[ \t\-.]?\d{{4}}{_EXTENSION}{RIGHT}",
            0.85,
        ),
        Form("landline_bracketed", rf"\(0{_AREA}\)[ \t\-]?\d{{3,4}}[ \t\-]?\d{{4}}{_EXTENSION}{RIGHT}", 0.9),
        Form(
            "landline_abroad",
            rf"(?:\+|00)86{_SEPARATOR}\(?0?{_AREA}\)?{_SEPARATOR}\d{{3,4}}[ \-]?\d{{4}}{_EXTENSION}{RIGHT}",
            0.85,
            needs=("86",),
        ),
        Form("landline_joined", rf"0{_NOT_DECIMAL}{_AREA}[2-8]\d{{6,7}}{_EXTENSION}{RIGHT}(?!\.\d)", 0.6),
        Form(
            "region",
            rf"(?:\+|00)(?<![0-9A-Za-z_].)0?(?:852|853|886)[ \-]?\d{{1,4}}[ \-]?\d{{3,4}}[ \-]?\d{{0,4}}{RIGHT}",
            0.85,
            needs=("85", "886"),
        ),
        Form(
            "service",
            rf"[48]{_NOT_DECIMAL}00[ \t\-]?\d{{3,4}}[ \t\-]?\d{{3,4}}{_EXTENSION}{RIGHT}",
            0.6,
            check=_looks_dialled,
        ),
        Form("last_digits", r"(?:尾号|后四位|末四位)[:为是]?\s{0,2}(?P<v>\d{4})(?!\d)", 0.7),
        Form("short", r"(?:短号|内线|分机号?)[:为是]?\s{0,2}(?P<v>\d{3,8})(?!\d)", 0.7),
        Form(
            "labelled",
            rf"{_LABEL}(?P<v>[+(]?\d[\d \t\-()·.—]{{5,18}}\d{_EXTENSION})(?!\d|\.\d)",
            0.9,
            check=_looks_dialled,
            start=_LABEL_START,
        ),
        Form(
            "labelled_list",
            rf"{_LABEL}[+(]?\d[\d \-()]{{5,18}}\d\s{{0,9}}[,、/;或]\s{{0,9}}"
            r"(?P<v>[+(]?\d[\d \-()]{5,16}\d)(?!\d|\.\d)",
            0.85,
            check=_looks_dialled,
            start=_LABEL_START,
        ),
        Form("us", rf"[2-9]{START}\d{{2}}\)?[ .-]\d{{3}}[.-]\d{{4}}{RIGHT}", 0.75),
        Form("us_555", rf"5{START}55-\d{{3,4}}(?:-\d{{4}})?{RIGHT}", 0.7, needs=("555-",)),
    )
