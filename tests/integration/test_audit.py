"""The audit log in a real PostgreSQL: who may do what to it, tampering by a superuser, concurrency, kills, proofs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from governance import cli
from governance.audit import AuditKeys, Kind, Record, append, commitment, heartbeat
from governance.audit.airflow_log import import_airflow_log
from governance.audit.asking import who_read
from governance.audit.checkpoints import make_checkpoint, read_folder, read_table
from governance.audit.keeping import keep_log
from governance.audit.parallel import holds
from governance.audit.sequence import FaultKind, Verified
from governance.audit.verifying import trusted_checkpoints, verify_log
from governance.database import Role
from governance.errors import AuditError
from governance.lifecycle.records import stage_run
from governance.migrate import migrate
from governance.verify.audit_log import log as audit_check
from governance.verify.context import Context
from tests.conftest import Warehouse

pytestmark = pytest.mark.integration

AWKWARD = Record(
    Kind.READING, "表\t甲\\N\n\x7f乙\r\b\f\v", 0, project="", purpose="复核 \\t", actor="O'Brien",
    detail={"b": [1, 2.5, None, True], "a": {"引": 'a"b\\c\n\t'}, "é": "𠮷"},
)  # fmt: skip


class Site:
    """A warehouse with the audit keys of its keyring."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse, self.settings = warehouse, warehouse.settings
        self.keys = AuditKeys.open(self.settings)
        self.connection = psycopg.connect(warehouse.dsn(Role.AUDIT), autocommit=True)

    def append(self, *records: Record) -> range:
        return append(self.connection, records, self.keys)

    def sign(self) -> int:
        made = make_checkpoint(self.connection, self.keys, self.settings.audit_checkpoints)
        return made.size if made else 0

    def verify(self, alive_at: datetime | None = None) -> Verified:
        return verify_log(self.connection, self.keys, self.settings.audit_checkpoints, alive_at=alive_at)

    def first_fault(self) -> tuple[FaultKind, int]:
        fault = self.verify().faults[0]
        return fault.kind, fault.seq

    def head(self) -> int:
        row = self.connection.execute("select max(seq) from audit.record").fetchone()
        return int(row[0]) if row else 0

    def tamper(self, *statements: str) -> None:
        """As the superuser, with triggers off."""
        with psycopg.connect(self.warehouse.superuser_dsn()) as connection:
            connection.execute("set session_replication_role = replica")
            for statement in statements:
                connection.execute(statement.encode())


@pytest.fixture
def site(empty_warehouse: Warehouse) -> Iterator[Site]:
    made = Site(empty_warehouse)
    yield made
    made.connection.close()


def events(site: Site, kind: Kind) -> list[tuple[str, str | None, int | None, dict[str, object]]]:
    return site.connection.execute(
        "select actor, object, count, detail from audit.record where kind = %s order by seq", (kind.value,)
    ).fetchall()


# -- the log itself --------------------------------------------------------------------------------------------------


def test_a_new_warehouse_has_a_sound_log_of_its_making(site: Site) -> None:
    found = site.verify(alive_at=datetime.now(UTC))
    assert found.faults == []
    assert found.records == site.head() > 10
    assert [actor for actor, *_ in events(site, Kind.MIGRATION)] == ["xinglin_admin"]
    assert "key:audit_chain/1" in {name for _, name, *_ in events(site, Kind.KEY)}
    assert [name for _, name, *_ in events(site, Kind.GRANT)] == ["marts", "database"]
    assert len(events(site, Kind.HEARTBEAT)) == 1


def test_migrating_again_adds_a_heartbeat_only(site: Site) -> None:
    migrate(site.warehouse.dsn(Role.ADMIN), site.settings)  # a view that the first one makes last gets its grants now
    before, beats = site.head(), len(events(site, Kind.HEARTBEAT))
    migrate(site.warehouse.dsn(Role.ADMIN), site.settings)
    assert site.head() == before + 1
    assert len(events(site, Kind.HEARTBEAT)) == beats + 1


def test_a_grant_made_by_hand_is_recorded_at_the_next_migration(site: Site) -> None:
    migrate(site.warehouse.dsn(Role.ADMIN), site.settings)
    before = len(events(site, Kind.GRANT))
    site.tamper("grant select on governance.batch to researcher")
    migrate(site.warehouse.dsn(Role.ADMIN), site.settings)
    assert len(events(site, Kind.GRANT)) == before + 1


