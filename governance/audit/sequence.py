"""One pass over lines of the log: every record's place, leaf hash and chain value, and every checkpoint on the way.

The pass stops at the first fault, because nothing after it can be trusted; what it was is told from the record that
does not fit and its neighbour. Memory does not grow with the log.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from governance.audit.chain import AuditKeys
from governance.audit.checkpoints import Checkpoint
from governance.audit.merkle import Frontier, leaf_hash
from governance.errors import AuditError

CHAIN = slice(-65, -1)  # of a line: the 64 digits of its chain value
_TAIL = 137  # of a line: tab, \\x, 64 digits, twice, and the line end
_BATCH = 1 << 16
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
    leaves: list[bytes] = []
    seal, mac, chain, expected = b"", keys.mac(keys.seal), after[1], after[0] + 1
    stop = waiting[-1].size if waiting else 0
    rest = iter(lines)
    for line in rest:
        canonical = line[:-_TAIL]
        if not canonical.startswith(b"%d\t%b\t" % (expected, seal)):
            fault, seal = _begins_wrong(canonical, expected, seal)
            if fault is None:
                try:
                    mac = keys.mac(seal.decode())
                except (AuditError, UnicodeDecodeError):
                    fault = Fault(FaultKind.ALTERED, expected, "the record names a key that there is not")
            if fault:
                result.faults.append(fault)
                break
            chain = chain or mac.genesis()
        leaf = sha256(b"\x00" + canonical).digest()
        chain = mac.next(chain, leaf)
        if line[-_TAIL:] != b"\t\\\\x%b\t\\\\x%b\n" % (hexlify(leaf), hexlify(chain)):
            result.faults.append(_diagnosis(expected, line, rest))
            break
        leaves.append(leaf)
        if expected == stop or len(leaves) == _BATCH:
            tree.extend(leaves)
            leaves.clear()
            if expected == stop:
                checkpoint = waiting.pop()
                if (checkpoint.root, checkpoint.chain) != (tree.root(), chain):
                    result.faults.append(_contradicted(good, checkpoint))
                    break
                good, stop = stop, waiting[-1].size if waiting else 0
                result.checkpoints += 1
        expected += 1
    else:
        tree.extend(leaves)
        if waiting:
            words = f"records {expected} to {waiting[0].size} are gone: a signed checkpoint counts {waiting[0].size}"
            result.faults.append(Fault(FaultKind.CUT, expected, words))
    result.records, result.head = expected - 1, chain
    return result


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
