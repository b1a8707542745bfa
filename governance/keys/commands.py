"""``xinglin keys``: status, rotate, withdraw, backup, restore-store."""

from __future__ import annotations

import getpass
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from governance.contracts import load_catalogue
from governance.database import Role, connect, connection_string
from governance.errors import KeyringError
from governance.keys.index_rotation import rotate_indexes
from governance.keys.rotation import reencrypt
from governance.keys.status import key_status, report
from governance.keys.store import add_version, open_keyring, rewrap
from governance.keys.store_backup import RETENTION_DAYS, back_up_store, restore_store
from governance.keys.withdrawal import (
    Reason,
    Withdrawal,
    person_of_number,
    person_of_research_id,
    resume,
    tombstones_in_audit,
    withdraw,
)
from governance.settings import Settings


class Rotated(StrEnum):
    """What can be rotated. Tokens, row hashes and pseudonyms cannot: they are join keys that must stay."""

    KEK = "kek"
    FIELD = "field"
    QUARANTINE = "quarantine"
    BLIND_INDEX = "blind_index"


def withdraw_command(
    patient: Annotated[
        str | None,
        typer.Option(metavar="<source>:<number>", help="来源与病人号；`his:-` 则不回显地询问 his:- asks, unseen"),
    ] = None,
    research_id: Annotated[UUID | None, typer.Option(help="集市中的研究编号 an id of a mart")] = None,
    reason: Annotated[Reason, typer.Option(help="原因代码 a code")] = Reason.CONSENT_WITHDRAWN,
    yes: Annotated[bool, typer.Option("--yes", help="不再询问 do not ask")] = False,
    again: Annotated[bool, typer.Option("--resume", help="完成被中断的撤回 finish what was interrupted")] = False,
) -> None:
    """撤回：销毁此人的密钥与全部数据，不可恢复 · Destroy a person's keys and rows; there is no way back."""
    settings = Settings.from_environment()
    dsn, actor = connection_string(Role.ADMIN, settings.state), getpass.getuser()
    if again:
        _report_withdrawal(resume(dsn, settings, actor))
        return
    if (patient is None) == (research_id is None):
        raise typer.BadParameter("给出 --patient 或 --research-id 之一 · give one of --patient and --research-id")
    if research_id is not None:
        patients = person_of_research_id(dsn, research_id)
    else:
        source, _, number = str(patient).partition(":")
        if not source or not number:
            raise typer.BadParameter("--patient <来源 source>:<病人号 number>")
        if number == "-":
            number = typer.prompt("病人号 patient number", hide_input=True)
        patients = person_of_number(dsn, settings, source, number)
    if not yes:
        typer.echo(f"此人在各系统中共有 {len(patients)} 个病人号 · the person has {len(patients)} patient number(s)")
        typer.confirm("销毁此人的密钥与数据？不可恢复 · destroy this person's keys and data, for good?", abort=True)
    _report_withdrawal(withdraw(dsn, settings, patients, reason, actor))


def backup_command(
    to: Annotated[Path | None, typer.Option("--to", help="文件夹，最好在另一台机器 a folder, best elsewhere")] = None,
    days: Annotated[int, typer.Option(min=1, help="保留天数 days that backups are kept")] = RETENTION_DAYS,
) -> None:
    """备份个人密钥库：加密，仅保留数天 · Back up the persons' key store, encrypted, for days only."""
    made = back_up_store(open_keyring(Settings.from_environment().keyring), to, days)
    typer.echo(f"已备份 backed up: {made.persons:,} 人 persons → {made.file}")
    typer.echo(f"已删除过期备份 removed, older than {days} 天 days: {len(made.removed)}")


def restore_store_command(file: Annotated[Path, typer.Argument(help="备份文件 a file of `keys backup`")]) -> None:
    """恢复个人密钥库：只补缺，撤回者除外 · Add lost keys from a backup; never those of withdrawn persons."""
    settings = Settings.from_environment()
    with connect(connection_string(Role.AUDIT, settings.state), application="xinglin keys restore-store") as connection:
        audited = tombstones_in_audit(connection)
    merged = restore_store(open_keyring(settings.keyring), file, audited)
    typer.echo(f"已补 added: {merged.added:,}; 因撤回拒绝 refused, withdrawn: {merged.refused:,}")


