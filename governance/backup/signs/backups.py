"""Signs in the backups themselves: their sizes, how much changes between them, how old they are, and the archive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from governance.backup.adapter import BackupInfo, BackupKind
from governance.backup.archiver import Status
from governance.backup.policy import BackupPolicy, WarningLimits
from governance.backup.signs.model import Sign, jump, sign


def size_jump(backups: Sequence[BackupInfo], limits: WarningLimits) -> Sign:
    """The newest full backup is much greater or smaller than the one before, against the growth that is usual.

    Encrypted data does not compress, and removed data is gone: both show in the size. What is compared is the growth
    from one full backup to the next (the logarithm of the ratio), so steady growth is no sign however long it goes on.
    """
    full = [info for info in backups if info.kind is BackupKind.FULL and info.bytes]
    growth = [math.log(later.bytes / info.bytes) for info, later in pairwise(full)]
    if len(growth) <= limits.earlier_at_least:
        return sign("size", [], 0, _too_few(len(full), limits.earlier_at_least + 2, "全量备份 full backups"))
    factor = math.exp(growth[-1])
    words = f"最新全量为前一份的 newest full {factor:.2f} 倍 times the one before ({full[-1].backup_id})"
    is_far = jump(growth[-1], growth[:-1], limits.deviations, math.log(limits.size_factor))
    return sign("size", [words] if is_far else [], 1, words)


def change_jump(backups: Sequence[BackupInfo], limits: WarningLimits) -> Sign:
    """The newest incremental backup holds a much greater share of its full one than is usual: mass changes."""
    by_id = {info.backup_id: info for info in backups}
    shares: list[tuple[str, float]] = []
    for info in backups:
        base = info
        while base.parent is not None and base.parent in by_id:
            base = by_id[base.parent]
        if info.kind is BackupKind.INCREMENTAL and base.kind is BackupKind.FULL and base.bytes:
            shares.append((info.backup_id, max(info.bytes, 1) / base.bytes))
    if len(shares) <= limits.earlier_at_least:
        return sign("change", [], 0, _too_few(len(shares), limits.earlier_at_least + 1, "增量备份 incremental backups"))
    name, share = shares[-1]
    words = f"最新增量占全量 newest incremental is {share:.1%} of its full ({name})"
    earlier = [math.log(item) for _name, item in shares[:-1]]
    is_more = math.log(share) > sorted(earlier)[len(earlier) // 2]
    is_far = is_more and jump(math.log(share), earlier, limits.deviations, math.log(limits.change_factor))
    return sign("change", [words] if is_far else [], 1, words)


def too_old(backups: Sequence[BackupInfo], policy: BackupPolicy, now: datetime) -> Sign:
    """The newest backup is older than the policy allows, or there is none."""
    if not backups:
        return sign("age", ["尚无备份 there is no backup"], 1, "")
    hours = (now - max(info.ended_at for info in backups)).total_seconds() / 3600
    words = f"最新备份 {hours:.1f} 小时前 newest backup {hours:.1f} h old, 限 limit {policy.newest_backup_hours} h"
    return sign("age", [words] if hours > policy.newest_backup_hours else [], 1, words)


def stalled(status: Status | None, policy: BackupPolicy, now: datetime, *, runs: bool) -> Sign:
    """The archive of the log is failing, or older than the policy allows while the database runs."""
    if status is None or not runs:
        return sign("archive", [], 0, "本机不归档日志，或数据库未运行 no log is archived here, or nothing runs")
    seconds = (now - (status.until or status.at)).total_seconds()
    words = f"归档止于 {seconds:.0f} 秒前 the archive ends {seconds:.0f} s ago, 限 limit {policy.log_archive_seconds} s"
    findings = [words] if seconds > policy.log_archive_seconds else []
    if status.state == "failing":
        findings.append(f"归档失败 the archiver fails: {status.fault}")
    return sign("archive", findings, 1, words)


def _too_few(there: int, wanted: int, what: str) -> str:
    return f"样本不足 too few to judge: {there} {what}, 需 wants {wanted}"
