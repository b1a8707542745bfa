"""Telephone numbers: mobiles, landlines, service numbers, local numbers after a label, United States numbers."""

from __future__ import annotations

import re
from typing import ClassVar

from anonymization.entities import Entity
from anonymization.recognizers.base import LEFT, RIGHT, Form, FormRecognizer

_SEPARATOR = r"[ \t.\-·_/]{0,2}"
_COUNTRY = rf"(?:\(?(?:\+|00){_SEPARATOR}86\)?{_SEPARATOR}|86{_SEPARATOR})?"
_NOT_DECIMAL = r"(?<![0-9A-Za-z_])(?<!\d[.\-])"
_LABEL = (
    r"(?:电\s*话|手\s*机|座\s*机|固\s*话|联系方式|联系号码|传\s*真|热线|拨打|致电|来电|[Tt][Ee][Ll]|[Pp]hone|[Mm]obile|[Ff]ax)"
    r"(?:号码?|是|为)?[.:;)\]】\s]{0,3}"
)


def _looks_dialled(value: str) -> bool:
    digits = re.sub(r"\D", "", value)
    return 7 <= len(digits) <= 15 and len(set(digits)) > 1


class PhoneRecognizer(FormRecognizer):
    """Finds telephone numbers in running Chinese text, with the separators people type."""

    ENTITIES = (Entity.PHONE,)
    FORMS: ClassVar = (
        Form(
            "mobile",
            rf"{_NOT_DECIMAL}{_COUNTRY}1{_SEPARATOR}[3-9]{_SEPARATOR}(?:\d{_SEPARATOR}){{8}}\d{RIGHT}(?!\.\d|%)",
            0.95,
        ),
        Form(
            "mobile_after_letters",
            rf"(?<=[A-Za-z_])(?<!\d)1[3-9]\d{{9}}{RIGHT}",
            0.6,
        ),
        Form("mobile_masked", rf"{LEFT}1[3-9]\d[*xX×•]{{4}}\d{{4}}{RIGHT}", 0.7, needs=("*", "x", "X", "×", "•")),
        Form(
            "landline",
            rf"{_NOT_DECIMAL}{_COUNTRY}\(?0(?:10|2\d|[3-9]\d{{2}})\)?[ \t\-—_]{{1,2}}\d{{3,4}}[ \t\-]?\d{{4}}"
            rf"(?:[ \t]*(?:转|-|ext\.?|分机)[ \t]*\d{{1,6}})?{RIGHT}",
            0.85,
            needs=("0",),
        ),
        Form("landline_bracketed", rf"\(0(?:10|2\d|[3-9]\d{{2}})\)\d{{7,8}}{RIGHT}", 0.9, needs=("(0",)),
        Form("landline_joined", rf"{_NOT_DECIMAL}0(?:10|2\d|[3-9]\d{{2}})[2-8]\d{{6,7}}{RIGHT}(?!\.\d)", 0.6, needs=("0",)),
        Form("service", rf"{_NOT_DECIMAL}[48]00[ \t\-]?\d{{3,4}}[ \t\-]?\d{{3,4}}{RIGHT}", 0.6, needs=("00",), check=_looks_dialled),
        Form("labelled", rf"{_LABEL}(?P<v>[+(]?\d[\d \t\-()·]{{5,18}}\d)(?!\d|\.\d)", 0.9, check=_looks_dialled),
        Form(
            "labelled_list",
            rf"{_LABEL}[+(]?\d[\d \-()]{{5,18}}\d\s*[,、/;或]\s*(?P<v>[+(]?\d[\d \-()]{{5,16}}\d)(?!\d|\.\d)",
            0.85,
            check=_looks_dialled,
        ),
        Form("us", rf"{LEFT}(?:\+?1[ .-])?\(?[2-9]\d{{2}}\)?[ .-]\d{{3}}[.-]\d{{4}}{RIGHT}", 0.75, needs=("-", ".")),
        Form("us_555", rf"{LEFT}555-\d{{3,4}}(?:-\d{{4}})?{RIGHT}", 0.7, needs=("555-",)),
    )
