"""One pass over lines of the log: every record's place, leaf hash and chain value, and every checkpoint on the way.

The pass stops at the first fault, because nothing after it can be trusted; what it was is told from the record that
does not fit and its neighbour. Memory does not grow with the log.
"""

from __future__ import annotations

from binascii import hexlify, unhexlify
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from governance.audit.chain import AuditKeys
from governance.audit.checkpoints import Checkpoint
from governance.audit.merkle import Frontier, leaf_hash
from governance.errors import AuditError

CHAIN = slice(-65, -1)  # of a line: the 64 digits of its chain value
_TAIL = 137  # of a line: tab, \\x, 64 digits, twice, and the line end
_HASH = 32  # bytes
_DIGITS = [*range(4, 68), *range(72, 136)]  # of a tail: those of the leaf hash, then of the chain value
_BETWEEN, _MARKS = [0, 1, 2, 3, 68, 69, 70, 71, 136], np.frombuffer(b"\t\\\\x\t\\\\x\n", np.uint8)  # the rest of it
_BATCH = 1 << 11  # records that are verified at once; they stay in the processor's cache
_WINDOW = 1000  # how far away the true place of a moved record is looked for


class FaultKind(StrEnum):
    """What is wrong with the log."""

    ALTERED = "altered"  # a record's content, or a chain value made without the key
    MISSING = "missing"
    REORDERED = "reordered"
    INSERTED = "inserted"
    CUT = "cut"  # the end is gone
    REWRITTEN = "rewritten"  # the chain holds, but not against a checkpoint: whoever did it had the chain's key
    CHECKPOINT = "checkpoint"  # a checkpoint is forged, replaced, or stands in one place only
    SILENT = "silent"  # the promised heartbeat did not come


@dataclass(frozen=True)
class Fault:
    """One fault; ``seq`` is the first sequence number that it concerns (of a checkpoint, its size)."""

    kind: FaultKind
    seq: int
    words: str

    def __str__(self) -> str:
        return f"{self.kind} {self.seq}: {self.words}"


@dataclass
class Verified:
    """What a verification found: faults in their order, how many records hold, and how many checkpoints."""

    records: int = 0
    checkpoints: int = 0
    head: bytes = b""
    faults: list[Fault] = field(default_factory=list)


def verify_lines(
    lines: Iterable[bytes],
    keys: AuditKeys,
    checkpoints: Sequence[Checkpoint],
    *,
    after: tuple[int, bytes] = (0, b""),
    tree: Frontier | None = None,
) -> Verified:
    """Verify a log, or a piece of it, as COPY gives it.

    Args:
        lines: with leaf and chain, in the order of their sequence numbers.
        checkpoints: whose signatures hold, by size; of a piece, none.
        after: sequence number and chain value before the first line.
        tree: gets the leaf hashes of a piece.
    """
    result, waiting = Verified(), list(reversed(checkpoints))
    tree = Frontier() if tree is None else tree
    good = 0  # size of the last checkpoint that agreed
    place = _Chain(keys, *after)
    stop = waiting[-1].size if waiting else 0
    rest = iter(lines)
    while batch := list(islice(rest, place.until(stop))):
        leaves, fault = place.follow(batch, rest)
        tree.extend(leaves)
        if fault is None and place.size == stop:
            checkpoint = waiting.pop()
            if (checkpoint.root, checkpoint.chain) != (tree.root(), place.head):
                fault = _contradicted(good, checkpoint)
            else:
                good, stop = stop, waiting[-1].size if waiting else 0
                result.checkpoints += 1
        if fault is not None:
            result.faults.append(fault)
            break
    else:
        if waiting:
            words = (
                f"records {place.size + 1} to {waiting[0].size} are gone: a signed checkpoint counts {waiting[0].size}"
            )
            result.faults.append(Fault(FaultKind.CUT, place.size + 1, words))
    result.records, result.head = place.size, place.head
    return result


