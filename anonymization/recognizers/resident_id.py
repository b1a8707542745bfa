"""Resident identity numbers: 18 digits with check character, 15 digits of the old form, separated and masked forms.

A number of 18 characters whose date is real but whose check character is wrong is still taken: hospitals hold mistyped
numbers, and a mistyped number identifies nearly as well. Residence permits for people of Hong Kong, Macau and Taiwan
(region 81, 82, 83) have the same form; so do the letters and digits of the permanent residence card for foreigners.
"""

from __future__ import annotations

import re
from typing import ClassVar

from anonymization.checksums import resident_id_has_valid_date, resident_id_is_valid
from anonymization.entities import Entity
from anonymization.recognizers.base import RIGHT, START, Form, FormRecognizer

_SEPARATOR = r"[ \t.\-_/—·]?"
_MASK = "*XxＸ×•●#"
_LABEL = (
    r"(?:身\s?份\s?证|身份号码?|公民身份号码|证件号码?|ID\s?[Cc]ard|IDCard|idcard)(?:\s?件)?(?:\s?[Nn]o)?(?:\s?号\s?码?)?\.?"
    r"\s{0,2}[)\]】]?\s{0,2}[:;为是]?\s{0,2}"
)


def _compact(value: str) -> str:
    return re.sub(r"[ \t.\-_/—·]", "", value)


def _checked(value: str) -> bool:
    return resident_id_is_valid(_compact(value))


def _dated(value: str) -> bool:
    return resident_id_has_valid_date(_compact(value))


def _is_masked(value: str) -> bool:
    compact = _compact(value)
    return len(compact) in {15, 18} and sum(character.isdigit() for character in compact) >= 3


def _grouped(digits: int) -> str:
    return rf"(?:\d{_SEPARATOR}){{{digits}}}"


class ResidentIdRecognizer(FormRecognizer):
    """Finds resident identity numbers of the People's Republic (GB 11643), with or without a label."""

    ENTITIES = (Entity.RESIDENT_ID,)
    NUMBER_HINT = re.compile(
        rf"\d(?=[ \t.\-_/—·\d{_MASK}]{{12}})(?:{_SEPARATOR}\d){{2}}{_SEPARATOR}(?:[\d{_MASK}]{_SEPARATOR}){{10}}"
    )
    HINT = re.compile("[后末](?=[六四6]位)")
    FORMS: ClassVar = (
        Form("18_checked", rf"[1-9]{START}{_SEPARATOR}{_grouped(16)}[0-9Xx]{RIGHT}", 1.0, check=_checked),
        Form("18_dated", rf"[1-9]{START}{_SEPARATOR}{_grouped(16)}[0-9Xx]{RIGHT}", 0.85, check=_dated),
        Form("15_dated", rf"[1-9]{START}{_SEPARATOR}{_grouped(13)}\d{RIGHT}", 0.6, check=_dated),
        Form(
            "labelled",
            rf"{_LABEL}(?P<v>\d{_SEPARATOR}{_grouped(13)}(?:{_SEPARATOR}\d){{0,3}}{_SEPARATOR}[0-9Xx]){RIGHT}",
            0.95,
            needs=("证", "身份", "ard"),
        ),
        Form(
            "masked",
            rf"[1-9]{START}\d{{0,9}}{_SEPARATOR}[{_MASK}]{{4,14}}{_SEPARATOR}\d{{0,4}}[0-9Xx]?(?![0-9A-Za-z_*])",
            0.7,
            check=_is_masked,
        ),
        Form(
            "labelled_end",
            r"身份证号?(?:码)?(?:后|末)[六四6]位[:为是]?\s{0,2}(?P<v>\d{3,5}[0-9Xx])(?![0-9A-Za-z])",
            0.8,
            needs=("位",),
        ),
    )
