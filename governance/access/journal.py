"""Taking approvals and opened work from the tables of the purpose gate into the audit log.

The gate is SQL and has no key of the audit chain, so its triggers write ``access.event``; here each event becomes one
audit record, exactly once, whatever the order in which transactions were committed.
"""

from __future__ import annotations

from typing import Any

import psycopg

from governance.audit.chain import AuditKeys
from governance.audit.encoding import Kind, Record
from governance.audit.log import append

_IMPORT_LOCK = 7_210_033
_NEW = """
    select e.event_id, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), e.kind, e.act, e.actor, e.detail
    from access.event as e
    where not exists (
        select from audit.record as r
        where r.kind in ('approval', 'work') and (r.detail ->> 'access_event')::bigint = e.event_id)
    order by e.event_id"""


def import_journal(connection: psycopg.Connection, keys: AuditKeys) -> int:
    """Append every event that is not in the audit log yet; returns how many.

    Args:
        connection: idle, of the role ``audit``.

    Raises:
        AuditError: the log refused.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (_IMPORT_LOCK,))
        records = [_record(*row) for row in connection.execute(_NEW)]
        append(connection, records, keys)
    return len(records)


def _record(event_id: int, at: str, kind: str, act: str, actor: str, held: dict[str, Any]) -> Record:
    detail: dict[str, object] = {"access_event": event_id, "at": at, "act": act, "approval": held["approval_id"]}
    project, purpose = held["project"], held.get("purpose")
    if kind == "work":
        detail |= {"work": held["work_id"], "session": held["session_id"], "member": held["member"]}
        return Record(
            Kind.WORK, f"work:{held['work_id']}", project=project, purpose=purpose, actor=actor, detail=detail
        )
    detail |= {name: held[name] for name in ("person", "purposes", "valid_from", "valid_until", "approver")}
    if held.get("restricted"):  # events from before have no such column
        detail["restricted"] = held["restricted"]
    return Record(Kind.APPROVAL, f"approval:{held['approval_id']}", project=project, actor=actor, detail=detail)
