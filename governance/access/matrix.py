"""The access matrix: each role beside each schema, table, column and function, as declared and as the server answers.

``include/policy/access_matrix.csv`` is the declaration. Letters: ``R`` reads all columns, ``C`` some columns, ``P``
granted columns while work is open (row security), ``I`` inserts, ``U`` updates, ``D`` deletes; schemas: ``u`` usage,
``c`` create; functions: ``X`` execute; ``-`` nothing. ``schema.*`` stands for tables without a line of their own.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import psycopg

from governance.errors import AccessError
from governance.settings import Settings

ROLES = (
    "xinglin_admin", "xinglin_collect", "xinglin_transform", "xinglin_deidentify", "xinglin_backup", "xinglin_audit",
    "xinglin_airflow", "mart_owner", "access_keeper", "engineer", "researcher", "ethics", "auditor", "public",
)  # fmt: skip
Key = tuple[str, str]
Matrix = dict[Key, dict[str, str]]
"""(kind, object) -> role -> letters; kind is schema, table, column, function; on a server also view."""

_HEAD = """# 访问矩阵 · Access matrix

由 `xinglin access matrix` 自 `include/policy/access_matrix.csv` 生成，勿手改 · Generated, not edited by hand.
`tests/integration/test_access_matrix.py` 在真实服务器上逐格尝试 tries every cell on a server.

| | |
|---|---|
| R · C | 读全部列 · 读部分列 reads all columns · some columns |
| **P** | 已开启用途时读获批列，否则无行 granted columns while work is open, otherwise no row |
| I · U · D | 插入 · 更新 · 删除 inserts · updates · deletes |
| u · c · X | 进入 · 建对象 · 执行 usage · creates objects · executes |

`admin` … `airflow` 是服务账号 are logins of services; `mart_owner`, `access_keeper` 不可登录 cannot log in;
`engineer` … `auditor` 是人员所属的组 are groups of people. `schema.*`: 未单列的表 tables without a line of their own.
"""
_OURS = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
_SCHEMAS = f"""
    select 'schema', n.nspname, r.name,
        concat(case when has_schema_privilege(r.name, n.oid, 'usage') then 'u' end,
            case when has_schema_privilege(r.name, n.oid, 'create') then 'c' end)
    from pg_namespace as n cross join unnest(%(roles)s::text[]) as r (name) where {_OURS}"""  # noqa: S608 - a constant
_TABLES = f"""
    select case when c.relkind in ('r', 'p') then 'table' else 'view' end, n.nspname || '.' || c.relname, r.name,
        concat(
            case
                when not has_any_column_privilege(r.name, c.oid, 'select') then ''
                when c.relrowsecurity and not coalesce(held.rolbypassrls, false)
                    and not pg_has_role(nullif(r.name, 'public'), 'xinglin_transform', 'usage') then 'P'
                when has_table_privilege(r.name, c.oid, 'select') then 'R'
                else 'C'
            end,
            case when c.relkind in ('r', 'p') then concat(
                case when has_any_column_privilege(r.name, c.oid, 'insert') then 'I' end,
                case when has_any_column_privilege(r.name, c.oid, 'update') then 'U' end,
                case when has_table_privilege(r.name, c.oid, 'delete, truncate') then 'D' end) end)
    from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
    cross join unnest(%(roles)s::text[]) as r (name) left join pg_roles as held on held.rolname = r.name
    where {_OURS} and c.relkind in ('r', 'p', 'v', 'm', 'f')"""  # noqa: S608 - a constant
_FUNCTIONS = f"""
    select 'function', n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', r.name,
        case when has_function_privilege(r.name, p.oid, 'execute') then 'X' else '' end
    from pg_proc as p inner join pg_namespace as n on n.oid = p.pronamespace
    cross join unnest(%(roles)s::text[]) as r (name) where {_OURS}"""  # noqa: S608 - a constant
_COLUMNS = """
    select 'column', n.nspname || '.' || c.relname || '.' || t.attname, r.name,
        case when has_column_privilege(r.name, c.oid, t.attnum, 'select') then 'R' else '' end
    from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
    inner join pg_attribute as t on t.attrelid = c.oid and t.attnum > 0 and not t.attisdropped
    cross join unnest(%(roles)s::text[]) as r (name)
    where n.nspname || '.' || c.relname || '.' || t.attname = any(%(columns)s)"""


def matrix_file(settings: Settings) -> Path:
    """Where the matrix is declared."""
    return settings.project / "include" / "policy" / "access_matrix.csv"


def declared_matrix(path: Path) -> Matrix:
    """Read the declaration; a cell ``-`` is an empty text.

    Raises:
        AccessError: the file is missing, or a line names another set of roles.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise AccessError(f"{path.name} cannot be read; restore the file") from error
    matrix: Matrix = {}
    for number, row in enumerate(rows, 2):
        if tuple(row) != ("kind", "object", *ROLES) or None in row.values():
            raise AccessError(f"{path.name}: line {number} has not the columns kind, object and one a role; correct it")
        matrix[row["kind"], row["object"]] = {role: row[role].strip("-") for role in ROLES}
    return matrix


