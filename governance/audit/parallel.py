"""A long log on all cores: pieces of it are verified side by side, and their subtrees put together.

A chain value depends on nothing but the value stored before it, and a piece of the tree on nothing but its leaves, so
pieces can be verified apart. This pass says only that everything holds, or that something does not: what it is, and
where, is told by the pass from the beginning (:mod:`governance.audit.verifying`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import get_context

import psycopg
from psycopg.conninfo import make_conninfo

from governance.audit.chain import Algorithm, AuditKeys
from governance.audit.checkpoints import Checkpoint
from governance.audit.encoding import LINES, PINNED
from governance.audit.merkle import Frontier
from governance.audit.sequence import CHAIN, Verified, verify_lines
from governance.database import copied

PIECE = 1 << 15


@dataclass(frozen=True)
class _Snapshot:
    """What a worker needs to see the same log: the connection string, the exported snapshot, and the chain's keys."""

    dsn: str = field(repr=False)
    name: str
    chain: Mapping[int, bytes] = field(repr=False)
    algorithm: Algorithm


@dataclass(frozen=True)
class _Piece:
    """A piece that holds: its full subtrees from the left with their sizes, and its last chain value."""

    trees: list[tuple[bytes, int]]
    head: bytes


class _Subtrees(Frontier):
    """Keeps the subtrees of a piece apart."""

    def __init__(self, before: int) -> None:
        super().__init__(before)
        self.trees: list[tuple[bytes, int]] = []

    def push(self, root: bytes, block: int) -> None:
        """Keep a subtree."""
        self.trees.append((root, block))
        self.size += block


class _NoTree(Frontier):
    """For records that no checkpoint has seen."""

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Leave the leaves unhashed."""


def holds(
    connection: psycopg.Connection, size: int, keys: AuditKeys, checkpoints: Sequence[Checkpoint], piece: int = PIECE
) -> Verified | None:
    """Verify records 1 to ``size``, which are all; ``None`` when anything does not hold.

    Args:
        connection: in the transaction (repeatable read) whose snapshot counts.
        checkpoints: whose signatures hold, by size.
        piece: records that a worker verifies at a time.
    """
    if checkpoints and checkpoints[-1].size > size:
        return None
    stops = {checkpoint.size: checkpoint for checkpoint in checkpoints}
    edges = sorted({0, size, *range(0, size, piece), *stops})
    row = connection.execute("select pg_export_snapshot()").fetchone()
    assert row is not None  # noqa: S101 - a function call returns one row
    parameters = connection.info.get_parameters() | {"password": connection.info.password}
    snapshot = _Snapshot(make_conninfo(**parameters), row[0], dict(keys.chain), keys.algorithm)
    tree, last = Frontier(), max(stops, default=0)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as workers:
        waiting = [
            workers.submit(_verify, snapshot, first, end, with_tree=end <= last) for first, end in pairwise(edges)
        ]
        for end, work in zip(edges[1:], waiting, strict=True):
            found = work.result()
            if found is not None:
                for root, block in found.trees:
                    tree.push(root, block)
            stop = stops.get(end)
            if found is None or (stop is not None and (stop.root, stop.chain) != (tree.root(), found.head)):
                workers.shutdown(cancel_futures=True)
                return None
    return Verified(size, len(stops), found.head if found else b"")


def _verify(snapshot: _Snapshot, before: int, last: int, *, with_tree: bool) -> _Piece | None:
    """Verify the records after ``before`` up to ``last``."""
    trees = _Subtrees(before)
    query = f"copy ({LINES} where seq between {before:d} and {last:d} order by seq) to stdout"
    with psycopg.connect(snapshot.dsn, autocommit=True) as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute(f"set transaction snapshot '{snapshot.name}'")
        connection.execute(PINNED)
        with closing(copied(connection, query)) as lines:
            try:
                chain = bytes.fromhex(next(lines, b"")[CHAIN].decode()) if before else b""
            except ValueError:
                return None
            keys = AuditKeys(snapshot.chain, snapshot.algorithm)
            found = verify_lines(lines, keys, (), after=(before, chain), tree=trees if with_tree else _NoTree())
    return None if found.faults or found.records != last else _Piece(trees.trees, found.head)
