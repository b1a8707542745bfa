"""Run one dbt layer and keep what it did.

The run's id, the policy version and the batch horizon reach the models as settings of the database session
(``current_setting('xinglin.run_id')``), set through ``PGOPTIONS``: dbt variables would force a full re-parse each run.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from governance.database import connect
from governance.errors import TransformationError
from governance.lineage.dbt import emit_dbt_lineage
from governance.lineage.store import LineageStore
from governance.settings import Settings
from governance.transformation.parsed import parsed_project

LAYERS = ("standardize", "deidentify", "publish")


@dataclass(frozen=True)
class NodeRun:
    """Outcome of one dbt node.

    Attributes:
        seconds: execution time.
        rows: rows written, where the adapter says so.
    """

    node: str
    resource_type: str
    state: str
    seconds: float
    rows: int | None
    message: str | None


@dataclass(frozen=True)
class LayerRun:
    """Outcome of one layer: its nodes in the order in which they ended, and the wall time in seconds."""

    layer: str
    nodes: list[NodeRun]
    seconds: float

    def table(self) -> str:
        """The nodes as aligned text: state, seconds, rows, name (models and seeds first, then tests)."""
        kinds = {"seed": 0, "model": 1, "snapshot": 2, "unit_test": 3, "test": 4}
        ordered = sorted(self.nodes, key=lambda n: (kinds.get(n.resource_type, 9), n.node))
        lines = [f"{'state':8} {'seconds':>8} {'rows':>9}  node"]
        lines += [
            f"{n.state:8} {n.seconds:8.2f} {'' if n.rows is None else n.rows:>9}  {n.resource_type} {n.node}"
            for n in ordered
        ]
        return "\n".join(lines)


def run_layer(
    layer: str,
    dsn: str,
    settings: Settings,
    run_id: str,
    *,
    horizon: int,
    policy_version: str,
    contract_version: str,
    tested: int = 0,
    full: bool = False,
) -> LayerRun:
    """Build one layer: its models, seeds and tests (``dbt build --select tag:<layer>``).

    Args:
        dsn: connection string of the role ``transform``.
        horizon: greatest batch id that the layer may read.
        policy_version: of the de-identification policy; with the next one it stands in every mart row.
        contract_version: of the set of contracts (:meth:`governance.contracts.Catalogue.version`).
        tested: batch up to which the layer's rows have passed its data tests; these look at later rows only.
        full: rebuild incremental models from the start.

    Raises:
        TransformationError: a node failed; names the nodes. What succeeded before it stays.
    """
    started = time.perf_counter()
    session = {
        "run_id": run_id,
        "policy_version": policy_version,
        "contract_version": contract_version,
        "through_batch": str(horizon),
    }
    if tested and not full:
        session["tested_through_batch"] = str(tested)
    target = settings.state / "dbt"
    with dbt_environment(dsn, session, target):
        arguments = ["build", "--select", f"tag:{layer}", "--exclude-resource-type", "unit_test"]  # these test the code
        arguments += ["--project-dir", str(settings.dbt_project), "--profiles-dir", str(settings.dbt_project)]
        arguments += ["--quiet", "--no-use-colors", "--log-level-file", "info"]
        result = _invoke([*arguments, *(["--full-refresh"] if full else [])], settings.dbt_project, target)
        nodes = [_node(r) for r in (result.result or [])]
        run = LayerRun(layer, nodes, time.perf_counter() - started)
        with connect(dsn, application=f"xinglin {layer}") as connection:
            _record(connection, run, run_id)
            if result.success:
                emit_dbt_lineage(LineageStore(connection), connection, settings, target, result.result, run_id)
    if not result.success:
        raise TransformationError(_failure(layer, result, nodes))
    return run


def _invoke(arguments: list[str], project: Path, target: Path) -> Any:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415  slow to import; only the tasks that run dbt need it

    return dbtRunner(manifest=parsed_project(project, target)).invoke(arguments)


@contextmanager
def dbt_environment(dsn: str, session: dict[str, str], target: Path) -> Iterator[None]:
    """The environment that profiles.yml and libpq read, restored afterwards."""
    parts = psycopg.conninfo.conninfo_to_dict(dsn)
    options = " ".join(f"-c xinglin.{name}={_escaped(value)}" for name, value in session.items())
    wanted = {
        "PGOPTIONS": options,
        "PGSSLROOTCERT": str(parts.get("sslrootcert") or ""),
        "XINGLIN_PG_HOST": str(parts.get("host")),
        "XINGLIN_PG_PORT": str(parts.get("port") or 5432),
        "XINGLIN_PG_DATABASE": str(parts.get("dbname")),
        "XINGLIN_DBT_USER": str(parts.get("user")),
        "XINGLIN_DBT_PASSWORD": str(parts.get("password") or ""),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    before = {name: os.environ.get(name) for name in wanted}
    target.mkdir(parents=True, exist_ok=True)
    os.environ.update({name: value for name, value in wanted.items() if value})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _escaped(value: str) -> str:
    """A value for PGOPTIONS: blanks and backslashes are escaped with a backslash (libpq, ``options``)."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def _node(result: Any) -> NodeRun:
    rows = (result.adapter_response or {}).get("rows_affected")
    return NodeRun(
        node=result.node.name,
        resource_type=str(result.node.resource_type),
        state=str(result.status),
        seconds=float(result.execution_time),
        rows=int(rows) if rows is not None and int(rows) >= 0 else None,
        message=None if str(result.status) in ("success", "pass") else _first_line(result.message),
    )


def _first_line(message: str | None) -> str | None:
    """First line of dbt's message; the lines after it may quote values."""
    return message.strip().splitlines()[0][:300] if message and message.strip() else None


def _record(connection: psycopg.Connection, run: LayerRun, run_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into governance.model_run (run_id, layer, node, resource_type, state, seconds, rows, message)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s)",
            [(run_id, run.layer, n.node, n.resource_type, n.state, n.seconds, n.rows, n.message) for n in run.nodes],
        )


def _failure(layer: str, result: Any, nodes: list[NodeRun]) -> str:
    broken = [n for n in nodes if n.state in ("error", "fail", "runtime error")]
    if not broken:
        return f"dbt could not run the layer '{layer}': {_first_line(str(result.exception))}"
    shown = "; ".join(f"{n.resource_type} {n.node}: {n.message}" for n in broken[:8])
    more = f" and {len(broken) - 8} more" if len(broken) > 8 else ""
    query = shlex.quote("select node, state, message from governance.model_run order by finished_at desc")
    return f"layer '{layer}': {len(broken)} node(s) failed: {shown}{more}. See all with: {query}"
