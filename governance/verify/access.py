"""Rights: of marts, people and services, beside what contracts, policy and matrix declare."""

from __future__ import annotations

from governance.access.drift import drift
from governance.access.marts import relations
from governance.access.matrix import declared_matrix, matrix_file
from governance.access.people import people
from governance.verify.context import Context
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


CHECKS = (Check("access.rights", "权限与声明一致 rights are as declared", rights),)
