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
    r"(?:出生(?:日期|年月日?|时间|于)?|生日|生于|诞生于|[Dd]ate [Oo]f [Bb]irth|DOB|[Bb]irth\s?[Dd]ate|[Bb]orn(?: on)?)\s{0,2}[:;为是]?\s{0,2}$"
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
        taken: list[tuple[int, int]] = []
        for form in FORMS:
            if form.needs and not any(needle in text for needle in form.needs):
                continue
            group: int | str = "v" if "v" in form.pattern.groupindex else 0
            for match in form.pattern.finditer(text):
                start, end = match.span(group)
                if any(start < other_end and other_start < end for other_start, other_end in taken):
                    continue
                if form.name == "yyyymmdd" and not _exists(match):
                    continue
                taken.append((start, end))
                yield self._finding(text, start, end, form)

    @staticmethod
    def _finding(text: str, start: int, end: int, form: DateForm) -> Finding:
        if _BIRTH_BEFORE.search(text[max(0, start - 20) : start]) or _BIRTH_AFTER.match(text, end):
            return Finding(Entity.DATE_OF_BIRTH, start, end, 0.95, form.name)
        return Finding(Entity.DATE, start, end, form.score, form.name)


def _exists(match: re.Match[str]) -> bool:
    try:
        date(int(match["y"]), int(match["m"]), int(match["d"]))
    except ValueError:
        return False
    return True
