"""``xinglin audit verify | prove | check-proof | who-read | reconcile | checkpoint``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from governance.audit.asking import who_read
from governance.audit.chain import AuditKeys
from governance.audit.keeping import keep_log
from governance.audit.proofs import check_proof, prove, read_public_key
from governance.audit.verifying import verify_log
from governance.database import Role, connect, connection_string
from governance.errors import AuditError
from governance.settings import Settings

audit = typer.Typer(no_args_is_help=True, help="审计 · The audit log: verify it, prove a record, ask who read what")
_APPLICATION = "xinglin audit"


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(audit, name="audit")


@audit.command("verify")
def verify_command() -> None:
    """核验整条审计链 · Verify every record and checkpoint; names the first fault and its sequence number."""
    settings = Settings.from_environment()
    with connect(
        connection_string(Role.AUDIT, settings.state), autocommit=True, application=_APPLICATION
    ) as connection:
        found = verify_log(connection, AuditKeys.open(settings), settings.audit_checkpoints, alive_at=datetime.now(UTC))
    for fault in found.faults:
        typer.echo(f"有误 fault: {fault}", err=True)
    typer.echo(
        f"{'有误 FAULTY' if found.faults else '完整 whole'}: {found.records:,} 条记录成立 records hold · "
        f"{found.checkpoints:,} 个检查点一致 checkpoints agree"
    )
    if found.faults:
        raise typer.Exit(1)


@audit.command("prove")
def prove_command(
    seq: Annotated[int, typer.Argument(help="记录序号 sequence number")],
    to: Annotated[Path | None, typer.Option("--to", help="写入文件 file; default: standard output")] = None,
) -> None:
    """证明某条记录在链中 · Write a proof that a record is in the log; it shows no other record."""
    settings = Settings.from_environment()
    with connect(
        connection_string(Role.AUDIT, settings.state), autocommit=True, application=_APPLICATION
    ) as connection:
        document = prove(connection, seq)
    if to is None:
        typer.echo(document, nl=False)
        return
    to.write_text(document, "utf-8")
    typer.echo(f"证明 proof: {to}\n公钥 public key: {settings.audit_checkpoints}/public-key-*.pem")


@audit.command("check-proof")
def check_proof_command(
    file: Annotated[Path, typer.Argument(help="证明文件 proof")],
    public_key: Annotated[Path, typer.Option("--public-key", help="公钥 PEM")],
) -> None:
    """核对证明（无需数据库与密钥）· Check a proof with the public key alone, without database or secret."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(f"{file} cannot be read ({type(error).__name__}); name the file of the proof") from error
    proved = check_proof(text, read_public_key(public_key))
    typer.echo(f"成立 holds: 第 {proved.seq} 条 record {proved.seq} of {proved.checkpoint.size}, "
               f"检查点 checkpoint {proved.checkpoint.made_at}")  # fmt: skip
    for name, value in proved.record.items():
        if value is not None:
            typer.echo(f"  {name}: {value}")


@audit.command("who-read")
def who_read_command(
    patient: Annotated[str | None, typer.Option("--patient", help="人员主键 person key (base.person_link)")] = None,
    table: Annotated[str | None, typer.Option("--table", help="schema.table")] = None,
    project: Annotated[str | None, typer.Option("--project", help="课题 project")] = None,
    since: Annotated[datetime, typer.Option("--since", help="自何时起 since (UTC)")] = datetime(1970, 1, 1),
) -> None:
    """谁读过 · Who read or decrypted a person's, a table's or a project's data."""
    if patient is None and table is None and project is None:
        raise typer.BadParameter("请给出 give one of --patient, --table, --project")
    settings = Settings.from_environment()
    with connect(connection_string(Role.AUDIT, settings.state), application=_APPLICATION) as connection:
        found = who_read(connection, since=since.replace(tzinfo=UTC), table=table, project=project, person=patient)
    for reading in found:
        persons = "全部人员 everybody" if reading.subjects is None else f"{reading.subjects} 人 persons"
        parts = [
            f"#{reading.seq}", f"{reading.at:%Y-%m-%d %H:%M:%S}", reading.kind, reading.actor, reading.object or "",
            f"{reading.count or 0:,}", persons, reading.project or "", reading.purpose or "", reading.run or "",
        ]  # fmt: skip
        typer.echo("  ".join(part for part in parts if part))
    typer.echo(f"共 {len(found):,} 次 readings")


@audit.command("reconcile")
def reconcile_command(
    since: Annotated[datetime, typer.Option("--since", help="自何时起 readings since (UTC)")] = datetime(1970, 1, 1),
) -> None:
    """对账：读取与用途、权限 · Every reading beside opened work, every right beside what is declared."""
    from governance.access.reconciling import reconcile  # noqa: PLC0415 - only this command reads contracts

    settings = Settings.from_environment()
    with connect(
        connection_string(Role.AUDIT, settings.state), autocommit=True, application=_APPLICATION
    ) as connection:
        found = reconcile(connection, settings, since.replace(tzinfo=UTC))
    for finding in found.findings:
        typer.echo(f"发现 finding: {finding}", err=True)
    typer.echo(
        f"{'不符 NOT RECONCILED' if found.findings else '相符 reconciled'}: {found.readings:,} 次读取 readings"
        f"（新入 new {found.imported:,}）· 新用途事件 new gate events {found.events:,}"
        f" · 发现 findings {len(found.findings):,}"
    )
    if found.findings:
        raise typer.Exit(1)


@audit.command("checkpoint")
def checkpoint_command() -> None:
    """签署检查点 · Import Airflow's actions, append a heartbeat, sign the log and write the checkpoint out."""
    settings = Settings.from_environment()
    made = keep_log(connection_string(Role.AUDIT, settings.state), settings)
    if made is None:
        typer.echo("审计日志为空 the audit log is empty")
        return
    file = settings.audit_checkpoints / made.file_name
    typer.echo(f"检查点 checkpoint: {made.size:,} 条记录 records · {made.made_at} · {file}")
