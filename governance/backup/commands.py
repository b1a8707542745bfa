"""``xinglin backup`` (``verify``, ``expire``, ``hold``, ``release``), ``xinglin backups``, ``xinglin restore``."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from governance.backup.adapter import BackupAdapter, BackupInfo, BackupKind, RestoredCopy, Target
from governance.backup.choosing import adapter_of, embedded
from governance.backup.console import progress, reported, size
from governance.backup.copying import copy_place, lock
from governance.backup.drill.commands import add as add_drill
from governance.backup.drill.recording import open_incidents
from governance.backup.files.commands import app as files_app
from governance.backup.moments import parse_moment
from governance.backup.pgbackrest import PgBackRestBackups
from governance.backup.recording import record_restore
from governance.backup.scratch import remove_restored
from governance.backup.signs.commands import add as add_signs
from governance.backup.withdrawn import withdrawals
from governance.database import Role, connection_string
from governance.errors import BackupError, DatabaseError, GovernanceError, SettingsError
from governance.settings import Settings

_VERDICTS = ("完好 sound", "有缺陷 FAULTS", "未全部核验 NOT ALL CHECKED")  # by exit status

app = typer.Typer(
    invoke_without_command=True, no_args_is_help=False, help="备份 · Encrypted backups of the whole cluster"
)
app.add_typer(files_app, name="files")


@app.callback()
def backup(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="全量 a full one in any case")] = False,
) -> None:
    """备份：按策略全量或增量 · Back up, encrypted: full or incremental, as the policy says."""
    if context.invoked_subcommand is not None:
        return
    with reported():
        settings = Settings.from_environment()
        backups = adapter_of(
            settings, connection_string(Role.BACKUP, settings.state), progress("备份中 backing up", size)
        )
        run_id = f"manual__{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        info = backups.full(run_id) if full else backups.due(run_id)
    seconds = (info.ended_at - info.started_at).total_seconds()
    typer.echo(f"备份完成 backed up: {info.backup_id} · {_kind(info.kind)} · {size(info.bytes)} · {seconds:.1f} s")


@app.command()
def verify(
    deep: Annotated[bool, typer.Option("--deep", help="并恢复每条链、检查每页 also restore, check pages")] = False,
    copy: Annotated[
        bool, typer.Option("--copy", help="核验另一处 verify the write-once copy, or pgBackRest's further repositories")
    ] = False,
) -> None:
    """核验备份：解密、哈希、验签、查缺 · Verify every file; exit 0 sound, 1 faults, 2 could not be checked."""
    try:
        there = _everything(need_server=False)
        result = (there.on_copy() if copy else there).verify(deep=deep)
    except GovernanceError as error:
        typer.echo(f"未能核验 could not be checked: {error}", err=True)
        raise typer.Exit(2) from error
    for finding in result.findings:
        typer.echo(f"发现 {finding.fault}: {finding}", err=True)
    for words in result.unchecked:
        typer.echo(f"未核验 not checked: {words}", err=True)
    typer.echo(
        f"{_VERDICTS[result.exit_status]}: {result.backups} 份备份 backups · "
        f"{result.segments} 段日志 segments of the log · {result.files} 个文件 files · {size(result.bytes)} · "
        f"{len(result.findings)} 项发现 findings"
    )
    raise typer.Exit(result.exit_status)


@app.command("copy")
def copy_command(
    lock_it: Annotated[
        bool, typer.Option("--lock", help="并以文件属性锁定 also make it immutable; needs root")
    ] = False,
) -> None:
    """补齐一次写入副本 · Bring the write-once copy (XINGLIN_BACKUP_COPY) up to date; nothing there is overwritten."""
    with reported():
        there = embedded(_everything(need_server=False))
        place = there.on_copy().settings.backups
        done = copy_place(there.settings.backups, place, there.keys, lambda name: typer.echo(f"… {name}"))
        for fault in done.faults:
            typer.echo(f"未复制 not copied: {fault}", err=True)
        typer.echo(
            f"已复制 copied: {done.backups} 份备份 backups · {done.segments} 段日志 segments · {size(done.bytes)}"
            f" → {place}"
        )
        if lock_it and not lock(place):
            raise BackupError(f"{place} could not be locked: it takes root, and a file system with chattr's flags")
    if done.faults:
        raise typer.Exit(1)


@app.command()
def prepare() -> None:
    """准备 pgBackRest：写配置、建库、检查归档 · Write pgBackRest's configuration, make and check its repositories."""
    with reported():
        there = _everything(need_server=False)
        if not isinstance(there, PgBackRestBackups):
            raise BackupError("only the adapter pgbackrest needs preparing (XINGLIN_BACKUP_ADAPTER=pgbackrest)")
        typer.echo(
            "postgresql.conf:\n  archive_mode = on\n  archive_timeout = 30\n"
            f"  archive_command = '{there.site.archive_command}'"
        )
        there.prepare()
    typer.echo(f"就绪 ready: {there.site.config}")


@app.command()
def hold(
    backup_id: Annotated[str, typer.Argument(help="备份编号 backup id")],
    reason: Annotated[str, typer.Option("--reason", help="理由，勿写个人信息 why; nothing personal")],
) -> None:
    """保全：策略不得删除 · Keep a backup whatever the policy says (legal hold)."""
    with reported():
        _everything().hold(backup_id, reason)
    typer.echo(f"已保全 on hold: {backup_id}")


@app.command()
def release(
    backup_id: Annotated[str, typer.Argument(help="备份编号 backup id")],
    reason: Annotated[str, typer.Option("--reason", help="理由，勿写个人信息 why; nothing personal")],
) -> None:
    """解除保全 · End the hold of a backup."""
    with reported():
        _everything().release(backup_id, reason)
    typer.echo(f"已解除 released: {backup_id}")


