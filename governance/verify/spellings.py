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

from governance.verify.hunting import Hit, Hunter

_LOOSE = re.compile(r"[\s\-()（）·•.]")
_ALPHABET = np.array([bytes([code]).isalnum() or code in b"+/-_" for code in range(256)]).astype(np.uint8)
_FOUR = np.uint32(0x01010101)
_PLAIN_ALPHABET = bytes.maketrans(b"-_", b"+/")
_RUN = re.compile(rb"[A-Za-z0-9+/_-]{12,}")
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
            unpacked.extend(hunter.hunt([_unpacked(data)]))
            unfinished = _UNFINISHED.search(data, max(0, len(data) - 4096))
            rest = unfinished.group() if unfinished else b""
            yield piece

    yield from hunter.hunt(watched())
    yield from unpacked


def _unpacked(data: bytes) -> bytes:
    found = []
    for run in _runs(data):
        text = run.translate(_PLAIN_ALPHABET) if b"-" in run or b"_" in run else run
        for start in range(4):
            found.append(a2b_base64(text[start:] + b"A" * (-(len(text) - start) % 4)))
    return b"\n".join(found)


def _runs(data: bytes) -> Iterator[bytes]:
    """Runs of twelve or more characters of the alphabets; such a run fills two neighbouring groups of four bytes."""
    inside = _ALPHABET[np.frombuffer(data + bytes(-len(data) % 4), np.uint8)].view(np.uint32) == _FOUR
    pairs = np.concatenate(([False], inside[:-1] & inside[1:], [False]))
    edges = np.flatnonzero(pairs[1:] != pairs[:-1]).tolist()
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        run = _RUN.search(data, max(0, 4 * left - 3), 4 * right + 7)
        if run:
            yield run.group()


def _texts(value: str) -> set[str]:
    texts = {value}
    if has_digit(value) and value.isascii():
        tight = _LOOSE.sub("", value)
        texts |= {value.upper(), value.lower()} | ({tight} if len(tight) >= 10 else set())
    return texts
