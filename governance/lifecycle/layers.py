"""A dbt layer as a stage: standardize, deidentify, publish."""

from __future__ import annotations

import hashlib

from anonymization.policy import load_policy
from governance.access.approvals import releases
from governance.audit import AuditKeys, Kind, Record, append
from governance.collection.horizon import horizon
from governance.contracts import load_catalogue
from governance.database import connect
from governance.lifecycle.records import Watermark, fingerprint, set_watermark, stage_run, watermark
from governance.projects.catalogue import load_catalogue as load_marts
from governance.projects.specification import load_projects
from governance.settings import Settings
from governance.transformation.run import LayerRun, run_layer


def build_layer(layer: str, dsn: str, settings: Settings, run_id: str) -> LayerRun:
    """Build a dbt layer as the stage of the same name; a changed project rebuilds its incremental tables.

    Args:
        dsn: connection string of the role ``transform``.

    Raises:
        TransformationError: names the failed nodes.
    """
    with connect(dsn, autocommit=True) as connection:
        limit = horizon(connection)
        before = watermark(connection, layer)
        mark = Watermark(limit, fingerprint(layer, settings, connection))
    full = before is not None and before.fingerprint != mark.fingerprint
    with stage_run(dsn, run_id, layer, settings) as record:
        if layer == "publish":
            _record_approvals(dsn, settings, run_id)
        version = load_policy(settings.policy).version
        tested = 0 if before is None else before.batch_id
        run = run_layer(
            layer,
            dsn,
            settings,
            run_id,
            horizon=limit,
            policy_version=version,
            contract_version=load_catalogue(settings.contracts).version,
            tested=tested,
            full=full,
        )
        models = [n for n in run.nodes if n.resource_type == "model"]
        record.rows_out = sum(n.rows or 0 for n in models)
        record.details = {
            "full": full, "seconds": run.seconds, "models": len(models),
            "tests": sum(n.resource_type in ("test", "unit_test") for n in run.nodes),
            "warnings": sum(n.state == "warn" for n in run.nodes),
        }  # fmt: skip
        if layer == "publish":
            record.details |= _record_releases(dsn, settings, run_id)
    set_watermark(dsn, layer, mark, run_id)
    return run


def _record_approvals(dsn: str, settings: Settings, run_id: str) -> None:
    """Append to the audit log which projects are published, under which approvals."""
    records = [
        Record(
            Kind.APPROVAL,
            f"research.{name}",
            project=name,
            purpose=project.purpose,
            detail={
                "run": run_id,
                "approval": project.ethics.approval_number,
                "valid_until": project.ethics.valid_until.isoformat(),
                "specification": hashlib.sha256(project.model_dump_json().encode()).hexdigest(),
            },
        )
        for name, project in load_projects(settings.projects, load_marts(settings.dbt_project)).items()
    ]
    with connect(dsn, application="xinglin publish") as connection:
        append(connection, records, AuditKeys.open(settings))


def _record_releases(dsn: str, settings: Settings, run_id: str) -> dict[str, object]:
    """Append to the audit log which rows of level 5 the projects asked for and got; returns it for the run."""
    with connect(dsn, application="xinglin publish") as connection:
        asked = releases(connection)
        records = [
            Record(
                Kind.APPROVAL,
                f"restricted.{one.project}.{one.disease}",
                project=one.project,
                detail={
                    "run": run_id,
                    "released": one.released,
                    "approved_until": one.until.isoformat() if one.until else None,
                },
            )
            for one in asked
        ]
        append(connection, records, AuditKeys.open(settings))
    said = {f"{one.project}: {one.disease}": "released" if one.released else "held back" for one in asked}
    return {"restricted": said} if said else {}
