"""``xinglin access person | approve | revoke | approvals | plan | apply | drift | matrix``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import psycopg
import typer

from governance.access import approvals as granted
from governance.access import people as persons
from governance.access.drift import drift
from governance.access.journal import import_journal
from governance.access.marts import apply as apply_rights
from governance.access.marts import plan as plan_rights
from governance.access.matrix import declared_matrix, matrix_file, render
from governance.audit import AuditKeys
from governance.database import Role, connect, connection_string
from governance.errors import AccessError
from governance.settings import Settings

access = typer.Typer(no_args_is_help=True, help="权限 · People, approvals, rights of the marts, drift, matrix")
person = typer.Typer(no_args_is_help=True, help="人员账号 · Logins of people, one a person")
access.add_typer(person, name="person")
_APPLICATION = "xinglin access"
_Member = Annotated[str, typer.Option("--as", help="以哪个伦理委员账号 login of the committee: XINGLIN_DSN_<NAME>")]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(access, name="access")


@person.command("add")
def add_command(
    login: Annotated[str, typer.Argument(help="登录名 login")],
    group: Annotated[str, typer.Option("--group", help=" · ".join(persons.GROUPS))],
) -> None:
    """新增人员账号；口令只显示一次 · Make a person's login; its password is shown once and kept nowhere."""
    settings = Settings.from_environment()
    with _connect(Role.ADMIN, settings) as connection:
        password = persons.add(connection, login, group, AuditKeys.open(settings))
    typer.echo(f"已建 made: {login} · 组 group {group}\n口令（仅此一次） password (this once): {password}")


@person.command("remove")
def remove_command(login: Annotated[str, typer.Argument(help="登录名 login")]) -> None:
    """停用人员账号并断开其会话 · Take a person's login away and end its sessions; its records stay."""
    settings = Settings.from_environment()
    with _connect(Role.ADMIN, settings) as connection:
        ended = persons.remove(connection, login, AuditKeys.open(settings))
    typer.echo(f"已停用 removed: {login} · 断开会话 sessions ended: {ended}")


@person.command("list")
def list_command() -> None:
    """列出人员账号 · List the logins of people."""
    with _connect(Role.AUDIT, Settings.from_environment()) as connection:
        for one in persons.people(connection):
            until = f" · 停用 removed {one.removed_at:%Y-%m-%d}" if one.removed_at else ""
            typer.echo(f"{one.login}  {one.group}  自 since {one.added_at:%Y-%m-%d}{until}")


@access.command("approve")
def approve_command(
    login: Annotated[str, typer.Argument(help="被批准人登录名 login of the person")],
    project: Annotated[str, typer.Argument(help="课题或专病库 research project or specialty")],
    purpose: Annotated[list[str], typer.Option("--purpose", help="用途，可多次 purpose, may be repeated")],
    until: Annotated[datetime, typer.Option("--until", help="有效至 until (UTC)")],
    start: Annotated[datetime | None, typer.Option("--from", help="自何时起 from (UTC), default now")] = None,
    restricted: Annotated[
        list[str] | None,
        typer.Option("--restricted", help="一并放行的受限病种，可多次 restricted disease, may be repeated"),
    ] = None,
    member: _Member = "ethics",
) -> None:
    """批准某人为某用途读取某课题 · Approve that a person reads a project's marts for these purposes."""
    settings = Settings.from_environment()
    begin = datetime.now(UTC) if start is None else start.replace(tzinfo=UTC)
    with _member(member, settings) as connection:
        number = granted.approve(
            connection, login, project, purpose, begin, until.replace(tzinfo=UTC), restricted or ()
        )
    _record(settings)
    typer.echo(f"已批准 approved: 第 {number} 号 no. {number} · {login} · {project} · 至 until {until:%Y-%m-%d %H:%M}")
    if restricted:
        typer.echo(
            f"受限病种 restricted diseases: {', '.join(restricted)} · 下次构建后放行 with the next build of the marts"
        )


