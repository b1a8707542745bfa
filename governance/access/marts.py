"""Rights of the marts: what is declared beside what the server holds, and the steps from one to the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import psycopg
from psycopg.types.json import Jsonb

from governance.access.policy import ZONES, Mart, declared_marts
from governance.audit import AuditKeys, Kind, Record, append
from governance.errors import AccessError
from governance.settings import Settings

_OWNER = "mart_owner"
_SERVICE = ("service", "*", True, ("xinglin_transform",), "true", "true")
_QUAL = "( SELECT ('{}'::text = ANY (access.session_projects())))"
_QUAL_RESTRICTED = (
    "({} AND ((restricted_diseases IS NULL)"
    " OR (restricted_diseases <@ ( SELECT access.session_restricted() AS session_restricted))))"
)
_RELATIONS = """
    select n.nspname, c.relname, c.relkind::text, c.relowner::regrole::text, c.relrowsecurity, c.relforcerowsecurity,
        coalesce((
            select jsonb_agg(jsonb_build_array(p.polname, p.polcmd::text, p.polpermissive,
                (select jsonb_agg(coalesce(r.rolname, 'public') order by r.rolname)
                    from unnest(p.polroles) as o (oid) left join pg_roles as r on r.oid = o.oid),
                pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) order by p.polname)
            from pg_policy as p where p.polrelid = c.oid), '[]'),
        coalesce((
            select jsonb_agg(jsonb_build_array(coalesce(r.rolname, 'public'), a.privilege_type) order by 1)
            from aclexplode(c.relacl) as a left join pg_roles as r on r.oid = a.grantee
            where a.grantee <> c.relowner), '[]'),
        coalesce((
            select jsonb_object_agg(held.who, held.columns) from (
                select coalesce(r.rolname, 'public') || ' ' || a.privilege_type as who,
                    jsonb_agg(t.attname order by t.attnum) as columns
                from pg_attribute as t cross join lateral aclexplode(t.attacl) as a
                left join pg_roles as r on r.oid = a.grantee
                where t.attrelid = c.oid and not t.attisdropped group by 1) as held), '{}'),
        (select jsonb_agg(t.attname order by t.attnum) from pg_attribute as t
            where t.attrelid = c.oid and t.attnum > 0 and not t.attisdropped)
    from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any(%s) and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1, 2"""


@dataclass(frozen=True)
class Held:
    """A relation of a mart zone as it stands; policies as name, command, permissive, roles and two expressions."""

    schema_name: str
    table_name: str
    kind: str
    owner: str
    row_security: bool
    forced: bool
    policies: list[list[object]]
    table_grants: list[tuple[str, str]]
    column_grants: dict[str, list[str]]
    columns: list[str]

    @property
    def name(self) -> str:
        """``schema.table``."""
        return f"{self.schema_name}.{self.table_name}"


@dataclass(frozen=True)
class Step:
    """One thing that :func:`apply` does: to which mart, and why (what deviates, one sentence each)."""

    mart: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What brings the server to what is declared: declarations to write or drop, tables to protect anew."""

    declare: tuple[Mart, ...] = ()
    drop: tuple[str, ...] = ()
    protect: tuple[Step, ...] = ()
    findings: tuple[str, ...] = field(default=())

    def lines(self) -> list[str]:
        """The plan, one line a step."""
        lines = [
            f"声明 declare {mart.name}: 课题 project {mart.project}; "
            + "; ".join(
                f"{group} {len(columns)}/{len(mart.levels)} 列 columns" for group, columns in mart.readers.items()
            )
            for mart in self.declare
        ]
        lines += [f"取消声明 drop the declaration of {name}" for name in self.drop]
        lines += [f"重设权限 protect {step.mart}: {'; '.join(step.reasons)}" for step in self.protect]
        return lines


