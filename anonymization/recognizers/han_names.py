"""The shape of names: where a Han name ends after a label, where it starts before a title, how a dotted name is cut.

The decision rests on the surname, on how usual the characters of the given name are, and on what follows the name.
"""

from __future__ import annotations

import re
from typing import Final

from anonymization.lexicon import any_of, words
from anonymization.lexicon import name_context as context
from anonymization.lexicon.given_names import GIVEN, NOT_NAMES, UNUSUAL
from anonymization.lexicon.surnames import COMMON, COMPOUND, STRONG, WORDLIKE, surname_length
from anonymization.recognizers.base import HAN

DOTS: Final = "·•・‧∙"
PARTICLES: Final = frozenset("和于同向从时经由为对到与等应有能可以若常须当及并且给令全")
"""Surnames that running text uses as particles."""
TITLE: Final = re.compile(any_of(context.TITLES))

EPONYM_END: Final = re.compile(
    rf"(?:[{DOTS}][{HAN}]{{1,8}}?)?(?:"
    + any_of(words("综合征 氏 畸形 病 征 试验 反应 手术 术 分级 分期 评分 染色 现象 定律 指数 量表 细胞 公式"))
    + ")"
)
"""What follows the name of a discoverer: 阿诺德·基亚里|畸形."""

_MASK: Final = re.compile("某{1,2}(?![种些个])|[*×]{1,2}")
_HARD_END: Final = re.compile(rf"[^{HAN}·•・‧.]|[.](?![{HAN}])|$")
_SOFT_END: Final = re.compile(any_of([re.escape(word) for word in context.AFTER_NAME]))
_LEADS: Final = frozenset("请由经示邀随科院房日代室组向")
_NOUNS: Final = frozenset([*context.TITLES, "家属", "电话", "手机", "身份"])
_PLAIN_TITLES: Final = frozenset({"医生", "医师", "护士"})
_NEVER_ALONE: Final = frozenset("于关何万")
_WORD_BEFORE: Final = {
    pair[0]: frozenset(pair[2:])
    for pair in words(
        """
        谢:谢感多致答 何:任如为 关:有相 任:责担曾现兼历主 方:对双各我他 常:经非通正 成:完
        高:提升酶压偏血增糖脂较很过最更 安:不平 平:水 万:千 明:说 解:了理 祝:庆 钱:花价 时:当那及 路:走 曾:不未
        周:上下本每一两几数半隔 管:主分血气尿食输 施:实措 苗:疫 康:健安 荣:光 毕:完 应:反 连:接 相:互 白:明 温:体
        区:社院病辖地城郊市校 金:现资 石:结 水:喝 于:由对关
        """
    )
}
"""Characters that make a word with the surname behind them (谢谢|医生, 疫苗|医生), so that it is no surname there."""
_LEAD_WORDS: Final = re.compile(
    rf".*(?:{any_of([*context.RELATIVES, *context.PATIENTS])}|姓名|联系人|医师|医生|护士|主任"
    r"|[其之][子女妻夫父母兄弟姐妹]|[其为由与请经之者系是])"
)
_TAIL_WORDS: Final = re.compile(
    rf"(?:{any_of([re.escape(word) for word in context.AFTER_NAME if len(word) > 1])}|{any_of(context.TITLES)}"
    r"|[因诉在系述称代拟由入出今昨男女行已曾之是有无未被自同陪住]|[于和来与及][其今昨家院医病术])"
)


