"""What is wrong with the logins of people: rights beyond their group, or a login that nobody entered."""

from __future__ import annotations

import psycopg

from governance.access.people import GROUPS

_ROLES = """
    select r.rolname, coalesce(r.rolcanlogin, false),
        array_remove(array[
            case when r.rolsuper then 'superuser' end, case when r.rolbypassrls then 'bypassrls' end,
            case when r.rolcreaterole then 'createrole' end, case when r.rolcreatedb then 'createdb' end,
            case when r.rolreplication then 'replication' end], null) as attributes,
        coalesce((select array_agg(g.rolname order by g.rolname) from pg_auth_members as m
            inner join pg_roles as g on g.oid = m.roleid
            where m.member = r.oid and (m.inherit_option or m.set_option)), '{}') as groups,
        p.group_name, p.removed_at is not null as removed,
        coalesce(r.rolconfig @> array['log_statement=all'], false) as logged
    from pg_roles as r
    full join access.person as p on p.login = r.rolname
    where p.login is not null or (r.rolcanlogin and exists (
        select from pg_auth_members as m inner join pg_roles as g on g.oid = m.roleid
        where m.member = r.oid and (m.inherit_option or m.set_option) and g.rolname = any(%(groups)s)))
    order by 1"""
# What the catalogues know a role to own (o) or to be granted by name (a), in this database and beyond it.
_BY_NAME = """
    select d.deptype::text, pg_describe_object(d.classid, d.objid, d.objsubid)
    from pg_shdepend as d
    where d.refclassid = 'pg_authid'::regclass and d.refobjid = %(role)s::regrole and d.deptype in ('o', 'a', 'r')
        and d.dbid in (0, (select oid from pg_database where datname = current_database()))
    order by 2 limit 20"""
_MAY_MAKE = """
    select 'temporary tables' where has_database_privilege(%(role)s, current_database(), 'temporary')
    union all select 'schemas' where has_database_privilege(%(role)s, current_database(), 'create')
    union all select 'objects in schema ' || nspname from pg_namespace
        where nspname !~ '^pg_(temp|toast)' and has_schema_privilege(%(role)s, oid, 'create')
    union all select 'functions in ' || lanname from pg_language where has_language_privilege(%(role)s, oid, 'usage')
        and lanname not in ('c', 'internal')"""


def login_findings(connection: psycopg.Connection) -> list[str]:
    """One sentence for each thing that a person's login should not have, or lacks.

    Args:
        connection: role ``audit`` or ``admin``.
    """
    findings: list[str] = []
    rows = connection.execute(_ROLES, {"groups": list(GROUPS)}).fetchall()
    for name, may_login, attributes, groups, group, removed, logged in rows:
        if removed:
            if may_login or groups:
                findings.append(f"login {name} was removed, and may log in or is in {', '.join(groups) or 'no group'}")
            continue
        if not may_login:
            findings.append(
                f"{name or 'the login of a person'} of group {group} does not exist or may not log in any more"
            )
            continue
        if group is None:
            findings.append(
                f"login {name} is in {', '.join(groups)} and nobody's; `xinglin access person add` makes them"
            )
        elif groups != [group]:
            findings.append(f"login {name} is in {', '.join(groups) or 'no group'}, not in {group} alone")
        findings += [f"login {name} has the attribute {attribute}" for attribute in attributes]
        if not logged:
            findings.append(f"statements of login {name} are not logged: alter role {name} set log_statement = 'all'")
        findings += _objects(connection, name)
    return findings


def _objects(connection: psycopg.Connection, name: str) -> list[str]:
    words = {"o": "owns", "a": "is granted rights by name on", "r": "is named by a policy:"}
    named = connection.execute(_BY_NAME, {"role": name}).fetchall()
    found = [f"login {name} {words[kind]} {what}" for kind, what in named]
    return found + [f"login {name} can make {what}" for (what,) in connection.execute(_MAY_MAKE, {"role": name})]
