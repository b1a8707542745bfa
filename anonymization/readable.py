"""Texts that only look like text: RTF, bytes read in a wrong encoding, or more than memory should hold.

Nothing can be found in them, so nothing in them can be released: they are withheld with the reason.
"""

from __future__ import annotations

import re
from typing import Final

from anonymization.errors import UnreadableTextError

LONGEST: Final = 16_000_000
"""Characters of one note."""
_RTF: Final = re.compile(r"\s{0,20}\{\\rtf\d")
_LOST: Final = re.compile("[\x00\ufffd\ud800-\udfff]")
_LATIN: Final = re.compile(
    "[\u0080-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]{4,}"
)
_BROKEN_HAN: Final = re.compile("锟斤拷|烫烫烫|屯屯屯")
_LEAST_LOST: Final = 4


def _utf8_read_as_gbk() -> re.Pattern[str]:
    """Characters that come out when Chinese UTF-8 is read as GBK: a lead byte E4..E9, a continuation byte behind it."""
    found = [bytes([lead, trail]).decode("gbk", "ignore") for lead in range(0xE4, 0xEA) for trail in range(0x80, 0xC0)]
    return re.compile(f"[{re.escape(''.join(found))}]")


_READ_AS_GBK: Final = _utf8_read_as_gbk()
_HAN: Final = re.compile("[\u4e00-\u9fff]")


def require_readable(text: str) -> None:
    """Raise UnreadableTextError when a text is no plain text in the right encoding, or longer than `LONGEST`."""
    if len(text) > LONGEST:
        raise UnreadableTextError(f"more than {LONGEST} characters")
    if "\\rtf" in text and _RTF.match(text):
        raise UnreadableTextError("RTF")
    if text.isascii() and "\x00" not in text:
        return
    length = len(text)
    if _LOST.search(text):
        lost = len(_LOST.findall(text))
        if lost >= _LEAST_LOST and lost * 20 > length:
            raise UnreadableTextError("characters lost in decoding")
    if _BROKEN_HAN.search(text):
        raise UnreadableTextError("wrong encoding")
    if _LATIN.search(text) and sum(map(len, _LATIN.findall(text))) * 4 > length:
        raise UnreadableTextError("wrong encoding")
    if _READ_AS_GBK.search(text):
        han = len(_HAN.findall(text))
        if han >= 8 and len(_READ_AS_GBK.findall(text)) * 4 > han:
            raise UnreadableTextError("wrong encoding")
