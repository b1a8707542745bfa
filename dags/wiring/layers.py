"""A dbt layer as a task: every node's outcome in the log and in XCom."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from governance.database import Role
from wiring.tasks import dsn, final_errors, run_id, settings

_LOG = logging.getLogger(__name__)


def build(layer: str, role: Role) -> dict[str, Any]:
    """Build a layer in this task's process; returns its models (state, seconds, rows) and the number of its tests."""
    from governance.lifecycle.layers import build_layer

    with final_errors():
        run = build_layer(layer, dsn(role), settings(), run_id())
    _LOG.info("layer %s in %.1f s\n%s", layer, run.seconds, run.table())
    models = [asdict(node) for node in run.nodes if node.resource_type in ("model", "seed")]
    return {"layer": layer, "seconds": run.seconds, "models": models, "tests": len(run.nodes) - len(models)}
