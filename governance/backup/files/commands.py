"""``xinglin backup files`` (``list``, ``verify``, ``restore``, ``expire``)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from governance.backup.console import progress, reported, size
from governance.backup.files.places import FileBackups
from governance.backup.files.recording import back_up_files, expire_files
from governance.database import Role, connection_string
from governance.errors import BackupError, GovernanceError
from governance.settings import Settings

app = typer.Typer(
    invoke_without_command=True,
    no_args_is_help=False,
    help="文件备份 · Images, documents, contracts, policies: incremental, encrypted, never overwritten",
)
_PLACE = Annotated[int, typer.Option("--place", help="第几处目标 which place of the policy, from 1")]


@app.callback()
def files(
    context: typer.Context,
    plan: Annotated[bool, typer.Option("--plan", help="只列出，不写入 only say what would be stored")] = False,
) -> None:
    """备份文件 · Back up the folders of the policy to every place."""
    if context.invoked_subcommand is not None:
        return
    with reported():
        settings = Settings.from_environment()
        run_id = f"manual__{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        shown = progress("文件 files", "{:,}".format)
        if plan:
            made = [place.take(run_id, plan=True, progress=shown) for place in FileBackups.all_of(settings)]
        else:
            dsn = connection_string(Role.BACKUP, settings.state)
            made = back_up_files(dsn, settings, run_id, shown)
    for taken in made:
        verb = f"已备份 backed up: {taken.snapshot.backup_id}" if taken.snapshot else "仅计划 a plan only"
        typer.echo(
            f"{verb} · {taken.files:,} 个文件 files · {size(taken.bytes)} · "
            f"新增 new: {taken.new_objects:,} ({size(taken.new_bytes)})"
        )
        for name in taken.left_out:
            typer.echo(f"未备份（不是文件） left out, no file: {name}", err=True)


@app.command("list")
def list_command(place: _PLACE = 1) -> None:
    """列出快照 · List the snapshots of a place."""
    with reported():
        found, faults = _place(place).snapshots()
    for snapshot in found:
        stored = sum(each.size for each in snapshot.objects.values())
        typer.echo(f"{snapshot.backup_id}  {len(snapshot.objects):>8,} 个对象 objects  {size(stored):>11}")
    for fault in faults:
        typer.echo(f"不可用 unsound: {fault}", err=True)
    if faults:
        raise typer.Exit(1)


@app.command()
def verify() -> None:
    """核验文件备份 · Decrypt and hash every object of every place; exit 0 sound, 1 faults, 2 could not be checked."""
    worst = 0
    try:
        for place in FileBackups.all_of(Settings.from_environment()):
            result = place.verify()
            for finding in result.findings:
                typer.echo(f"发现 {finding.fault}: {place.target.url}/{finding}", err=True)
            for words in result.unchecked:
                typer.echo(f"未核验 not checked: {words}", err=True)
            typer.echo(
                f"{place.target.url}: {result.backups} 个快照 snapshots · {result.files:,} 个对象 objects · "
                f"{size(result.bytes)} · {len(result.findings)} 项发现 findings"
            )
            worst = 1 if 1 in (worst, result.exit_status) else max(worst, result.exit_status)
    except GovernanceError as error:
        typer.echo(f"未能核验 could not be checked: {error}", err=True)
        worst = worst or 2
    raise typer.Exit(worst)


@app.command()
def restore(
    to: Annotated[Path, typer.Option("--to", help="恢复到的空文件夹 a new or empty folder")],
    snapshot: Annotated[str | None, typer.Option("--snapshot", help="快照编号 its id; default: the newest")] = None,
    place: _PLACE = 1,
) -> None:
    """恢复文件并逐一核对 · Restore a snapshot to a folder and compare every file."""
    with reported():
        restored = _place(place).restore(to.absolute(), snapshot)
    verdict = "不一致 NOT EQUAL" if restored.differences else "一致 equal"
    typer.echo(f"{verdict}: {restored.snapshot_id} · {restored.files:,} 个文件 files · {size(restored.bytes)} · {to}")
    for difference in restored.differences:
        typer.echo(f"差异 difference: {difference}", err=True)
    if restored.differences:
        raise typer.Exit(1)


@app.command()
def expire(
    plan: Annotated[bool, typer.Option("--plan", help="只列出，不删除 only say what would go")] = False,
) -> None:
    """按策略销毁过期快照 · Remove snapshots that the backup policy no longer keeps, in every place."""
    with reported():
        settings = Settings.from_environment()
        dsn = None if plan else connection_string(Role.BACKUP, settings.state)
        for url, result in expire_files(dsn, settings, plan=plan).items():
            for name, reason in sorted(result.kept.items()):
                typer.echo(f"保留 kept: {name}  {reason}")
            for name, reason in sorted(result.removed.items()):
                typer.echo(f"{'已销毁 destroyed' if result.done else '将销毁 would go'}: {name}  {reason}")
            typer.echo(f"{url}: {size(result.bytes)}{'' if result.done else ' — 仅计划 a plan only'}")


def _place(number: int) -> FileBackups:
    places = FileBackups.all_of(Settings.from_environment())
    if not 1 <= number <= len(places):
        raise BackupError(f"there is no place {number}; the policy names {len(places)}")
    return places[number - 1]
