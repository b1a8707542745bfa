"""Names and positions of PostgreSQL's write-ahead log (PostgreSQL 17, "WAL Internals")."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

SEGMENT_BYTES = 16 << 20  # initdb's default, which the embedded server and the official image have
SEGMENT = re.compile(r"^[0-9A-F]{24}$")
HISTORY = re.compile(r"^[0-9A-F]{8}\.history$")
_PER_ID = (1 << 32) // SEGMENT_BYTES
_LONG_HEADER = struct.Struct("<HHIQIxxxxQII")  # magic, info, timeline, page address, remaining; system, sizes
_IS_LONG = 0x0002


@dataclass(frozen=True)
class FirstPage:
    """What the first page of a segment says of it."""

    timeline: int
    start: int
    system_identifier: str


def position(lsn: str) -> int:
    """A log sequence number as a number of bytes: ``1/4000028`` → 4362076200."""
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def segment_at(timeline: int, at: int) -> str:
    """Name of the segment that holds the byte at a position."""
    number = at // SEGMENT_BYTES
    return f"{timeline:08X}{number // _PER_ID:08X}{number % _PER_ID:08X}"


def bounds(name: str) -> tuple[int, int, int]:
    """Timeline, first position, and position after the end of a segment."""
    start = (int(name[8:16], 16) * _PER_ID + int(name[16:24], 16)) * SEGMENT_BYTES
    return int(name[:8], 16), start, start + SEGMENT_BYTES


def following(name: str) -> str:
    """Name of the next segment on the same timeline."""
    timeline, _, end = bounds(name)
    return segment_at(timeline, end)


def first_page(content: bytes) -> FirstPage | None:
    """The long header of a segment, ``None`` when it has none."""
    if len(content) < _LONG_HEADER.size:
        return None
    _magic, info, timeline, address, _rest, system, segment, _block = _LONG_HEADER.unpack_from(content)
    if not info & _IS_LONG or segment != SEGMENT_BYTES:
        return None
    return FirstPage(timeline, address, str(system))


def parents(history: str) -> list[tuple[int, int]]:
    """Ancestors of a timeline from its history file: timeline and the position at which it was left, oldest first."""
    lines = (line.split() for line in history.splitlines() if line.strip() and not line.startswith("#"))
    return [(int(fields[0]), position(fields[1])) for fields in lines]
