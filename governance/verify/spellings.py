"""The byte strings under which a value may stand: UTF-8, GB18030, UTF-16 and JSON's escapes; and Base64, unpacked.

Base64 (RFC 4648, plain and URL-safe alphabet) is not hunted as such: three forms of each value in four encodings would
be twelve times as many strings to search for. What looks like Base64 in the data is unpacked instead, at each of the
four places at which a group may begin, and searched like the data itself. Not found is what Base64 breaks into lines
within the value, runs of fewer than twelve characters, and what is compressed (but ``.gz`` files) or encrypted.
"""

from __future__ import annotations

import json
import re
from binascii import a2b_base64
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from governance.verify.hunting import Hit, Hunter, is_empty

_LOOSE = re.compile(r"[\s\-()（）·•.]")
_ALPHABET = bytes(bytes([code]).isalnum() or code in b"+/-_" for code in range(256))  # 1 for a character of it
_FOUR = np.uint32(0x01010101)  # four bytes of 1
_PLAIN_ALPHABET = bytes.maketrans(b"-_", b"+/")
_GROUP = 4  # characters that stand for three bytes
_SHORTEST_RUN = 3 * _GROUP
_ZERO = ord("A")  # stands for six zero bits
_UNFINISHED = re.compile(rb"[A-Za-z0-9+/_-]{1,4096}\Z")  # may go on in the next piece; far longer than any value


def spellings(value: str) -> set[bytes]:
    """UTF-8, GB18030 and JSON's escapes; numbers also without separators; x and X of an identity number."""
    texts = _texts(value)
    escaped = {json.dumps(text)[1:-1].encode() for text in texts}
    return escaped | {t.encode() for t in texts} | {t.encode("gb18030") for t in texts}


def wide_spellings(value: str) -> set[bytes]:
    """UTF-16 with either byte first; of an ASCII text the bytes that both have in common."""
    return {
        form
        for text in _texts(value)
        for form in (
            [text.encode("utf-16-le")[:-1]] if text.isascii() else [text.encode("utf-16-le"), text.encode("utf-16-be")]
        )
    }


def has_digit(value: str) -> bool:
    """Whether a value holds an ASCII digit."""
    return any(c.isdigit() and c.isascii() for c in value)


def hunt_unpacked(hunter: Hunter, pieces: Iterable[bytes]) -> Iterator[Hit]:
    """Every occurrence in the data and in what Base64 in it holds; of the latter, offsets say nothing."""
    unpacked: list[Hit] = []

    def watched() -> Iterator[bytes]:
        rest = b""
        for piece in pieces:
            data = rest + piece
            if not is_empty(data):
                unpacked.extend(hunter.hunt([_unpacked(data)]))
            unfinished = _UNFINISHED.search(data, max(0, len(data) - 4096))
            rest = unfinished.group() if unfinished else b""
            yield piece

    yield from hunter.hunt(watched())
    yield from unpacked


def _unpacked(data: bytes) -> bytes:
    """What runs of twelve or more characters of the alphabets stand for, with a group beginning at each of four places.

    The runs are laid side by side, each from a multiple of four on and with at least one group of zeros behind it; for
    the later places their first characters become zeros, too.
    """
    starts, lengths = _runs(data)
    if not len(starts):
        return b""
    rooms = -(-lengths // _GROUP) * _GROUP + _GROUP
    places = np.cumsum(rooms) - rooms
    laid = np.full(int(rooms.sum()) + _GROUP, _ZERO, np.uint8)
    before = np.cumsum(lengths) - lengths
    order = np.arange(int(lengths.sum()))
    codes = np.frombuffer(data, np.uint8)
    laid[order + np.repeat(places - before, lengths)] = codes[order + np.repeat(starts - before, lengths)]
    unpacked = []
    for place in range(_GROUP):
        unpacked.append(a2b_base64(laid[place : len(laid) - _GROUP + place].tobytes().translate(_PLAIN_ALPHABET)))
        laid[places + place] = _ZERO
    return b"\n".join(unpacked)


def _runs(data: bytes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where runs of twelve or more characters of the alphabets begin, and how long they are.

    Such a run fills two neighbouring groups of four bytes, which few others do; its ends are at most three bytes away.
    """
    padded = bytes(_GROUP) + data + bytes(2 * _GROUP - len(data) % _GROUP)
    inside = np.frombuffer(padded.translate(_ALPHABET), np.uint8)
    full = inside.view(np.uint32) == _FOUR
    pairs = np.concatenate(([False], full[:-1] & full[1:], [False]))
    edges = np.flatnonzero(pairs[1:] != pairs[:-1])
    starts, ends = _GROUP * edges[::2], _GROUP * (edges[1::2] + 1)
    for _ in range(_GROUP - 1):
        starts = starts - inside[starts - 1]
        ends = ends + inside[ends]
    lengths = ends - starts
    long = lengths >= _SHORTEST_RUN
    return starts[long] - _GROUP, lengths[long]


def _texts(value: str) -> set[str]:
    texts = {value}
    if has_digit(value) and value.isascii():
        tight = _LOOSE.sub("", value)
        texts |= {value.upper(), value.lower()} | ({tight} if len(tight) >= 10 else set())
    return texts