def test_every_character_comes_back_as_it_was_hashed(site: Site) -> None:
    at = site.append(AWKWARD, AWKWARD)
    assert site.verify().faults == []
    row = site.connection.execute(
        "select object, project, purpose, actor, detail from audit.record where seq = %s", (at[1],)
    ).fetchone()
    assert row == (AWKWARD.object, "", AWKWARD.purpose, AWKWARD.actor, dict(AWKWARD.detail))


@pytest.mark.parametrize(
    "record", [Record(Kind.STAGE, "a\x00b"), Record(Kind.STAGE, "\ud800"), Record(Kind.STAGE, detail={"x": object()})]
)
def test_a_record_that_cannot_be_stored_is_refused(site: Site, record: Record) -> None:
    before = site.head()
    with pytest.raises(AuditError):
        site.append(Record(Kind.STAGE), record)
    assert site.head() == before


def test_appending_is_part_of_the_callers_transaction(site: Site) -> None:
    before = site.head()
    with pytest.raises(ZeroDivisionError), site.connection.transaction():
        site.append(Record(Kind.STAGE))
        _ = 1 / 0
    assert site.head() == before
    assert list(site.append(Record(Kind.STAGE))) == [before + 1]


def test_concurrent_appends_leave_no_gap_and_no_fork(site: Site) -> None:
    before = site.head()

    def worker(role: Role) -> list[int]:
        given: list[int] = []
        with psycopg.connect(site.warehouse.dsn(role)) as connection:
            for number in range(40):
                connection.execute("select 'the action itself'")
                given += append(connection, [Record(Kind.STAGE, f"{role}", number)] * (1 + number % 3), site.keys)
                connection.rollback() if number % 10 == 9 else connection.commit()
        return given

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, [Role.COLLECT, Role.TRANSFORM, Role.DEIDENTIFY, Role.BACKUP]))
    found = site.verify()
    assert found.faults == []
    assert found.records == site.head() >= before + 4 * 70


def test_a_process_killed_in_the_middle_of_an_append_leaves_whole_records(site: Site, tmp_path: Path) -> None:
    before = site.head()
    program = f"""
import psycopg, sys, time
from pathlib import Path
from governance.audit import AuditKeys, Kind, Record, append
from governance.settings import Settings
keys = AuditKeys.open(Settings.from_environment())
with psycopg.connect(sys.argv[1]) as connection:
    append(connection, [Record(Kind.STAGE, "before the kill")] * 3, keys)
    connection.commit()
    connection.execute("select 'the action itself'")
    append(connection, [Record(Kind.STAGE, "lost")] * 50_000, keys)
    Path({str(tmp_path / "ready")!r}).touch()
    time.sleep(60)
"""
    environment = os.environ | {"XINGLIN_STATE": str(site.settings.state)}
    process = subprocess.Popen([sys.executable, "-c", program, site.warehouse.dsn(Role.COLLECT)], env=environment)
    try:
        for _ in range(600):
            if (tmp_path / "ready").exists() or process.poll() is not None:
                break
            with psycopg.connect(site.warehouse.dsn(Role.AUDIT)) as connection:
                connection.execute("select pg_sleep(0.05)")
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert list(site.append(Record(Kind.STAGE, "after"))) == [before + 4]  # waits for the lock of the killed one
    assert site.verify().faults == []
    assert {name for _, name, *_ in events(site, Kind.STAGE)} == {"before the kill", "after"}


def test_what_cannot_be_audited_is_not_done(site: Site) -> None:
    site.tamper("revoke insert on audit.record from audit_appender")
    dsn = site.warehouse.dsn(Role.COLLECT)
    with pytest.raises(AuditError, match="were refused"), stage_run(dsn, "r1", "collect", site.settings):
        pytest.fail("the stage ran")
    assert site.connection.execute("select count(*) from governance.stage_run").fetchone() == (0,)


# -- rights ----------------------------------------------------------------------------------------------------------

