"""Licence plates of mainland vehicles: fuel (5 characters) and new-energy (6), with the usual separators."""

from __future__ import annotations

from typing import ClassVar

from anonymization.entities import Entity
from anonymization.recognizers.base import Form, FormRecognizer

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"


class LicensePlateRecognizer(FormRecognizer):
    """Finds licence plates; the letters I and O never stand in one."""

    ENTITIES = (Entity.LICENSE_PLATE,)
    FORMS: ClassVar = (
        Form(
            "plate",
            rf"[{_PROVINCES}]\s?[A-HJ-NP-Z]\s?[·•.・\-]?\s?(?=[A-HJ-NP-Z]*\d)[A-HJ-NP-Z0-9]{{4,5}}[A-HJ-NP-Z0-9挂学警港澳]"
            r"(?![0-9A-Za-z])",
            0.85,
        ),
        Form(
            "police", rf"W(?<![0-9A-Za-z].)J\s?[{_PROVINCES}]?\s?\d{{4,5}}[A-Z0-9]?(?![0-9A-Za-z])", 0.8, needs=("WJ",)
        ),
        Form("military", r"[军空海北沈兰济南广成](?<!第.)[A-Z]\s?[·\-]?\s?\d{5}(?![0-9A-Za-z])", 0.75),
        Form(
            "labelled",
            rf"(?:车\s?牌|号\s?牌|车号)(?:号码?)?[】\])]?[:;为是\s]{{0,3}}(?P<v>[{_PROVINCES}使领临]?[A-Z0-9][A-Z0-9·\-]{{4,7}}[使领临试超]?)"
            r"(?![0-9A-Za-z])",
            0.85,
            needs=("牌", "车号"),
        ),
    )