def actual_matrix(connection: psycopg.Connection, columns: list[str]) -> Matrix:
    """What the server's catalogues answer for every schema, table and function, and for the named columns."""
    matrix: Matrix = {}
    for query in (_SCHEMAS, _TABLES, _COLUMNS, _FUNCTIONS):
        for kind, name, role, letters in connection.execute(
            query.encode(), {"roles": list(ROLES), "columns": columns}
        ).fetchall():
            matrix.setdefault((kind, name), {})[role] = letters
    return matrix


def expected(matrix: Mapping[Key, dict[str, str]], kind: str, name: str) -> dict[str, str] | None:
    """The declared line of an object: its own, else that of ``schema.*``; None if neither stands there.

    A view has the line of a table, of which reading alone counts.
    """
    of = "table" if kind == "view" else kind
    line = matrix.get((of, name)) or matrix.get((of, f"{name.partition('.')[0]}.*"))
    return {role: letters.strip("IUD") for role, letters in line.items()} if line and kind == "view" else line


def matrix_findings(connection: psycopg.Connection, settings: Settings) -> list[str]:
    """Each cell in which server and declaration differ, one sentence each.

    Raises:
        AccessError: the declaration cannot be read.
    """
    matrix = declared_matrix(matrix_file(settings))
    findings: list[str] = []
    for (kind, name), cells in sorted(actual_matrix(connection, [n for k, n in matrix if k == "column"]).items()):
        wanted = expected(matrix, kind, name)
        if wanted is None:
            findings.append(f"{kind} {name} has no line in access_matrix.csv; add it")
            continue
        findings += [
            f"{role} has {letters or '-'} on {kind} {name}; declared is {wanted[role] or '-'}"
            for role, letters in cells.items()
            if letters != wanted[role]
        ]
    return findings


def render(matrix: Mapping[Key, dict[str, str]]) -> str:
    """The declaration as a page for an auditor (``docs/access-matrix.md``)."""
    titles = {
        "schema": "模式 Schemas",
        "table": "表 Tables",
        "column": "敏感列 Sensitive columns",
        "function": "函数 Functions",
    }
    shown = [role.removeprefix("xinglin_") for role in ROLES]
    lines = _HEAD.splitlines()
    for kind, title in titles.items():
        lines += ["", f"## {title}", "", "| | " + " | ".join(shown) + " |", "|---|" + ":-:|" * len(shown)]
        for (of, name), cells in matrix.items():
            if of == kind:
                letters = [cells[role].replace("P", "**P**") or "–" for role in ROLES]
                lines.append(f"| `{name}` | " + " | ".join(letters) + " |")
    return "\n".join(lines) + "\n"