@access.command("revoke")
def revoke_command(
    number: Annotated[int, typer.Argument(help="批准号 number of the approval")], member: _Member = "ethics"
) -> None:
    """撤销批准并断开其会话 · Revoke an approval and end the sessions that work under it."""
    settings = Settings.from_environment()
    with _member(member, settings) as connection:
        ended = granted.revoke(connection, number)
    _record(settings)
    typer.echo(f"已撤销 revoked: 第 {number} 号 no. {number} · 断开会话 sessions ended: {ended}")


@access.command("approvals")
def approvals_command() -> None:
    """列出批准 · List the approvals, those in force first."""
    now = datetime.now(UTC)
    with _connect(Role.AUDIT, Settings.from_environment()) as connection:
        for one in granted.approvals(connection):
            state = "撤销 revoked" if one.revoked_at else "过期 expired" if one.valid_until <= now else "有效 in force"
            named = f"  受限病种 restricted {', '.join(one.restricted)}" if one.restricted else ""
            typer.echo(
                f"{one.approval_id}  {state}  {one.person}  {one.project}  {' | '.join(one.purposes)}  "
                f"{one.valid_from:%Y-%m-%d} – {one.valid_until:%Y-%m-%d}  批准人 approver {one.approver}{named}"
            )
        for line in map(_released, granted.releases(connection)):
            typer.echo(line)


@access.command("plan")
def plan_command() -> None:
    """显示将改动的权限 · Print what `apply` would change, and change nothing."""
    settings = Settings.from_environment()
    with _connect(Role.AUDIT, settings) as connection:
        _say(plan_rights(connection, settings).lines(), "无需改动 nothing to change")


@access.command("apply")
def apply_command() -> None:
    """按契约与策略设置权限 · Set the marts' rights as contracts and policy declare them; safe to repeat."""
    settings = Settings.from_environment()
    with _connect(Role.ADMIN, settings) as connection:
        done = apply_rights(connection, settings, AuditKeys.open(settings))
    _say(done.lines(), "无需改动 nothing to change")


@access.command("drift")
def drift_command() -> None:
    """查找偏离声明的权限 · Find rights that are not as declared; exit status 1 if there are any."""
    settings = Settings.from_environment()
    with _connect(Role.AUDIT, settings) as connection:
        found = drift(connection, settings)
    _say(found, "无偏离 no drift")
    if found:
        raise typer.Exit(1)


@access.command("matrix")
def matrix_command(
    check: Annotated[bool, typer.Option("--check", help="只比较，不写 compare, do not write")] = False,
) -> None:
    """由声明生成访问矩阵页 · Write docs/access-matrix.md from include/policy/access_matrix.csv."""
    settings = Settings.from_environment()
    page, text = settings.project / "docs" / "access-matrix.md", render(declared_matrix(matrix_file(settings)))
    if check:
        if not page.is_file() or page.read_text("utf-8") != text:
            raise AccessError("docs/access-matrix.md is not what access_matrix.csv says; run `xinglin access matrix`")
        typer.echo("一致 the page is what the declaration says")
        return
    page.write_text(text, "utf-8")
    typer.echo(f"已写 written: {page}")


def _released(one: granted.Release) -> str:
    state = (
        f"已放行 released, 至 until {one.until:%Y-%m-%d}" if one.until else "不放行 held back: 无有效批准 no approval"
    )
    due = "" if one.due == one.released else " · 下次构建将变更 the next build will change it"
    return f"受限病种 restricted disease  {one.project}  {one.disease}  {state}{due}"


def _connect(role: Role, settings: Settings) -> psycopg.Connection:
    return connect(connection_string(role, settings.state), autocommit=True, application=_APPLICATION)


def _member(name: str, settings: Settings) -> psycopg.Connection:
    return connect(granted.login_of_person(name, settings.state), autocommit=True, application=_APPLICATION)


def _record(settings: Settings) -> None:
    with _connect(Role.AUDIT, settings) as connection:
        import_journal(connection, AuditKeys.open(settings))


def _say(lines: list[str], nothing: str) -> None:
    for line in lines:
        typer.echo(line)
    if not lines:
        typer.echo(nothing)
