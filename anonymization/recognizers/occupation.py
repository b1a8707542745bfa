"""Occupations and nationalities after their label; employers after theirs are `organization`'s."""

from __future__ import annotations

import re
from typing import ClassVar

from anonymization.entities import Entity
from anonymization.recognizers.base import Form, FormRecognizer

_JOINT = r"[】\])]?\s{0,4}:\s{0,4}"
_VALUE = r"(?P<v>[\u4e00-\u9fffA-Za-z()/]{2,16})(?=[,;。、\s]|$)"
_NONE = re.compile(r"(?:不详|未知|无业?|退休|离休|无固定|在职|其[他它]|同上|保密|否认|见|未填)")


def _says_something(value: str) -> bool:
    return _NONE.match(value) is None


class OccupationRecognizer(FormRecognizer):
    """Finds occupations and nationalities in the fields of a form; in running text they identify nobody alone."""

    ENTITIES = (Entity.OCCUPATION, Entity.NATIONALITY)
    HINT = re.compile(r"[职工国O][业种务籍c]")
    FORMS: ClassVar = (
        Form(
            "labelled", rf"(?:职\s{{0,4}}业|工\s{{0,4}}种|职务|Occupation){_JOINT}{_VALUE}", 0.8, check=_says_something
        ),
        Form("nationality", rf"国\s{{0,4}}籍{_JOINT}(?!中国)(?!中华)(?!汉)(?!CN){_VALUE}", 0.8, Entity.NATIONALITY),
    )