STATEMENTS = {
    "select": "select detail from audit.record limit 1",
    "insert": "insert into audit.record select * from audit.record limit 0",
    "update": "update audit.record set actor = actor",
    "delete": "delete from audit.record",
    "truncate": "truncate audit.record",
    "checkpoint": "insert into audit.checkpoint select * from audit.checkpoint limit 0",
    "unsign": "delete from audit.checkpoint",
}
MATRIX = {  # login -> what it may do
    "xinglin_collect": {"insert"},
    "xinglin_transform": {"insert"},
    "xinglin_deidentify": {"insert"},
    "xinglin_backup": {"insert", "select"},
    "xinglin_audit": {"insert", "select", "checkpoint"},
    "xinglin_admin": {"insert", "select", "checkpoint"},  # the owner
    "demo_auditor": {"select"},
    "demo_researcher": set(),
    "engineer": set(),
}


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("role", MATRIX)
def test_each_role_may_do_to_the_log_what_the_table_says(warehouse: Warehouse, role: str, statement: str) -> None:
    with psycopg.connect(warehouse.superuser_dsn()) as connection:
        connection.execute(f"set role {role}".encode())
        query = STATEMENTS[statement]
        if statement in ("insert", "checkpoint"):  # without the right to read
            query = query.partition(" select")[0] + " default values"
        try:
            connection.execute(query.encode())
            allowed = True
        except psycopg.errors.NotNullViolation:
            allowed = True
        except psycopg.errors.InsufficientPrivilege:
            allowed = False
        connection.rollback()
    assert allowed == (statement in MATRIX[role])


@pytest.mark.parametrize("statement", ["update", "delete", "truncate", "unsign"])
def test_even_the_superuser_is_refused_while_the_trigger_stands(warehouse: Warehouse, statement: str) -> None:
    with (
        psycopg.connect(warehouse.superuser_dsn()) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
    ):
        connection.execute(STATEMENTS[statement].encode())


@pytest.mark.parametrize("step", [0, 2])
def test_a_sequence_number_out_of_turn_is_refused(site: Site, step: int) -> None:
    statement = (
        "insert into audit.record (seq, seal, recorded_at, kind, actor, detail, leaf, chain)"
        f" values ({site.head() + step}, 's', now(), 'stage', 'x', '{{}}', decode(repeat('00', 32), 'hex'),"
        " decode(repeat('00', 32), 'hex'))"
    )
    with psycopg.connect(site.warehouse.dsn(Role.COLLECT)) as connection, pytest.raises(psycopg.IntegrityError):
        connection.execute(statement.encode())


# -- tampering by whoever owns the database ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statements", "kind"),
    [
        (["update audit.record set actor = 'nobody' where seq = {n}"], FaultKind.ALTERED),
        (["update audit.record set recorded_at = recorded_at - interval '1 s' where seq = {n}"], FaultKind.ALTERED),
        (["update audit.record set detail = '{{\"batch\": 1}}' where seq = {n}"], FaultKind.ALTERED),
        (["update audit.record set seal = 'none/1' where seq = {n}"], FaultKind.ALTERED),
        (["delete from audit.record where seq = {n}"], FaultKind.MISSING),
        (
            [
                "delete from audit.record where seq = {n}",
                "update audit.record set seq = -seq where seq > {n}",
                "update audit.record set seq = -seq - 1 where seq < 0",
            ],
            FaultKind.MISSING,
        ),
        (
            [
                "alter table audit.record drop constraint record_seq_check",
                "update audit.record set seq = -seq where seq in ({n}, {n} + 3)",
                "update audit.record set seq = case seq when -{n} then {n} + 3 else {n} end where seq < 0",
            ],
            FaultKind.REORDERED,
        ),
        (["delete from audit.record where seq >= {n}"], FaultKind.CUT),
    ],
)
def test_tampering_in_the_database_is_found_and_located(site: Site, statements: list[str], kind: FaultKind) -> None:
    first = site.append(*[Record(Kind.STAGE, f"stage:{n}", detail={"n": n}) for n in range(20)])[0]
    site.sign()
    assert site.verify().faults == []
    drop = ["alter table audit.record drop constraint if exists record_seq_check"]
    site.tamper(
        *drop, *(statement.format(n=first + 5) for statement in statements if "record_seq_check" not in statement)
    )
    assert site.first_fault() == (kind, first + 5)


