"""Drift: everything in which the server's rights differ from contracts, policy, persons and matrix."""

from __future__ import annotations

import psycopg

from governance.access.logins import login_findings
from governance.access.marts import plan
from governance.access.matrix import matrix_findings
from governance.settings import Settings


def drift(connection: psycopg.Connection, settings: Settings) -> list[str]:
    """One sentence a deviation; empty when rights are as declared.

    Args:
        connection: role ``audit`` or ``admin``.

    Raises:
        AccessError: a contract, the policy or the matrix cannot be used.
    """
    due = plan(connection, settings)
    return [*due.lines(), *due.findings, *login_findings(connection), *matrix_findings(connection, settings)]
