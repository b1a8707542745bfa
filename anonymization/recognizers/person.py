"""Names in Chinese clinical text, by what stands around them: labels, relations, titles, sex and age, signatures.

A name without any of these is found by the model (`person_model`), by `known` (the patient, relatives and staff are
known by name) and by same-name propagation. Tables: `lexicon.surnames`, `lexicon.given_names`, `lexicon.name_context`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from anonymization.entities import Entity
from anonymization.lexicon import any_of, words
from anonymization.lexicon import name_context as context
from anonymization.lexicon.given_names import GIVEN, NOT_NAMES, UNUSUAL
from anonymization.lexicon.surnames import COMMON, COMPOUND, RARE, STRONG, surname_length
from anonymization.lexicon.traditional import simplified
from anonymization.recognizers.base import HAN, Finding, ScanRecognizer, matches_near
from anonymization.recognizers.han_names import (
    DOTS,
    EPONYM_END,
    PARTICLES,
    TITLE,
    acting_name_start,
    is_han,
    name_end,
    name_start,
    trim_dotted,
)
from anonymization.recognizers.name_phrases import names_in_phrases
from anonymization.recognizers.person_model import NameModel

_SPACED: Final = words("姓名 签名 签字 联系人 患者 记录 记录者 审核 报告者 医师 术者 助手 监护人 家属")
_LABELS: Final = [*context.FIELD_LABELS, *(r"[ \t]{1,8}".join(label) for label in _SPACED)]
_FIELD: Final = re.compile(
    rf"(?:{any_of(_LABELS)})(?:\((?:签[名字章]|手写|[{HAN}]{{1,4}})\))?(?:签[名字])?[ \t]{{0,4}}"
    rf"(?P<colon>[】\]]?[ \t]{{0,2}}[:】\]][ \t]{{0,6}})?(?<=[ \t:】\]])(?=[{HAN}])"
)
_VALUE: Final = re.compile(rf"[ \t:】\]](?=[{HAN}])")
"""Right before the value of a field."""
_JOINED: Final = re.compile(rf"(?:{any_of(context.JOINED_LABELS)})(?=[{HAN}])")
_KIN: Final = f"[{context.SHORT_RELATIVES}]"
_RELATION: Final = re.compile(
    rf"(?:{any_of(context.RELATIVES)}|其{_KIN}|之{_KIN}|者{_KIN}|者的{_KIN})"
    rf"(?:\([{HAN}]{{1,6}}\))?[ :(\"“]{{0,2}}(?=[{HAN}])"
)
_SHORT_RELATION: Final = re.compile(rf"{_KIN}(?<=[;,。、( \t].)[ :(]{{0,2}}(?=[{HAN}])")
_PATIENT: Final = re.compile(rf"(?:{any_of(context.PATIENTS)})[ \"“]?(?=[{HAN}])")
_PATIENT_AND_SEX: Final = re.compile(
    rf"(?:{any_of(context.PATIENTS)})[ :\"“]{{0,2}}(?P<v>[{HAN}]{{2,4}})[\"”]?[ ,、(]{{1,2}}"
    r"(?=[男女](?:性|士)?[,、;。)\d ])"
)
_NO_PATIENT: Final = words("高龄 成年 农民 本人 家属 门诊 住院 急诊 平素 既往")
_BED: Final = re.compile(rf"[\d床](?:(?<=\d)床|(?<=床)号?:?[ ]?\d{{1,3}})[ \t,:]{{0,2}}(?=[{HAN}])")
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
_DOT: Final = re.compile(f"[{DOTS}]")
_HYPHENATED: Final = re.compile(rf"(?<![{HAN}])[{HAN}]{{1,3}}-$|[让][-]$")
_DATED: Final = r"(?:19|20)\d{2}[-年./]"
_SIGNED: Final = re.compile(
    rf"(?m)(?:(?<=\d)[ \t]{{1,40}}|(?<![ \t])[ \t]{{2,200}}|^[ \t]{{0,40}}"
    rf"|(?<=[。;])[ \t]{{0,40}}(?=[{HAN}]{{2,3}}[ \t]{{0,40}}$)"
    rf"|[ \t\"“](?=[{HAN}]{{2,4}}[ \t]{{1,40}}(?:{_DATED}|\d{{1,3}}床)))"
    rf"(?P<v>[{HAN}]{{2,4}}(?:[ \t]{{0,40}}/[ \t]{{0,40}}[{HAN}]{{2,4}}){{0,3}})"
    rf"(?=[ \t]{{0,40}}(?:$|{_DATED}|\d{{1,3}}床)|[,、][ \t]{{0,40}}(?:门诊号|住院号|病案号|病历号|身份证|电话|床号))"
)
_BEFORE_SIGNED: Final = re.compile(
    rf"(?m)[ \t\"“\n。;](?=[ \t]{{0,200}}[{HAN}]{{2,4}}(?:[ \t]{{0,40}}(?:/|$|\d)|[,、]))"
)
"""Where a signature begins, or the mark right before it."""
_SINGLE: Final = "".join(sorted(STRONG - frozenset("关于万应明时成")))
_MASKED: Final = re.compile(
    rf"[{_SINGLE}](?:某(?!某)|[*×]{{1,2}}|[xX]{{2}})(?![种些个天日月年地处家时次段项样件位])"
    rf"|[{''.join(sorted((COMMON | RARE) - PARTICLES))}]某某|(?:{any_of(set(COMPOUND))})某{{1,2}}"
)
_NICKNAME: Final = re.compile(
    "[老小阿](?:(?<=[老小])(?<![从幼大胆较缩变细微最很太稍略偏极弱渺矮狭窄短].)(?:[王李张刘陈杨赵周吴徐孙胡朱郭罗梁宋郑谢韩唐冯董曹袁邓许彭吕苏卢蒋蔡贾魏薛潘杜戴钟汪姜谭廖邹熊陆郝崔邱秦侯邵孟])"
    "(?=[,。!?;:、 ]|$|[说诉问讲来昨今叫让是也就又还在]|同志|护士|医生|大夫|师傅|先生|女士|家)"
    rf"|(?<=阿)(?:(?<![{HAN}].)|(?<=[叫喊找跟和我问].))[强明华芳珍英玲兰梅花辉军伟杰龙虎红霞娟萍莲凤燕琴芬珠娇娣](?![西莫司托奇昔]))"
)
_BEFORE_NUMBER: Final = re.compile(
    rf"(?<![{HAN}])(?P<v>[{HAN}]{{2,4}})"
    rf"(?=[ \t]{{0,40}}[,、/ ][ \t]{{0,40}}(?:[A-Z]{{0,4}}\d{{6,}}|(?:门诊|住院|病案|病历|登记)号))"
)
_MASK: Final = re.compile("[某*×xX](?:(?<![xX])|[xX])")
_NUMBER_BEHIND: Final = re.compile(r"[,、/ ](?=[ \t]{0,40}(?:[A-Z]{0,4}\d{6}|(?:门诊|住院|病案|病历|登记)号))")
_BLANK: Final = ' \t"“'
_NEXT_NAME: Final = re.compile(r"(?:\([^()\n]{1,12}\))?(?:[ \t]{0,40}[、,/;&+和及与][ \t]{0,40}|[ \t]{1,3})")
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
    """Finds names of patients, relatives and staff by label, relation, title, sex, signature and the dot in a name.

    With `model` (the default) it also finds names that nothing announces; see `person_model`.
    """

    ENTITIES = (Entity.PERSON,)

    def __init__(self, supported_language: str = "zh", *, model: bool = True, **settings: Any) -> None:
        self._model = NameModel() if model else None
        super().__init__(supported_language, **settings)

    def scan(self, text: str) -> Iterator[Finding]:
        """Yield names; the same name may come from several rules."""
        text = simplified(text)
        found = list(self._by_rules(text))
        yield from found
        if self._model is not None:
            yield from self._model.find(text, ((finding.start, finding.end) for finding in found))

    def _by_rules(self, text: str) -> Iterator[Finding]:
        yield from self._fields(text)
        for pattern, score, form in _RULES:
            for match in pattern.finditer(text):
                end = name_end(text, match.end(), sure=False)
                if end is None and form == "relation" and self._model is not None:
                    end = self._model.given_end(text, match.end())
                if end is not None:
                    yield Finding(Entity.PERSON, match.end(), end, score, form)
        for match in _PATIENT_AND_SEX.finditer(text):  # 患者黄芪,女: whatever the word means elsewhere
            if surname_length(text, match.start("v")) and match["v"] not in _NO_PATIENT:
                yield Finding(Entity.PERSON, match.start("v"), match.end("v"), 0.85, "patient")
        yield from self._titled(text)
        for match in _ACT.finditer(text):
            actor = acting_name_start(text, match.start())
            if actor is not None:
                yield Finding(Entity.PERSON, actor, match.start(), 0.7, "act")
        yield from self._beside_sex(text)
        yield from self._dotted(text)
        yield from self._signed(text)
        yield from names_in_phrases(text)
        for match in _NICKNAME.finditer(text):
            yield Finding(Entity.PERSON, match.start(), match.end(), 0.65, "nickname")
        for match in matches_near(_MASKED, text, _MASK, 2, 5):
            yield Finding(Entity.PERSON, match.start(), match.end(), 0.7, "masked")

    @staticmethod
    def _fields(text: str) -> Iterator[Finding]:
        for match in matches_near(_FIELD, text, _VALUE, 64, 4):
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
                start -= not whole and text[start - 1 : start] in ("小", "老")
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
        for match in matches_near(_DOTTED, text, _DOT, 8, 34):
            start, end = trim_dotted(match.group())
            if EPONYM_END.match(text, match.end()) or EPONYM_END.search(match.group(), start):
                continue
            letters = [character for character in match.group()[start:end] if is_han(character)]
            if len(letters) >= 3 and sum(c in context.TRANSLITERATION for c in letters) >= 0.7 * len(letters):
                first = match.start() + start
                hyphenated = _HYPHENATED.search(text, max(0, first - 4), first)
                yield Finding(
                    Entity.PERSON, hyphenated.start() if hyphenated else first, match.start() + end, 0.9, "dotted"
                )

    @staticmethod
    def _signed(text: str) -> Iterator[Finding]:
        for match in (*_signatures(text), *matches_near(_BEFORE_NUMBER, text, _NUMBER_BEHIND, 45, 60)):
            position = match.start("v")
            for name in re.split(r"[ \t]*/[ \t]*", match["v"]):
                start = text.index(name, position)
                position = start + len(name)
                if _is_usual_name(name):
                    yield Finding(Entity.PERSON, start, position, 0.7, "signed")


def _signatures(text: str) -> Iterator[re.Match[str]]:
    """Yield the matches of `_SIGNED`, as `finditer` does, but try only where one may begin."""
    free = 0
    for place in (0, *(hint.end() - (hint.group() in _BLANK) for hint in _BEFORE_SIGNED.finditer(text))):
        match = _SIGNED.match(text, place) if place >= free else None
        if match is not None:
            yield match
            free = match.end()


def _is_usual_name(name: str) -> bool:
    given = name[surname_length(name) :]
    return len(given) in (1, 2) and given != name and name not in NOT_NAMES and all(c in GIVEN for c in given)
