"""Hints only save time: with them a scan finds what the pattern alone finds in the whole text."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from anonymization.recognizers import (
    RECOGNIZERS,
    FormRecognizer,
    address,
    name_phrases,
    organization,
    person,
    place_run,
)
from anonymization.recognizers.base import Form, matches_at, matches_near
from tests.unit.anonymization.addresses_held_out import ADDRESSES, CLEAN
from tests.unit.anonymization.names_held_out import CLINICAL, GENERAL

_MARKS: Final = (*'\n\t ,、。;:/·•*×@#-("“', "某", "  ", "XX", "\n ", "\ufffc")
_PIECES: Final = re.split(
    r" \| |\n",
    """签名:褚云鹤 | 患者阿依古丽·买买提因 | 李某某 | 王×× | 欧阳某 | 小李说
叫阿强来 | 3床李云 | 床号12王芳 | 张建国  2026-03-05 | 李明/王强
周建平、门诊号 | 陈思远,123456 | 橘井路123号 | 中山东一路8弄3号502室 | 城关镇杏林村3组
12号楼3单元501 | 5栋2单元 | 工作单位:甲公司 | 学校】:
电  话:0571-88886666 | tel 010-12345678、12345679 | 住院 号:ZY123456 | 检查号12345,67890 | 病 床 号:3
卡号 6222 0212 3456 7890 | 退款账号:12345678901 | 微 信:abc_123 | 加V wxid_12 | a.b@mail.example.com
高兴,男,45岁 | 石岩家属要求 | 鲍操因发热3天入院 | 签名:宋  江 | 主管医师:杨 帆 记录:王芳
请牛得草主任阅片 | 张、王二位医师 | a(at)b.com | a#b.cn | qQ号:1234567 | WwW.Example.org/x
与John A. Smith先生谈话 | Tan Mei Ling 女士 | Mary Smith医生 | Wei Lin(林薇)
女性,45岁,汉族,老爷庙村人,于 | 男 6岁 河东庄人 | IP 192.0.2.17 | 网关192.0.2.1:8080
地址2001:db8::17的 | MAC 00:1A:2B:3C:4D:5E | 00-1A-2B-3C-4D-5F | 号000-12-3456 | 姓名:John Smith | 患者Mary Ann Lee诉
Dr. John Smith | Patient name: Mary Lee | Signed by: J. Smith | Prof Lee | 请Dr.王看 | Mrs李说""",
)
_FORMS: Final = [
    form
    for recognizer in RECOGNIZERS
    if issubclass(recognizer, FormRecognizer)
    for form in recognizer.FORMS
    if form.start is not None or form.around is not None
]
_Scan = Callable[[str], Iterator[re.Match[str]]]
_SCANS: Final[dict[str, tuple[re.Pattern[str], _Scan]]] = {
    "signed": (person._SIGNED, person._signatures),
    "field": (person._FIELD, lambda text: matches_near(person._FIELD, text, person._VALUE, 64, 4)),
    "masked": (person._MASKED, lambda text: matches_near(person._MASKED, text, person._MASK, 2, 5)),
    "dotted": (person._DOTTED, lambda text: matches_near(person._DOTTED, text, person._DOT, 8, 34)),
    "before_number": (
        person._BEFORE_NUMBER,
        lambda text: matches_near(person._BEFORE_NUMBER, text, person._NUMBER_BEHIND, 45, 60),
    ),
    **{
        name: (pattern, lambda text, rest=(pattern, hint, before, after): matches_near(rest[0], text, *rest[1:]))
        for name, pattern, hint, before, after in (
            ("with_sex", name_phrases._WITH_SEX, name_phrases._SEX, 14, 6),
            ("of_kin", name_phrases._OF_KIN, name_phrases._KIN_BEHIND, 14, 4),
            ("admitted", name_phrases._ADMITTED, name_phrases._ADMISSION, 48, 4),
            ("spaced", name_phrases._SPACED, name_phrases._COLON, 14, 40),
            ("invited", name_phrases._INVITED, name_phrases._LEAD, 1, 12),
            ("several", name_phrases._SEVERAL, name_phrases._BEHIND_SEVERAL, 12, 4),
        )
    },
    "doctor": (
        name_phrases._DOCTOR,
        lambda text: matches_at(name_phrases._DOCTOR, text, name_phrases._DOCTOR_START),
    ),
    "door": (place_run._DOOR, lambda text: matches_at(place_run._DOOR, text, place_run._DOOR_START)),
    "road": (address._ROAD, lambda text: matches_near(address._ROAD, text, address._ROAD_HINT, 10, 64)),
    "village": (address._VILLAGE, lambda text: matches_near(address._VILLAGE, text, address._VILLAGE_HINT, 7, 16)),
    "building": (address._BUILDING, lambda text: matches_at(address._BUILDING, text, address._BUILDING_START)),
    "home": (address._HOME, lambda text: matches_at(address._HOME, text, address._HOME_START)),
    "employer": (organization._LABEL, lambda text: matches_at(organization._LABEL, text, organization._LABEL_START)),
}


def _texts(count: int) -> Iterator[str]:
    """Pieces and cuts of held-out sentences, glued with marks."""
    drawn = random.Random(20260305)
    pool = [*_PIECES, *CLINICAL, *GENERAL, *ADDRESSES, *CLEAN]
    for _ in range(count):
        parts = []
        for _ in range(drawn.randint(1, 6)):
            piece = str(drawn.choice(pool))
            start = drawn.randrange(len(piece)) if drawn.random() < 0.3 else 0
            parts += [piece[start : start + drawn.randint(2, 60)], drawn.choice(_MARKS) if drawn.random() < 0.7 else ""]
        yield "".join(parts)


@pytest.mark.parametrize("form", _FORMS, ids=lambda form: f"{form.name}-{form.score}")
def test_a_form_with_a_hint_matches_what_it_matches_without(form: Form) -> None:
    _compare(form.compiled, lambda text: form.matches(text, 0, len(text)))


@pytest.mark.parametrize("name", _SCANS)
def test_a_rule_with_a_hint_matches_what_it_matches_without(name: str) -> None:
    _compare(*_SCANS[name])


def _compare(pattern: re.Pattern[str], scan: _Scan) -> None:
    matched = 0
    for text in _texts(2_500):
        expected = [match.span() for match in pattern.finditer(text)]
        assert [match.span() for match in scan(text)] == expected
        matched += len(expected)
    assert matched > 0
