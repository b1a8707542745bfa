"""Finding many known byte strings in large amounts of data, quickly and with bounded memory.

Aho-Corasick alone reads 20 to 60 MB a second with the tens of thousands of strings that a hospital's identifiers are.
So a filter goes before it: of every string of ``n`` bytes, four pieces of 8 bytes (5 or 3 where it is short) that begin
at its bytes 0 to 3 are noted. Wherever the string stands, one of them begins at an offset divisible by four, so it is
enough to look at every fourth offset, with numpy, through a bit table and then an exact look-up. Only the surroundings
of what remains are given to Aho-Corasick. Nothing is missed (``tests/unit/verify`` compares with a plain search).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from ahocorasick_rs import BytesAhoCorasick, Implementation
from numpy.typing import NDArray

WINDOW = 1 << 19
_STEP = 4
_SHORTEST = _STEP + 2
_LENGTHS = (8, 5, 3)  # of pieces, in bytes
_MIXES = ((np.uint32(0x9E3779B1), np.uint32(0x85EBCA77)), (np.uint32(0xC2B2AE3D), np.uint32(0x27D4EB2F)))
_ALL = np.uint32(0xFFFFFFFF)
_BLOCK = 64  # in steps: 256 bytes
_DENSE = 0.4
_SEPARATORS = (b"", b"\n", b"\x1f", b'"')  # of COPY's CSV with the delimiter of governance.verify.places


class Guard(Enum):
    """What must stand beside an occurrence for it to count."""

    NOTHING = "nothing"
    NO_DIGIT = "no digit"  # neither side is a digit: a number, not a part of a longer one
    CELL = "cell"  # both sides are separators of COPY's CSV, or the ends: a whole value


@dataclass(frozen=True)
class Needle:
    """One byte string to find. Its repr shows no content.

    Attributes:
        pattern: at least six bytes.
        value: index of the value that it encodes, for whoever hunts.
    """

    pattern: bytes
    guard: Guard
    value: int

    def __repr__(self) -> str:
        return f"Needle({len(self.pattern)} bytes, {self.guard}, value {self.value})"


@dataclass(frozen=True)
class Hit:
    """One occurrence: which needle, at which offset of the data."""

    needle: Needle
    offset: int


class _Pieces:
    """Pieces of one length: two bit tables that let few others through, and the sorted list that decides."""

    def __init__(self, length: int, values: set[int]) -> None:
        self._known = np.array(sorted(values), dtype=np.uint64)
        mask = (1 << (8 * length)) - 1
        self._low, self._high = np.uint32(mask & 0xFFFFFFFF), np.uint32(mask >> 32)
        bits = min(max((8 * len(values)).bit_length(), 18), 24)
        self._shift = np.uint32(32 - bits)
        low, high = self._known.astype(np.uint32), (self._known >> np.uint64(32)).astype(np.uint32)
        self._tables = tuple(np.zeros(1 << bits, dtype=bool) for _ in _MIXES)
        for table, mix in zip(self._tables, _MIXES, strict=True):
            table[self._slot(low, high, mix)] = True

    def candidates(self, low: NDArray[np.uint32], high: NDArray[np.uint32]) -> NDArray[np.intp]:
        """Positions at which one of the pieces begins, given the four bytes from there and the four after them."""
        if self._low != _ALL:
            low = low & self._low
        if self._high != _ALL:
            high = high & self._high
        first, second = self._tables
        found = np.flatnonzero(first.take(self._slot(low, high, _MIXES[0]), mode="clip"))
        found = found[second.take(self._slot(low[found], high[found], _MIXES[1]))]
        keys = low[found] | (high[found].astype(np.uint64) << np.uint64(32))
        at = np.searchsorted(self._known, keys)
        at[at == len(self._known)] = 0
        exact: NDArray[np.intp] = found[self._known[at] == keys]
        return exact

    def _slot(
        self, low: NDArray[np.uint32], high: NDArray[np.uint32], mix: tuple[np.uint32, np.uint32]
    ) -> NDArray[np.uint32]:
        mixed: NDArray[np.uint32] = low * mix[0]
        mixed ^= high * mix[1]
        mixed *= mix[0]
        mixed >>= self._shift
        return mixed


class Hunter:
    """Finds needles in data.

    Raises:
        ValueError: a needle is shorter than six bytes, or of zero bytes only.
    """

    def __init__(self, needles: Sequence[Needle]) -> None:
        if any(len(needle.pattern) < _SHORTEST for needle in needles):
            raise ValueError(f"a needle must have at least {_SHORTEST} bytes")
        if not all(needle.pattern.strip(b"\0") for needle in needles):
            raise ValueError("a needle must not be of zero bytes only: empty pages are passed over")
        self._needles = list(needles)
        self._longest = max((len(needle.pattern) for needle in needles), default=0)
        self._groups = _groups([needle.pattern for needle in needles])
        self._automaton = (
            BytesAhoCorasick([n.pattern for n in needles], implementation=Implementation.ContiguousNFA)
            if needles
            else None
        )

    def hunt(self, pieces: Iterable[bytes]) -> Iterator[Hit]:
        """Every occurrence in the data that ``pieces`` make up, in order of windows; each once.

        The data is one string: an occurrence may lie across two pieces.
        """
        if self._automaton is None:
            for _ in pieces:
                pass
            return
        keep = self._longest + 1  # what may belong to an occurrence that the next window completes, and its neighbour
        rest, base, first = b"", 0, True
        for window in _windows(pieces):
            buffer = rest + window
            end = len(buffer) - keep
            if end > 1:
                yield from self._search(buffer, base, 0 if first else 1, end)
                rest, base, first = buffer[end - 1 :], base + end - 1, False
            else:
                rest = buffer
        if rest:
            yield from self._search(rest, base, 0 if first else 1, len(rest))

    def _search(self, buffer: bytes, base: int, begin: int, end: int) -> Iterator[Hit]:
        """Occurrences that start in ``buffer[begin:end]``; ``base`` is the buffer's offset in the data."""
        assert self._automaton is not None  # noqa: S101 - hunt() returned early
        if is_empty(buffer):
            return
        view = memoryview(buffer)
        for start, stop in self._suspects(buffer):
            for index, at, behind in self._automaton.find_matches_as_indexes(view[start:stop], overlapping=True):
                position = start + at
                needle = self._needles[index]
                if begin <= position < end and _stands_free(buffer, position, start + behind, needle.guard):
                    yield Hit(needle, base + position)

    def _suspects(self, buffer: bytes) -> Iterator[tuple[int, int]]:
        """Slices outside which no needle stands; they do not overlap."""
        words = np.frombuffer(buffer + b"\0" * (_STEP * 2 + -len(buffer) % _STEP), dtype="<u4")
        low, high = words[:-1], words[1:]
        marked = np.zeros(len(low) // _BLOCK + 1, dtype=bool)
        for group in self._groups:
            candidates = group.candidates(low, high)
            marked[candidates // _BLOCK] = True
        if marked.mean() > _DENSE:
            yield 0, len(buffer)
            return
        until = 0
        edges = np.flatnonzero(np.diff(np.concatenate(([False], marked, [False])).astype(np.int8))).tolist()
        pending: tuple[int, int] | None = None
        for left, right in zip(edges[::2], edges[1::2], strict=True):
            start = max(0, left * _BLOCK * _STEP - self._longest)
            stop = min(len(buffer), right * _BLOCK * _STEP + self._longest)
            if pending and start <= pending[1]:
                pending = (pending[0], stop)
                continue
            if pending:
                yield pending
            pending = (start, stop)
        if pending and pending[1] > until:
            yield pending


def is_empty(data: bytes) -> bool:
    """Whether there are zero bytes only, as in an empty page or log segment; compared, not stripped: quicker."""
    return data == bytes(len(data))


def _groups(patterns: Sequence[bytes]) -> list[_Pieces]:
    pieces: dict[int, set[int]] = {}
    for pattern in patterns:
        length = max(q for q in _LENGTHS if q <= len(pattern) - _STEP + 1)
        bucket = pieces.setdefault(length, set())
        bucket.update(int.from_bytes(pattern[at : at + length], "little") for at in range(_STEP))
    return [_Pieces(length, values) for length, values in sorted(pieces.items())]


def _windows(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same data in windows of about :data:`WINDOW` bytes."""
    gathered: list[bytes] = []
    size = 0
    for piece in pieces:
        for start in range(0, len(piece), WINDOW):
            part = piece[start : start + WINDOW]
            gathered.append(part)
            size += len(part)
            if size >= WINDOW:
                yield b"".join(gathered)
                gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)


def _stands_free(buffer: bytes, start: int, stop: int, guard: Guard) -> bool:
    if guard is Guard.NOTHING:
        return True
    before = buffer[start - 1 : start] if start else b""
    behind = buffer[stop : stop + 1]
    if guard is Guard.CELL:
        return before in _SEPARATORS and behind in _SEPARATORS
    return not before.isdigit() and not behind.isdigit()
