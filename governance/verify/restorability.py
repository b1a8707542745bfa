"""The newest backup restores, and holds what its manifest says."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

from governance.backup.archiver import Status
from governance.backup.choosing import adapter_of
from governance.backup.policy import load_backup_policy
from governance.backup.recording import record_restore
from governance.backup.scratch import remove_scratch
from governance.backup.withdrawn import withdrawals
from governance.errors import BackupError
from governance.runtime.archiving import ArchiverFiles
from governance.settings import Settings
from governance.verify.context import Context
from governance.verify.results import Check, Outcome, amount, figures


def newest(context: Context) -> Outcome:
    """Restore the newest backup to a scratch server, compare every table, remove the copy."""
    if not context.restore:
        return Outcome("未要求恢复 not asked for (--no-restore)", 0)
    there = adapter_of(context.settings)
    listing = there.backups()
    faults = listing.faults
    if not listing.backups:
        return Outcome("尚无可用备份 no sound backup", len(faults), faults)
    backup_id = listing.backups[-1].backup_id
    target = scratch(context.settings) / secrets.token_hex(4)
    try:
        restored = there.restore(target, backup=backup_id, before_opening=(withdrawals(context.settings),))
    except BackupError as error:
        return Outcome(backup_id, 1, (str(error), *faults))
    finally:
        remove_scratch(target)
    result = restored.comparison
    if result.holds:
        record_restore(context.audit_dsn, backup_id, context.settings)
    said = [
        backup_id,
        amount(len(result.equal), "张表一致", "tables equal"),
        amount(result.rows, "行", "rows"),
        f"{restored.bytes / 1_000_000:,.0f} MB",
        f"{restored.seconds:.1f} s 到可用 to running",
    ]
    if result.settled or result.rewritten:
        said.append(
            f"备份期间变动 changed during the backup: {len(result.settled)} 原有行一致 older rows equal, "
            f"{len(result.rewritten)} 无法核对 not comparable"
        )
    return Outcome(figures(said), len(result.equal), (*result.differences, *faults))


def archive(context: Context) -> Outcome:
    """The archive of the write-ahead log: it works, and is as young as the policy demands."""
    status = Status.read(ArchiverFiles(context.settings.state).status)
    if status is None:
        return Outcome("本机不归档日志 no log is archived on this machine", 0)
    allowed = load_backup_policy(context.settings.backup_policy).log_archive_seconds
    age = (datetime.now(UTC) - (status.until or status.at)).total_seconds()
    findings = []
    if status.state != "archiving":
        findings.append(f"the archiver is {status.state}: {status.fault or 'start it again with xinglin up'}")
    if age > allowed:
        findings.append(f"the archive ends {age:.0f} s ago, the policy allows {allowed} s")
    said = [amount(status.segments, "段", "segments"), f"可恢复至 {age:.0f} s 前 recoverable until {age:.0f} s ago"]
    return Outcome(figures(said), 1, tuple(findings))


def scratch(settings: Settings) -> Path:
    """The folder of the copies that this check restores; it is gone when none is under way."""
    return settings.state / "tmp" / "restored"


CHECKS = (
    Check("backup.archive", "日志持续归档 the log is archived without pause", archive),
    Check(
        "backup.restores", "最新备份可恢复且内容一致 the newest backup restores with equal content", newest, beside=True
    ),
)
