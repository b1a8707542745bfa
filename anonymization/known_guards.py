"""What must stand around a known identifier before it counts: "身高1.82m" holds no patient number 1, 高血压 no 高.

Guards: `none` always counts; `ascii` is no part of a longer word; `word`, a name that is a word too, needs an
announcement; `called`, a given name alone, needs one or a verb of telling; `rare`, a given name whose characters hardly
ever stand side by side, only has to be no part of the words around it; `titled`, a surname alone, needs a title.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from anonymization.lexicon import any_of
from anonymization.lexicon.given_names import NOT_NAMES
from anonymization.lexicon.name_context import AFTER_NAME, RELATIVES, TITLES
from anonymization.lexicon.surnames import WORDLIKE
from anonymization.model.name_gate import name_gate
from anonymization.pinyin import sound_alike

Guard = Literal["none", "ascii", "word", "called", "rare", "titled"]
LONG_NAME: Final = 9
"""Characters from which on a name in letters is no other word by chance."""
_LEAST_TOUCHED: Final = 7
_CALLED: Final = re.compile(
    rf"(?:{any_of(RELATIVES)}|患者|病人|患儿|其[子女妻夫父母兄弟姐妹]|[叫名唤是阿小老]|:)[ :]?$"
)
_FOLLOWED: Final = re.compile(
    any_of(map(re.escape, [*TITLES, *(word for word in AFTER_NAME if len(word) > 1), *"诉因称述"]))
)
_LISTED: Final = re.compile(r"(?<![\d.])[1-9]\d?\.$")
_TITLED: Final = re.compile(any_of(map(re.escape, TITLES)))


def is_guarded(guard: Guard, text: str, start: int, end: int) -> bool:
    """Tell whether the surroundings let a match stand."""
    if guard == "none":
        return True
    before, after = text[start - 1 : start], text[end : end + 1]
    if guard == "titled":
        return _TITLED.match(text, end) is not None and (text[start] not in WORDLIKE or not before.isalnum())
    if guard == "ascii":
        return stands_alone(text, start, end, touches=True)
    if guard == "word":
        return not (before.isalnum() or after.isalnum()) or _CALLED.search(text, max(0, start - 6), start) is not None
    if text[start:end] in NOT_NAMES:
        return False
    is_apart = guard == "rare" and not _joins(before, text[start]) and not _joins(text[end - 1], after)
    return (
        is_apart
        or bool(_CALLED.search(text, max(0, start - 6), start))
        or (not before.isalnum() and (not after.isalnum() or _FOLLOWED.match(text, end) is not None))
    )


def _joins(left: str, right: str) -> bool:
    """Tell whether two characters that touch often stand side by side: 神志 before 志清 in 神志清楚."""
    return name_gate().how_usual(left + right) > 1


def stands_alone(text: str, start: int, end: int, *, touches: bool = False) -> bool:
    """Tell whether what was found is no part of a longer number or word.

    Letters may touch digits when the whole is long: 12345678 in ZY12345678. With ``touches`` they always may, as a
    name does in "John Smith3天前". In 1.23 the 23 is part of a number; after the number of a list item
    (1.John, 1.15412345678) a name or a long number is not.
    """
    before, after = text[start - 1 : start], text[end : end + 1]
    is_long = end - start >= _LEAST_TOUCHED
    is_decimal = before == "." and text[start - 2 : start - 1].isdigit() and text[start].isdigit()
    if is_decimal and not (is_long and _LISTED.search(text, max(0, start - 3), start)):
        return False
    may_touch = touches or is_long
    return not (_goes_on(before, text[start], may_touch) or _goes_on(text[end - 1], after, may_touch))


def _goes_on(left: str, right: str, may_touch: bool) -> bool:
    if not (_is_ascii_word(left) and _is_ascii_word(right)):
        return False
    starts_anew = left.isdigit() != right.isdigit() or (left.islower() and right.isupper())
    return not (may_touch and starts_anew)


def is_written_name(text: str, start: int, end: int) -> bool:
    """Tell whether a spelling in pinyin is written as a name: with a capital, or too long to be another word."""
    return text[start].isupper() or end - start >= LONG_NAME


def is_slip(name: str, written: str, text: str, start: int, end: int) -> bool:
    """Tell whether a text holds a name of three characters or more with one of them wrong.

    A character that sounds alike is a slip anywhere; another one only where a name is announced and ends.
    """
    if len(written) != len(name) or len(name) < 3:
        return False
    wrong = [index for index, (a, b) in enumerate(zip(name, written, strict=True)) if a != b]
    if len(wrong) == 2 and wrong[1] == wrong[0] + 1 and name[wrong[0]] == written[wrong[1]]:
        return name[wrong[1]] == written[wrong[0]] and _CALLED.search(text, max(0, start - 6), start) is not None
    if len(wrong) != 1 or not "\u4e00" <= written[wrong[0]] <= "\u9fff":
        return False
    if sound_alike(name[wrong[0]], written[wrong[0]]):
        return True
    ends = not text[end : end + 1].isalnum() or _FOLLOWED.match(text, end) is not None
    return ends and _CALLED.search(text, max(0, start - 6), start) is not None


def _is_ascii_word(character: str) -> bool:
    return character.isascii() and character.isalnum()
