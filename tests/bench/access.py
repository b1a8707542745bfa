"""Access by purpose: what row security costs an aggregate over a million rows, and what the usual mistake costs."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg

from governance.access.demonstration import PURPOSE, approve_demo
from governance.runtime.secrets import Secrets
from tests.bench.measure import Results, scratch_site

_PROJECTS = 50
_REPEATS = 5
_TABLE = """
    create table specialty.bench (project text not null, research_id uuid, value numeric, taken_on date);
    insert into specialty.bench
    select case when number % {projects} = 0 then 'breast_cancer' else 'project_' || number % {projects} end,
        gen_random_uuid(), number % 1000, date '2020-01-01' + (number % 1000)::integer
    from generate_series(1, {rows}) as number;
    grant select on specialty.bench to researcher;
    vacuum analyze specialty.bench"""
_PER_ROW = """
    create function access.may_read(wanted text) returns boolean
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
        select exists (select from access.work as w
            where w.pid = pg_backend_pid() and w.project = wanted and w.ended_at is null)
    $$;
    grant execute on function access.may_read(text) to researcher"""
_POLICIES = {
    "no row security": None,
    "policy in InitPlan form, a column of projects": "project = any ((select access.session_projects())::text[])",
    "policy in InitPlan form, as marts have it": "(select 'breast_cancer' = any (access.session_projects()))",
    "policy by a function a row (the mistake)": "access.may_read(project)",
}
_AIMS = {name: "120" for name in _POLICIES if "InitPlan" in name}
_QUERY = "select count(*), avg(value), max(taken_on) from specialty.bench"


def measure_access(results: Results, folder: Path, rows: int = 1_000_000) -> None:
    """Best of five of one aggregate as a researcher with open work, under each policy on the same table."""
    with scratch_site(folder, folder / "deliveries") as (settings, server):
        held = Secrets.of(settings.state)
        approve_demo(held, settings)
        with (
            psycopg.connect(server.superuser_dsn("warehouse"), autocommit=True) as owner,
            psycopg.connect(held["researcher_dsn"], autocommit=True) as reader,
        ):
            for statement in _TABLE.format(projects=_PROJECTS, rows=rows).split(";"):
                owner.execute(statement.encode())
            owner.execute(_PER_ROW)
            reader.execute("select access.begin_work('breast_cancer', %s)", (PURPOSE,))
            for name, policy in _POLICIES.items():
                owner.execute("drop policy if exists purpose on specialty.bench")
                owner.execute(
                    f"alter table specialty.bench {'enable' if policy else 'disable'} row level security".encode()
                )
                if policy:
                    owner.execute(f"create policy purpose on specialty.bench to researcher using ({policy})".encode())
                milliseconds, seen = _best(reader, 1 if "mistake" in name else _REPEATS)
                note = f"{rows:,} rows of {_PROJECTS} projects, {seen:,} seen"
                results.add("access", f"aggregate, {name}", milliseconds, "ms", _AIMS.get(name, ""), note)
            reader.execute("select access.end_work()")
            _, seen = _best(reader, 1)
            if seen:
                raise RuntimeError(f"{seen} rows are seen without open work")
            _measure_gate(results, reader)


def _best(reader: psycopg.Connection, repeats: int) -> tuple[float, int]:
    """Fewest milliseconds, and the rows that the aggregate counted."""
    seconds, seen = [], 0
    for _ in range(repeats):
        started = time.perf_counter()
        row = reader.execute(_QUERY).fetchone()
        seconds.append(time.perf_counter() - started)
        seen = int(row[0]) if row else 0
    return min(seconds) * 1000, seen


def _measure_gate(results: Results, reader: psycopg.Connection, times: int = 200) -> None:
    started = time.perf_counter()
    for _ in range(times):
        reader.execute("select access.begin_work('breast_cancer', %s)", (PURPOSE,))
    milliseconds = (time.perf_counter() - started) * 1000 / times
    results.add("access", "opening work", milliseconds, "ms", "", f"mean of {times}, each committed")
