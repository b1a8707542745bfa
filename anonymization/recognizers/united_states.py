"""The few English identifiers that a second source brings: social security numbers and titled names."""

from __future__ import annotations

from typing import ClassVar

from anonymization.entities import Entity
from anonymization.recognizers.base import RIGHT, START, Form, FormRecognizer

_WORD = r"[A-Z][A-Za-z'’\-]+\d{0,4}"
_FULL = rf"{_WORD}(?: [A-Z]\.)?(?: {_WORD}){{0,2}}"


class SsnRecognizer(FormRecognizer):
    """Finds social security numbers of the United States, hyphenated or after their label."""

    ENTITIES = (Entity.SSN,)
    FORMS: ClassVar = (
        Form("hyphenated", rf"\d{START}\d{{2}}-\d{{2}}-\d{{4}}{RIGHT}", 0.85, needs=("-",)),
        Form(
            "labelled",
            r"(?:SSN|[Ss]ocial [Ss]ecurity(?: [Nn]umber| [Nn]o\.?)?)[:#\s]{0,3}"
            rf"(?P<v>\d{{3}}[ \-]?\d{{2}}[ \-]?\d{{4}}){RIGHT}",
            0.95,
        ),
    )


class EnglishNameRecognizer(FormRecognizer):
    """Finds English names after a label or a title; others are left to a model or to known identifiers."""

    ENTITIES = (Entity.PERSON,)
    FORMS: ClassVar = (
        Form("titled", rf"(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.? (?P<v>{_FULL})", 0.85),
        Form(
            "han_labelled",
            r"(?:姓\s{0,4}名|患者|病人|联系人|家属|监护人|医师|签名)[】\]]?[:\s]{1,4}"
            rf"(?P<v>{_WORD}(?: {_WORD}){{1,2}})",
            0.85,
        ),
        Form(
            "labelled",
            r"(?:Patient|patient|Name|name|Signed|signed|by|Physician|Provider|provider|Nurse|Contact|contact|Attending)"
            rf"(?: [Nn]ame| by)?\s?:\s?(?P<v>{_FULL})",
            0.85,
            needs=(":",),
        ),
    )