def test_a_restored_older_log_is_cut_against_the_other_custodians_checkpoint(site: Site) -> None:
    site.append(Record(Kind.STAGE))
    size = site.sign()
    site.tamper(f"delete from audit.record where seq = {size}", f"delete from audit.checkpoint where size = {size}")
    assert site.first_fault() == (FaultKind.CUT, size)
    with pytest.raises(AuditError, match="contradicts the log"):  # the place is taken by another record
        site.append(Record(Kind.STAGE, "another"))
        site.sign()


def test_a_tail_cut_after_the_last_checkpoint_shows_by_its_silence(site: Site) -> None:
    """Between checkpoints only the heartbeat is left to miss."""
    site.sign()
    site.append(heartbeat(36))
    alive = datetime.now(UTC) + timedelta(hours=35)
    assert site.verify(alive_at=alive).faults == []
    later = site.verify(alive_at=alive + timedelta(hours=2)).faults
    assert [fault.kind for fault in later] == [FaultKind.SILENT]


def test_a_checkpoint_taken_from_either_place_is_missed(site: Site) -> None:
    size = site.sign()
    (file,) = site.settings.audit_checkpoints.glob("checkpoint-*")
    note = file.read_text("utf-8")
    file.unlink()
    assert site.first_fault() == (FaultKind.CHECKPOINT, size)
    file.write_text(note, "utf-8")
    assert site.verify().faults == []
    site.tamper("delete from audit.checkpoint")
    assert site.first_fault() == (FaultKind.CHECKPOINT, size)
    assert site.sign() == size  # killed between file and row: the next one writes the row
    assert site.verify().faults == []


def test_checkpoints_grow_from_one_another_and_are_never_overwritten(site: Site) -> None:
    sizes = []
    for number in range(4):
        site.append(*[Record(Kind.STAGE)] * (number + 1))
        sizes.append(site.sign())
    assert site.sign() == sizes[-1]
    files, faults = read_folder(site.settings.audit_checkpoints)
    assert ([checkpoint.size for checkpoint in files], faults) == (sizes, [])
    found = site.verify()
    assert (found.faults, found.checkpoints) == ([], 4)


def test_an_altered_frontier_is_not_built_on(site: Site) -> None:
    site.sign()
    site.tamper("update audit.checkpoint set frontier = decode(repeat('00', octet_length(frontier)), 'hex')")
    site.append(Record(Kind.STAGE))
    with pytest.raises(AuditError, match="altered in the table"):
        site.sign()


def test_the_check_of_xinglin_verify_finds_what_audit_verify_finds(site: Site) -> None:
    context = Context(site.settings, site.warehouse.dsn(Role.AUDIT))
    sound = audit_check(context)
    assert (sound.checked, sound.findings) == (site.head(), ())
    site.tamper("update audit.record set actor = 'nobody' where seq = 3")
    assert [finding.partition(":")[0] for finding in audit_check(context).findings] == ["altered 3"]


# -- proofs, questions, imports --------------------------------------------------------------------------------------


def run(site: Site, *arguments: str) -> tuple[int, str]:
    environment = {"XINGLIN_STATE": str(site.settings.state), "XINGLIN_DSN_AUDIT": site.warehouse.dsn(Role.AUDIT)}
    result = CliRunner().invoke(cli.app, ["audit", *arguments], env=environment)
    return result.exit_code, result.output


def test_an_outsider_checks_a_proof_with_the_public_key_alone(site: Site, tmp_path: Path) -> None:
    seq = site.append(AWKWARD)[0]
    site.append(*[Record(Kind.STAGE)] * 11)
    site.sign()
    assert run(site, "prove", str(seq), "--to", str(tmp_path / "proof.json"))[0] == 0
    (key,) = site.settings.audit_checkpoints.glob("public-key-*.pem")
    outside = {"XINGLIN_STATE": str(tmp_path / "nowhere")}
    arguments = ["audit", "check-proof", str(tmp_path / "proof.json"), "--public-key", str(key)]
    result = CliRunner().invoke(cli.app, arguments, env=outside)
    assert result.exit_code == 0, result.output
    assert "O'Brien" in result.output
    proof = json.loads((tmp_path / "proof.json").read_text("utf-8"))
    for part, forged in {
        "record": proof["record"].replace("O'Brien", "Nobody"),
        "path": [*proof["path"][:-1], "00" * 32],
        "checkpoint": proof["checkpoint"].replace(f"\n{site.head()}\n", f"\n{site.head() + 1}\n"),
    }.items():
        (tmp_path / "proof.json").write_text(json.dumps(proof | {part: forged}), "utf-8")
        result = CliRunner().invoke(cli.app, arguments, env=outside)
        assert result.exit_code == 1, part
        assert "do not trust" in result.output


