"""Dates and dates of birth, in every form of `date_forms`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from anonymization.date_forms import FORMS, DateForm
from anonymization.entities import Entity
from anonymization.recognizers.base import Finding, ScanRecognizer

_BIRTH_BEFORE: Final = re.compile(
    r"(?:出生(?:日期|年月日?|时间|于)?|生日|生于|诞生于|DOB|[Dd]ate [Oo]f [Bb]irth|[Bb]irth\s?[Dd]ate|[Bb]orn(?: on)?)"
    r"\s{0,2}[】\]]?[:;为是]?\s{0,2}$"
)
_BIRTH_AFTER: Final = re.compile(r"\s{0,2}(?:出生|生人|生于)(?!后)")
_NUMERAL: Final = re.compile(r"[0-9]|[一二三四五六七八九十正]月")


class DateRecognizer(ScanRecognizer):
    """Finds dates that name a day or a month of the calendar; durations and relative words are no dates."""

    ENTITIES = (Entity.DATE, Entity.DATE_OF_BIRTH)

    def scan(self, text: str) -> Iterator[Finding]:
        """Yield every date; the same characters come once, from the first form that takes them."""
        if _NUMERAL.search(text) is None:
            return
        taken = bytearray(len(text))
        for form in FORMS:
            if form.needs and not any(needle in text for needle in form.needs):
                continue
            group: int | str = "v" if "v" in form.pattern.groupindex else 0
            for match in form.pattern.finditer(text):
                start, end = match.span(group)
                if any(taken[start:end]):
                    continue
                if not _is_plausible(match) or (form.name == "yyyymmdd" and not _exists(match)):
                    continue
                taken[start:end] = b"\x01" * (end - start)
                yield self._finding(text, start, end, form)

    @staticmethod
    def _finding(text: str, start: int, end: int, form: DateForm) -> Finding:
        if _BIRTH_BEFORE.search(text[max(0, start - 20) : start]) or _BIRTH_AFTER.match(text, end):
            return Finding(Entity.DATE_OF_BIRTH, start, end, 0.95, form.name)
        return Finding(Entity.DATE, start, end, form.score, form.name)


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
