"""The restore drill as a stage: carried out, signed, written, recorded, reported."""

from __future__ import annotations

import contextlib

from governance.backup.choosing import adapter_of
from governance.backup.drill.evidence import Evidence, reports, sign, write_evidence
from governance.backup.drill.recording import drills, record_drill
from governance.backup.drill.report import write_report
from governance.backup.drill.running import Drill
from governance.errors import GovernanceError
from governance.keys import open_keyring
from governance.settings import Settings


def drill_restore(dsn: str, settings: Settings, run_id: str, *, latest: bool = False, copy: bool = False) -> Evidence:
    """Carry out a drill to a random moment, or as far as the log goes.

    Args:
        dsn: connection string of the role ``backup``.
        copy: from the place apart: the write-once copy, or pgBackRest's repositories after the first.

    Raises:
        BackupError, AuditError, DatabaseError: it could not be recorded, or there is no place apart. A failed drill is
            no error here.
    """
    kind = "latest" if latest else "time"
    backups = adapter_of(settings, dsn)
    carried_out = Drill(backups.on_copy() if copy else backups, run_id, kind, operator="airflow").run()
    return conclude(carried_out, settings, dsn)


def conclude(evidence: Evidence, settings: Settings, dsn: str | None) -> Evidence:
    """Sign evidence, write it and its report, and record it in the warehouse if there is one.

    Raises:
        BackupError, AuditError, DatabaseError: it could not be written or recorded; what is written stays.
    """
    keyring = open_keyring(settings.keyring)
    signed, folder, history = sign(evidence, keyring), reports(settings), []
    write_evidence(signed, keyring, folder)
    if dsn is not None:
        with contextlib.suppress(GovernanceError):  # recording says what is wrong; the report is written all the same
            history = drills(dsn)
    write_report(signed, history, folder)
    if dsn is not None:
        record_drill(dsn, signed, settings)
    return signed


def recoverable_until(settings: Settings) -> str | None:
    """The newest moment that the place can bring back, ISO 8601 in UTC; ``None`` if there is none.

    Raises:
        BackupError: the place cannot be read.
    """
    ranges = adapter_of(settings).recoverable()
    return max(item.until for item in ranges).isoformat() if ranges else None
