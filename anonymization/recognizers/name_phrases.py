"""Names by the phrases of running text: openings of a note, invitations, several doctors, nicknames of kin, pinyin.

Each rule leans on a phrase that hardly anything but a name completes, so that names which are words as well (高兴) and
given names of unusual characters (牛得草) are believed there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from anonymization.entities import Entity
from anonymization.lexicon import any_of, words
from anonymization.lexicon import name_context as context
from anonymization.lexicon.given_names import GIVEN, NOT_NAMES, OFFICES
from anonymization.lexicon.surnames import COMMON, COMPOUND, RARE, STRONG, surname_length
from anonymization.pinyin import is_pinyin_name
from anonymization.recognizers.base import HAN, Finding, matches_at, matches_near
from anonymization.recognizers.han_names import PARTICLES, TITLE, is_han, name_end

_SURNAME: Final = f"[{''.join(sorted(COMMON | RARE))}]"
_SURE_SURNAME: Final = f"[{''.join(sorted(STRONG))}]"
_FAMILY: Final = f"(?:{any_of(sorted(COMPOUND))}|{_SURNAME})"
_NO_NAME: Final = frozenset(
    words(
        "成人 成年 高龄 高知 老年 农民 农人 幼儿 安徽 江苏 江西 湖南 河南 河北 云南 广东 方便 平素 全身 计划 单身 时年"
    )
)
_NO_END: Final = frozenset("族岁人性者员工民科院区室省市县级")
_OPENING: Final = r"(?m)(?:^|(?<=[\n。;]))[ \t]{0,8}"
_WITH_SEX: Final = re.compile(
    rf"{_OPENING}(?P<v>{_FAMILY}[{HAN}]{{1,2}})(?=[,、. ]{{1,2}}[男女](?:性|士)?(?:[,、;。. ]|\d|$))"
)
_SEX: Final = re.compile(r"[,、. ][男女]")
_ADMITTED: Final = re.compile(
    rf"{_OPENING}(?=(?:{any_of(sorted(COMPOUND))}|{_SURE_SURNAME})[{HAN}]{{1,2}}(?:主?因|以)[^,。;\n]{{2,30}}(?:入院|就诊|来诊|住院|收住|收入|来院))"
)
_ADMISSION: Final = re.compile(r"[入就来住收](?:院|诊|住|入)")
_OF_KIN: Final = re.compile(rf"{_OPENING}(?P<v>{_FAMILY}[{HAN}]{{1,2}})(?=家属|之[妻夫父母子女兄弟姐妹])")
_KIN_BEHIND: Final = re.compile("[家之](?:(?<=家)属|(?<=之)[妻夫父母子女兄弟姐妹])")
_SPACED: Final = re.compile(
    rf"(?:{any_of(context.FIELD_LABELS)})[】\]]?[ \t]{{0,2}}:[ \t]{{0,4}}"
    rf"(?P<v>{_SURNAME}[ \t]{{1,4}}[{HAN}]{{1,2}})(?=[ \t]{{0,8}}(?:$|[^{HAN} \t]|[ \t][{HAN}]{{2,6}}:))",
    re.MULTILINE,
)
_COLON: Final = re.compile(rf":(?=[ \t]{{0,4}}[{HAN}]{{1,2}}[ \t])")
_INVITED: Final = re.compile(rf"(?:请|由|经|邀|邀请|嘱)(?P<v>{_SURE_SURNAME}[{HAN}]{{2}})(?={any_of(context.TITLES)})")
_LEAD: Final = re.compile("[请由经邀嘱]")
_NOT_INVITED: Final = frozenset("科室院区级资年外内儿妇心脑神骨肿普麻介病放超检本上下全各多位名门诊组部所站长班")
_SEVERAL: Final = re.compile(
    rf"(?<![{HAN}])(?P<v>{_SURNAME}(?:[、和及]{_SURNAME}){{1,4}})(?=[二两三四几]位|等(?:主任|教授|医[生师]|专家))"
)
_BEHIND_SEVERAL: Final = re.compile("[二两三四几等](?:位|主任|教授|医[生师]|专家)")
_DOCTOR: Final = re.compile(r"(?<![A-Za-z])(?:D[rR]|Prof|M(?:r|rs|s|iss))\.?[ ]?(?=[\u4e00-\u9fff])")
_DOCTOR_START: Final = re.compile("[DPM](?=[rRis])")
_CHARACTERS: Final = "强明华芳珍英玲兰梅花辉军伟杰龙虎红霞娟萍莲凤燕琴芬珠娇娣祥福贵荣秀桂"
_CALLED_KIN: Final = re.compile(
    rf"(?!伟哥)[{_CHARACTERS}]{{1,2}}[叔姨婶伯姐哥嫂](?=[,。!?;: ]|$|[说诉问讲来昨今叫让带陪送])", re.MULTILINE
)
_TWICE: Final = re.compile(
    r"(?<=[与和叫给跟找问名])([丽婷莉芳娟静欢乐贝萌甜妞豆毛娜媛倩薇菲圆佳嘉浩轩涛明强壮琳瑶珊露玲玉兰燕霞])\1(?![{HAN}]?[地的])"
)
_PINYIN: Final = re.compile(r"(?<![A-Za-z])[A-Z][A-Za-z]{1,5}[ ][A-Z][A-Za-z]{1,11}(?:-[A-Za-z]{1,6})?(?![A-Za-z])")
_BESIDE_PINYIN: Final = re.compile(rf"(?:{any_of(context.PATIENTS)}|姓名|联系人|医师|医生|家属|签名)[: ]{{0,4}}$")
_AFTER_PINYIN: Final = re.compile(r"[ ]?[,(]?[ ]?(?:[男女]|[MF](?![A-Za-z])|\d{1,3}[岁y])")


def names_in_phrases(text: str) -> Iterator[Finding]:
    """Yield the names that the phrases of a normalised, simplified text announce."""
    yield from _patients(text)
    yield from _staff(text)
    for pattern in (_CALLED_KIN, _TWICE):
        for match in pattern.finditer(text):
            yield Finding(Entity.PERSON, match.start(), match.end(), 0.65, "nickname")
    for match in _PINYIN.finditer(text):
        is_announced = _BESIDE_PINYIN.search(text, max(0, match.start() - 10), match.start())
        if (is_announced or _AFTER_PINYIN.match(text, match.end())) and is_pinyin_name(match.group()):
            yield Finding(Entity.PERSON, match.start(), match.end(), 0.8, "pinyin")


def _patients(text: str) -> Iterator[Finding]:
    for match in (*matches_near(_WITH_SEX, text, _SEX, 14, 6), *matches_near(_OF_KIN, text, _KIN_BEHIND, 14, 4)):
        if _is_believed(match["v"]):
            yield _finding(match, 0.8, "opening")
    for match in matches_near(_ADMITTED, text, _ADMISSION, 48, 4):
        end = name_end(text, match.end(), sure=True)
        if end is not None and text[match.end()] not in PARTICLES:
            yield Finding(Entity.PERSON, match.end(), end, 0.75, "opening")


def _staff(text: str) -> Iterator[Finding]:
    for match in matches_near(_SPACED, text, _COLON, 14, 40):
        given = match["v"][1:].lstrip()
        if not TITLE.match(given) and given not in NOT_NAMES:
            yield _finding(match, 0.8, "spaced")
    for match in matches_near(_INVITED, text, _LEAD, 1, 12):
        if _NOT_INVITED.isdisjoint(match["v"]) and match["v"][:2] not in NOT_NAMES:
            yield _finding(match, 0.75, "invited")
    for match in matches_near(_SEVERAL, text, _BEHIND_SEVERAL, 12, 4):
        for place in range(match.start("v"), match.end("v"), 2):
            yield Finding(Entity.PERSON, place, place + 1, 0.75, "several")
    for match in matches_at(_DOCTOR, text, _DOCTOR_START):
        end = name_end(text, match.end(), sure=False)
        if end is None and text[match.end()] in STRONG and not is_han(text[match.end() + 1 : match.end() + 2]):
            end = match.end() + 1
        if end is not None:
            yield Finding(Entity.PERSON, match.end(), end, 0.8, "title")


def _finding(match: re.Match[str], score: float, form: str) -> Finding:
    return Finding(Entity.PERSON, match.start("v"), match.end("v"), score, form)


def _is_believed(name: str) -> bool:
    family = surname_length(name)
    given = name[family:]
    if not given or name in _NO_NAME or name in OFFICES or name[-1] in _NO_END or name[0] in PARTICLES:
        return False
    return name[0] in STRONG or family == 2 or all(character in GIVEN for character in given)
