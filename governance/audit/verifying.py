"""Verification of the log of a database against its checkpoints.

A long log is first verified in pieces on all cores; if anything does not hold there, or the log is short, it is
verified from the beginning, and the first fault is named.
"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from governance.audit.chain import AuditKeys
from governance.audit.checkpoints import Checkpoint, read_folder, read_table
from governance.audit.encoding import LINES, PINNED
from governance.audit.parallel import holds
from governance.audit.sequence import Fault, FaultKind, Verified, verify_lines
from governance.database import copied
from governance.errors import AuditError

_IN_ORDER = f"copy ({LINES} order by seq) to stdout"
LONG = 200_000  # records from which it pays to start processes


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
            rows, size = connection.execute("select count(*), coalesce(max(seq), 0) from audit.record").fetchone() or (
                0,
                0,
            )
            result = holds(connection, size, keys, trusted) if rows == size >= LONG else None
            if result is None:
                with closing(copied(connection, _IN_ORDER)) as lines:  # after a fault, the rest is read away
                    result = verify_lines(lines, keys, trusted)
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
            with closing(copied(connection, _IN_ORDER)) as lines:
                result = verify_lines(lines, keys, [wanted[size] for size in sorted(wanted)])
    except psycopg.Error as error:
        raise AuditError(f"the copy's audit log cannot be read ({str(error).splitlines()[0]})") from error
    return result


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
