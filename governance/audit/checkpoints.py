"""Signed checkpoints: size, root and chain head of the log, in a table and as files under another custodian.

A file is a signed note (C2SP ``tlog-checkpoint`` and ``signed-note``): origin, size, root, then two lines of our own,
an empty line, and an Ed25519 signature (RFC 8032) over all before it. Files are never overwritten.
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import psycopg
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from governance.audit.chain import AuditKeys
from governance.audit.encoding import timestamp
from governance.audit.merkle import Frontier
from governance.errors import AuditError

ORIGIN = "xinglin.audit"
_LOCK = 7_210_031
_ED25519 = b"\x01"  # signature type of a signed note
_BATCH = 1 << 16


@dataclass(frozen=True)
class Checkpoint:
    """The state of the log when it had ``size`` records; ``made_at`` as in a record, ``key_id`` of the signing key."""

    size: int
    root: bytes
    chain: bytes
    made_at: str
    key_id: str
    signature: bytes = b""

    def body(self) -> bytes:
        """What is signed."""
        root = base64.b64encode(self.root).decode()
        lines = (ORIGIN, str(self.size), root, f"chain {self.chain.hex()}", f"made_at {self.made_at}")
        return ("\n".join(lines) + "\n").encode()

    def note(self) -> str:
        """The signed note."""
        signed = base64.b64encode(bytes.fromhex(self.key_id) + self.signature).decode()
        return f"{self.body().decode()}\n— {ORIGIN} {signed}\n"

    @property
    def file_name(self) -> str:
        """Name of its file; names sort by size."""
        return f"checkpoint-{self.size:016d}.txt"

    def is_signed_by(self, public: Ed25519PublicKey) -> bool:
        """Whether its signature is of this key."""
        if self.key_id != key_id(public):
            return False
        try:
            public.verify(self.signature, self.body())
        except InvalidSignature:
            return False
        return True


def key_id(public: Ed25519PublicKey) -> str:
    """Id of a signing key after the signed-note format: 4 bytes in hexadecimal."""
    return sha256(ORIGIN.encode() + b"\n" + _ED25519 + public.public_bytes_raw()).digest()[:4].hex()


def read_note(note: str) -> Checkpoint:
    """The checkpoint that a signed note holds; its signature is not checked here.

    Raises:
        AuditError: it is not a note of this program.
    """
    try:
        body, _, signatures = note.partition("\n\n")
        origin, size, root, chain, made_at = body.split("\n")
        dash, name, encoded = signatures.rstrip("\n").split(" ")
        raw = base64.b64decode(encoded, validate=True)
        checkpoint = Checkpoint(
            int(size),
            base64.b64decode(root, validate=True),
            bytes.fromhex(chain.removeprefix("chain ")),
            made_at.removeprefix("made_at "),
            raw[:4].hex(),
            raw[4:],
        )
    except (ValueError, binascii.Error) as error:
        raise AuditError("it is not an audit checkpoint; take the file from the other custodian again") from error
    if (origin, dash, name) != (ORIGIN, "—", ORIGIN) or checkpoint.note() != note:
        raise AuditError("it is not an audit checkpoint in its one form; take it from the other custodian again")
    return checkpoint


def read_folder(folder: Path) -> tuple[list[Checkpoint], list[str]]:
    """Checkpoints of a folder by size, and what is wrong with files that hold none (one sentence each)."""
    found, faults = [], []
    for path in sorted(folder.glob("checkpoint-*.txt")):
        try:
            checkpoint = read_note(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, AuditError) as error:
            faults.append(f"{path.name}: {error}")
            continue
        if checkpoint.file_name != path.name:
            faults.append(f"{path.name} holds the checkpoint of size {checkpoint.size}; it was renamed or replaced")
        found.append(checkpoint)
    return found, faults


def read_table(connection: psycopg.Connection) -> list[Checkpoint]:
    """Checkpoints of the table, by size."""
    rows = connection.execute(
        "select size, root, chain, made_at, key_id, signature from audit.checkpoint order by size"
    ).fetchall()
    return [Checkpoint(size, root, chain, timestamp(made), key, sign) for size, root, chain, made, key, sign in rows]


def make_checkpoint(connection: psycopg.Connection, keys: AuditKeys, folder: Path) -> Checkpoint | None:
    """Sign the log as it is committed now; returns the newest checkpoint, ``None`` for an empty log.

    The file is written before the row, and only of committed records. A file whose row is missing, because the program
    was killed in between, gets its row. The connection must be idle, of the role ``audit``.

    Raises:
        AuditError: the folder cannot be written, or it holds a checkpoint that is not ours or that the log contradicts.
    """
    try:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            tree = _newest_tree(connection, keys)
            chain = _extend(connection, tree)
            if chain is None:
                return None
            checkpoint = _signed(connection, tree, chain, keys)
            path = folder / checkpoint.file_name
            if path.exists():
                checkpoint = _ours(path, checkpoint, keys)
            else:
                write_public_key(folder, keys.public())
                _write_once(path, checkpoint.note().encode())
            connection.execute(
                "insert into audit.checkpoint (size, root, chain, made_at, key_id, signature, frontier)"
                " values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
                (
                    *(checkpoint.size, checkpoint.root, checkpoint.chain, checkpoint.made_at),
                    *(checkpoint.key_id, checkpoint.signature, b"".join(tree.peaks)),
                ),
            )
    except (psycopg.Error, OSError) as error:
        raise AuditError(f"no checkpoint could be made ({str(error).splitlines()[0]}); check {folder}") from error
    return checkpoint


def write_public_key(folder: Path, public: Ed25519PublicKey) -> Path:
    """Write the key that checks checkpoints beside them, for handing out; it is public."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"public-key-{key_id(public)}.pem"
    if not path.exists():
        _write_once(path, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


def _newest_tree(connection: psycopg.Connection, keys: AuditKeys) -> Frontier:
    """The tree at the newest checkpoint; its frontier is believed only if it gives the signed root."""
    row = connection.execute(
        "select size, root, chain, made_at, key_id, signature, frontier from audit.checkpoint"
        " order by size desc limit 1"
    ).fetchone()
    if row is None:
        return Frontier()
    size, root, chain, made_at, key, signature, peaks = row
    tree = Frontier(size, [peaks[at : at + 32] for at in range(0, len(peaks), 32)])
    checkpoint = Checkpoint(size, root, chain, timestamp(made_at), key, signature)
    if tree.root() != root or not checkpoint.is_signed_by(keys.public()):
        raise AuditError(f"the checkpoint of {size} records was altered in the table; run `xinglin audit verify`")
    return tree


def _extend(connection: psycopg.Connection, tree: Frontier) -> bytes | None:
    """Take the records after the tree into it; returns the chain value of the last record, ``None`` without any."""
    wanted = tree.size + 1
    with connection.cursor("leaves", binary=True) as cursor:
        cursor.execute("select seq, leaf from audit.record where seq >= %s order by seq", (wanted,))
        while rows := cursor.fetchmany(_BATCH):
            if rows[0][0] != wanted or rows[-1][0] != wanted + len(rows) - 1:
                raise AuditError(f"records are missing after {wanted - 1}; run `xinglin audit verify`")
            tree.extend([row[1] for row in rows])
            wanted += len(rows)
    head = connection.execute("select seq, chain from audit.record order by seq desc limit 1").fetchone()
    if head is None and tree.size == 0:
        return None
    if head is None or head[0] < tree.size:
        raise AuditError(f"the log is shorter than its checkpoint of {tree.size} records; run `xinglin audit verify`")
    row = connection.execute("select chain from audit.record where seq = %s", (tree.size,)).fetchone()
    return bytes(row[0]) if row else b""


def _signed(connection: psycopg.Connection, tree: Frontier, chain: bytes, keys: AuditKeys) -> Checkpoint:
    moment = connection.execute("select clock_timestamp()").fetchone()
    assert moment is not None  # noqa: S101 - a select without from-rows returns one row
    unsigned = Checkpoint(tree.size, tree.root(), chain, timestamp(moment[0]), key_id(keys.public()))
    return Checkpoint(
        *(unsigned.size, unsigned.root, unsigned.chain, unsigned.made_at, unsigned.key_id),
        signature=keys.signer().sign(unsigned.body()),
    )


def _ours(path: Path, checkpoint: Checkpoint, keys: AuditKeys) -> Checkpoint:
    """The checkpoint of a file that stands already, if it says the same of the log."""
    standing = read_note(path.read_text("utf-8"))
    same = (standing.size, standing.root, standing.chain) == (checkpoint.size, checkpoint.root, checkpoint.chain)
    if not same or not standing.is_signed_by(keys.public()):
        raise AuditError(f"{path.name} contradicts the log; run `xinglin audit verify` and keep the file as evidence")
    return standing


def _write_once(path: Path, content: bytes) -> None:
    """Write a new file, fsync it, then give it its name; a name that stands is never taken."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o444)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    finally:
        temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