def _report_withdrawal(done: Withdrawal) -> None:
    typer.echo(f"已撤回 withdrawn: {done.patients} 个病人号 patient numbers · {done.purged.total:,} 行 rows")
    for table, count in sorted(done.purged.rows.items()):
        typer.echo(f"    {table}: {count:,}")
    if done.purged.total:
        typer.echo("待下次流水线更新汇总数与备份 · sums over persons and the backup follow with the next pipeline run")
    if done.purged.rebuild:
        typer.echo("待重建标准层 · the base model is built anew by the next `standardize`")
    if done.running:
        typer.echo(
            f"这些阶段正在运行（或曾中断） these stages run, or were killed: {', '.join(done.running)}; 其后再执行 "
            "afterwards: xinglin keys withdraw --resume"
        )


def register(app: typer.Typer) -> None:
    """Add the group ``keys``."""
    keys = typer.Typer(no_args_is_help=True, help="密钥 · Keys: what uses which, and new versions")

    @keys.command()
    def status() -> None:
        """密钥状态：版本、用途、次数；退出码 1 表示有未完成的轮换 · Versions and what needs them (1: unfinished)."""
        settings = Settings.from_environment()
        dsn = connection_string(Role.AUDIT, settings.state)
        with connect(dsn, autocommit=True, application="xinglin keys status") as connection:
            found = key_status(connection, load_catalogue(settings.contracts), settings.keyring)
        for line in report(found):
            typer.echo(line)
        if not found.settled:
            raise typer.Exit(1)

    @keys.command()
    def rotate(
        what: Annotated[Rotated, typer.Argument(help="kek | field | quarantine | blind_index")],
        resume: Annotated[
            bool, typer.Option("--resume", help="继续被中断的轮换 · No new version, finish what was interrupted")
        ] = False,
    ) -> None:
        """轮换密钥，读取不中断 · A new key; readers go on."""
        settings = Settings.from_environment()
        if what is Rotated.KEK:
            rewrap(settings.keyring)
            typer.echo("密钥加密密钥已更换 · the key-encryption key is new; no value was touched")
        elif what is Rotated.BLIND_INDEX:
            _rotate_indexes(settings, resume=resume)
        else:
            _rotate_values(settings, str(what), resume=resume)

    keys.command("withdraw")(withdraw_command)
    keys.command("backup")(backup_command)
    keys.command("restore-store")(restore_store_command)
    app.add_typer(keys, name="keys")


def _rotate_values(settings: Settings, purpose: str, *, resume: bool) -> None:
    dsn = connection_string(Role.ADMIN, settings.state)
    catalogue = load_catalogue(settings.contracts)
    with connect(dsn, autocommit=True, application=f"xinglin keys rotate {purpose}") as connection:
        if not resume:
            typer.echo(f"新版本 new version: {purpose} {add_version(settings.keyring, purpose)}")
        total = reencrypt(connection, catalogue, open_keyring(settings.keyring), purpose)
    typer.echo(f"重新加密 re-encrypted: {total:,}; 用 `xinglin keys status` 核对 · prove it with `xinglin keys status`")


def _rotate_indexes(settings: Settings, *, resume: bool) -> None:
    dsn = connection_string(Role.ADMIN, settings.state)
    if resume and len(open_keyring(settings.keyring).keys["blind_index"]) == 1:
        raise KeyringError("no rotation of blind_index was begun; leave out --resume to begin one")
    with connect(dsn, autocommit=True, application="xinglin keys rotate blind_index") as connection:
        catalogue = load_catalogue(settings.contracts)
        replaced = rotate_indexes(connection, catalogue, settings.keyring, resume=resume)
    for column, count in replaced.items():
        typer.echo(f"{column}: {count:,}")
