"""What a stage leaves behind: its run, and the watermark up to which its output is current.

A watermark holds the greatest batch that a stage has worked in and a fingerprint of everything that decides its output
besides data (contracts, policy, dbt project, project specifications, approved rows of level 5). A stage is behind when
either differs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg.types.json import Jsonb

from governance.audit import AuditKeys, Kind, Record, append, heartbeat
from governance.database import connect
from governance.lineage.events import job_event
from governance.lineage.store import LineageStore
from governance.settings import Settings

DOWNSTREAM = ("standardize", "deidentify", "publish", "back_up")
_SHARED = ("dbt_project/dbt_project.yml", "dbt_project/macros", "dbt_project/seeds")
_BASE = (
    "include/contracts", "include/reference", *_SHARED, "dbt_project/models/staging",
    "dbt_project/models/intermediate/standardize", "dbt_project/models/base",
)  # fmt: skip
_DECIDES: dict[str, tuple[str, ...]] = {
    "standardize": _BASE,
    # base may change under the same source rows, which the increments of deid do not see
    "deidentify": (
        *_BASE, "include/policy", "anonymization", "dbt_project/models/deid", "dbt_project/models/held_back",
        "dbt_project/models/intermediate/deidentify",
    ),
    "publish": (
        "include/projects", *_SHARED, "dbt_project/models/intermediate/publish", "dbt_project/models/specialty",
        "dbt_project/models/research", "dbt_project/models/lineage",
    ),
    "back_up": (),
}  # fmt: skip


@dataclass
class StageRecord:
    """Counts that the stage fills in; stored when it ends."""

    rows_in: int | None = None
    rows_out: int | None = None
    withdrawn: int = 0
    details: dict[str, object] = field(default_factory=dict)


@contextmanager
def stage_run(dsn: str, run_id: str, stage: str, settings: Settings) -> Iterator[StageRecord]:
    """Record a stage's run: its start at once, its end with counts, a failure with the error's kind.

    Also emits the stage's OpenLineage START and COMPLETE or FAIL events, and appends both ends to the audit log.

    Raises:
        AuditError: the log refused; the stage does not run, or counts as failed.
    """
    keys = AuditKeys.open(settings)
    with connect(dsn, application=f"xinglin {stage}") as connection:
        connection.execute(
            "insert into governance.stage_run (run_id, stage, state) values (%s, %s, 'running')"
            " on conflict (run_id, stage) do update set state = 'running', started_at = now(), ended_at = null",
            (run_id, stage),
        )
        LineageStore(connection).emit([job_event("START", stage, run_id)])
        beat = [heartbeat(settings.audit_heartbeat_hours)] if stage == "collect" else []  # that one runs every night
        event = Record(Kind.STAGE, f"stage:{stage}", detail={"run": run_id, "state": "running"})
        append(connection, [event, *beat], keys)
    record = StageRecord()
    try:
        yield record
    except BaseException as error:
        _end(dsn, run_id, stage, record, error, keys)
        raise
    _end(dsn, run_id, stage, record, None, keys)


def _end(dsn: str, run_id: str, stage: str, record: StageRecord, error: BaseException | None, keys: AuditKeys) -> None:
    state, event = ("success", "COMPLETE") if error is None else ("failed", "FAIL")
    reason = None if error is None else type(error).__name__
    with connect(dsn, application=f"xinglin {stage}") as connection:
        connection.execute(
            "update governance.stage_run set state = %s, ended_at = now(), rows_in = %s, rows_out = %s,"
            " withdrawn = %s, details = %s where run_id = %s and stage = %s",
            (
                state, record.rows_in, record.rows_out, record.withdrawn,
                Jsonb(record.details | ({"error": reason} if reason else {})), run_id, stage,
            ),
        )  # fmt: skip
        LineageStore(connection).emit([job_event(event, stage, run_id, error=reason)])
        detail = {"run": run_id, "state": state} | ({"error": reason} if reason else {})
        append(connection, [Record(Kind.STAGE, f"stage:{stage}", record.rows_out, detail=detail)], keys)


@dataclass(frozen=True)
class Watermark:
    """Up to which batch, and under which fingerprint, a stage's output is current."""

    batch_id: int
    fingerprint: str


def watermark(connection: psycopg.Connection, stage: str) -> Watermark | None:
    """The stage's watermark, or ``None`` before its first success."""
    row = connection.execute(
        "select batch_id, fingerprint from governance.watermark where stage = %s", (stage,)
    ).fetchone()
    return None if row is None else Watermark(int(row[0]), str(row[1]))


def set_watermark(dsn: str, stage: str, mark: Watermark, run_id: str) -> None:
    """Move the stage's watermark; called as the stage's last act."""
    with connect(dsn, application=f"xinglin {stage}") as connection:
        connection.execute(
            "insert into governance.watermark (stage, batch_id, fingerprint, run_id) values (%s, %s, %s, %s)"
            " on conflict (stage) do update set batch_id = excluded.batch_id, fingerprint = excluded.fingerprint,"
            " run_id = excluded.run_id, updated_at = now()",
            (stage, mark.batch_id, mark.fingerprint, run_id),
        )


def fingerprint(stage: str, settings: Settings, connection: psycopg.Connection) -> str:
    """Digest of what decides a stage's output besides data: files, and for ``publish`` the approved level 5.

    Args:
        connection: any role that runs stages.
    """
    digest = hashlib.sha256()
    if stage == "publish":
        approved = connection.execute(
            "select project, disease from access.restricted_approval order by 1, 2"
        ).fetchall()
        digest.update(json.dumps(approved).encode())
    for folder in _DECIDES[stage]:
        root = settings.project / folder
        for path in sorted([root, *root.rglob("*")]):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(settings.project).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:32]


def stages_behind(connection: psycopg.Connection, settings: Settings, horizon: int) -> list[str]:
    """Stages whose output is not current: new batches, changed files, an earlier run that did not end well, or, of
    ``publish``, an approval of rows of level 5 that came or ended since.
    """
    behind = []
    for stage in DOWNSTREAM:
        mark = watermark(connection, stage)
        if mark is None or mark.batch_id < horizon or mark.fingerprint != fingerprint(stage, settings, connection):
            behind.append(stage)
    return behind if horizon else []
