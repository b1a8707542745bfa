"""``xinglin backup``, ``xinglin backups``, ``xinglin restore``."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from governance.backup.backing_up import back_up
from governance.backup.keys import BackupKeys
from governance.backup.recording import record_restore
from governance.backup.restoring import RestoredServer, remove_restored, restore
from governance.backup.store import BackupRecord, find_backup, list_backups
from governance.database import Role, connection_string
from governance.errors import DatabaseError, GovernanceError, SettingsError
from governance.keys import open_keyring
from governance.keys.withdrawal import replay_tombstones
from governance.settings import Settings


def backup() -> None:
    """备份：整库加密备份 · Back up the whole cluster, encrypted."""
    try:
        settings = Settings.from_environment()
        keys = BackupKeys.of(open_keyring(settings.keyring))
        run_id = f"manual__{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        record = back_up(settings, connection_string(Role.BACKUP, settings.state), keys, run_id)
    except GovernanceError as error:
        raise _failed(error) from error
    manifest = record.manifest
    seconds = (manifest.ended_at - manifest.started_at).total_seconds()
    typer.echo(
        f"备份完成 backed up: {manifest.backup_id} · {_size(manifest.size)} · {len(manifest.tables)} 张表 tables"
        f" · {manifest.rows:,} 行 rows · {seconds:.1f} s\n文件 file: {record.file}"
    )


def backups() -> None:
    """列出备份 · List the backups in the folder, from their manifests."""
    try:
        settings = Settings.from_environment()
        records, faults = list_backups(settings.backups, BackupKeys.of(open_keyring(settings.keyring)).manifest)
    except GovernanceError as error:
        raise _failed(error) from error
    for record in records:
        typer.echo(_line(record))
    for fault in faults:
        typer.echo(f"不可用 unsound: {fault}", err=True)
    if not records and not faults:
        typer.echo(f"尚无备份 no backups yet in {settings.backups}; 请运行 make one with: xinglin backup")
    if faults:
        raise typer.Exit(1)


def restore_command(
    to: Annotated[Path, typer.Option("--to", help="恢复到的空文件夹 a new or empty folder")],
    backup: Annotated[str | None, typer.Option("--backup", help="备份编号 backup id; default: the newest")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="恢复后保留运行 leave the restored server running")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="停止并删除恢复副本 stop and remove a kept copy")] = False,
) -> None:
    """恢复：在独立服务器上恢复并逐表核对 · Restore to a scratch server and compare every table."""
    try:
        if remove:
            remove_restored(to.absolute())
            typer.echo(f"已删除恢复副本 removed: {to}")
            return
        settings = Settings.from_environment()
        keys = BackupKeys.of(open_keyring(settings.keyring))
        record = find_backup(settings.backups, backup, keys.manifest)
        again = partial(replay_tombstones, settings=settings)
        restored = restore(record, to.absolute(), keys, keep=keep, before_opening=again)
        if restored.comparison.holds:
            _note(settings, record)
    except GovernanceError as error:
        raise _failed(error) from error
    _report(record, restored)
    if not restored.comparison.holds:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("backup")(backup)
    app.command("backups")(backups)
    app.command("restore")(restore_command)


def _note(settings: Settings, record: BackupRecord) -> None:
    """Tell the warehouse, if there is one: after a disaster there is none."""
    with contextlib.suppress(SettingsError, DatabaseError):
        record_restore(connection_string(Role.BACKUP, settings.state), record.manifest.backup_id, settings)


def _report(record: BackupRecord, restored: RestoredServer) -> None:
    result = restored.comparison
    typer.echo(
        f"{'一致 equal' if result.holds else '不一致 NOT EQUAL'}: {record.manifest.backup_id} · "
        f"{len(result.equal)} 张表 tables · {result.rows:,} 行 rows · {_size(restored.bytes)} · "
        f"{restored.seconds:.1f} s"
    )
    for name in result.settled:
        typer.echo(f"备份期间有新增，原有行一致 written to during the backup, its older rows are equal: {name}")
    for name in result.rewritten:
        typer.echo(f"备份期间被改写，无法核对 rewritten during the backup, not comparable: {name}")
    for difference in result.differences:
        typer.echo(f"差异 difference: {difference}", err=True)
    if restored.kept:
        typer.echo(
            f"服务器保持运行 the server keeps running; 连接 connect: "
            f"PGSERVICEFILE={restored.service_file} psql service=restored\n"
            f"用毕删除 remove it afterwards: xinglin restore --to {restored.folder} --remove"
        )
    else:
        typer.echo(f"服务器已停止 the server was stopped; 数据 its data: {restored.folder}")


def _line(record: BackupRecord) -> str:
    manifest = record.manifest
    seconds = (manifest.ended_at - manifest.started_at).total_seconds()
    return (
        f"{manifest.backup_id}  {_size(manifest.size):>9}  {len(manifest.tables)} 张表 tables  "
        f"{manifest.rows:,} 行 rows  {seconds:.1f} s  {record.folder}"
    )


def _size(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB"


def _failed(error: GovernanceError) -> typer.Exit:
    typer.echo(f"失败 failed: {error}", err=True)
    return typer.Exit(1)
