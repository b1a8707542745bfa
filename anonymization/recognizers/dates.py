"""Dates and dates of birth, in every form of `date_forms`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from anonymization.date_forms import FORMS, SPOKEN_TIME, TIME_TAIL, DateForm
from anonymization.entities import Entity
from anonymization.recognizers.base import Finding, ScanRecognizer, windows

_BIRTH_BEFORE: Final = re.compile(
    r"(?:出生(?:日期|年月日?|时间|于)?|生日|生于|诞生于|DOB|[Dd]ate [Oo]f [Bb]irth|[Bb]irth\s?[Dd]ate|[Bb]orn(?: on)?)"
    r"\s{0,2}[】\]]?[:;为是]?\s{0,2}$"
)
_BIRTH_AFTER: Final = re.compile(r"\s{0,2}(?:出生|生人|生于)(?!后)")
_HINTS: Final = {
    "han": re.compile(r"[年月](?<=[0-9零〇○一二三四五六七八九十正今本当去上前明 ].)"),
    "numerals": re.compile("[年月](?<=[零〇○一二三四五六七八九十正].)"),
    "words": re.compile("年(?<=[今本当去上前明].)"),
    "english": re.compile(
        "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
    ),
    "digits": re.compile(
        r"\d(?:\s?[-/.—、]{1,3}\s?\d{1,2}(?:\s?[-/.—、]{1,3}\s?\d|\s\d{1,2}:"
        r"|日?[ ]?[入出住转就门急复来返我外在当行查做术手化检开起发确诊随分死])"
        r"|(?:(?<=1)9|(?<=2)0)\d\d(?:\d\d|[-/.]\d))"
    ),
    "time": re.compile(r"[时点午上晨](?:(?<=[0-9 一二三四五六七八九十].)|\s?[0-9一二三四五六七八九十])"),
}
"""What every find of a kind of form holds: forms are tried around it only."""


class DateRecognizer(ScanRecognizer):
    """Finds dates that name a day or a month of the calendar; durations and relative words are no dates."""

    ENTITIES = (Entity.DATE, Entity.DATE_OF_BIRTH)

    def scan(self, text: str) -> Iterator[Finding]:
        """Yield every date; the same characters come once, from the first form that takes them."""
        around = {kind: windows(text, hint, 24, 30) for kind, hint in _HINTS.items()}
        if not any(around.values()):
            return
        taken = bytearray(len(text))
        for form in FORMS:
            group: int | str = "v" if "v" in form.pattern.groupindex else 0
            for match in _matches(form.pattern, text, around[form.kind]):
                start, end = match.span(group)
                if any(taken[start:end]):
                    continue
                if not _is_plausible(match) or (form.name == "yyyymmdd" and not _exists(match)):
                    continue
                tail = TIME_TAIL.match(text, end) if form.name != "m-d h:m" else None
                end = tail.end() if tail else end
                taken[start:end] = b"\x01" * (end - start)
                yield self._finding(text, start, end, form)
        for match in _matches(SPOKEN_TIME, text, around["time"]):
            if not any(taken[match.start() : match.end()]):
                yield Finding(Entity.DATE, match.start(), match.end(), 0.6, "time")

    @staticmethod
    def _finding(text: str, start: int, end: int, form: DateForm) -> Finding:
        if _BIRTH_BEFORE.search(text[max(0, start - 20) : start]) or _BIRTH_AFTER.match(text, end):
            return Finding(Entity.DATE_OF_BIRTH, start, end, 0.95, form.name)
        return Finding(Entity.DATE, start, end, form.score, form.name)


def _matches(pattern: re.Pattern[str], text: str, around: list[tuple[int, int]]) -> Iterator[re.Match[str]]:
    for first, last in around:
        yield from pattern.finditer(text, first, last)


def _is_plausible(match: re.Match[str]) -> bool:
    groups = match.groupdict()
    month, year = groups["m"], groups.get("y") or "2000"
    if month.isdecimal() and not 1 <= int(month) <= 12:
        return False
    return not year.isdecimal() or len(year) == 2 or 1850 <= int(year) <= 2100


def _exists(match: re.Match[str]) -> bool:
    try:
        date(int(match["y"]), int(match["m"]), int(match["d"]))
    except ValueError:
        return False
    return True