class _Chain:
    """How far a pass has come.

    Attributes:
        size: sequence number of the last record that holds.
        head: its chain value; empty before the first.
    """

    def __init__(self, keys: AuditKeys, size: int, head: bytes) -> None:
        self._keys, self.size, self.head = keys, size, head
        self._seal, self._mac = b"", keys.mac(keys.seal)

    def until(self, stop: int) -> int:
        """How many lines to take next: one to learn the seal, then up to a round number, never past ``stop``."""
        wanted = _BATCH - self.size % _BATCH if self._seal else 1
        return min(wanted, stop - self.size) if stop else wanted

    def follow(self, lines: list[bytes], rest: Iterator[bytes]) -> tuple[list[bytes], Fault | None]:
        """The leaf hashes of the lines that hold, and what is wrong with the first that does not."""
        leaves = self._at_once(lines) if self._seal else None
        return (leaves, None) if leaves is not None else self._one_by_one(lines, rest)

    def _at_once(self, lines: list[bytes]) -> list[bytes] | None:
        """The leaf hashes if all lines hold under the seal of the line before; else ``None``, and nothing is said."""
        begins = [b"%d\t%b\t" % (seq, self._seal) for seq in range(self.size + 1, self.size + 1 + len(lines))]
        stored = _stored(lines)
        if stored is None or not all(map(bytes.startswith, lines, begins)):
            return None
        leaves = [leaf_hash(line[:-_TAIL]) for line in lines]
        heads = np.concatenate((np.frombuffer(self.head, np.uint8)[None], stored[:-1, 1]))
        values = self._mac.each(np.concatenate((heads, stored[:, 0]), axis=1).tobytes(), 2 * _HASH)
        if (stored[:, 0].tobytes(), stored[:, 1].tobytes()) != (b"".join(leaves), b"".join(values)):
            return None
        self.size, self.head = self.size + len(lines), values[-1]
        return leaves

    def _one_by_one(self, lines: list[bytes], rest: Iterator[bytes]) -> tuple[list[bytes], Fault | None]:
        leaves: list[bytes] = []
        following = chain(lines, rest)
        for line in islice(following, len(lines)):
            seq, canonical = self.size + 1, line[:-_TAIL]
            if not canonical.startswith(b"%d\t%b\t" % (seq, self._seal)):
                fault, self._seal = _begins_wrong(canonical, seq, self._seal)
                if fault is not None:
                    return leaves, fault
                try:
                    self._mac = self._keys.mac(self._seal.decode())
                except (AuditError, UnicodeDecodeError):
                    return leaves, Fault(FaultKind.ALTERED, seq, "the record names a key that there is not")
                self.head = self.head or self._mac.genesis()
            leaf = leaf_hash(canonical)
            value = self._mac.next(self.head, leaf)
            if line[-_TAIL:] != b"\t\\\\x%b\t\\\\x%b\n" % (hexlify(leaf), hexlify(value)):
                return leaves, _diagnosis(seq, line, following)
            leaves.append(leaf)
            self.size, self.head = seq, value
        return leaves, None


def _stored(lines: list[bytes]) -> NDArray[np.uint8] | None:
    """Leaf hash and chain value as they stand in the lines, ``[line, 2, 32]``; ``None`` if a tail has another form."""
    tails = b"".join([line[-_TAIL:] for line in lines])
    if len(tails) != _TAIL * len(lines):
        return None
    table = np.frombuffer(tails, np.uint8).reshape(-1, _TAIL)
    try:
        hashes = unhexlify(table[:, _DIGITS].tobytes())
    except ValueError:
        return None
    is_sound = bool((table[:, _BETWEEN] == _MARKS).all())
    return np.frombuffer(hashes, np.uint8).reshape(-1, 2, _HASH) if is_sound else None


def _begins_wrong(canonical: bytes, expected: int, seal: bytes) -> tuple[Fault | None, bytes]:
    """Why a line does not begin with the expected number and seal; no fault if only the seal is another."""
    number, _, rest = canonical.partition(b"\t")
    try:
        found = int(number)
    except ValueError:
        return Fault(FaultKind.ALTERED, expected, "its sequence number is no number"), seal
    if found == expected:
        return None, rest.partition(b"\t")[0]
    if found > expected:
        return Fault(FaultKind.MISSING, expected, f"records {expected} to {found - 1} are missing"), seal
    return Fault(FaultKind.INSERTED, found, f"there is a second record {found}, or one before the first"), seal


def _diagnosis(seq: int, line: bytes, rest: Iterator[bytes]) -> Fault:
    """What a record that does not fit tells: its stored leaf hash still says which place it was made for."""
    following = next(rest, b"")
    home, next_home = _made_for(line, seq), _made_for(following, seq + 1)
    if next_home == seq and home != seq + 1:
        return Fault(FaultKind.INSERTED, seq, "it was put in, and those after it were renumbered")
    if home == seq:
        words = "its content and leaf hash fit each other but not the chain: altered or rewritten without the key"
        return Fault(FaultKind.ALTERED, seq, words)
    if home == seq + 1 and next_home != seq:
        return Fault(FaultKind.MISSING, seq, "it was taken out, and those after it were renumbered")
    if home is not None:
        return Fault(FaultKind.REORDERED, seq, f"here stands what was record {home}")
    return Fault(FaultKind.ALTERED, seq, "its content is not what was recorded")


def _made_for(line: bytes, seq: int) -> int | None:
    """The sequence number under which a line's content gives its stored leaf hash, near ``seq``."""
    if not line:
        return None
    content = line[:-_TAIL].partition(b"\t")[2]
    stored = line[-_TAIL + 4 : -_TAIL + 68]
    near = sorted(range(max(1, seq - _WINDOW), seq + _WINDOW + 1), key=lambda place: abs(place - seq))
    return next((place for place in near if hexlify(leaf_hash(b"%d\t%b" % (place, content))) == stored), None)


def _contradicted(good: int, checkpoint: Checkpoint) -> Fault:
    words = (
        f"the chain holds, but records {good + 1} to {checkpoint.size} are not those that the signed checkpoint of "
        f"{checkpoint.made_at} saw: rewritten by somebody who holds the chain's key"
    )
    return Fault(FaultKind.REWRITTEN, good + 1, words)
