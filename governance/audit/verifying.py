"""Verification in one pass: every record's place, leaf hash and chain value, and every checkpoint on the way.

The pass stops at the first fault, because nothing after it can be trusted; what it was is told from the record that
does not fit and its neighbour. Memory does not grow with the log.
"""

from __future__ import annotations

from binascii import hexlify
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from governance.audit.chain import AuditKeys
from governance.audit.checkpoints import Checkpoint, read_folder, read_table
from governance.audit.encoding import COLUMNS, PINNED
from governance.audit.merkle import Frontier, leaf_hash
from governance.errors import AuditError

_LINES = f"copy (select {', '.join(COLUMNS)}, leaf, chain from audit.record order by seq) to stdout"  # noqa: S608
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


def verify_log(
    connection: psycopg.Connection, keys: AuditKeys, folder: Path, *, alive_at: datetime | None = None
) -> Verified:
    """Verify the log of a database against the checkpoints in its table and in a folder.

    Args:
        connection: idle, of the role ``audit``.
        folder: where the checkpoints stand under another custodian.
        alive_at: if given, the time by which the newest heartbeat's promise is judged.

    Raises:
        AuditError: the log cannot be read at all.
    """
    try:
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            connection.execute(PINNED)
            trusted, faults = trusted_checkpoints(read_table(connection), folder, keys.public())
            with connection.cursor() as cursor, cursor.copy(_LINES) as copy:
                lines = (bytes(line) for line in copy)
                result = verify_lines(lines, keys, trusted)
                deque(lines, maxlen=0)  # what follows a fault: a COPY must be read to its end
            faults += _silence(connection, alive_at) if alive_at else []
    except psycopg.Error as error:
        raise AuditError(f"the audit log cannot be read ({str(error).splitlines()[0]}); migrate (make up)") from error
    result.faults += faults
    return result


def verify_restored(connection: psycopg.Connection, keys: AuditKeys, folder: Path) -> Verified:
    """Verify the log of a restored copy by itself, against every sound checkpoint that was made before its end.

    Args:
        connection: idle, on the copy.
        folder: as in :func:`verify_log`; checkpoints that are greater than the copy's log are of a later time.

    Raises:
        AuditError: the log cannot be read at all.
    """
    try:
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            connection.execute(PINNED)
            row = connection.execute("select coalesce(max(seq), 0) from audit.record").fetchone()
            signed = [*read_table(connection), *read_folder(folder)[0]]
            wanted = {c.size: c for c in signed if c.is_signed_by(keys.public()) and row and c.size <= row[0]}
            with connection.cursor() as cursor, cursor.copy(_LINES) as copy:
                lines = (bytes(line) for line in copy)
                result = verify_lines(lines, keys, [wanted[size] for size in sorted(wanted)])
                deque(lines, maxlen=0)
    except psycopg.Error as error:
        raise AuditError(f"the copy's audit log cannot be read ({str(error).splitlines()[0]})") from error
    return result


def verify_lines(lines: Iterable[bytes], keys: AuditKeys, checkpoints: Sequence[Checkpoint]) -> Verified:
    """Verify a log as COPY gives it.

    Args:
        lines: with leaf and chain, in the order of their sequence numbers.
        checkpoints: whose signatures hold, by size.
    """
    result, tree, waiting = Verified(), Frontier(), list(reversed(checkpoints))
    good = 0  # size of the last checkpoint that agreed
    leaves: list[bytes] = []
    seal, mac, chain, expected = b"", keys.mac(keys.seal), b"", 1
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


def trusted_checkpoints(
    table: list[Checkpoint], folder: Path, public: Ed25519PublicKey
) -> tuple[list[Checkpoint], list[Fault]]:
    """Checkpoints whose signature holds, from both places, and what is wrong with the others."""
    files, damaged = read_folder(folder)
    faults = [Fault(FaultKind.CHECKPOINT, 0, words) for words in damaged]
    trusted: dict[int, Checkpoint] = {}
    for place, checkpoints in (("file", files), ("table", table)):
        for checkpoint in checkpoints:
            if checkpoint.is_signed_by(public):
                trusted.setdefault(checkpoint.size, checkpoint)
            else:
                words = f"the {place} holds a checkpoint whose signature is not of this installation's key"
                faults.append(Fault(FaultKind.CHECKPOINT, checkpoint.size, words))
    notes, rows = ({c.size: c.note() for c in place} for place in (files, table))
    for size in sorted(notes.keys() | rows.keys()):
        if notes.get(size) != rows.get(size):
            words = "stands in the table only" if size not in notes else "stands as a file only"
            words = words if size not in notes or size not in rows else "is another one in the table than in its file"
            faults.append(Fault(FaultKind.CHECKPOINT, size, f"the checkpoint of {size} records {words}"))
    return [trusted[size] for size in sorted(trusted)], faults


def _silence(connection: psycopg.Connection, now: datetime) -> list[Fault]:
    """Whether the newest heartbeat promised another one by now."""
    row = connection.execute(
        "select seq, recorded_at, (detail ->> 'next_within_hours')::int from audit.record where kind = 'heartbeat'"
        " order by seq desc limit 1"
    ).fetchone()
    if row is None:
        return [Fault(FaultKind.SILENT, 1, "there is no heartbeat; `xinglin audit checkpoint` writes one")]
    seq, beaten, hours = row
    if now <= beaten + timedelta(hours=hours):
        return []
    words = (
        f"the newest heartbeat is of {beaten:%Y-%m-%d %H:%M} and promised another within {hours} hours: "
        "the system stood still, or the end of the log is cut off"
    )
    return [Fault(FaultKind.SILENT, seq, words)]