def test_a_record_that_no_checkpoint_holds_has_no_proof(site: Site) -> None:
    site.sign()
    status, said = run(site, "prove", str(site.append(Record(Kind.STAGE))[0]))
    assert (status, "xinglin audit checkpoint" in said) == (1, True)


def test_the_command_says_whole_or_names_the_record(site: Site) -> None:
    assert run(site, "checkpoint")[0] == 0
    status, said = run(site, "verify")
    assert (status, "完整 whole" in said) == (0, True)
    site.tamper("delete from audit.record where seq = 2")
    status, said = run(site, "verify")
    assert (status, "missing 2" in said) == (1, True)


def test_who_read_answers_by_table_project_and_time(site: Site) -> None:
    site.append(
        Record(Kind.DECRYPTION, "vault free text", 7, detail={"tables": {"vault.emr_note": 7}, "subjects": ["00"]}),
        Record(Kind.READING, "research.p1_patient", 3, project="p1", purpose="aim"),
        Record(Kind.STAGE, "vault.emr_note"),
    )
    ago = datetime.now(UTC) - timedelta(minutes=5)
    by_table = who_read(site.connection, since=ago, table="vault.emr_note")
    assert [(reading.count, reading.subjects) for reading in by_table] == [(7, 1)]
    assert [reading.object for reading in who_read(site.connection, since=ago, project="p1")] == ["research.p1_patient"]
    assert who_read(site.connection, since=datetime.now(UTC) + timedelta(minutes=1), project="p1") == []
    assert "research.p1_patient" in run(site, "who-read", "--project", "p1")[1]


def test_who_read_a_person_opens_commitments_with_the_persons_salt_only(site: Site) -> None:
    person, other = "11" * 16, "22" * 16
    salt, another = bytes(range(16)), bytes(range(16, 32))
    site.tamper(
        f"insert into vault.pseudonym values ('{person}', '{'33' * 16}', '{salt.hex()}', 1),"
        f" ('{other}', '{'44' * 16}', '{another.hex()}', 2)"
    )
    site.append(
        Record(Kind.DECRYPTION, "a", detail={"subjects": [commitment(salt, person), commitment(another, other)]}),
        Record(Kind.DECRYPTION, "b", detail={"subjects": [commitment(another, other)]}),
        Record(Kind.DECRYPTION, "c", detail={"subjects": "all"}),
    )
    ago = datetime.now(UTC) - timedelta(minutes=5)
    assert [reading.object for reading in who_read(site.connection, since=ago, person=person)] == ["a", "c"]
    site.tamper(f"delete from vault.pseudonym where person_key = '{person}'")
    with pytest.raises(AuditError, match="unknown or withdrawn"):
        who_read(site.connection, since=ago, person=person)


DDL = """
from airflow.models.log import Log
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable
print("\\n--\\n" + str(CreateTable(Log.__table__).compile(dialect=postgresql.dialect())))
"""


