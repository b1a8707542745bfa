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
from anonymization.lexicon.surnames import COMMON, COMPOUND, RARE, STRONG, WORDLIKE, surname_length
from anonymization.recognizers.base import HAN, Finding, ScanRecognizer


def _any_of(words: list[str] | tuple[str, ...]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_HARD_END: Final = re.compile(rf"[^{HAN}·•・‧.]|[.](?![{HAN}])|$")
_SOFT_END: Final = re.compile(_any_of(context.AFTER_NAME))
_SPACED: Final = ("姓名", "签名", "签字", "联系人", "患者", "记录", "记录者", "审核", "报告者", "医师", "术者", "助手", "监护人", "家属")
_SPACED_LABELS: Final = "|".join(r"[ \t]{1,8}".join(label) for label in _SPACED)
_FIELD: Final = re.compile(
    rf"(?:{_any_of(context.FIELD_LABELS)}|{_SPACED_LABELS})(?:\((?:签[名字章]|手写|[{HAN}]{{1,4}})\))?(?:签[名字])?[ \t]{{0,4}}"
    rf"(?P<colon>[】\]]?[ \t]{{0,2}}[:】\]][ \t]{{0,6}})?(?:(?<=[ \t:】\]]))(?=[{HAN}])"
)
_JOINED: Final = re.compile(rf"(?:{_any_of(context.JOINED_LABELS)})(?=[{HAN}])")
_RELATION: Final = re.compile(
    rf"(?:{_any_of(context.RELATIVES)}|(?:其|之|者的?)[{context.SHORT_RELATIVES}]|[{context.SHORT_RELATIVES}](?<=[;,。、( \t].))(?:\([{HAN}]{{1,6}}\))?[ :(\"“]{{0,2}}(?=[{HAN}])"
)
_PATIENT: Final = re.compile(rf"(?:{_any_of(context.PATIENTS)})[ \"“]?(?=[{HAN}])")
_TITLE: Final = re.compile(rf"(?:{_any_of(context.TITLES)})")
_SEX: Final = re.compile(r"(?:\(|[,、 \t]{1,3})?(?:男|女)(?:性|士)?(?:\)|[,、。;: \t]|(?=\d))")
_DOTTED: Final = re.compile(rf"[{HAN}]{{1,8}}(?:[·•・‧∙][{HAN}]{{1,10}}){{1,3}}")
_PARTICLES: Final = frozenset("和于同向从时经由为对到与等应有能可以若常须当及并且给令全")
_SIGNED: Final = re.compile(
    rf"(?m)(?:(?<=\d)[ \t]+|[ \t]{{2,}}|^[ \t]*|[ \t\"“](?=[{HAN}]{{2,4}}[ \t]+(?:(?:19|20)\d{{2}}[-年./]|\d{{1,3}}床)))(?P<v>[{HAN}]{{2,4}}(?:[ \t]*/[ \t]*[{HAN}]{{2,4}}){{0,3}})"
    r"(?=[ \t]*(?:$|(?:19|20)\d{2}[-年./]|\d{1,3}床)|[,、][ \t]*(?:门诊号|住院号|病案号|病历号|身份证|电话|床号))"
)
_BED: Final = re.compile(rf"(?:\d床|床号?:?[ ]?\d{{1,3}})[ \t,:]{{0,2}}(?=[{HAN}])")
_SURNAMES: Final = "".join(sorted(STRONG - frozenset("关于万应明时成")))
_LEADS: Final = frozenset("请由经示邀随科院房日代室组向")
_ALL_SURNAMES: Final = "".join(sorted((COMMON | RARE) - _PARTICLES))
_COMPOUNDS: Final = "|".join(sorted(COMPOUND))
_MASKED: Final = re.compile(
    rf"[{_SURNAMES}](?:某(?!某)|[*×]{{1,2}}|[xX]{{2}})(?![种些个天日月年地处家时次段项样件位])|[{_ALL_SURNAMES}]某某|(?:{_COMPOUNDS})某{{1,2}}"
)
_NEXT_NAME: Final = re.compile(r"(?:\([^()\n]{1,12}\))?(?:[ \t]*[、,/;&+和及与][ \t]*|[ \t]{1,3})")
_EPONYM_END: Final = re.compile(r"(?:综合征|氏|畸形|病|征|试验|反应|手术|术|分级|分期|评分|染色|现象|定律|指数|量表|细胞|公式)")
_NO_VALUE: Final = re.compile(
    r"(?:不详|无|未|同|见|如|详|保密|匿名|拒|待|患者|本人|家属|配偶|父|母|儿|女|丈夫|妻|医|护|主任|主治|住院|上级|科|已|否|可|我|您|你|请|均|有|在|为|是|于|对|将|及|并|等|签|系|由|与|电话|手机|姓名|性别|年龄|男|以下|以上|自|一般|今|昨)"
)
_BEFORE_SURNAME_ONLY: Final = {
    "谢": "谢感多致答", "何": "任如为", "关": "有相", "任": "责担曾现兼历主", "方": "对双各我他", "常": "经非通正", "成": "完", "高": "提升酶压偏血增糖脂较很过最更",
    "安": "不平", "平": "水", "万": "千", "明": "说", "解": "了", "祝": "庆", "钱": "花价", "时": "当那及", "路": "走", "曾": "不未",
    "周": "上下本每一两几数半隔", "管": "主分血气尿食输", "施": "实措", "苗": "疫", "康": "健安", "荣": "光", "毕": "完",
    "应": "反", "连": "接", "相": "互", "白": "明", "温": "体", "金": "现资", "石": "结", "水": "喝", "于": "由对关", 
}  # fmt: skip


def name_end(text: str, start: int, sure: bool) -> int | None:
    """Return the end of the Han name that starts at `start`, or None.

    `sure` says that a form field announced the name: then unusual characters and rare surnames are believed.
    """
    family = surname_length(text, start)
    if family == 0 and not (sure and _is_han(text[start : start + 1])):
        return None
    family = family or 1
    if _TITLE.match(text, start + family):
        return None
    best: tuple[int, int] | None = None
    for given in (2, 1):
        end = start + family + given
        strength = _strength(text, start, end, family, sure) if end <= len(text) else 0
        if strength and (best is None or strength > best[0]):
            best = strength, end
    return best[1] if best else None


def _strength(text: str, start: int, end: int, family: int, sure: bool) -> int:
    """Rank a candidate: 0 no name, then by how clearly the text ends it and how usual its characters are."""
    name, given = text[start:end], text[start + family : end]
    if not all(map(_is_han, given)) or name in NOT_NAMES or name[:2] in NOT_NAMES:
        return 0
    hard = _HARD_END.match(text, end) is not None
    if sure and hard:
        return 9
    if given in NOT_NAMES or any(character in UNUSUAL for character in given):
        return 0
    usual = all(character in GIVEN for character in given)
    soft = _SOFT_END.match(text, end) is not None
    if not (hard or soft):
        believed = sure or (family == 2 or name[0] in STRONG and name[0] not in WORDLIKE) and len(given) == 2
        return 2 if believed and usual else 0
    if not sure and family == 1 and name[0] not in STRONG and (name[0] in WORDLIKE or not usual):
        return 0
    if family == 1 and name[0] in WORDLIKE and not usual:
        return 0
    if len(given) == 1 and soft and not hard and not usual and _SOFT_END.match(text, end - 1):
        return 0
    return 3 + hard + 2 * usual + (len(given) == 2)


def name_start(text: str, end: int) -> tuple[int, bool] | None:
    """Return the start of the name that ends at `end` before a title, and whether it is a whole name."""
    for length in (4, 3, 2):
        start = end - length
        if start >= 0 and _is_titled_name(text, start, end):
            return start, True
    family = 2 if text[max(0, end - 2) : end] in COMPOUND else 1
    start = end - family
    if start < 0 or (family == 1 and (text[start] not in STRONG or text[start] in "于关何万")):
        return None
    before = text[start - 1 : start]
    if before and before in _BEFORE_SURNAME_ONLY.get(text[start], ""):
        return None
    if text[max(0, start - 1) : end] in NOT_NAMES or text[start : end + 1] in NOT_NAMES:
        return None
    return start, False


def _is_titled_name(text: str, start: int, end: int) -> bool:
    name = text[start:end]
    family = surname_length(text, start)
    if not all(map(_is_han, name)) or family == 0 or not 1 <= len(name) - family <= 2:
        return False
    given = name[family:]
    if name in NOT_NAMES or name[:2] in NOT_NAMES or given in NOT_NAMES or any(c in UNUSUAL for c in given):
        return False
    at_boundary = start == 0 or not _is_han(text[start - 1]) or text[start - 1] in _LEADS
    usual = all(character in GIVEN for character in given)
    if family == 2:
        return usual or at_boundary
    if name[0] in STRONG and name[0] not in WORDLIKE:
        return usual or at_boundary
    return usual and (at_boundary or (len(given) == 2 and given[0] not in STRONG and name[0] not in _PARTICLES))


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf"


_RULES: Final = ((_JOINED, 0.75, "joined"), (_RELATION, 0.8, "relation"), (_PATIENT, 0.7, "patient"), (_BED, 0.7, "bed"))


class PersonRecognizer(ScanRecognizer):
    """Finds names of patients, relatives and staff by label, relation, title, sex, signature and the dot of long names."""

    ENTITIES = (Entity.PERSON,)

    def scan(self, text: str) -> Iterator[Finding]:
        """Yield names; the same name may come from several rules."""
        yield from self._fields(text)
        for pattern, score, form in _RULES:
            for match in pattern.finditer(text):
                end = name_end(text, match.end(), sure=False)
                if end is not None:
                    yield Finding(Entity.PERSON, match.end(), end, score, form)
        yield from self._titled(text)
        yield from self._beside_sex(text)
        yield from self._dotted(text)
        yield from self._signed(text)
        for match in _MASKED.finditer(text):
            yield Finding(Entity.PERSON, match.start(), match.end(), 0.7, "masked")

    @staticmethod
    def _fields(text: str) -> Iterator[Finding]:
        for match in _FIELD.finditer(text):
            position = match.end()
            sure = match["colon"] is not None
            relation = _RELATION.match(text, position)
            position = relation.end() if relation else position
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
            letters = [character for character in match.group()[start:end] if _is_han(character)]
            if len(letters) >= 3 and sum(c in context.TRANSLITERATION for c in letters) >= 0.7 * len(letters):
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


_LEAD_WORDS: Final = re.compile(r".*(?:患者|病人|患儿|姓名|联系人|家属|丈夫|妻子|爱人|父亲|母亲|儿子|女儿|哥哥|弟弟|姐姐|妹妹|医师|医生|护士|主任|[其之][子女妻夫父母兄弟姐妹]|[其为由与请经之者系是])")
_TAIL_WORDS: Final = re.compile(
    rf"(?:{_any_of([word for word in context.AFTER_NAME if len(word) > 1])}|{_any_of(context.TITLES)}|[因诉在系述称代拟由入出今昨男女行已曾之是有无未被自同陪住]|[于和来与及][其今昨家院医病术])"
)


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
