"""Names in Chinese clinical text, by what stands around them: labels, relations, titles, sex and age, signatures.

A name without any of these is found by `known` (the patient, relatives and staff are known by name) and by same-name
propagation in `text`. Tables: `lexicon.surnames`, `lexicon.given_names`, `lexicon.name_context`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from anonymization.entities import Entity
from anonymization.lexicon import name_context as context
from anonymization.lexicon.given_names import GIVEN, NOT_NAMES, UNUSUAL
from anonymization.lexicon.surnames import COMMON, COMPOUND, WORDLIKE, is_surname, surname_length
from anonymization.recognizers.base import HAN, Finding, ScanRecognizer


def _any_of(words: list[str] | tuple[str, ...]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_HARD_END: Final = re.compile(rf"[^{HAN}·•・‧.]|[.](?![{HAN}])|$")
_SOFT_END: Final = re.compile(_any_of(context.AFTER_NAME))
_FIELD: Final = re.compile(rf"(?:{_any_of(context.FIELD_LABELS)})(?:\((?:签[名字章]|手写)\))?(?:签[名字])?[ \t\u3000]{{0,4}}(?::[ \t]{{0,4}}|[ \t]{{1,4}}(?=[{HAN}]))")
_JOINED: Final = re.compile(rf"(?:{_any_of(context.JOINED_LABELS)})(?=[{HAN}])")
_RELATION: Final = re.compile(
    rf"(?:{_any_of(context.RELATIVES)}|(?:其|之|者的?)[{context.SHORT_RELATIVES}])(?:\([{HAN}]{{1,6}}\))?[ :(\"“]{{0,2}}(?=[{HAN}])"
)
_PATIENT: Final = re.compile(rf"(?:{_any_of(context.PATIENTS)})[ \"“]?(?=[{HAN}])")
_TITLE: Final = re.compile(rf"(?:{_any_of(context.TITLES)})")
_SEX: Final = re.compile(r"(?:\(|[,、 \t]{1,3})?(?:男|女)(?:性|士)?(?:\)|[,、。;: \t]|(?=\d))")
_DOTTED: Final = re.compile(rf"[{HAN}]{{1,8}}(?:[·•・‧∙][{HAN}]{{1,10}}){{1,3}}")
_SIGNED: Final = re.compile(
    rf"(?m)(?:(?<=\d)[ \t]+|^[ \t]*)(?P<v>[{HAN}]{{2,4}}(?:[ \t]*/[ \t]*[{HAN}]{{2,4}}){{0,3}})(?=[ \t]*(?:$|(?:19|20)\d{{2}}[-年./]))"
)
_NEXT_NAME: Final = re.compile(r"(?:\([^()\n]{1,12}\))?(?:[ \t]*[、,/;&+和及与][ \t]*|[ \t]{1,3})")
_EPONYM_END: Final = re.compile(r"(?:综合征|氏|畸形|病|征|试验|反应|手术|术|分级|分期|评分|染色|现象|定律|指数|量表|细胞|公式)")
_NO_VALUE: Final = re.compile(
    r"(?:不详|无|未|同|见|如|详|保密|匿名|拒|待|患者|本人|家属|配偶|父|母|儿|女|丈夫|妻|医|护|主任|主治|住院|上级|科|已|否|可|请|均|有|在|为|是|于|对|将|及|并|等|签|系|由|与|电话|手机|姓名|性别|年龄|男|以下|以上|自|一般|今|昨)"
)
_BEFORE_SURNAME_ONLY: Final = {
    "谢": "谢感多致答", "何": "任如为", "关": "有相", "任": "责担曾现兼历主", "方": "对双各我他", "常": "经非通正", "成": "完", "高": "提升",
    "安": "不平", "平": "水", "万": "千", "明": "说", "解": "了", "祝": "庆", "钱": "花价", "时": "当那及", "路": "走", "曾": "不未",
    "应": "反", "连": "接", "相": "互", "白": "明", "温": "体", "金": "现资", "石": "结", "水": "喝", "于": "由对关", "江": "",
}  # fmt: skip


def name_end(text: str, start: int, sure: bool) -> int | None:
    """Return the end of the Han name that starts at `start`, or None.

    `sure` says that a form field announced the name: then unusual characters and rare surnames are believed.
    """
    family = surname_length(text, start)
    if family == 0 and not (sure and _is_han(text[start : start + 1])):
        return None
    family = family or 1
    best: tuple[int, int] | None = None
    for given in (2, 1):
        end = start + family + given
        if end > len(text):
            continue
        strength = _strength(text, start, end, family, sure)
        if strength and (best is None or strength > best[0]):
            best = strength, end
    return best[1] if best else None


def _strength(text: str, start: int, end: int, family: int, sure: bool) -> int:
    """Rank a candidate: 0 no name, then by how clearly the text ends it and how usual its characters are."""
    name, given = text[start:end], text[start + family : end]
    if not all(map(_is_han, given)) or name in NOT_NAMES or name[:2] in NOT_NAMES or given in NOT_NAMES and not sure:
        return 0
    hard = _HARD_END.match(text, end) is not None
    if sure and hard:
        return 9
    if any(character in UNUSUAL for character in given):
        return 0
    usual = all(character in GIVEN for character in given)
    soft = _SOFT_END.match(text, end) is not None
    if not (hard or soft):
        return 2 if sure and usual and family else 0
    if name[0] in WORDLIKE and family == 1 and not usual:
        return 0
    if len(given) == 1 and soft and not hard and _SOFT_END.match(text, end - 1) and not usual:
        return 0
    return 3 + hard + 2 * usual + (len(given) == 2)


def name_start(text: str, end: int) -> tuple[int, bool] | None:
    """Return the start of the name that ends at `end` before a title, and whether it is a whole name."""
    for length in (4, 3, 2):
        start = end - length
        if start < 0 or not all(map(_is_han, text[start:end])):
            continue
        family = surname_length(text, start)
        if family == 0 or not 1 <= length - family <= 2:
            continue
        name, given = text[start:end], text[start + family : end]
        if name in NOT_NAMES or given in NOT_NAMES or any(character in UNUSUAL for character in given):
            continue
        if family == 1 and (name[0] in WORDLIKE or length == 2) and surname_length(text, start + 1) and length > 1:
            if length == 2 and is_surname(given) and text[start - 1 : start] and not _is_han(text[start - 1]):
                return start, True
            if length == 3 and given[0] in COMMON and name[0] in WORDLIKE:
                continue
            if length == 2 and name[0] in WORDLIKE:
                continue
        if not all(character in GIVEN or character in COMMON for character in given) and name[0] in WORDLIKE:
            continue
        if name[:2] in NOT_NAMES:
            continue
        return start, True
    family = 2 if text[max(0, end - 2) : end] in COMPOUND else 1
    start = end - family
    if start < 0 or (family == 1 and (text[start] not in COMMON or text[start] in WORDLIKE - frozenset("方安万何任成关常"))):
        return None
    before = text[start - 1 : start]
    if before and before in _BEFORE_SURNAME_ONLY.get(text[start], ""):
        return None
    if text[max(0, start - 1) : end] in NOT_NAMES or text[start : end + 1] in NOT_NAMES:
        return None
    return start, False


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf"


class PersonRecognizer(ScanRecognizer):
    """Finds names of patients, relatives and staff by label, relation, title, sex, signature and the dot of long names."""

    ENTITIES = (Entity.PERSON,)

    def scan(self, text: str) -> Iterator[Finding]:
        """Yield names; the same name may come from several rules."""
        yield from self._fields(text)
        for pattern, score, form in ((_JOINED, 0.75, "joined"), (_RELATION, 0.8, "relation"), (_PATIENT, 0.7, "patient")):
            for match in pattern.finditer(text):
                end = name_end(text, match.end(), sure=False)
                if end is not None:
                    yield Finding(Entity.PERSON, match.end(), end, score, form)
        yield from self._titled(text)
        yield from self._beside_sex(text)
        yield from self._dotted(text)
        yield from self._signed(text)

    @staticmethod
    def _fields(text: str) -> Iterator[Finding]:
        for match in _FIELD.finditer(text):
            position = match.end()
            sure = ":" in match.group()
            for _ in range(8):
                if _NO_VALUE.match(text, position) and surname_length(text, position) == 0:
                    break
                end = name_end(text, position, sure)
                if end is None:
                    break
                yield Finding(Entity.PERSON, position, end, 0.95 if sure else 0.8, "field")
                following = _TITLE.match(text, end)
                separator = _NEXT_NAME.match(text, following.end() if following else end)
                if separator is None:
                    break
                position, sure = separator.end(), False

    @staticmethod
    def _titled(text: str) -> Iterator[Finding]:
        for match in _TITLE.finditer(text):
            found = name_start(text, match.start())
            if found is not None:
                start, whole = found
                yield Finding(Entity.PERSON, start, match.start(), 0.85 if whole else 0.75, "title")

    @staticmethod
    def _beside_sex(text: str) -> Iterator[Finding]:
        for match in _SEX.finditer(text):
            end = match.start()
            for length in (4, 3, 2):
                start = end - length
                if start < 0 or (start > 0 and _is_han(text[start - 1])):
                    continue
                family = surname_length(text, start)
                name = text[start:end]
                if family and 1 <= length - family <= 2 and all(map(_is_han, name)) and name not in NOT_NAMES:
                    if not any(character in UNUSUAL for character in name[family:]):
                        yield Finding(Entity.PERSON, start, end, 0.85, "sex")
                    break

    @staticmethod
    def _dotted(text: str) -> Iterator[Finding]:
        for match in _DOTTED.finditer(text):
            if _EPONYM_END.match(text, match.end()) or _EPONYM_END.search(match.group()):
                continue
            start, end = _trim_dotted(match.group())
            if end - start >= 4:
                yield Finding(Entity.PERSON, match.start() + start, match.start() + end, 0.9, "dotted")

    @staticmethod
    def _signed(text: str) -> Iterator[Finding]:
        for match in _SIGNED.finditer(text):
            position = match.start("v")
            for name in re.split(r"[ \t]*/[ \t]*", match["v"]):
                start = text.index(name, position)
                position = start + len(name)
                family = surname_length(name)
                given = name[family:]
                if family and given and name not in NOT_NAMES and len(given) <= 2 and all(c in GIVEN for c in given):
                    yield Finding(Entity.PERSON, start, position, 0.7, "signed")


_LEAD_WORDS: Final = re.compile(r".*(?:患者|病人|患儿|姓名|联系人|家属|丈夫|妻子|爱人|父亲|母亲|儿子|女儿|哥哥|弟弟|姐姐|妹妹|医师|医生|护士|主任|[其为由与和及请经之者系是])")
_TAIL_WORDS: Final = re.compile(rf"(?:{_any_of(context.AFTER_NAME)}|{_any_of(context.TITLES)}|[因于诉在系述称])")


def _trim_dotted(name: str) -> tuple[int, int]:
    """Cut words that run into a dotted name on either side: 患者|阿依古丽·买买提|因."""
    first, last = re.search("[·•・‧∙]", name), None
    for last in re.finditer("[·•・‧∙]", name):
        pass
    if first is None or last is None:
        return 0, 0
    lead = _LEAD_WORDS.match(name[: first.start()])
    start = lead.end() if lead and lead.end() < first.start() else 0
    tail = _TAIL_WORDS.search(name, last.end() + 1)
    return start, tail.start() if tail else len(name)
