"""The newest backup restores, and holds what its manifest says."""

from __future__ import annotations

import contextlib
import secrets
from functools import partial
from pathlib import Path

from governance.backup import BackupKeys, list_backups, restore
from governance.backup.recording import record_restore
from governance.backup.restoring import remove_restored
from governance.errors import BackupError
from governance.keys.withdrawal import replay_tombstones
from governance.settings import Settings
from governance.verify.context import Context
from governance.verify.results import Check, Outcome, amount, figures


def newest(context: Context) -> Outcome:
    """Restore the newest backup to a scratch server, compare every table, remove the copy."""
    if not context.restore:
        return Outcome("未要求恢复 not asked for (--no-restore)", 0)
    keys = BackupKeys.of(context.keyring)
    records, faults = list_backups(context.settings.backups, keys.manifest)
    if not records:
        return Outcome("尚无可用备份 no sound backup", len(faults), tuple(faults))
    record = records[-1]
    target = scratch(context.settings) / secrets.token_hex(4)
    try:
        again = partial(replay_tombstones, settings=context.settings)
        restored = restore(record, target, keys, before_opening=again)
    except BackupError as error:
        return Outcome(record.manifest.backup_id, 1, (str(error), *faults))
    finally:
        _remove(target)
    result = restored.comparison
    if result.holds:
        record_restore(context.audit_dsn, record.manifest.backup_id, context.settings)
    said = [
        record.manifest.backup_id,
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


def scratch(settings: Settings) -> Path:
    """The folder of the copies that this check restores; it is gone when none is under way."""
    return settings.state / "tmp" / "restored"


def _remove(target: Path) -> None:
    if target.exists():
        remove_restored(target)
    for folder in target.parents[:2]:
        with contextlib.suppress(OSError):  # something else may be there
            folder.rmdir()


CHECKS = (
    Check(
        "backup.restores", "最新备份可恢复且内容一致 the newest backup restores with equal content", newest, beside=True
    ),
)
