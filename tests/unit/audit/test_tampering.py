"""Five hundred generated tamperings: each is found, and located at the record where it begins."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from governance.audit.chain import Algorithm, AuditKeys
from governance.audit.checkpoints import Checkpoint
from governance.audit.sequence import FaultKind, verify_lines
from governance.audit.verifying import trusted_checkpoints
from tests.unit.audit.conftest import Row, chained, checkpoint_of, keys, log_of

Case = tuple[list[Row], list[Checkpoint], int, set[FaultKind]]
Tampering = Callable[[list[Row], list[Checkpoint], AuditKeys, random.Random], Case]
STRANGER = keys(2)


def edit(rows: list[Row], signed: list[Checkpoint], _keys: AuditKeys, rng: random.Random) -> Case:
    at = rng.randrange(len(rows))
    content = bytearray(rows[at].content)
    spot = rng.randrange(content.index(b"\t") + 1, len(content))
    content[spot] = ord("x") if content[spot] != ord("x") else ord("y")
    rows[at] = replace(rows[at], content=bytes(content))
    if rng.random() < 0.5:  # the leaf hash needs no key
        rows[at] = rows[at].with_true_leaf()
    return rows, signed, at + 1, {FaultKind.ALTERED}


def edit_a_hash(rows: list[Row], signed: list[Checkpoint], _keys: AuditKeys, rng: random.Random) -> Case:
    at = rng.randrange(len(rows))
    rows[at] = replace(rows[at], **{rng.choice(["leaf", "chain"]): rng.randbytes(32)})
    return rows, signed, at + 1, {FaultKind.ALTERED}


def delete(rows: list[Row], signed: list[Checkpoint], _keys: AuditKeys, rng: random.Random) -> Case:
    at = rng.randrange(len(rows) - 1)
    kept = rows[:at] + rows[at + 1 :]
    if rng.random() < 0.5:
        kept = kept[:at] + [replace(row, seq=row.seq - 1) for row in kept[at:]]
    return kept, signed, at + 1, {FaultKind.MISSING}


def reorder(rows: list[Row], signed: list[Checkpoint], _keys: AuditKeys, rng: random.Random) -> Case:
    first, second = sorted(rng.sample(range(len(rows)), 2))
    rows[first], rows[second] = replace(rows[second], seq=first + 1), replace(rows[first], seq=second + 1)
    return rows, signed, first + 1, {FaultKind.REORDERED}


def insert(rows: list[Row], signed: list[Checkpoint], _keys: AuditKeys, rng: random.Random) -> Case:
    at = rng.randrange(len(rows))
    alien = Row(at + 1, rows[at].content + b" ", rng.randbytes(32), rng.randbytes(32))
    if rng.random() < 0.5:
        alien = alien.with_true_leaf()
    after = [replace(row, seq=row.seq + 1) for row in rows[at:]]
    return [*rows[:at], alien, *after], signed, at + 1, {FaultKind.INSERTED}


def append_without_the_key(rows: list[Row], signed: list[Checkpoint], _keys: AuditKeys, rng: random.Random) -> Case:
    alien = Row(len(rows) + 1, rows[-1].content + b" ", b"", rng.randbytes(32)).with_true_leaf()
    return [*rows, alien], signed, len(rows) + 1, {FaultKind.ALTERED}


def cut(rows: list[Row], signed: list[Checkpoint], _keys: AuditKeys, rng: random.Random) -> Case:
    left = rng.randrange(len(rows))
    return rows[:left], signed, left + 1, {FaultKind.CUT}


def rewrite_without_the_key(rows: list[Row], signed: list[Checkpoint], own: AuditKeys, rng: random.Random) -> Case:
    at = rng.randrange(len(rows))
    rows[at] = replace(rows[at], content=rows[at].content + b" ")
    stranger = keys(2, own.algorithm)
    return chained(rows, stranger, at), signed, at + 1, {FaultKind.ALTERED}


def rewrite_with_the_key(rows: list[Row], signed: list[Checkpoint], own: AuditKeys, rng: random.Random) -> Case:
    at = rng.randrange(len(rows))
    rows[at] = replace(rows[at], content=rows[at].content + b" ")
    before = max((c.size for c in signed if c.size <= at), default=0)
    return chained(rows, own, at), signed, before + 1, {FaultKind.REWRITTEN}


TAMPERINGS: list[Tampering] = [
    edit, edit_a_hash, delete, reorder, insert, append_without_the_key, cut, rewrite_without_the_key,
    rewrite_with_the_key,
]  # fmt: skip


def test_five_hundred_tamperings_are_found_and_located() -> None:
    rng = random.Random(20260131)
    done: Counter[str] = Counter()
    missed = []
    for number in range(500):
        tampering = TAMPERINGS[number % len(TAMPERINGS)]
        own = keys(1, rng.choice(list(Algorithm)))
        rows = log_of(rng.randrange(2, 40), own, rng)
        sizes = sorted({rng.randrange(1, len(rows) + 1), len(rows)})
        signed = [checkpoint_of(rows, size, own) for size in sizes]
        sound = verify_lines((row.line() for row in rows), own, signed)
        assert (sound.faults, sound.records, sound.checkpoints) == ([], len(rows), len(sizes))
        forged, signed, where, kinds = tampering(list(rows), signed, own, rng)
        found = verify_lines((row.line() for row in forged), own, signed)
        done[tampering.__name__] += 1
        if not found.faults or found.faults[0].seq != where or found.faults[0].kind not in kinds:
            missed.append((number, tampering.__name__, where, [str(fault) for fault in found.faults]))
    assert missed == []
    assert sum(done.values()) == 500
    assert len(done) == len(TAMPERINGS)


def write(folder: Path, checkpoints: list[Checkpoint]) -> Path:
    folder.mkdir()
    for checkpoint in checkpoints:
        (folder / checkpoint.file_name).write_text(checkpoint.note(), "utf-8")
    return folder


def test_checkpoints_that_stand_in_both_places_are_trusted(tmp_path: Path, audit_keys: AuditKeys) -> None:
    rows = log_of(9, audit_keys, random.Random(1))
    signed = [checkpoint_of(rows, size, audit_keys) for size in (4, 9)]
    assert trusted_checkpoints(signed, write(tmp_path / "own", signed), audit_keys.public()) == (signed, [])


def test_a_replaced_checkpoint_is_located_by_its_size(tmp_path: Path, audit_keys: AuditKeys) -> None:
    """Signed by a stranger, altered, of another log; in the table, the folder or both."""
    rng = random.Random(7)
    rows = log_of(9, audit_keys, rng)
    signed = [checkpoint_of(rows, size, audit_keys) for size in (4, 9)]
    stranger = checkpoint_of(rows, 4, STRANGER)
    altered = replace(signed[0], root=rng.randbytes(32))
    for number, (table, files) in enumerate(
        [
            ([stranger, signed[1]], signed),
            (signed, [stranger, signed[1]]),
            ([stranger, signed[1]], [stranger, signed[1]]),
            ([altered, signed[1]], signed),
            (signed, [altered, signed[1]]),
            (signed[1:], signed),
            (signed, signed[1:]),
        ]
    ):
        _, faults = trusted_checkpoints(table, write(tmp_path / str(number), files), audit_keys.public())
        assert faults, number
        assert {(fault.kind, fault.seq) for fault in faults} == {(FaultKind.CHECKPOINT, 4)}, number


def test_a_checkpoint_of_another_log_under_our_key_is_contradicted(audit_keys: AuditKeys) -> None:
    rows, other = (log_of(9, audit_keys, random.Random(seed)) for seed in (1, 2))
    found = verify_lines((row.line() for row in rows), audit_keys, [checkpoint_of(other, 9, audit_keys)])
    assert [(fault.kind, fault.seq) for fault in found.faults] == [(FaultKind.REWRITTEN, 1)]


def test_an_empty_log_without_checkpoints_has_no_fault(audit_keys: AuditKeys) -> None:
    assert verify_lines([], audit_keys, []).faults == []


def test_a_log_may_change_its_mac(audit_keys: AuditKeys) -> None:
    """Records keep their seal; the chain goes on from the value before."""
    rng = random.Random(3)
    other = replace(audit_keys, algorithm=next(a for a in Algorithm if a is not audit_keys.algorithm))
    rows = log_of(8, audit_keys, rng)
    later = [replace(row, content=other.seal.encode() + row.content[row.content.index(b"\t") :]) for row in rows[5:]]
    mixed = chained(rows[:5] + later, other, 5)
    found = verify_lines((row.line() for row in mixed), audit_keys, [])
    assert (found.faults, found.records) == ([], 8)
