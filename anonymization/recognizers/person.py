"""Names in Chinese clinical text, by what stands around them: labels, relations, titles, sex and age, signatures.

A name without any of these is found by `known` (the patient, relatives and staff are known by name) and by same-name
propagation. Tables: `lexicon.surnames`, `lexicon.given_names`, `lexicon.name_context`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from anonymization.entities import Entity
from anonymization.lexicon import any_of, words
from anonymization.lexicon import name_context as context
from anonymization.lexicon.given_names import GIVEN, NOT_NAMES, UNUSUAL
from anonymization.lexicon.surnames import COMMON, COMPOUND, RARE, STRONG, surname_length
from anonymization.recognizers.base import HAN, Finding, ScanRecognizer
from anonymization.recognizers.han_names import (
    DOTS,
    PARTICLES,
    TITLE,
    acting_name_start,
    is_han,
    name_end,
    name_start,
    trim_dotted,
)

_SPACED: Final = words("姓名 签名 签字 联系人 患者 记录 记录者 审核 报告者 医师 术者 助手 监护人 家属")
_LABELS: Final = [*context.FIELD_LABELS, *(r"[ \t]{1,8}".join(label) for label in _SPACED)]
_FIELD: Final = re.compile(
    rf"(?:{any_of(_LABELS)})(?:\((?:签[名字章]|手写|[{HAN}]{{1,4}})\))?(?:签[名字])?[ \t]{{0,4}}"
    rf"(?P<colon>[】\]]?[ \t]{{0,2}}[:】\]][ \t]{{0,6}})?(?<=[ \t:】\]])(?=[{HAN}])"
)
_JOINED: Final = re.compile(rf"(?:{any_of(context.JOINED_LABELS)})(?=[{HAN}])")
_KIN: Final = f"[{context.SHORT_RELATIVES}]"
_RELATION: Final = re.compile(
    rf"(?:{any_of(context.RELATIVES)}|其{_KIN}|之{_KIN}|者{_KIN}|者的{_KIN})"
    rf"(?:\([{HAN}]{{1,6}}\))?[ :(\"“]{{0,2}}(?=[{HAN}])"
)
_SHORT_RELATION: Final = re.compile(rf"{_KIN}(?<=[;,。、( \t].)[ :(]{{0,2}}(?=[{HAN}])")
_PATIENT: Final = re.compile(rf"(?:{any_of(context.PATIENTS)})[ \"“]?(?=[{HAN}])")
_BED: Final = re.compile(rf"(?:\d床|床号?:?[ ]?\d{{1,3}})[ \t,:]{{0,2}}(?=[{HAN}])")
_RULES: Final = (
    (_JOINED, 0.75, "joined"),
    (_RELATION, 0.8, "relation"),
    (_SHORT_RELATION, 0.75, "relation"),
    (_PATIENT, 0.7, "patient"),
    (_BED, 0.7, "bed"),
)
_ACT: Final = re.compile(any_of(words("查房 会诊 阅片 主刀 代签 书写 主持 签发")))
_SEX: Final = re.compile(r"[男女](?:性|士)?(?:\)|[,、。;: \t]|(?=\d))")
_DOTTED: Final = re.compile(rf"[{HAN}]{{1,8}}(?:[{DOTS}][{HAN}]{{1,10}}){{1,3}}")
_DATED: Final = r"(?:19|20)\d{2}[-年./]"
_SIGNED: Final = re.compile(
    rf"(?m)(?:(?<=\d)[ \t]{{1,40}}|(?<![ \t])[ \t]{{2,200}}|^[ \t]{{0,40}}"
    rf"|(?<=[。;])[ \t]{{0,40}}(?=[{HAN}]{{2,3}}[ \t]{{0,40}}$)"
    rf"|[ \t\"“](?=[{HAN}]{{2,4}}[ \t]{{1,40}}(?:{_DATED}|\d{{1,3}}床)))"
    rf"(?P<v>[{HAN}]{{2,4}}(?:[ \t]{{0,40}}/[ \t]{{0,40}}[{HAN}]{{2,4}}){{0,3}})"
    rf"(?=[ \t]{{0,40}}(?:$|{_DATED}|\d{{1,3}}床)|[,、][ \t]{{0,40}}(?:门诊号|住院号|病案号|病历号|身份证|电话|床号))"
)
_SINGLE: Final = "".join(sorted(STRONG - frozenset("关于万应明时成")))
_MASKED: Final = re.compile(
    rf"[{_SINGLE}](?:某(?!某)|[*×]{{1,2}}|[xX]{{2}})(?![种些个天日月年地处家时次段项样件位])"
    rf"|[{''.join(sorted((COMMON | RARE) - PARTICLES))}]某某|(?:{any_of(set(COMPOUND))})某{{1,2}}"
)
_BEFORE_NUMBER: Final = re.compile(
    rf"(?<![{HAN}])(?P<v>[{HAN}]{{2,4}})"
    rf"(?=[ \t]{{0,40}}[,、/ ][ \t]{{0,40}}(?:[A-Z]{{0,4}}\d{{6,}}|(?:门诊|住院|病案|病历|登记)号))"
)
_MASKS: Final = ("某", "*", "×", "xx", "XX")
_NEXT_NAME: Final = re.compile(r"(?:\([^()\n]{1,12}\))?(?:[ \t]{0,40}[、,/;&+和及与][ \t]{0,40}|[ \t]{1,3})")
_EPONYM_END: Final = re.compile(
    any_of(words("综合征 氏 畸形 病 征 试验 反应 手术 术 分级 分期 评分 染色 现象 定律 指数 量表 细胞 公式"))
)
_NO_VALUE: Final = re.compile(
    any_of(
        words(
            """
            不详 无 未 同 见 如 详 保密 匿名 拒 待 患者 本人 家属 配偶 父 母 儿 女 丈夫 妻 医 护 主任 主治 住院 上级
            科 已 否 可 我 您 你 请 均 有 在 为 是 于 对 将 及 并 等 签 系 由 与 电话 手机 姓名 性别 年龄 男 以下 以上
            自 一般 今 昨
            """
        )
    )
)


class PersonRecognizer(ScanRecognizer):
    """Finds names of patients, relatives and staff by label, relation, title, sex, signature and the dot in a name."""

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
        for match in _ACT.finditer(text):
            actor = acting_name_start(text, match.start())
            if actor is not None:
                yield Finding(Entity.PERSON, actor, match.start(), 0.7, "act")
        yield from self._beside_sex(text)
        yield from self._dotted(text)
        yield from self._signed(text)
        for match in _MASKED.finditer(text) if any(mask in text for mask in _MASKS) else ():
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
                following = TITLE.match(text, end)
                separator = _NEXT_NAME.match(text, following.end() if following else end)
                if separator is None:
                    break
                position, sure = separator.end(), False

    @staticmethod
    def _titled(text: str) -> Iterator[Finding]:
        for match in TITLE.finditer(text):
            found = name_start(text, match.start())
            if found is not None:
                start, whole = found
                yield Finding(Entity.PERSON, start, match.start(), 0.85 if whole else 0.75, "title")

    @staticmethod
    def _beside_sex(text: str) -> Iterator[Finding]:
        for match in _SEX.finditer(text):
            end = match.start()
            while end > 0 and match.start() - end < 3 and text[end - 1] in "(,、 \t":
                end -= 1
            for length in (4, 3, 2):
                start = end - length
                if start < 0 or (start > 0 and is_han(text[start - 1])):
                    continue
                family = surname_length(text, start)
                name = text[start:end]
                if family and 1 <= length - family <= 2 and all(map(is_han, name)) and name not in NOT_NAMES:
                    if not any(character in UNUSUAL for character in name[family:]):
                        yield Finding(Entity.PERSON, start, end, 0.85, "sex")
                    break

    @staticmethod
    def _dotted(text: str) -> Iterator[Finding]:
        for match in _DOTTED.finditer(text) if any(dot in text for dot in DOTS) else ():
            if _EPONYM_END.match(text, match.end()) or _EPONYM_END.search(match.group()):
                continue
            start, end = trim_dotted(match.group())
            letters = [character for character in match.group()[start:end] if is_han(character)]
            if len(letters) >= 3 and sum(c in context.TRANSLITERATION for c in letters) >= 0.7 * len(letters):
                yield Finding(Entity.PERSON, match.start() + start, match.start() + end, 0.9, "dotted")

    @staticmethod
    def _signed(text: str) -> Iterator[Finding]:
        for pattern in (_SIGNED, _BEFORE_NUMBER):
            for match in pattern.finditer(text):
                position = match.start("v")
                for name in re.split(r"[ \t]*/[ \t]*", match["v"]):
                    start = text.index(name, position)
                    position = start + len(name)
                    if _is_usual_name(name):
                        yield Finding(Entity.PERSON, start, position, 0.7, "signed")


def _is_usual_name(name: str) -> bool:
    given = name[surname_length(name) :]
    return len(given) in (1, 2) and given != name and name not in NOT_NAMES and all(c in GIVEN for c in given)