def test_airflows_own_log_is_imported_once_and_without_what_users_typed(site: Site, tmp_path: Path) -> None:
    """In a database with the table as Airflow itself declares it."""
    environment = {"PATH": os.environ["PATH"], "AIRFLOW_HOME": str(tmp_path)}
    printed = subprocess.run(
        [sys.executable, "-c", DDL], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    statement = printed.stdout.partition("\n--\n")[2]
    name = f"{site.warehouse.database}_airflow"
    superuser = make_conninfo(site.warehouse.superuser_dsn(), dbname=name)
    with psycopg.connect(site.warehouse.superuser_dsn(), autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    try:
        with psycopg.connect(superuser, autocommit=True) as airflow:
            keep_log(site.warehouse.dsn(Role.AUDIT), site.settings, airflow_database=name)  # not migrated yet
            airflow.execute(statement.encode())
            airflow.execute(
                "insert into log (dttm, dag_id, event, owner, extra) values"
                " (now() - interval '1 hour', 'collect', 'trigger_dag_run', 'admin', '禤馥莼'),"
                " (now() - interval '1 hour', null, 'cli_migratedb', null, null),"
                " (now(), 'publish', 'young', 'a', null)"
            )
            assert import_airflow_log(site.connection, airflow, site.keys) == 2
            assert import_airflow_log(site.connection, airflow, site.keys) == 0
        found = events(site, Kind.AIRFLOW)
        assert [(actor, name) for actor, name, *_ in found] == [("admin", "dag:collect"), ("airflow", None)]
        assert "禤馥莼" not in str(found)
        keep_log(site.warehouse.dsn(Role.AUDIT), site.settings, airflow_database=name)
        assert site.verify(alive_at=datetime.now(UTC)).faults == []
    finally:
        with psycopg.connect(site.warehouse.superuser_dsn(), autocommit=True) as connection:
            connection.execute(f"drop database {name} with (force)".encode())


# -- what the stages leave -------------------------------------------------------------------------------------------


def test_every_collected_batch_is_in_the_log_with_its_counts(collected: Warehouse) -> None:
    with psycopg.connect(collected.dsn(Role.AUDIT), autocommit=True) as connection:
        batches = connection.execute(
            "select 'landing.' || source || '_' || source_table, batch_id, rows_in, accepted, quarantined"
            " from governance.batch order by batch_id"
        ).fetchall()
        recorded = connection.execute(
            "select object, (detail ->> 'batch')::int, count, (detail ->> 'accepted')::int,"
            " (detail ->> 'quarantined')::int from audit.record where kind = 'collection' and actor = 'xinglin_collect'"
            " order by 2"
        ).fetchall()
        settings = collected.settings
        found = verify_log(connection, AuditKeys.open(settings), settings.audit_checkpoints)
    assert batches
    assert recorded == batches
    assert found.faults == []


def test_a_stage_leaves_its_start_its_end_and_its_failure(site: Site) -> None:
    dsn = site.warehouse.dsn(Role.COLLECT)
    with stage_run(dsn, "r1", "collect", site.settings) as record:
        record.rows_out = 5
    with pytest.raises(ValueError, match="禤馥莼"), stage_run(dsn, "r2", "collect", site.settings):
        raise ValueError("禤馥莼")
    found = [(name, count, detail) for _, name, count, detail in events(site, Kind.STAGE)]
    assert found == [
        ("stage:collect", None, {"run": "r1", "state": "running"}),
        ("stage:collect", 5, {"run": "r1", "state": "success"}),
        ("stage:collect", None, {"run": "r2", "state": "running"}),
        ("stage:collect", None, {"run": "r2", "state": "failed", "error": "ValueError"}),
    ]


def test_pieces_side_by_side_give_what_the_pass_from_the_beginning_gives(site: Site) -> None:
    for _ in range(3):
        site.append(*[Record(Kind.STAGE, f"stage:{n}") for n in range(40)])
        site.sign()
    site.append(*[Record(Kind.STAGE, "stage:unsigned")] * 20)
    head = site.head()
    faultless = site.verify()

    def side_by_side(size: int) -> Verified | None:
        trusted, _ = trusted_checkpoints(
            read_table(site.connection), site.settings.audit_checkpoints, site.keys.public()
        )
        with site.connection.transaction():
            site.connection.execute("set transaction isolation level repeatable read")
            return holds(site.connection, size, site.keys, trusted, piece=64)

    assert side_by_side(head) == faultless
    assert side_by_side(head + 1) is None, "a record that is gone"
    for statement in (
        "update audit.record set count = 7 where seq = 50",
        "delete from audit.record where seq = 57",
    ):
        site.tamper("create table public.kept as table audit.record", statement)
        assert side_by_side(head) is None, statement
        assert site.verify().faults, statement
        site.tamper("truncate audit.record", "insert into audit.record select * from public.kept", "drop table kept")
    assert side_by_side(head) == faultless