def plan(connection: psycopg.Connection, settings: Settings) -> Plan:
    """Compare contracts and policy with the server.

    Args:
        connection: a role that may read ``access.mart`` (``admin``, ``audit``).

    Raises:
        AccessError: a contract or the policy cannot be used.
    """
    wanted = declared_marts(settings)
    rows = connection.execute(
        "select schema_name, table_name, project, readers, restricted from access.mart"
    ).fetchall()
    known = {f"{schema}.{table}": tuple(declared) for schema, table, *declared in rows}
    declare = tuple(
        mart
        for name, mart in sorted(wanted.items())
        if known.get(name) != (mart.project, _plain(mart.readers), list(mart.restricted))
    )
    steps, findings = [], []
    for held in relations(connection):
        if held.kind not in ("r", "p"):
            findings.append(f"{held.name} is no table, so row security does not cover it; drop it")
        elif reasons := deviations(held, wanted.get(held.name)):
            steps.append(Step(held.name, tuple(reasons)))
    return Plan(declare, tuple(sorted(known.keys() - wanted.keys())), tuple(steps), tuple(findings))


def apply(connection: psycopg.Connection, settings: Settings, keys: AuditKeys) -> Plan:
    """Carry the plan out in the connection's transaction and record it; returns what was done.

    Args:
        connection: role ``admin``.

    Raises:
        AccessError: the server refused a step, or something deviates that no step can mend.
        AuditError: the audit log refused; nothing was changed.
    """
    due = plan(connection, settings)
    try:
        with connection.transaction():
            for name in due.drop:
                connection.execute("delete from access.mart where schema_name || '.' || table_name = %s", (name,))
            for mart in due.declare:
                connection.execute(
                    "insert into access.mart (schema_name, table_name, project, readers, restricted)"
                    " values (%s, %s, %s, %s, %s) on conflict (schema_name, table_name) do update"
                    " set project = excluded.project, readers = excluded.readers, restricted = excluded.restricted",
                    (*mart.name.split("."), mart.project, Jsonb(_plain(mart.readers)), list(mart.restricted)),
                )
            for step in due.protect:
                connection.execute("select access.protect(%s, %s)", step.mart.split(".", 1))
            if due.lines():
                detail = {"declared": [m.name for m in due.declare], "dropped": list(due.drop),
                          "protected": {s.mart: list(s.reasons) for s in due.protect}}  # fmt: skip
                append(connection, [Record(Kind.GRANT, "marts", len(due.lines()), detail=detail)], keys)
    except psycopg.Error as error:
        raise AccessError(
            f"rights of the marts could not be set: {str(error).splitlines()[0]}; nothing changed"
        ) from error
    return due


def relations(connection: psycopg.Connection) -> list[Held]:
    """Every relation of the mart zones as it stands."""
    return [Held(*row) for row in connection.execute(_RELATIONS, (list(ZONES),))]


def deviations(held: Held, mart: Mart | None) -> list[str]:
    """What is not as declared, one sentence each; an undeclared table must be closed to everybody."""
    found = []
    if held.owner != _OWNER:
        found.append(f"owner is {held.owner}, not {_OWNER}")
    if not (held.row_security and held.forced):
        found.append("row security is switched off" if not held.row_security else "row security is not forced")
    wanted: list[tuple[object, ...]] = [_SERVICE]
    if mart is not None:
        quoted = mart.project.replace("'", "''")
        qual = _QUAL.format(quoted)
        if mart.restricted:
            qual = _QUAL_RESTRICTED.format(qual)
        wanted = [("purpose", "r", True, ("engineer", "researcher"), qual, None), _SERVICE]
    policies = [(p[0], p[1], p[2], tuple(p[3] if isinstance(p[3], list) else ()), p[4], p[5]) for p in held.policies]
    if policies != wanted:
        found.append("its policies are not as declared: " + (", ".join(str(p[0]) for p in held.policies) or "none"))
    found += [f"{right} on the whole table is granted to {who}" for who, right in held.table_grants]
    return found + _column_deviations(held, {} if mart is None else mart.readers)


def _column_deviations(held: Held, readers: Mapping[str, Iterable[str]]) -> list[str]:
    found = []
    wanted = {
        f"{group} SELECT": [column for column in held.columns if column in set(columns)]
        for group, columns in readers.items()
    }
    for who in sorted(wanted.keys() | held.column_grants.keys()):
        should, does = wanted.get(who, []), held.column_grants.get(who, [])
        if surplus := sorted(set(does) - set(should)):
            found.append(f"{who} is granted on {', '.join(surplus)}")
        if missing := sorted(set(should) - set(does)):
            found.append(f"{who} is missing on {', '.join(missing)}")
    return found


def _plain(readers: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    return {group: list(columns) for group, columns in readers.items()}
