"""The server as it runs: page checksums, encrypted connections, who is superuser, what researchers may read."""

from __future__ import annotations

from governance.verify.context import Context, value
from governance.verify.results import Check, Outcome, amount, figures

_PASSES = ("xinglin_backup", "xinglin_audit")  # hidden rows would be a gap in a proof
FORBIDDEN = ("landing", "vault", "quarantine", "base", "deid", "held_back", "staging", "intermediate", "lineage")


def checksums(context: Context) -> Outcome:
    """Data checksums are on, and no page has failed its checksum."""
    with context.connection() as connection:
        enabled = value(connection, "show data_checksums")
        databases = connection.execute(
            "select datname, checksum_failures from pg_stat_database where datname is not null"
        ).fetchall()
    findings = [f"{name}: {failures} pages failed their checksum" for name, failures in databases if failures]
    if enabled != "on":
        findings.append("data_checksums is off; initialise the cluster with --data-checksums (pg_checksums --enable)")
    return Outcome(
        figures([f"data_checksums {enabled}", amount(len(databases), "个库", "databases")]), 1, tuple(findings)
    )


def tls(context: Context) -> Outcome:
    """Every client connection over the network is encrypted."""
    with context.connection() as connection:
        sessions = connection.execute(
            "select a.pid, a.usename, a.datname, s.ssl, s.version from pg_stat_activity as a"
            " left join pg_stat_ssl as s on s.pid = a.pid"
            " where a.backend_type in ('client backend', 'walsender') and a.client_port is distinct from -1"
        ).fetchall()
    findings = [
        f"connection {pid} of {user or '?'} to {database or '?'}: "
        + ("not encrypted" if encrypted is False else "cannot be seen; grant pg_read_all_stats to the audit role")
        for pid, user, database, encrypted, _ in sessions
        if not encrypted
    ]
    versions = sorted({version for *_, version in sessions if version})
    return Outcome(
        figures([amount(len(sessions), "个连接", "connections"), ", ".join(versions)]), len(sessions), tuple(findings)
    )


def superusers(context: Context) -> Outcome:
    """Nobody is superuser but the server's first user; only services that compare and prove pass row security."""
    with context.connection() as connection:
        roles = connection.execute(
            "select rolname, rolsuper, rolbypassrls, rolcanlogin from pg_roles where oid >= 16384 order by 1"
        ).fetchall()
    findings = [f"role {name} is superuser" for name, powerful, *_ in roles if powerful]
    findings += [f"role {name} passes row security" for name, _, passes, _ in roles if passes and name not in _PASSES]
    logins = sum(login for *_, login in roles)
    return Outcome(
        figures([amount(len(roles), "个角色", "roles"), amount(logins, "个可登录", "may log in")]),
        len(roles),
        tuple(findings),
    )


def researcher(context: Context) -> Outcome:
    """The researcher role and everyone in it: no privilege on a schema, table or column of a forbidden zone."""
    with context.connection() as connection:
        members = connection.execute(
            "select rolname from pg_roles where rolname = 'researcher'"
            " or (pg_has_role(oid, to_regrole('researcher'), 'usage, set') and not rolsuper and oid >= 16384)"
            " order by 1"
        ).fetchall()
        schemas = connection.execute(
            "select r.rolname, n.nspname from pg_roles as r cross join pg_namespace as n"
            " where r.rolname = any(%s) and n.nspname = any(%s)"
            " and has_schema_privilege(r.oid, n.oid, 'usage, create')",
            ([row[0] for row in members], list(FORBIDDEN)),
        ).fetchall()
        tables = connection.execute(
            "select r.rolname, n.nspname || '.' || c.relname from pg_roles as r cross join pg_class as c"
            " inner join pg_namespace as n on n.oid = c.relnamespace"
            " where r.rolname = any(%s) and n.nspname = any(%s) and c.relkind in ('r', 'v', 'm', 'p', 'f')"
            " and (has_table_privilege(r.oid, c.oid, 'insert, update, delete, truncate')"
            " or has_any_column_privilege(r.oid, c.oid, 'select, insert, update, references'))",
            ([row[0] for row in members], list(FORBIDDEN)),
        ).fetchall()
        seen = value(
            connection,
            "select count(*) from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace"
            " where n.nspname = any(%s) and c.relkind in ('r', 'v', 'm', 'p', 'f')",
            (list(FORBIDDEN),),
        )
    findings = [f"{role} has rights on the schema {schema}" for role, schema in schemas]
    findings += [f"{role} has rights on {table}" for role, table in tables]
    said = [amount(len(members), "个角色", "roles"), amount(seen, "张禁读表", "forbidden tables")]
    return Outcome(figures(said), len(members) and seen, tuple(findings))


CHECKS = (
    Check("server.checksums", "页校验和 page checksums", checksums),
    Check("server.tls", "连接均加密 every connection is encrypted", tls),
    Check("server.superusers", "无多余超级用户 no superuser beside the first", superusers),
    Check("server.researcher", "科研人员不可读受限区 researchers cannot read forbidden zones", researcher),
)