@app.command()
def expire(
    plan: Annotated[bool, typer.Option("--plan", help="只列出，不删除 only say what would go")] = False,
) -> None:
    """按策略销毁过期备份 · Remove what the policy no longer keeps; leaves a signed record and an audit record."""
    with reported():
        result = _everything(need_server=not plan).expire(plan=plan)
    for name, reason in sorted(result.kept.items()):
        typer.echo(f"保留 kept: {name}  {reason}")
    for name, reason in sorted(result.removed.items()):
        typer.echo(f"{'已销毁 destroyed' if result.done else '将销毁 would go'}: {name}  {reason}")
    typer.echo(
        f"{len(result.removed)} 份备份 backups, {result.segments} 段日志 segments of the log, {size(result.bytes)}"
        f"{'' if result.done else ' — 仅计划 a plan only, nothing was removed'}"
    )


def backups() -> None:
    """列出备份与可恢复范围 · List the backups from their manifests, and what moments can be restored."""
    with reported():
        there = _everything(need_server=False)
        listing = there.backups()
        ranges = there.recoverable()
    for info in listing.backups:
        typer.echo(_line(info))
    for item in ranges:
        typer.echo(
            f"可恢复至 recoverable until {item.until.astimezone():%Y-%m-%d %H:%M:%S %Z}, "
            f"自 from {item.earliest.astimezone():%Y-%m-%d %H:%M:%S %Z} (时间线 timeline {item.timeline})"
        )
    for words in incidents(there.dsn):
        typer.echo(words, err=True)
    for fault in listing.faults:
        typer.echo(f"不可用 unsound: {fault}", err=True)
    if not listing.backups and not listing.faults:
        place = there.settings.backups
        typer.echo(f"尚无备份 no backups yet in {place}; 请运行 make one with: xinglin backup")
    if listing.faults:
        raise typer.Exit(1)


def incidents(dsn: str | None) -> list[str]:
    """What is open, one line each; nothing where the warehouse does not answer."""
    if dsn is None:
        return []
    try:
        found = open_incidents(dsn)
    except (BackupError, DatabaseError):
        return []
    return [
        f"未结事件 OPEN INCIDENT: {i.kind} 自 since {i.opened_at.astimezone():%Y-%m-%d %H:%M}: {i.words}" for i in found
    ]


def restore_command(
    to: Annotated[Path, typer.Option("--to", help="恢复到的空文件夹 a new or empty folder")],
    backup: Annotated[str | None, typer.Option("--backup", help="备份编号 backup id; default: the newest")] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="恢复到此刻 to a moment, ISO 8601 (no zone: +08:00)")
    ] = None,
    latest: Annotated[bool, typer.Option("--latest", help="恢复到日志末尾 as far as the log goes")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="恢复后保留运行 leave the restored server running")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="停止并删除恢复副本 stop and remove a kept copy")] = False,
) -> None:
    """恢复：在独立服务器上恢复并逐表核对 · Restore to a scratch server and compare every table."""
    with reported():
        if remove:
            remove_restored(to.absolute())
            typer.echo(f"已删除恢复副本 removed: {to}")
            return
        there = _everything(need_server=False)
        target = Target(parse_moment(time) if time else None, latest)
        restored = there.restore(
            to.absolute(), backup=backup, target=target, before_opening=(withdrawals(there.settings),), keep=keep
        )
        if restored.comparison.holds:
            _note(there, restored)
    _report(restored)
    if not restored.comparison.holds:
        raise typer.Exit(1)


def register(program: typer.Typer) -> None:
    """Add the commands to the program."""
    add_drill(app)
    add_signs(app)
    program.add_typer(app, name="backup")
    program.command("backups")(backups)
    program.command("restore")(restore_command)


def _everything(*, need_server: bool = True) -> BackupAdapter:
    """The backups of this installation, with a connection to the warehouse where one is known."""
    settings = Settings.from_environment()
    try:
        return adapter_of(settings, connection_string(Role.BACKUP, settings.state))
    except SettingsError:
        if need_server:
            raise
        return adapter_of(settings)


def _note(there: BackupAdapter, restored: RestoredCopy) -> None:
    """Tell the warehouse, if there is one: after a disaster there is none."""
    if there.dsn is not None:
        with contextlib.suppress(DatabaseError):
            record_restore(there.dsn, restored.backup_id, there.settings)


def _report(restored: RestoredCopy) -> None:
    result = restored.comparison
    typer.echo(
        f"{'一致 equal' if result.holds else '不一致 NOT EQUAL'}: {restored.backup_id} · "
        f"{len(result.equal)} 张表 tables · {result.rows:,} 行 rows · {size(restored.bytes)} · "
        f"{restored.seconds:.1f} s"
    )
    if restored.recovered_to:
        typer.echo(
            f"恢复到 recovered to: {restored.recovered_to.astimezone():%Y-%m-%d %H:%M:%S.%f %Z} 的事务 transaction"
        )
    for name in result.settled:
        typer.echo(f"其后有新增，原有行一致 written to since the figures were taken, its older rows are equal: {name}")
    for name in result.rewritten:
        typer.echo(f"其后被改写，无法核对 rewritten since the figures were taken, not comparable: {name}")
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


def _line(info: BackupInfo) -> str:
    seconds = (info.ended_at - info.started_at).total_seconds()
    parent = f"  ← {info.parent}" if info.parent else ""
    held = f"  保全 on hold: {'; '.join(info.holds)}" if info.holds else ""
    return f"{info.backup_id}  {_kind(info.kind)}  {size(info.bytes):>11}  {seconds:.1f} s{parent}{held}"


def _kind(kind: BackupKind) -> str:
    return "全量 full" if kind is BackupKind.FULL else "增量 incremental"
