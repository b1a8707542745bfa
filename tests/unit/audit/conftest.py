"""Logs as COPY gives them, and their keys, without a database."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance.audit.chain import Algorithm, AuditKeys
from governance.audit.checkpoints import Checkpoint, key_id
from governance.audit.encoding import Kind, Record, canonical
from governance.audit.merkle import leaf_hash, tree_root

WHEN = "2026-01-31 09:30:00.25+00"


@dataclass(frozen=True)
class Row:
    """One row of audit.record; ``content`` is its canonical line after the sequence number."""

    seq: int
    content: bytes
    leaf: bytes
    chain: bytes

    def line(self) -> bytes:
        return b"%d\t%b\t\\\\x%b\t\\\\x%b\n" % (
            self.seq, self.content, self.leaf.hex().encode(), self.chain.hex().encode()
        )  # fmt: skip

    def with_true_leaf(self) -> Row:
        return replace(self, leaf=leaf_hash(b"%d\t%b" % (self.seq, self.content)))


def keys(seed: int = 1, algorithm: Algorithm = Algorithm.HMAC_SM3) -> AuditKeys:
    """Fixed keys."""
    return AuditKeys({1: bytes([seed]) * 32}, algorithm, Ed25519PrivateKey.from_private_bytes(bytes([seed + 100]) * 32))


def chained(rows: list[Row], made_with: AuditKeys, start: int = 0) -> list[Row]:
    """The rows with leaf hashes and chain made anew from position ``start``."""
    mac = made_with.mac(made_with.seal)
    chain = rows[start - 1].chain if start else mac.genesis()
    made = rows[:start]
    for row in rows[start:]:
        sealed = row.with_true_leaf()
        chain = mac.next(chain, sealed.leaf)
        made.append(replace(sealed, chain=chain))
    return made


def log_of(size: int, made_with: AuditKeys, rng: random.Random) -> list[Row]:
    """A log of ``size`` different records."""
    rows = []
    for seq in range(1, size + 1):
        record = Record(rng.choice(list(Kind)), f"landing.t{seq}", rng.randrange(10**6), detail={"batch": seq})
        content = canonical(seq, made_with.seal, WHEN, record, "xinglin_collect").partition(b"\t")[2]
        rows.append(Row(seq, content, b"", b""))
    return chained(rows, made_with)


def checkpoint_of(rows: list[Row], size: int, made_with: AuditKeys) -> Checkpoint:
    """A signed checkpoint of the first ``size`` rows."""
    root = tree_root([row.leaf for row in rows[:size]])
    unsigned = Checkpoint(size, root, rows[size - 1].chain, WHEN, key_id(made_with.public()))
    return replace(unsigned, signature=made_with.signer().sign(unsigned.body()))


@pytest.fixture(params=list(Algorithm))
def audit_keys(request: pytest.FixtureRequest) -> AuditKeys:
    return keys(1, request.param)
