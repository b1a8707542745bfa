"""Rights: of marts, people and services, beside what contracts, policy and matrix declare."""

from __future__ import annotations

from psycopg import sql

from governance.access.approvals import releases
from governance.access.drift import drift
from governance.access.marts import relations
from governance.access.matrix import declared_matrix, matrix_file
from governance.access.people import people
from governance.access.policy import declared_marts
from governance.verify.context import Context, has_table
from governance.verify.results import Check, Outcome, amount, figures


def rights(context: Context) -> Outcome:
    """Owner, row security and column grants of every mart; logins of people; every cell of the matrix."""
    with context.connection() as connection:
        findings = drift(connection, context.settings)
        marts, logins = len(relations(connection)), sum(person.removed_at is None for person in people(connection))
    lines = len(declared_matrix(matrix_file(context.settings)))
    said = [
        amount(marts, "个集市", "marts"),
        amount(logins, "个人员账号", "logins of people"),
        amount(lines, "行访问矩阵", "lines of the matrix"),
    ]
    return Outcome(figures(said), lines, tuple(findings))


def restricted(context: Context) -> Outcome:
    """No mart holds a row of level 5 that no approval in force names."""
    findings, marts, rows = [], 0, 0
    with context.connection() as connection:
        due = {(one.project, one.disease) for one in releases(connection) if one.due}
        for mart in declared_marts(context.settings).values():
            if not mart.restricted or not has_table(connection, mart.schema_name, mart.table_name):
                continue
            names = sorted(disease for project, disease in due if project == mart.project)
            found, beyond = connection.execute(
                sql.SQL(
                    "select count(restricted_diseases), count(*) filter (where not restricted_diseases <@ %s) from {}"
                ).format(sql.Identifier(mart.schema_name, mart.table_name)),
                (names,),
            ).fetchall()[0]
            marts, rows = marts + 1, rows + found
            if beyond:
                findings.append(
                    f"{mart.name}: {beyond} rows of level 5 whose approval has ended; they show to nobody, "
                    "and the next run of `publish` removes them"
                )
    if not marts:
        return Outcome("无课题申请受限病种 no project asks for level 5", 0)
    said = [amount(marts, "个含受限病种的集市", "marts that may hold level 5"), amount(rows, "行", "rows of level 5")]
    return Outcome(figures(said), marts, tuple(findings))


CHECKS = (
    Check("access.rights", "权限与声明一致 rights are as declared", rights),
    Check("access.restricted", "受限病种均有批准 rows of level 5 are approved", restricted),
)
