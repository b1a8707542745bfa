"""The stages behind the DAG tasks. Each may be killed at any point and run again with the same result.

Every function takes the connection string of the role that it needs and the id of the run; none imports Airflow.
"""

from __future__ import annotations

from dataclasses import asdict

from anonymization.policy import load_policy
from governance.backup.backing_up import back_up
from governance.backup.keys import BackupKeys
from governance.collection.loading import Tally, horizon
from governance.contracts import load_catalogue
from governance.database import connect
from governance.deidentification.pseudonyms import add_project_salts, add_pseudonyms
from governance.deidentification.scrubbing import count_pending
from governance.keys import open_keyring
from governance.lifecycle.records import (
    Watermark,
    fingerprint,
    set_watermark,
    stage_run,
    stages_behind,
    watermark,
)
from governance.lineage.deidentify import scrubbing_events
from governance.lineage.store import LineageStore
from governance.projects import salt_names
from governance.settings import Settings
from governance.transformation.run import LayerRun, run_layer


def announce(dsn: str, settings: Settings, run_id: str, tallies: list[Tally]) -> list[str]:
    """End of collect: record it and say which stages have work to do.

    Args:
        dsn: connection string of the role ``collect``.
        tallies: what each source brought.

    Returns:
        Stages that are behind; empty when there is nothing new anywhere.
    """
    total = Tally()
    for tally in tallies:
        total.add(tally)
    with stage_run(dsn, run_id, "collect") as record:
        record.rows_in, record.rows_out = total.rows_in, total.accepted
        record.withdrawn = total.quarantined
        record.details = asdict(total)
        with connect(dsn, autocommit=True) as connection:
            return stages_behind(connection, settings, horizon(connection))


def prepare_deidentification(dsn: str, settings: Settings, run_id: str) -> list[int]:
    """Give new persons their pseudonyms and say which shards have texts to scrub.

    Args:
        dsn: connection string of the role ``deidentify``.
    """
    policy, catalogue = load_policy(settings.policy), load_catalogue(settings.contracts)
    keyring = open_keyring(settings.keyring)
    with connect(dsn, application="xinglin deidentify") as connection:
        add_pseudonyms(connection, keyring, policy)
        add_project_salts(connection, keyring, salt_names(settings.projects))
        pending = count_pending(connection, catalogue, policy.version)
        LineageStore(connection).emit(scrubbing_events(catalogue, run_id))
    return list(range(settings.shards)) if pending else []


def back_up_cluster(dsn: str, settings: Settings, run_id: str) -> dict[str, object]:
    """Take an encrypted backup of the cluster; the stage's record is in it as running and ends after it.

    Args:
        dsn: connection string of the role ``backup``.

    Raises:
        BackupError: no backup appears, older ones are untouched.
    """
    with connect(dsn, autocommit=True) as connection:
        before = connection.execute("select coalesce(max(batch_id), 0) from governance.batch").fetchone()
    with stage_run(dsn, run_id, "back_up") as stage:
        record = back_up(settings, dsn, BackupKeys.of(open_keyring(settings.keyring)), run_id, attempts=2)
        stage.details = {"backup": record.manifest.backup_id, "bytes": record.manifest.size}
    set_watermark(dsn, "back_up", Watermark(before[0] if before else 0, fingerprint("back_up", settings)), run_id)
    return stage.details


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
    mark = Watermark(limit, fingerprint(layer, settings))
    full = before is not None and before.fingerprint != mark.fingerprint
    with stage_run(dsn, run_id, layer) as record:
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
    set_watermark(dsn, layer, mark, run_id)
    return run
