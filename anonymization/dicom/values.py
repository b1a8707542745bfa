"""Replacement values by value representation (VR): dummies, shifted dates, remapped UIDs, pseudonyms."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import date, timedelta
from typing import Any, Final

_STANDARD_ROOT: Final = "1.2.840.10008."
_DATE: Final = re.compile(r"(\d{4})[.\-]?(\d{2})[.\-]?(\d{2})")
_DATE_TIME: Final = re.compile(r"(\d{4})(?:(\d{2})(?:(\d{2})(\d{2,6}(?:\.\d{1,6})?)?)?)?([+\-]\d{4})?")
_DUMMIES: Final[dict[str, Any]] = {
    "AE": "ANONYMIZED", "AS": "000Y", "CS": "ANONYMIZED", "DA": "19000101", "DT": "19000101000000", "TM": "000000",
    "DS": "0", "IS": "0", "FL": 0.0, "FD": 0.0, "SL": 0, "SS": 0, "UL": 0, "US": 0, "SV": 0, "UV": 0,
    "UR": "https://example.invalid", "OB": b"\0\0", "OW": b"\0\0", "UN": b"\0\0",
}  # fmt: skip
_TEXT: Final = "ANONYMIZED"
OLDEST: Final = "090Y"


class KeyedValues:
    """Values that are the same for the same original under one key, and tell nothing without it."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def uid(self, original: str) -> str:
        """Return another UID under 2.25 (a UUID of the digest); UIDs of the standard itself stay."""
        if not original or original.startswith(_STANDARD_ROOT):
            return original
        digest = bytearray(self._digest("uid", original.rstrip("\0 "))[:16])
        digest[6] = digest[6] & 0x0F | 0x80  # version 8 and variant of RFC 9562
        digest[8] = digest[8] & 0x3F | 0x80
        return f"2.25.{int.from_bytes(digest, 'big')}"

    def pseudonym(self, person: str) -> str:
        """Return a person's pseudonym: P and 16 hexadecimal digits."""
        return "P" + self._digest("dicom-person", person).hex()[:16].upper()

    def _digest(self, kind: str, value: str) -> bytes:
        return hmac.new(self._key, f"{kind}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


def dummy(vr: str) -> Any:
    """Return a value of a VR that means nothing; texts say ANONYMIZED."""
    return _DUMMIES.get(vr, _TEXT)


def shifted(vr: str, value: str, days: int) -> str | None:
    """Move a DA or DT value by whole days; TM stays (a whole day leaves the time of day). None if it is no date.

    Values without month or day move as the middle of what they mean and keep their precision.
    """
    if vr == "TM":
        return value
    match = (_DATE if vr == "DA" else _DATE_TIME).fullmatch(value.strip())
    if match is None:
        return None
    year, month, day, *rest = match.groups()
    try:
        moved = date(int(year), int(month or 7), int(day or (15 if month else 1))) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    written = f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"[: 8 if day else 6 if month else 4]
    return written + "".join(part or "" for part in rest)


def grouped_age(value: str) -> str:
    """Return an age string (AS) with everything from 90 years in one group."""
    years = re.fullmatch(r"(\d{3})Y", value.strip())
    return OLDEST if years and int(years.group(1)) >= 90 else value
