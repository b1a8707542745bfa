"""The written forms of dates, one table that both the recognizer and the date shift read.

A form is a pattern with groups y, m, d (d2 for the end of a range in the same month) and says how to write a moved date
back with the same separators, padding and numerals. Durations ("反复咳嗽3月余") and relative words ("昨日",
"术后第3天", "农历三月初五") are no forms: they stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from anonymization.lexicon import any_of

_E = r"(?![0-9A-Za-z])"
_YEAR = r"(?P<y>(?:1(?<![0-9A-Za-z]1)9|2(?<![0-9A-Za-z]2)0)\d{2})"
_NUMBERED_YEAR = r"(?P<y>(?:1(?<!\d1)9|2(?<!\d2)0)\d{2})"
_ANY_YEAR = r"(?P<y>\d(?<![0-9A-Za-z]\d)\d(?:\d\d)?)"
_MONTH = r"(?P<m>0?[1-9]|1[0-2])"
_FIRST_MONTH = r"(?P<m>\d(?<![0-9A-Za-z]\d)\d?)"
# Patterns start with a plain character class and look behind from its second place: the scan then skips other text.
_DAY = r"(?P<d>0?[1-9]|[12]\d|3[01])"
_DAY_2 = r"(?P<d2>0?[1-9]|[12]\d|3[01])"
_HAN_DIGIT = "零〇○一二三四五六七八九"
_HAN_MONTH = "(?P<m>正|十[一二]?|[一二三四五六七八九])"
_HAN_DAY = "(?P<d>初?[一二三四五六七八九]|初十|[二三]?十[一二三四五六七八九]?|廿[一二三四五六七八九]?)"
_RANGE = rf"(?:(?:\s?[日号])?\s{{0,2}}(?:至|到|~|-|—|–|、)\s{{0,2}}{_DAY_2}(?=\s?[日号]))?"
_NAMES: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_SHORT: Final = tuple(name[:3] for name in _NAMES)
_ENGLISH_NEEDS: Final = (*_SHORT, *map(str.upper, _SHORT))
_SPELLINGS: Final = [spelling for name in _NAMES for spelling in (name, name.upper(), name[:3], name[:3].upper())] + [
    "Sept"
]
_ENGLISH = f"(?P<m>{any_of(_SPELLINGS)})"

TIME: Final = re.compile(
    r"(?:(?:上午|下午|中午|晚上?|夜间?|凌晨|清晨|早上?|早晨|傍晚|午后|[AaPp][Mm])[ ]?)?"
    r"(?:[01]?\d|2[0-4])(?:[ ]?:[ ]?[0-5]\d(?:[ ]?:[ ]?[0-5]\d(?:\.\d{1,6})?)?"
    r"|[ ]?[时点](?:整|半|(?:[ ]?[0-5]?\d分?(?:[0-5]?\d秒)?))?)"
    r"(?:[ ]?(?:[AaPp][Mm]|Z|[+-]\d{2}:?\d{2}))?(?![0-9A-Za-z])"
)
"""A time of day. Behind a date it belongs to it; a shift by whole days leaves it as it is."""
TIME_TAIL: Final = re.compile(rf"(?:[ \t]{{0,2}}|T|,[ ]?)(?:{TIME.pattern})")
SPOKEN_TIME: Final = re.compile(
    r"(?:(?:上午|下午|中午|晚上|凌晨|清晨|早上|早晨|傍晚)[ ]?(?:[01]?\d|2[0-4]|十[一二]?|[一二三四五六七八九])[ ]?"
    r"(?:[时点](?:整|半|[ ]?[0-5]?\d分?)?|:[0-5]\d)"
    r"|(?:[01]\d|2[0-4]|\d)(?<![0-9A-Za-z.]\d)(?<![0-9A-Za-z.]\d\d)[ ]?[时点][ ]?[0-5]?\d[ ]?分(?!钟))"
)
"""A time of day in words, where it stands alone."""
TIME_MARKS: Final = ":时点"
"""A time of day holds one of them."""
YEAR_WORDS: Final = {"今年": 0, "本年": 0, "当年": 0, "去年": -1, "上年": -1, "前年": -2, "明年": 1}


@dataclass(frozen=True)
class DateForm:
    """One written form: its pattern, how sure it is a date, and a cheap test for texts that cannot hold it."""

    name: str
    pattern: re.Pattern[str]
    score: float
    needs: tuple[str, ...] = ()

    @cached_property
    def kind(self) -> str:
        """What a date of this form holds: 年 or 月 behind digits, Han numerals or words, English months, or digits."""
        if self.needs == _ENGLISH_NEEDS:
            return "english"
        if self.name.startswith("han "):
            return "numerals"
        if self.name.startswith("word"):
            return "words"
        return "han" if self.needs in {("年",), ("月",)} else "digits"

    @property
    def padded(self) -> bool:
        """Whether the form, when the text does not show it, writes months and days with two digits."""
        return "月" not in self.pattern.pattern and self.name[0] in "ym" and self.name != "month d, y"


def _form(name: str, pattern: str, score: float, needs: tuple[str, ...] = ()) -> DateForm:
    return DateForm(name, re.compile(pattern), score, needs)


_ACTS = (
    "入院|出院|住院|转院|转入|转科|就诊|门诊|急诊|复诊|复查|来院|来我院|返院|我院|外院|在外院|在我院|当地|行|查|做"
    "|术|手术|化验|检查|检验|开始|起|发病|发热|确诊|诊断|随访|分娩|死亡"
)
_PAIR_DAY = r"(?P<d>0[1-9]|[12]\d|3[01])"
_PAIR_MONTH = r"(?P<m>0[1-9]|1[0-2])"
_YEAR_WORD = rf"(?P<w>{any_of(YEAR_WORDS)})"
_ORDINAL_END = "(?:st|nd|rd|th)?"
_NO_COUNT = r"(?<![./年余个约]\d)(?<![./年余个约]\d\d)"
_PART_OF_MONTH = "(?=份|初|底|末|中旬|上旬|下旬)"
_GOES_ON = r"(?=\s?(?:在|于|至|因|行|出|入|曾|开始|起|发现|诊|[-~—]\s?(?:19|20)))"
_HAN_YEAR = f"(?P<y>[{_HAN_DIGIT}]{{4}}|[{_HAN_DIGIT}]{{2}})"

FORMS: Final = (
    _form("y年m月d日", rf"{_ANY_YEAR}\s?年\s?{_MONTH}\s?月\s?{_DAY}{_RANGE}(?:\s?[日号]|(?!\d))", 0.95, ("年",)),
    _form(
        "y-m-d",
        rf"{_NUMBERED_YEAR}(?P<s>\s?(?:[-/.—]|-{{2,3}}|——)\s?){_MONTH}(?P=s){_DAY}"
        r"(?:(?=(?:[01]\d|2[0-3]):[0-5]\d)|(?!\d|[A-SU-Za-z]|[-/.]\d))",
        0.95,
    ),
    _form("y.m.d.loose", rf"{_YEAR}[-/.、]{_MONTH}[-/.、]{_DAY}日?(?!\d|[-/.]\d)", 0.7),
    _form("yyyymmdd", rf"{_YEAR}{_PAIR_MONTH}{_PAIR_DAY}(?:(?=\d{{4,6}}{_E})|{_E}(?!\s?[-/]))", 0.6),
    _form("y年m月", rf"{_ANY_YEAR}\s?年\s?{_MONTH}\s?月(?!\s?\d)", 0.9, ("年",)),
    _form("han y年m月d日", rf"{_HAN_YEAR}年{_HAN_MONTH}月(?:{_HAN_DAY}[日号])?", 0.9, ("年",)),
    _form("han y年 m月d日", rf"{_HAN_YEAR}年{_MONTH}月(?:{_DAY}[日号])?", 0.9, ("年",)),
    _form("word年m月d日", rf"{_YEAR_WORD}\s?{_MONTH}\s?月\s?{_DAY}\s?[日号]", 0.95, ("年",)),
    _form("m月d日", rf"{_FIRST_MONTH}\s?月\s?{_DAY}{_RANGE}\s?[日号]", 0.9, ("月",)),
    _form(
        "m月d", rf"{_FIRST_MONTH}(?<![./]\d)(?<![./]\d\d)月{_DAY}(?=[,。;、)\s]|$)(?!\s{{0,20}}[天日次])", 0.55, ("月",)
    ),
    _form("word年m月", rf"{_YEAR_WORD}\s?{_MONTH}\s?月(?!\s?\d)", 0.85, ("年",)),
    _form("m月份", rf"{_FIRST_MONTH}{_NO_COUNT}\s?月{_PART_OF_MONTH}", 0.8, ("月",)),
    _form("y-m", rf"{_YEAR}(?P<s>[-/]){_PAIR_MONTH}(?![0-9A-Za-z]|[-/.]\d)", 0.7, ("-", "/")),
    _form("y.m", rf"{_YEAR}(?P<s>\.)(?P<m>0?[1-9]|1[0-2]){_GOES_ON}", 0.6, (".",)),
    _form(
        "m-d h:m",
        rf"(?P<m>[01](?<![0-9A-Za-z./\-][01])\d)(?P<s>[-/]){_PAIR_DAY}(?=\s\d{{1,2}}:\d{{2}})",
        0.8,
        (":",),
    ),
    _form(
        "yy-m-d",
        rf"(?:日期|时间|签名|签字|于|[:'’])\s?(?P<v>(?P<y>\d{{2}})(?P<s>[-/.]){_MONTH}(?P=s){_DAY})(?![0-9A-Za-z%]|[-/.]\d)",
        0.6,
    ),
    _form(
        "yy-mm-dd",
        rf"(?P<y>\d(?<![0-9A-Za-z./\-]\d)\d)(?P<s>[-/.]){_PAIR_MONTH}(?P=s){_PAIR_DAY}(?![0-9A-Za-z%]|[-/.]\d)",
        0.6,
        ("-", "/", "."),
    ),
    _form(
        "m.d",
        rf"(?:[于自从至到今昨,;。(]|日期:|(?<![^\n]))[ ]?(?P<v>(?P<m>0?[1-9]|1[0-2])(?P<s>[./]){_DAY})"
        rf"(?=日?[ ]?(?:{_ACTS}))",
        0.6,
        (".", "/"),
    ),
    _form("han m月d日", rf"(?<![{_HAN_DIGIT}十百个年农历]){_HAN_MONTH}月{_HAN_DAY}[日号]", 0.85, ("月",)),
    _form(
        "month d, y",
        rf"{_ENGLISH}\.?\s{{1,2}}{_DAY}{_ORDINAL_END}(?:,?\s{{1,2}}{_YEAR})?{_E}",
        0.85,
        _ENGLISH_NEEDS,
    ),
    _form(
        "d month y",
        rf"(?P<d>\d(?<![0-9A-Za-z]\d)\d?){_ORDINAL_END}[\s\-]{{1,2}}{_ENGLISH}\.?,?[\s\-]{{1,2}}(?P<y>(?:19|20)\d{{2}}){_E}",
        0.85,
        _ENGLISH_NEEDS,
    ),
    _form("month y", rf"{_ENGLISH}\.?,?\s{{1,2}}(?P<y>(?:19|20)\d{{2}}){_E}", 0.75, _ENGLISH_NEEDS),
    _form(
        "m/d/y", rf"{_FIRST_MONTH}/(?P<d>0?[1-9]|[12]\d|3[01])/(?P<y>(?:19|20)\d{{2}})(?![0-9A-Za-z/])", 0.85, ("/",)
    ),
    _form(
        "d/m/y",
        rf"(?P<d>\d(?<![0-9A-Za-z]\d)(?<!\d[./\-]\d)\d?)(?P<s>[./\-]){_MONTH}(?P=s)(?P<y>(?:19|20)\d{{2}})(?![0-9A-Za-z/])",
        0.7,
    ),
)
"""Every form that the recognizer looks for and the shift can write back."""


_HAN_MARKS: Final = ("年", "月")
_HAN_KINDS: Final = frozenset({"han", "numerals", "words"})


def forms_for(surface: str) -> Iterator[DateForm]:
    """Yield, in their order, the forms that a written date may have by the letters that it holds."""
    is_han = any(mark in surface for mark in _HAN_MARKS)
    for form in FORMS:
        if form.needs[0] in surface if form.kind in _HAN_KINDS else not is_han:
            yield form


def month_of(text: str) -> int:
    """Return the month 1..12 that a written month means, in digits, Han numerals or English; ValueError otherwise."""
    if text.isdigit() and text.isascii():
        return int(text)
    if text[0].isascii():
        return next(number for number, name in enumerate(_NAMES, 1) if name.lower().startswith(text[:3].lower()))
    return 1 if text == "正" else han_to_int(text)


def english_month(month: int, like: str) -> str:
    """Return the English name of a month, short or whole as `like` is written."""
    name = _NAMES[month - 1]
    return name if len(like) > 4 or like.lower() in {"june", "july"} else name[:3]


def han_to_int(text: str) -> int:
    """Read a Han numeral below 100 (三, 十二, 廿五, 初五) or a digit string (二〇二六); ValueError otherwise."""
    text = text.removeprefix("初").replace("廿", "二十").replace("○", "〇").replace("零", "〇")
    if "十" in text:
        tens, _, ones = text.partition("十")
        return (_han_digit(tens) if tens else 1) * 10 + (_han_digit(ones) if ones else 0)
    value = 0
    for character in text:
        value = value * 10 + _han_digit(character)
    return value


def int_to_han(value: int) -> str:
    """Write 1..99 as a Han numeral."""
    digits = "〇一二三四五六七八九"
    tens, ones = divmod(value, 10)
    if tens == 0:
        return digits[ones]
    return ("" if tens == 1 else digits[tens]) + "十" + (digits[ones] if ones else "")


def year_to_han(year: int, width: int) -> str:
    """Write the last `width` digits of a year as Han digits."""
    return "".join("〇一二三四五六七八九"[int(digit)] for digit in f"{year:04d}"[-width:])


def _han_digit(character: str) -> int:
    value = "〇一二三四五六七八九".find(character)
    if value < 0 or len(character) != 1:
        raise ValueError("not a Han numeral")
    return value
