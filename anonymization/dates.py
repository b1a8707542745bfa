"""The per-person date shift: one number of days for every date of a person, in tables and in text alike.

Intervals stay exact to the day. A partial date moves as the day it means: "3月5日" in the year of the note, "2026年3月"
as the middle of that month. Relative words stay, since both of their ends move together.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta
from typing import Final, TypeVar

from anonymization import date_forms
from anonymization.date_forms import YEAR_WORDS, DateForm

_DEFAULT_MAXIMUM_DAYS: Final = 180
DateOrDatetime = TypeVar("DateOrDatetime", date, datetime)


def derive_shift_days(key: bytes, person: str, maximum_days: int = _DEFAULT_MAXIMUM_DAYS) -> int:
    """Derive a person's shift in days from a secret key: uniform over -maximum..maximum without 0.

    The same key and person always give the same shift, so nothing has to be stored to repeat a run.
    """
    if maximum_days < 1:
        raise ValueError("maximum_days must be at least 1")
    digest = hmac.new(key, b"date-shift\x00" + person.encode(), hashlib.sha256).digest()
    position = int.from_bytes(digest[:8], "big") % (2 * maximum_days)
    return position - maximum_days if position < maximum_days else position - maximum_days + 1


def shift(value: DateOrDatetime, days: int) -> DateOrDatetime:
    """Move a date or a timestamp by a number of days; a result outside of the calendar is held at its edge."""
    try:
        return value + timedelta(days=days)
    except OverflowError:
        edge = date(MINYEAR, 1, 1) if days < 0 else date(MAXYEAR, 12, 31)
        return value.replace(year=edge.year, month=edge.month, day=edge.day)


def shift_text(surface: str, days: int, reference: date | None = None) -> str | None:
    """Move a written date and write it in the same form; None when it is no date of the calendar.

    `reference` is the date of the text that holds it: it gives a year to dates that are written without one.
    """
    surface = surface.strip()
    if any(mark in surface for mark in date_forms.TIME_MARKS):
        if date_forms.SPOKEN_TIME.fullmatch(surface):
            return surface
        for tail in date_forms.TIME_TAIL.finditer(surface):
            if tail.start() > 0 and tail.end() == len(surface):
                day = shift_text(surface[: tail.start()], days, reference)
                return None if day is None else day + tail.group()
    for form in date_forms.forms_for(surface):
        match = form.pattern.fullmatch(surface) or _match_inside(form, surface)
        if match is not None:
            try:
                return _write(form, match, surface, days, reference)
            except (ValueError, OverflowError, StopIteration):
                continue
    return None


def _match_inside(form: DateForm, surface: str) -> re.Match[str] | None:
    """Match forms whose pattern looks beyond the date: give them the shortest surroundings that they accept."""
    for before, after in (("", "份"), ("", " 00:00"), (":", ""), ("", "日"), ("", "在"), ("", ","), ("于", "入院")):
        padded = before + surface + after
        match = form.pattern.search(padded)
        if match and match.span("v" if "v" in form.pattern.groupindex else 0) == (len(before), len(before + surface)):
            return match
    return None


def year_of(surface: str) -> int | None:
    """Return the four-digit year inside a written date, or None."""
    match = re.search(r"(?:18|19|20)\d{2}", surface)
    if match:
        return int(match.group())
    han = re.search("[零〇○一二三四五六七八九]{4}", surface)
    return date_forms.han_to_int(han.group()) if han else None


def _write(form: DateForm, match: re.Match[str], surface: str, days: int, reference: date | None) -> str:
    groups = {name: value for name, value in match.groupdict().items() if value is not None}
    base = match.start("v") if "v" in groups else match.start()
    month = date_forms.month_of(groups["m"])
    day = _day(groups["d"]) if "d" in groups else 15
    year = _year(groups, month, day, reference)
    moved = shift(date(year, month, day), days)
    padded = _is_padded(groups, form.padded)
    pieces: dict[str, str] = {"m": _like(groups["m"], moved.month, padded)}
    if "y" in groups:
        pieces["y"] = _year_like(groups["y"], moved.year)
    if "w" in groups:
        pieces["w"] = _year_word(groups["w"], moved, shift(reference or date(year, 1, 1), days))
    if "d" in groups:
        pieces["d"] = _like(groups["d"], moved.day, padded)
    if "d2" in groups:
        last = shift(date(year, month, int(groups["d2"])), days)
        moved_last = _like(groups["d2"], last.day, padded)
        pieces["d2"] = moved_last if last.month == moved.month else f"{last.month}月{moved_last}"
    text = surface
    for name in sorted(pieces, key=match.start, reverse=True):
        start, end = match.start(name) - base, match.end(name) - base
        text = text[:start] + pieces[name] + text[end:]
    return text


def _day(text: str) -> int:
    return int(text) if text.isascii() else date_forms.han_to_int(text)


def _year(groups: dict[str, str], month: int, day: int, reference: date | None) -> int:
    if "y" in groups:
        written = groups["y"]
        year = int(written) if written.isascii() else date_forms.han_to_int(written)
        if len(written) == 2:
            limit = (reference.year if reference else 2029) % 100
            year += 2000 if year <= limit + 1 else 1900
        return year
    if reference is None:
        return 2001
    if "w" in groups:
        return reference.year + YEAR_WORDS[groups["w"]]
    return _nearest_year(month, day, reference)


def _nearest_year(month: int, day: int, reference: date) -> int:
    """Choose the year of a date without one: the latest that does not lie more than a month after the note."""
    year = reference.year
    try:
        ahead = (date(year, month, day) - reference).days
    except ValueError:
        return year - 1 if (year - 1) % 4 == 0 else year
    return year - 1 if ahead > 31 else year


def _is_padded(groups: dict[str, str], default: bool) -> bool:
    """Tell whether one-digit months and days get a leading zero: as the surface shows it, else as the form does."""
    numbers = [groups[name] for name in ("m", "d", "d2") if name in groups]
    if any(number[0] == "0" for number in numbers):
        return True
    if any(len(number) == 1 for number in numbers):
        return False
    return default


def _like(written: str, value: int, padded: bool) -> str:
    if written.isascii() and written.isdigit():
        return f"{value:02d}" if padded else str(value)
    if written.isascii():
        return date_forms.english_month(value, written)
    return "正" if written == "正" and value == 1 else date_forms.int_to_han(value)


def _year_like(written: str, year: int) -> str:
    return f"{year:04d}"[-len(written) :] if written.isascii() else date_forms.year_to_han(year, len(written))


def _year_word(written: str, moved: date, moved_reference: date) -> str:
    difference = moved.year - moved_reference.year
    if difference == YEAR_WORDS[written]:
        return written
    words = {offset: word for word, offset in reversed(YEAR_WORDS.items())}
    return words.get(difference, f"{moved.year}年")
