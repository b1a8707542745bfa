"""The audit log of a restored copy: sound by itself, the beginning of the live one, and not cut off."""

from __future__ import annotations

from datetime import datetime, timedelta

from governance.audit import AuditKeys
from governance.audit.checkpoints import read_folder
from governance.audit.encoding import timestamp
from governance.audit.verifying import verify_restored
from governance.backup.drill.outcomes import Check, check
from governance.database import connect
from governance.settings import Settings

_SETTLED = timedelta(seconds=10)  # a record is the last statement of its transaction, which is committed by then


def audit_log(dsn: str, live_dsn: str | None, settings: Settings, moment: datetime | None) -> list[Check]:
    """Three checks of the copy's log.

    Args:
        live_dsn: a role that may read the live log; ``None`` where there is no live warehouse.
        moment: the copy holds everything that was committed before; ``None`` when that is not known.

    Raises:
        AuditError: the copy's log cannot be read at all.
    """
    keys = AuditKeys.open(settings)
    with connect(dsn, autocommit=True, application="xinglin drill") as copy:
        verified = verify_restored(copy, keys, settings.audit_checkpoints)
        row = copy.execute("select seq, chain from audit.record order by seq desc limit 1").fetchone()
    head, chain = (int(row[0]), bytes(row[1])) if row else (0, b"")
    said = f"{verified.records:,} 条记录 records · {verified.checkpoints} 个检查点 checkpoints"
    sound = check("audit_chain", verified.records, said, [str(fault) for fault in verified.faults])
    return [sound, _prefix(head, chain, live_dsn), _complete(head, live_dsn, settings, keys, moment)]


def _prefix(head: int, chain: bytes, live_dsn: str | None) -> Check:
    if live_dsn is None or not head:
        words = "无现行库可比 no live log to compare with" if head else "副本无审计记录 the copy's log is empty"
        return check("audit_prefix", 0, words)
    with connect(live_dsn, application="xinglin drill") as live:
        row = live.execute("select chain from audit.record where seq = %s", (head,)).fetchone()
    findings = []
    if row is None:
        findings.append(f"the live log has no record {head}, at which the copy's ends")
    elif bytes(row[0]) != chain:
        findings.append(f"record {head} has another chain value in the live log: one of the two was rewritten")
    return check("audit_prefix", 1, f"副本链头 head of the copy: {head:,}", findings)


def _complete(head: int, live_dsn: str | None, settings: Settings, keys: AuditKeys, moment: datetime | None) -> Check:
    """Signed checkpoints made before the moment, and live records older than it, count no more than the copy has."""
    if moment is None:
        return check("audit_complete", 0, "恢复时点未知 it is not known what the copy must hold")
    checkpoints, _ = read_folder(settings.audit_checkpoints)
    signed = [c.size for c in checkpoints if c.is_signed_by(keys.public()) and c.made_at <= timestamp(moment)]
    wanted, source = max(signed, default=0), "a signed checkpoint"
    if live_dsn is not None:
        with connect(live_dsn, application="xinglin drill") as live:
            row = live.execute(
                "select coalesce(max(seq), 0) from audit.record where recorded_at < %s", (moment - _SETTLED,)
            ).fetchone()
        if row and row[0] > wanted:
            wanted, source = int(row[0]), "the live log"
    if not wanted:
        words = "时点之前无检查点、无记录 no checkpoint and no live record is older than the moment"
        return check("audit_complete", 0, words)
    findings = [f"the copy's log ends at {head}, {source} counts {wanted} before the moment"] if head < wanted else []
    return check("audit_complete", wanted, f"应有至少 at least {wanted:,}，副本 the copy {head:,}", findings)
