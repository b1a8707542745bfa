"""Approvals of the demo: its researcher may read every project's marts for one purpose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from governance.access.approvals import approve
from governance.access.journal import import_journal
from governance.audit import AuditKeys
from governance.database import connect
from governance.runtime.secrets import Secrets
from governance.settings import Settings

PURPOSE = "试用样本数据 trying out the sample"
_PERSON = "demo_researcher"
_VALID = timedelta(days=365)
_APPLICATION = "xinglin demo"


def approve_demo(held: Secrets, settings: Settings) -> int:
    """Approve what is not approved already and record it; returns how many projects.

    Args:
        held: the runtime's secrets, with the logins of the demo.

    Raises:
        AccessError: the server refused an approval.
        AuditError: the audit log refused its record.
    """
    now = datetime.now(UTC)
    with connect(held["dsn_audit"], autocommit=True, application=_APPLICATION) as audit:
        due = audit.execute(
            "select distinct m.project from access.mart as m where not exists ("
            " select from access.approval as a where a.person = %s and a.project = m.project and %s = any(a.purposes)"
            " and a.revoked_at is null and a.valid_until > now()) order by 1",
            (_PERSON, PURPOSE),
        ).fetchall()
        with connect(held["ethics_dsn"], autocommit=True, application=_APPLICATION) as committee:
            for (project,) in due:
                approve(committee, _PERSON, project, [PURPOSE], now, now + _VALID)
        import_journal(audit, AuditKeys.open(settings))
    return len(due)