def name_end(text: str, start: int, sure: bool) -> int | None:
    """Return the end of the Han name that starts at `start`, or None.

    `sure` says that a form field announced the name: then unusual characters and rare surnames are believed.
    """
    family = surname_length(text, start)
    if family == 0 and not (sure and is_han(text[start : start + 1])):
        return None
    family = family or 1
    if TITLE.match(text, start + family):
        return None
    masked = _MASK.match(text, start + family)
    if masked is not None:
        return masked.end()
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
    if not all(map(is_han, given)) or name in NOT_NAMES:
        return 0
    hard = _HARD_END.match(text, end) is not None
    if sure and hard:
        return 9
    starts_as_word = family == 1 and name[:2] in NOT_NAMES
    if starts_as_word or any(character in UNUSUAL for character in given):
        return 0
    after = _SOFT_END.match(text, end)
    soft = after is not None
    usual = _is_usual(given, after.group() if after else "")
    if given in NOT_NAMES and not usual:
        return 0
    strong = family == 2 or name[0] in STRONG
    if not (hard or soft):
        believed = sure or (strong and len(given) == 2 and name[0] not in PARTICLES)
        return 2 if believed and usual else 0
    clear = usual and (hard or (len(given) == 2 and after is not None and len(after.group()) > 1))
    doubtful = not clear and not sure and not strong and (name[0] in WORDLIKE or not usual)
    doubtful = doubtful or (family == 1 and name[0] in WORDLIKE and not usual)
    ends_in_word = len(given) == 1 and not usual and _SOFT_END.match(text, end - 1) is not None
    runs_on = ends_in_word and not hard and not (after and len(after.group()) > 1)
    return 0 if doubtful or runs_on else 3 + hard + 2 * usual + (len(given) == 2)


def _is_usual(given: str, after: str) -> bool:
    """Tell whether a given name is usual; one that ends in 和 or 有 is, when a verb follows it and not another noun."""
    if len(given) == 2 and given[1] in "和有" and len(after) > 1 and after not in _NOUNS:
        given = given[0]
    return all(character in GIVEN for character in given)


def name_start(text: str, end: int) -> tuple[int, bool] | None:
    """Return the start of the name that ends at `end` before a title, and whether it is a whole name."""
    for length in (4, 3, 2):
        start = end - length
        if start >= 0 and _is_titled_name(text, start, end):
            return start, True
    family = 2 if text[max(0, end - 2) : end] in COMPOUND else 1
    start = end - family
    if start < 0 or (family == 1 and not _is_alone(text, start)):
        return None
    is_word = text[max(0, start - 1) : start] in _WORD_BEFORE.get(text[start], ())
    if is_word or text[max(0, start - 1) : end] in NOT_NAMES or text[start : end + 1] in NOT_NAMES:
        return None
    return start, False


def _is_alone(text: str, start: int) -> bool:
    """Tell whether one character before a title is a surname: a strong one, or any other at the start of its phrase."""
    surname, title = text[start], text[start + 1 : start + 3]
    if surname in STRONG:
        return surname not in _NEVER_ALONE
    opens = start == 0 or not is_han(text[start - 1]) or text[start - 1] in _LEADS
    return opens and title in _PLAIN_TITLES and surname in COMMON and surname not in WORDLIKE


def acting_name_start(text: str, end: int) -> int | None:
    """Return the start of the whole name that ends at `end` before an act such as 查房."""
    for length in (4, 3, 2):
        start = end - length
        if start >= 0 and (text[start] in STRONG or length > 3) and _is_titled_name(text, start, end):
            given = text[start + surname_length(text, start) : end]
            if all(character in GIVEN for character in given):
                return start
    return None


def _is_titled_name(text: str, start: int, end: int) -> bool:
    name = text[start:end]
    family = surname_length(text, start)
    given = name[family:]
    if family == 0 or len(given) not in (1, 2) or not all(map(is_han, name)):
        return False
    usual = all(character in GIVEN for character in given)
    is_word = name in NOT_NAMES or (given in NOT_NAMES and not usual) or (family == 1 and name[:2] in NOT_NAMES)
    if is_word or any(character in UNUSUAL for character in given):
        return False
    at_boundary = start == 0 or not is_han(text[start - 1]) or text[start - 1] in _LEADS
    if family == 2 or (name[0] in STRONG and name[0] not in WORDLIKE):
        return usual or at_boundary
    cannot_be_particle = len(given) == 2 and surname_length(given) == 0
    return usual and (at_boundary or cannot_be_particle)


def is_han(character: str) -> bool:
    """Tell whether a character is a Han character of the basic block or extension A."""
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf"


def trim_dotted(name: str) -> tuple[int, int]:
    """Cut words that run into a dotted name on either side (患者|阿依古丽·买买提|因); return its place in `name`."""
    places = [place for place, character in enumerate(name) if character in DOTS]
    if not places:
        return 0, 0
    lead = _LEAD_WORDS.match(name[: places[0]])
    start = lead.end() if lead and lead.end() < places[0] else 0
    tail = _TAIL_WORDS.search(name, places[-1] + 2)
    return start, tail.start() if tail else len(name)
