"""The audit log: records appended a second, and how long a million takes to verify."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg

from governance.audit import AuditKeys, Kind, Record, append
from governance.audit.checkpoints import make_checkpoint
from governance.audit.verifying import verify_log
from governance.database import Role, connection_string
from governance.errors import AuditError
from tests.bench.measure import Results, scratch_site

_BATCH = 10_000


def measure_audit(results: Results, folder: Path, rows: int = 1_000_000) -> None:
    """Append in batches of 10,000 and verify, with either MAC, each in a warehouse of its own."""
    for algorithm in ("hmac-sm3", "hmac-sha256"):
        own = folder / algorithm
        with scratch_site(own, own / "deliveries") as (settings, _server):
            chosen = settings.model_copy(update={"audit_chain": algorithm})
            _measure(results, AuditKeys.open(chosen), chosen.audit_checkpoints, settings.state, rows)


def _measure(results: Results, keys: AuditKeys, checkpoints: Path, state: Path, rows: int) -> None:
    note = f"{keys.algorithm}, {rows:,} records"
    record = Record(Kind.COLLECTION, "landing.lis_result", 100_000, detail={"batch": 1, "run": "scheduled__2026-06-01"})
    with psycopg.connect(connection_string(Role.AUDIT, state), autocommit=True) as connection:
        started, own = time.perf_counter(), time.process_time()
        for _ in range(0, rows, _BATCH):
            append(connection, [record] * _BATCH, keys)
        seconds, cpu = time.perf_counter() - started, time.process_time() - own
        results.add("audit", "records appended a second", rows / seconds, "records/s", "60,000", f"{note}, wall")
        results.add("audit", "records appended a second of its own core", rows / cpu, "records/s", "", note)
        started = time.perf_counter()
        make_checkpoint(connection, keys, checkpoints)
        results.add("audit", "checkpoint", time.perf_counter() - started, "s", "", f"{note}, all of them new")
        started, own = time.perf_counter(), time.process_time()
        verified = verify_log(connection, keys, checkpoints)
        seconds, cpu = time.perf_counter() - started, time.process_time() - own
        if verified.faults or verified.checkpoints != 1 or verified.records < rows:
            raise AuditError(f"the log just written does not verify: {verified.faults}")
        results.add("audit", "verify", seconds, "s", "5", f"{note}, wall")
        results.add("audit", "verify, own core", cpu, "s", "", note)
