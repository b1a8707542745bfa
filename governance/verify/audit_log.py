"""The audit log: whole, in order, chained, and equal to what its checkpoints signed."""

from __future__ import annotations

from datetime import UTC, datetime

from governance.audit import AuditKeys
from governance.audit.verifying import verify_log
from governance.verify.context import Context
from governance.verify.results import Check, Outcome, amount, figures


def log(context: Context) -> Outcome:
    """Every record from the first to the last, every checkpoint in the table and under the other custodian."""
    keys = AuditKeys.of(context.keyring, context.settings)
    with context.connection() as connection:
        found = verify_log(connection, keys, context.settings.audit_checkpoints, alive_at=datetime.now(UTC))
    said = [
        amount(found.records, "条记录", "records"),
        amount(found.checkpoints, "个检查点", "checkpoints agree"),
        f"链头 chain head {found.head.hex()[:16] or '-'}",
    ]
    return Outcome(figures(said), found.records, tuple(str(fault) for fault in found.faults))


CHECKS = (Check("audit.log", "审计链完整且与检查点一致 the audit log is whole and equals its checkpoints", log),)
