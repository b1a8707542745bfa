"""Surrogates: made-up values of the same kind, length and sex, derived from a secret key, never from a stored map.

The same person scope and original always give the same surrogate. A whole name is never a real person's: the caller's
predicate is asked, and another is drawn until it says no. Surrogate numbers cannot exist: mobiles start with 10,
identity numbers with 00, cards fail Luhn.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Final

from anonymization.lexicon.given_names import FEMALE, MALE
from anonymization.lexicon.surnames import surname_length
from anonymization.normalize import normalize

_SURNAMES: Final = tuple(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭林罗郑梁谢宋唐许韩冯邓曹彭曾肖董袁潘蒋蔡余杜叶苏魏吕丁沈姚卢姜崔钟谭陆汪范廖贾邹熊秦邱侯薛雷龙陶黎贺顾毛郝龚邵钱严武戴孔"
)
_GIVEN: Final = {"M": MALE, "F": FEMALE, "U": MALE + FEMALE}
_COMPOUND: Final = (
    "欧阳",
    "上官",
    "司徒",
    "诸葛",
    "夏侯",
    "皇甫",
    "尉迟",
    "令狐",
    "慕容",
    "端木",
    "公孙",
    "宇文",
    "司马",
)
_TRANSLITERATED: Final = tuple("阿艾巴达尔丹迪古哈赫吉加卡克拉勒里丽玛曼米木娜尼努帕热瑞萨沙斯塔提亚依扎")
_ENGLISH_FIRST: Final = (
    "Alex",
    "Casey",
    "Jordan",
    "Morgan",
    "Taylor",
    "Robin",
    "Jamie",
    "Avery",
    "Quinn",
    "Riley",
    "Dana",
    "Drew",
)
_ENGLISH_LAST: Final = (
    "Ashford",
    "Brampton",
    "Calloway",
    "Denholm",
    "Ellerby",
    "Fairmont",
    "Garrick",
    "Holloway",
    "Inverly",
    "Kestrel",
)
_DOTS: Final = re.compile("([·•・‧∙])")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_LONGEST_KEY: Final = hashlib.blake2b.MAX_KEY_SIZE
_TRIES: Final = 256


class Surrogates:
    """Draws surrogates for one person scope (all notes of one patient)."""

    def __init__(self, key: bytes, scope: str, is_real_name: Callable[[str], bool] | None = None) -> None:
        self._key = _keyed(key, b"surrogates\x00" + scope.encode("utf-8", "surrogatepass"))
        self._is_real_name = is_real_name or (lambda _name: False)
        self._names: dict[tuple[str, str], str | None] = {}
        """Names drawn already, while this object lives: one patient's notes repeat a few of them."""

    def name(self, original: str, sex: str = "U") -> str | None:
        """Return a surrogate of a whole name: same number of characters, same form, sex as given (M, F, U).

        None when no name could be drawn that is nobody's; the caller must then fall back to a tag.
        """
        original = normalize(original).strip()
        if (original, sex) not in self._names:
            self._names[original, sex] = self._new_name(original, sex)
        return self._names[original, sex]

    def _new_name(self, original: str, sex: str) -> str | None:
        for attempt in range(_TRIES):
            drawn = self._draw(original, sex, attempt)
            if drawn != original and not self._is_real_name(drawn):
                return drawn
        return None

    def surname(self, original: str) -> str:
        """Return the surrogate of a surname: the one that the surrogates of whole names with it start with."""
        pool: Sequence[str] = _COMPOUND if len(original) == 2 else _SURNAMES
        return self._pick(pool, "surname", original, exclude=original)

    def given(self, full_name: str, sex: str = "U") -> str | None:
        """Return the given name of the surrogate of a whole name."""
        drawn = self.name(full_name, sex)
        return drawn[surname_length(full_name) or 1 :] if drawn else None

    def resident_id(self, original: str) -> str:
        """Return 18 (or 15) characters with region 000000, which no identity number has."""
        length = 15 if sum(character.isdigit() for character in original) == 15 else 18
        return "000000" + self._digits("resident", original, length - 6)

    def phone(self, original: str) -> str:
        """Return a number with the same grouping that starts with 10, 00 or 0: no subscriber can have it."""
        digits = re.sub(r"\D", "", normalize(original))
        made = self._digits("phone", digits, len(digits))
        made = ("10" if len(digits) == 11 and digits[0] == "1" else "00") + made[2:]
        return _regroup(normalize(original), made)

    def bank_card(self, original: str) -> str:
        """Return a number of the same length that starts with 0000, which no issuer has."""
        digits = re.sub(r"\D", "", normalize(original))
        return _regroup(normalize(original), "0000" + self._digits("card", digits, len(digits))[4:])

    def email(self, original: str) -> str:
        """Return an address under a domain that RFC 2606 keeps from ever existing."""
        return f"user{int(self._digits('email', original.lower(), 8)):08d}@example.invalid"

    def record_number(self, original: str) -> str:
        """Return a record number of the same shape: letters stay, digits are drawn, and the first digit is 0."""
        digits = re.sub(r"\D", "", normalize(original))
        return _regroup(normalize(original), ("0" + self._digits("record", original, len(digits)))[: len(digits)])

    def _draw(self, original: str, sex: str, attempt: int) -> str:
        if _HAN.search(original) is None:
            return self._english(original, attempt)
        if _DOTS.search(original):
            return "".join(
                piece
                if _DOTS.fullmatch(piece)
                else self._han("dotted", f"{original}|{index}|{attempt}", len(piece), _TRANSLITERATED)
                for index, piece in enumerate(_DOTS.split(original))
            )
        family = min(surname_length(original) or 1, max(1, len(original) - 1))
        rest = self._han("given", f"{original}|{attempt}", len(original) - family, _GIVEN.get(sex, _GIVEN["U"]))
        return self.surname(original[:family]) + rest

    def _english(self, original: str, attempt: int) -> str:
        words = original.split()
        last = self._pick(_ENGLISH_LAST, "english-last", words[-1].lower(), exclude=words[-1].title())
        if len(words) == 1:
            return last.upper() if original.isupper() else last
        first = self._pick(_ENGLISH_FIRST, "english-first", f"{original.lower()}|{attempt}", exclude=words[0].title())
        made = " ".join([first, *(f"{chr(65 + index)}." for index in range(len(words) - 2)), last])
        return made.upper() if original.isupper() else made

    def _han(self, kind: str, original: str, length: int, pool: Sequence[str]) -> str:
        stream = self._stream(kind, original)
        return "".join(
            pool[int.from_bytes(stream[4 * i % 32 : 4 * i % 32 + 4], "big") % len(pool)] for i in range(length)
        )

    def _pick(self, pool: Sequence[str], kind: str, original: str, exclude: str = "") -> str:
        index = int.from_bytes(self._stream(kind, original)[:8], "big") % len(pool)
        return pool[index] if pool[index] != exclude else pool[(index + 1) % len(pool)]

    def _digits(self, kind: str, original: str, length: int) -> str:
        value = int.from_bytes(self._stream(kind, original), "big")
        return f"{value % 10**length:0{length}d}"

    def _stream(self, kind: str, original: str) -> bytes:
        message = f"{kind}\x00{original}".encode("utf-8", "surrogatepass")
        return _keyed(self._key, message)


def _keyed(key: bytes, message: bytes) -> bytes:
    """Return 32 bytes by keyed BLAKE2b; a key longer than it takes is hashed first."""
    return hashlib.blake2b(
        message, key=key if len(key) <= _LONGEST_KEY else hashlib.blake2b(key).digest(), digest_size=32
    ).digest()


def _regroup(original: str, digits: str) -> str:
    """Put new digits where the original has digits; everything else stays."""
    drawn = iter(digits)
    return "".join(next(drawn, "0") if character.isdigit() else character for character in original)
