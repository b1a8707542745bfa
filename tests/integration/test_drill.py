"""The restore drill on a real hospital: a sound one is good and signed; each planted fault fails it and stays open."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pyrage
import pytest
from typer.testing import CliRunner

from governance.audit import AuditKeys
from governance.audit.checkpoints import make_checkpoint
from governance.backup.drill import Drill, Evidence, State
from governance.backup.drill.evidence import reports
from governance.backup.drill.recording import open_incidents
from governance.backup.embedded import EmbeddedBackups
from governance.cli import app
from governance.collection.stage import collect_source, sources
from governance.contracts import load_catalogue
from governance.keys.purge import patients_present
from governance.keys.withdrawal import Reason, withdraw
from governance.lifecycle.drilling import conclude
from governance.runtime.archiving import ArchiverProcess
from governance.runtime.postgres import THROW_AWAY, PostgresServer
from governance.runtime.provision import provision
from governance.runtime.secrets import Secrets
from governance.settings import Settings
from include.sample_hospital import generate
from tests.conftest import scratch_folder
from tests.integration.conftest import wait_until_archived

pytestmark = pytest.mark.integration
PATIENTS = 50


@dataclass
class Site:
    """A hospital that was collected, backed up, written to, backed up again; one person has withdrawn since."""

    settings: Settings
    server: PostgresServer
    secrets: Secrets
    archiver: ArchiverProcess
    backups: EmbeddedBackups
    between: datetime  # after the first backup, before the second and before the withdrawal

    @property
    def dsn(self) -> str:
        return self.secrets["dsn_backup"]

    def drill(self, kind: str = "time", at: datetime | None = None, **changes: object) -> Evidence:
        hook = changes.pop("hook", None)
        backups = replace(self.backups, **changes)  # type: ignore[arg-type]
        hooks = (hook,) if hook else ()
        made = Drill(backups, "test", kind, at, before_opening=hooks)  # type: ignore[arg-type]
        return conclude(made.run(), self.settings, self.dsn)

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.server.superuser_dsn("warehouse"), autocommit=True)

    def open(self) -> list[str]:
        return [incident.kind for incident in open_incidents(self.dsn)]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with scratch_folder() as folder:
        generate(folder / "deliveries", patients=PATIENTS, daily_deliveries=0, answer_key=folder / "answer_key")
        environment = {"XINGLIN_STATE": str(folder / "state"), "XINGLIN_DELIVERIES": str(folder / "deliveries")}
        settings = Settings.from_environment(environment).model_copy(update={"archive_heartbeat_seconds": 1.0})
        server = PostgresServer(settings.state / "postgres", superuser_password="p" * 24, settings=THROW_AWAY)
        server.initialise()
        server.start()
        secrets = provision(server, settings)
        archiver = ArchiverProcess(settings)
        archiver.start(server, secrets)
        try:
            yield filled(
                Site(
                    settings,
                    server,
                    secrets,
                    archiver,
                    EmbeddedBackups.of(settings, secrets["dsn_backup"]),
                    datetime.now(UTC),
                )
            )
        finally:
            archiver.stop()
            server.destroy()


def filled(site: Site) -> Site:
    for source in sources(site.settings):
        collect_source(source, site.secrets["dsn_collect"], site.settings, "first")
    with site.connect() as connection:
        connection.execute("create schema sample")
        connection.execute(
            "create table sample.still as select i, md5(i::text) as text from generate_series(1, 5000) i"
        )
        connection.execute("create table sample.grows (i integer primary key)")
        connection.execute(
            "create function sample.order_of(i integer) returns integer language sql immutable as 'select i'"
        )
        connection.execute("create index still_order on sample.still (sample.order_of(i))")
        site.backups.full("full")
        with psycopg.connect(site.secrets["dsn_audit"], autocommit=True) as audit:
            make_checkpoint(audit, AuditKeys.open(site.settings), site.settings.audit_checkpoints)
        connection.execute("insert into sample.grows select generate_series(1, 100)")
        time.sleep(1.5)  # a heartbeat
        site.between = datetime.now(UTC)
        time.sleep(1.5)
        patients = patients_present(connection, load_catalogue(site.settings.contracts))
    withdraw(site.secrets["dsn_admin"], site.settings, patients[:1], Reason.CONSENT_WITHDRAWN, "test")
    site.backups.incremental("incremental")
    wait_until_archived(site.settings, datetime.now(UTC))
    return site


def states(evidence: Evidence) -> dict[str, State]:
    return {check.name: check.state for check in evidence.checks}


def test_a_sound_drill_to_a_random_moment_is_good_signed_recorded_and_reported(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XINGLIN_STATE", str(site.settings.state))
    run = CliRunner().invoke(app, ["backup", "drill", "--seed", "7"])
    assert run.exit_code == 0, run.output
    file = max(reports(site.settings).glob("*.json"), key=lambda path: path.stat().st_mtime)
    evidence = Evidence.model_validate_json(file.read_bytes())
    assert evidence.passed
    assert evidence.seed == 7
    assert evidence.earliest and evidence.until and evidence.target and evidence.recovered_to
    assert evidence.earliest <= evidence.target <= evidence.until
    assert evidence.recovered_to <= evidence.target
    assert set(states(evidence).values()) == {State.PASSED}, states(evidence)
    assert next(check.checked for check in evidence.checks if check.name == "decryption") > 100
    key = next(reports(site.settings).glob("public-key-*.pem"))
    shutil.copy(key, tmp_path / "key.pem")
    checked = CliRunner().invoke(app, ["backup", "drill-check", str(file), "--key", str(tmp_path / "key.pem")])
    assert checked.exit_code == 0, checked.output
    document = json.loads(file.read_bytes())
    document["rto_seconds"] = 0.1
    (tmp_path / "forged.json").write_text(json.dumps(document))
    forged = CliRunner().invoke(app, ["backup", "drill-check", str(tmp_path / "forged.json"), "--key", str(key)])
    assert forged.exit_code == 1
    report = file.with_suffix(".html").read_text("utf-8")
    assert "应急演练报告" in report and "<svg" in report and "http://" not in report and "https://" not in report
    with site.connect() as connection:
        assert connection.execute(
            "select passed, (document ->> 'seed')::int from governance.drill where drill_id = %s", (evidence.drill_id,)
        ).fetchone() == (True, 7)
        assert connection.execute(
            "select count(*) from audit.record where kind = 'drill' and object = %s", (f"drill:{evidence.drill_id}",)
        ).fetchone() == (1,)
    assert not (site.settings.state / "tmp" / "drill").exists()


def test_the_latest_state_is_recovered_and_its_age_measured(site: Site) -> None:
    evidence = site.drill("latest")
    assert evidence.passed, [check for check in evidence.checks if check.findings]
    assert evidence.rpo_seconds is not None and 0 < evidence.rpo_seconds < 30
    assert evidence.rto_seconds is not None and evidence.rto_seconds < 60
    assert evidence.recovered_to and evidence.recovered_to > site.between


def sql(*statements: str) -> Callable[[str], tuple[str, ...]]:
    def plant(dsn: str) -> tuple[str, ...]:
        with psycopg.connect(dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())
        return ()

    return plant


UNGUARDED = "alter table audit.record disable trigger all"
FAULTS: dict[str, tuple[str, ...]] = {
    "tables": ("update sample.still set text = 'other' where i = 7",),
    "structure": (
        "create or replace function sample.order_of(i integer) returns integer language sql immutable as 'select -i'",
    ),
    "audit_complete": (UNGUARDED, "delete from audit.record where seq > 3"),
    "audit_chain": (UNGUARDED, "update audit.record set actor = 'somebody' where seq = 2"),
    "audit_prefix": (
        UNGUARDED,
        "update audit.record set chain = sha256('x') where seq = (select max(seq) from audit.record)",
    ),
    "archiving": ("select pg_create_physical_replication_slot('to_somewhere', true)",),
    "decryption": ("update vault.his_patient set name = set_byte(name, 20, 255 - get_byte(name, 20))",),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_fails_that_check_and_opens_an_incident(
    site: Site, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    evidence = site.drill(at=site.between, hook=sql(*FAULTS[name]))
    assert not evidence.passed
    failed = {check.name for check in evidence.failures}
    assert name in failed
    assert failed <= {name, "audit_chain", "audit_prefix", "tables", "structure"}
    assert site.open() == ["drill:time"]
    assert "FAILED" in caplog.text


def test_a_withdrawn_person_who_can_be_read_fails_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("governance.backup.drill.running.withdrawals", lambda _settings: lambda _dsn: ())
    evidence = site.drill(at=site.between)
    assert states(evidence)["withdrawn"] is State.FAILED


def test_the_wrong_key_restores_nothing_and_fails_it(site: Site) -> None:
    keys = replace(site.backups.keys, identity=str(pyrage.x25519.Identity.generate()))
    evidence = site.drill(at=site.between, keys=keys)
    assert states(evidence) == {"recoverable": State.PASSED, "restored": State.FAILED}
    assert evidence.rto_seconds is None
    assert not (site.settings.state / "tmp" / "drill").exists()


def test_a_moment_that_cannot_be_restored_fails_it(site: Site) -> None:
    evidence = site.drill(at=datetime.now(UTC) + timedelta(days=1))
    assert states(evidence) == {"recoverable": State.FAILED}


def test_an_incident_stays_open_until_a_good_drill_of_its_kind(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_STATE", str(site.settings.state))
    site.drill(at=datetime.now(UTC) + timedelta(days=1))
    assert site.drill("latest").passed
    assert site.open() == ["drill:time"]
    shown = CliRunner().invoke(app, ["backups"])
    assert "drill:time" in shown.output
    assert "可恢复至" in shown.output
    assert site.drill(at=site.between).passed
    assert site.open() == []
    with site.connect() as connection:
        row = connection.execute("select count(*) from governance.incident where closed_by is not null").fetchone()
    assert row and row[0] >= 1


def test_a_stale_archive_fails_it(site: Site) -> None:
    site.archiver.stop()
    try:
        text = site.settings.backup_policy.read_text("utf-8").replace("rpo_seconds: 60", "rpo_seconds: 1")
        policy = site.settings.state / "backup.yaml"
        policy.write_text(text, "utf-8")
        time.sleep(1.5)
        settings = site.settings.model_copy(update={"backup_policy": policy})
        assert states(site.drill("latest", settings=settings))["rpo"] is State.FAILED
    finally:
        site.archiver.start(site.server, site.secrets)
    assert site.open() == ["drill:latest"]
