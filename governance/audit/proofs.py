"""A proof that one record is in the log, for somebody who may see no other record and has only the public key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import psycopg
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from governance.audit.checkpoints import Checkpoint, read_note, read_table
from governance.audit.encoding import COLUMNS, PINNED, fields
from governance.audit.merkle import inclusion_proof, leaf_hash, root_of_inclusion
from governance.database import copied
from governance.errors import AuditError

_FORMAT = "xinglin-audit-proof-1"
_RECORD = f"copy (select {', '.join(COLUMNS)} from audit.record where seq = "  # noqa: S608 - constant columns


@dataclass(frozen=True)
class Proved:
    """What a proof shows: a record's columns, its place, and the checkpoint it is under."""

    seq: int
    record: dict[str, str | None]
    checkpoint: Checkpoint


def prove(connection: psycopg.Connection, seq: int) -> str:
    """A proof for record ``seq`` under the newest checkpoint, as JSON.

    Args:
        connection: idle, of the role ``audit``.

    Raises:
        AuditError: no checkpoint holds the record yet, there is none, or the log does not give the checkpoint's root.
    """
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute(PINNED)
        checkpoints = read_table(connection)
        if not checkpoints or not 1 <= seq <= checkpoints[-1].size:
            until = checkpoints[-1].size if checkpoints else 0
            raise AuditError(f"no checkpoint holds record {seq} (they reach {until}); run `xinglin audit checkpoint`")
        newest = checkpoints[-1]
        leaves = _leaves(connection, newest.size)
        line = b"".join(copied(connection, f"{_RECORD}{int(seq)}) to stdout")).removesuffix(b"\n")
    if len(leaves) != newest.size:
        raise AuditError(f"the log has {len(leaves)} of {newest.size} records; run `xinglin audit verify`")
    path = inclusion_proof(leaves, seq - 1)
    if root_of_inclusion(leaf_hash(line), seq - 1, newest.size, path) != newest.root:
        raise AuditError(f"record {seq} is not what checkpoint {newest.size} saw; run `xinglin audit verify`")
    document = {
        "format": _FORMAT,
        "record": line.decode(),
        "path": [sibling.hex() for sibling in path],
        "checkpoint": newest.note(),
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def check_proof(proof: str, public: Ed25519PublicKey) -> Proved:
    """Check a proof with nothing but the public key.

    Raises:
        AuditError: it does not hold; says in which part.
    """
    try:
        document = json.loads(proof)
        if document["format"] != _FORMAT:
            raise ValueError
        line, note = str(document["record"]).encode(), str(document["checkpoint"])
        path = [bytes.fromhex(sibling) for sibling in document["path"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AuditError("it is not a proof of the audit log; make it again (`xinglin audit prove`)") from error
    checkpoint, record = read_note(note), fields(line)
    if not checkpoint.is_signed_by(public):
        raise AuditError("the proof's checkpoint is not signed by this public key; do not trust the proof")
    if not (record["seq"] or "").isascii() or not (record["seq"] or "").isdigit():
        raise AuditError("the proof's record has no sequence number; do not trust the proof")
    seq = int(record["seq"] or 0)
    if root_of_inclusion(leaf_hash(line), seq - 1, checkpoint.size, path) != checkpoint.root:
        raise AuditError(f"record {seq} is not in the log that the checkpoint signs; do not trust the proof")
    return Proved(seq, record, checkpoint)


def read_public_key(path: Path) -> Ed25519PublicKey:
    """An Ed25519 public key from a PEM file.

    Raises:
        AuditError: the file holds none.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise AuditError(f"{path} holds no public key; take the checkpoints' public-key-*.pem") from error
    if not isinstance(key, Ed25519PublicKey):
        raise AuditError(f"{path} holds a key of another kind; checkpoints are signed with Ed25519")
    return key


def _leaves(connection: psycopg.Connection, size: int) -> list[bytes]:
    with connection.cursor("leaves", binary=True) as cursor:
        cursor.itersize = 1 << 16
        cursor.execute("select leaf from audit.record where seq <= %s order by seq", (size,))
        return [row[0] for row in cursor]
