"""Each check of ``xinglin verify`` on a real server: it holds on a sound warehouse, and a planted fault makes it fail.

The warehouse holds a small hospital that the real collector loaded; the tables that dbt would build are made by hand.
Every fault is planted in a transaction that is rolled back, and exactly the named checks must fail, no other.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from governance.access.marts import apply as apply_rights
from governance.audit import AuditKeys
from governance.backup import BackupKeys, BackupRecord, back_up
from governance.backup.archiver import Status
from governance.backup.manifest import MANIFEST
from governance.cli import app
from governance.collection.stage import collect_source
from governance.contracts import Catalogue, load_catalogue
from governance.keys import open_keyring
from governance.keys.persons import PersonKeys
from governance.runtime.archiving import ArchiverFiles, ArchiverProcess
from governance.runtime.postgres import THROW_AWAY, PostgresServer
from governance.runtime.provision import provision
from governance.settings import Settings
from governance.verify import CheckResult, Context, State, run_checks
from include.sample_hospital.identifiers import resident_id
from tests.integration.conftest import wait_until_archived

pytestmark = pytest.mark.integration
NAMES = ("欧阳建国", "王淑芬", "高明")
MOBILES = tuple(f"1640000000{index}" for index in range(3))
IDENTITIES = tuple(resident_id(index, date(1960 + index, 1, 2), index % 2 == 0) for index in range(3))
# Fed by the collector, made by hand below it.
MADE_BY_HAND = """
    create table base.person_link as
        select distinct patient_no as patient_key, patient_no as person_key, 'his'::text as source_system
        from landing.his_patient
        union all select distinct mrn, mrn, 'emr' from landing.emr_note;
    create table base.person as select distinct person_key from base.person_link;
    create table base.visit as
        select visit_no as visit_key, patient_no as patient_key, department, 'his'::text as source_system, _row_id
        from landing.his_visit;
    create table base.clinical_note as
        select record_no as note_key, mrn as patient_key, 'emr'::text as source_system, _row_id from landing.emr_note;
    create table deid.person as select md5(person_key::text)::uuid as person_id from base.person;
    create table deid.visit as
        select md5(visit_key::text)::uuid as visit_key, department from base.visit where department <> '精神科';
    create table deid.clinical_note as select md5(note_key::text)::uuid as note_key from base.clinical_note;
    create table deid.withheld as select 'visit'::text as table_name, 'restricted_disease'::text as reason, 1 as rows;
    insert into vault.project_salt values ('specialty_demo', '11111111-1111-1111-1111-111111111111');
    insert into deid.free_text (row_id, field, source, source_table, person_key, text, entities, spans, characters,
            content_hash, policy_version, batch_id, run_id)
        select _row_id, 'text', 'emr', 'note', mrn, '患者张某某，血糖升高明显，予随访。', '{}', '[]', 20,
            '00000000-0000-0000-0000-000000000000', '1', _batch_id, 'test' from landing.emr_note;
    create table specialty.demo_visit as
        select md5(md5(patient_key::text)::uuid::text || '11111111-1111-1111-1111-111111111111')::uuid as research_id,
            department, md5(visit_key::text || 'lineage')::uuid as lineage_id
        from base.visit;
    create table lineage.specialty__demo_visit as
        select md5(visit_key::text || 'lineage')::uuid as lineage_id, array[_row_id] as row_ids from base.visit;
    insert into governance.column_lineage values
        ('specialty', 'demo_visit', 'research_id', 'base', 'visit', 'patient_key', 'dbt'),
        ('specialty', 'demo_visit', 'department', 'base', 'visit', 'department', 'dbt'),
        ('specialty', 'demo_visit', 'lineage_id', '', '', '', 'constant'),
        ('base', 'visit', 'patient_key', 'landing', 'his_visit', 'patient_no', 'dbt'),
        ('base', 'visit', 'department', 'landing', 'his_visit', 'department', 'dbt');
    insert into governance.watermark (stage, batch_id, fingerprint, run_id)
        select stage, (select max(batch_id) from governance.batch), '', 'test'
        from unnest(array['standardize', 'deidentify']) as stage;
    insert into governance.lineage_event (event_time, event_type, job, run_id, event)
        values (now(), 'COMPLETE', 'collect.his_patient', 'test', '{"inputs": []}');
"""


CONTRACT = """
models:
  - name: demo_visit
    config: {meta: {project: demo, level: 3}}
    columns: [{name: research_id}, {name: department, config: {meta: {level: 4}}}, {name: lineage_id}]
"""


def deliver(root: Path) -> None:
    """Three patients with a visit each, one with a broken identity number, and two notes."""
    header = "BRID,XM,XB,CSRQ,SFZH,LXDH,JTZZ,GZDW,HYZK,MZ,LXRXM,LXRDH,JDSJ,XGSJ"
    rows = [
        f"0000000{i},{NAMES[i]},{1 if i % 2 == 0 else 2},{1960 + i}0102,{IDENTITIES[i]},{MOBILES[i]},"
        f"广东省广州市荔湾区龙津路{i + 1}2号,退休,20,01,王某,1640000100{i},2026-05-01 08:00:00,2026-05-01 08:00:00"
        for i in range(3)
    ]
    rows.append(rows[0].replace("00000000", "00000009", 1).replace(IDENTITIES[0], IDENTITIES[0][:17] + "?"))
    write(root / "his/2026-06-01/HZXX.csv", "\r\n".join([header, *rows]) + "\r\n", "gb18030")
    header = "JZLSH,BRID,ZYH,JZLX,KSMC,YSXM,JZSJ,CYSJ,LYFS,RYTJ"
    departments = ("乳腺外科", "内分泌科", "精神科")
    rows = [
        f"V000000000{i},0000000{i},,1,{departments[i]},李医生,2026-05-02 08:00:00,2026-05-02 09:00:00,,"
        for i in range(3)
    ]
    write(root / "his/2026-06-01/JZJL.csv", "\r\n".join([header, *rows]) + "\r\n", "gb18030")
    notes = [
        {
            "recordId": f"R00000{i}", "mrn": f"MR00000{i}", "visitNo": f"V000000000{i}", "docType": "C0034",
            "title": "入院记录", "author": "李医生", "authoredAt": "2026-05-02T08:30:00", "patientName": NAMES[i],
            "idNo": IDENTITIES[i], "text": f"患者{NAMES[i]}，电话{MOBILES[i]}，血糖升高明显，予随访。",
        }
        for i in range(2)
    ]  # fmt: skip
    write(root / "emr/2026-06-01/notes.ndjson", "\n".join(json.dumps(n, ensure_ascii=False) for n in notes) + "\n")


def write(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


@dataclass
class Hospital:
    """A running server with the small hospital."""

    settings: Settings
    server: PostgresServer
    secrets: dict[str, str]
    catalogue: Catalogue
    record: BackupRecord | None = None

    def connect(self, database: str = "warehouse") -> psycopg.Connection:
        return psycopg.connect(self.server.superuser_dsn(database), autocommit=True)

    def context(self, **changes: object) -> Context:
        context = Context(self.settings, self.secrets["dsn_audit"], **changes)  # type: ignore[arg-type]
        context.catalogue = self.catalogue  # read once for all tests
        return context

    @contextmanager
    def spoiled(self) -> Iterator[Spoiled]:
        """The warehouse in a transaction that is rolled back: only the checks see what is planted."""
        with self.connect() as connection, connection.transaction(force_rollback=True):
            yield Spoiled(self, connection)

    def checkpoint(self) -> None:
        with self.connect() as connection:
            connection.execute("checkpoint")


class PlantedContext(Context):
    """Reads the warehouse through the connection in whose transaction a fault stands."""

    planted: psycopg.Connection

    @contextmanager
    def connection(self, database: str | None = None) -> Iterator[psycopg.Connection]:
        if database is None:
            yield self.planted
        else:
            with super().connection(database) as connection:
                yield connection


@dataclass
class Spoiled:
    """An open transaction on the warehouse."""

    hospital: Hospital
    connection: psycopg.Connection

    def execute(self, statement: str) -> None:
        self.connection.execute(statement.encode())

    def context(self, **changes: object) -> Context:
        context = PlantedContext(self.hospital.settings, self.hospital.secrets["dsn_audit"], **changes)  # type: ignore[arg-type]
        context.planted = self.connection
        context.catalogue = self.hospital.catalogue
        return context


_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    state = tmp_path_factory.mktemp("verify") / "state"
    project = tmp_path_factory.mktemp("project")
    settings = Settings.from_environment({"XINGLIN_STATE": str(state)})
    server = PostgresServer(state / "postgres", superuser_password="p" * 24, settings=THROW_AWAY)
    server.initialise()
    server.start()
    archiver = ArchiverProcess(settings)
    try:
        held = provision(server, settings)
        secrets = held.values
        settings = settings.model_copy(update={"dbt_project": project / "dbt_project"})
        made = Hospital(settings, server, secrets, load_catalogue(settings.contracts))
        deliver(settings.deliveries)
        for source in ("his", "emr"):
            collect_source(source, secrets["dsn_collect"], settings, "test")
        (settings.dbt_project / "models" / "specialty").mkdir(parents=True)
        (settings.dbt_project / "models" / "specialty" / "_demo.yml").write_text(CONTRACT)
        with made.connect() as connection:
            for statement in MADE_BY_HAND.split(";"):
                role = "xinglin_transform" if statement.strip().startswith("create table") else "none"
                connection.execute(f"set role {role}")
                connection.execute(statement)
            connection.execute("reset role")
            apply_rights(connection, settings, AuditKeys.open(settings))
        with made.connect("airflow") as connection:
            connection.execute("grant connect on database airflow to xinglin_audit")
            connection.execute("create table xcom (key text, value jsonb)")
            connection.execute("""insert into xcom values ('return_value', '{"accepted": 3}')""")
        (state / "logs").mkdir(exist_ok=True)
        (state / "logs" / "task.log").write_text("collected 3 rows\n")
        (settings.dbt_project / "target").mkdir(parents=True)
        (settings.dbt_project / "target" / "manifest.json").write_text("{}")
        archiver.start(server, held)
        made.record = back_up(settings, secrets["dsn_backup"], BackupKeys.of(open_keyring(settings.keyring)), "test")
        wait_until_archived(settings)
        yield made
    finally:
        archiver.stop()
        server.destroy()


def failing(results: list[CheckResult]) -> set[str]:
    broken = [result for result in results if result.state is State.BROKEN]
    assert not broken, broken
    return {result.name for result in results if not result.holds}


def canary_file(folder: Path, *values: str) -> Path:
    file = folder / "answer" / "canaries.ndjson"
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps({"type": "PHONE", "value": value}) + "\n" for value in values), "utf-8")
    return file


def new_canary() -> str:
    """A number that no other test has written anywhere."""
    return f"1699990{next(_NUMBERS):04d}"


# -- a sound warehouse ---------------------------------------------------------------------------------------------


def test_every_check_holds_on_a_sound_warehouse(hospital: Hospital, tmp_path: Path) -> None:
    results = run_checks(hospital.context(canaries=canary_file(tmp_path, new_canary())))
    others = {r.name: r for r in results if r.state is not State.PASSED}
    assert {name: (r.state, r.findings) for name, r in others.items()} == {
        "keys.withdrawn": (State.NOT_APPLICABLE, ()),  # nobody has withdrawn
        "access.restricted": (State.NOT_APPLICABLE, ()),  # no project asks for level 5
    }
    with hospital.connect() as connection:
        assert connection.execute("select restored_at is not null from governance.backup").fetchall() == [(True,)]


def test_the_collector_quarantined_the_broken_row(hospital: Hospital) -> None:
    with hospital.connect() as connection:
        assert connection.execute("select count(*) from quarantine.row").fetchone() == (1,)


def test_figures_say_what_was_hunted_and_what_was_not(hospital: Hospital) -> None:
    (result,) = run_checks(hospital.context(), ["plain.identifiers"])
    assert "常用词 an ordinary word" in result.figures  # the employer 退休
    assert not any(value in result.figures for value in NAMES + MOBILES + IDENTITIES)


# -- faults in the database ----------------------------------------------------------------------------------------

SPOILED: dict[str, tuple[str, set[str]]] = {
    "a landing row is deleted": (
        "delete from landing.his_visit where ctid = '(0,1)'",
        {"rows.batches", "rows.base", "lineage.rows"},
    ),
    "a landing row is doubled": (
        "insert into landing.his_visit select * from landing.his_visit limit 1",
        {"rows.batches"},
    ),
    "a batch's counts are changed": (
        "update governance.batch set accepted = accepted - 1, quarantined = quarantined + 1 where batch_id = 2",
        {"rows.batches"},
    ),
    "a batch forgets a row": (
        "update governance.batch set rows_in = rows_in - 1, quarantined = quarantined - 1 where quarantined = 1",
        {"rows.files", "rows.batches"},
    ),
    "a quarantined row is deleted": ("delete from quarantine.row", {"rows.batches"}),
    "a row of base is lost": ("delete from base.clinical_note where ctid = '(0,1)'", {"rows.base", "rows.deid"}),
    "a patient number is lost": ("delete from base.person_link where source_system = 'emr'", {"rows.base"}),
    "a row is withheld without saying so": ("delete from deid.withheld", {"rows.deid"}),
    "a de-identified row is lost": ("delete from deid.visit where ctid = '(0,1)'", {"rows.deid"}),
    "a text is not scrubbed": ("delete from deid.free_text where ctid = '(0,1)'", {"rows.free_text"}),
    "a text comes from nowhere": (
        "insert into deid.free_text select (d).* from (select jsonb_populate_record(f, '{\"row_id\": 5}') as d"
        " from deid.free_text as f limit 1) as x",
        {"rows.free_text"},
    ),
    "a mart row has no lineage": ("delete from lineage.specialty__demo_visit where ctid = '(0,1)'", {"rows.marts"}),
    "a mart row is doubled": (
        "insert into specialty.demo_visit select * from specialty.demo_visit limit 1",
        {"rows.marts"},
    ),
    "a stranger is in a mart": (
        "update specialty.demo_visit set research_id = gen_random_uuid() where ctid = '(0,1)'",
        {"rows.marts"},
    ),
    "a mart has no lineage table": ("drop table lineage.specialty__demo_visit", {"rows.marts"}),
    "a lineage row names no source row": (
        "update lineage.specialty__demo_visit set row_ids = '{}' where ctid = '(0,1)'",
        {"lineage.rows"},
    ),
    "a lineage row names a row that is not there": (
        "update lineage.specialty__demo_visit set row_ids = array[(1::bigint << 32) + 999] where ctid = '(0,1)'",
        {"lineage.rows"},
    ),
    "a lineage row names a batch that is not there": (
        "update lineage.specialty__demo_visit set row_ids = array[(9999::bigint << 32) + 2] where ctid = '(0,1)'",
        {"lineage.rows"},
    ),
    "a mart column has no lineage": (
        "alter table specialty.demo_visit add column stage text",
        {"lineage.columns"},
    ),
    "a column's lineage ends half way": (
        "delete from governance.column_lineage where schema_name = 'base' and column_name = 'department'",
        {"lineage.columns"},
    ),
    "the researcher may enter base": ("grant usage on schema base to researcher", {"server.researcher"}),
    "the researcher may read one column of the vault": (
        "grant select (row_salt) on vault.pseudonym to demo_researcher",
        {"server.researcher"},
    ),
    "everybody may read landing": (
        "grant usage on schema landing to public; grant select on landing.his_patient to public",
        {"server.researcher"},
    ),
}
QUICK = ("rows", "lineage", "server")
RIGHTS = {
    "row security of a mart is off": "alter table specialty.demo_visit disable row level security",
    "a mart has another owner": "alter table specialty.demo_visit owner to xinglin_transform",
    "a mart is granted whole": "grant select on specialty.demo_visit to researcher",
    "a mart has a policy for all": "create policy wide on specialty.demo_visit using (true)",
    "base is granted to auditors": "grant select on base.person to auditor",
    "a login makes temporary tables": "grant temporary on database warehouse to demo_researcher",
    "a login is not logged": "alter role demo_researcher reset log_statement",
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_fault_in_the_database_fails_exactly_its_checks(hospital: Hospital, fault: str) -> None:
    statement, expected = SPOILED[fault]
    with hospital.spoiled() as spoiled:
        spoiled.execute(statement)
        assert failing(run_checks(spoiled.context(), QUICK)) == expected


@pytest.mark.parametrize("fault", RIGHTS)
def test_rights_that_are_not_as_declared_fail_their_check(hospital: Hospital, fault: str) -> None:
    assert failing(run_checks(hospital.context(), ["access"])) == set()
    with hospital.spoiled() as spoiled:
        spoiled.execute(RIGHTS[fault])
        assert failing(run_checks(spoiled.context(), ["access"])) == {"access.rights"}


def test_a_line_added_to_a_file_after_its_collection_is_found(hospital: Hospital) -> None:
    file = hospital.settings.deliveries / "his/2026-06-01/JZJL.csv"
    whole = file.read_bytes()
    try:
        file.write_bytes(whole + b"V0000000009,00000000,,1,x,y,2026-05-02 08:00:00,,,\r\n")
        assert failing(run_checks(hospital.context(), ["rows"])) == {"rows.files"}
    finally:
        file.write_bytes(whole)


# -- plain identifiers ---------------------------------------------------------------------------------------------

PLANTED: dict[str, tuple[str, str]] = {
    "a text column": ("create table base.leak as select %s::text as note", "warehouse"),
    "a number column": ("create table base.leak as select %s::bigint as number", "warehouse"),
    "an array": ("create table base.leak as select array['x', %s] as words", "warehouse"),
    "a value that PostgreSQL compresses": (
        "create table base.leak as select repeat('正常文字', 5000) || %s || repeat('正常文字', 5000) as note",
        "warehouse",
    ),
    "a byte column that should hold ciphertext": (
        "update vault.his_patient set name = convert_to(%s, 'utf8') where ctid = '(0,1)'",
        "warehouse",
    ),
    "a quarantined row in plain": ("update quarantine.row set payload = convert_to(%s, 'gb18030')", "warehouse"),
    "a lineage event": (
        "insert into governance.lineage_event (event_time, event_type, job, run_id, event)"
        " values (now(), 'COMPLETE', 'j', 'r', jsonb_build_object('sql', 'where mobile = ' || %s))",
        "warehouse",
    ),
    "an XCom": ("insert into xcom values ('leak', jsonb_build_object('mobile', %s::text))", "airflow"),
}


@pytest.mark.parametrize("where", PLANTED)
def test_a_plain_identifier_in_a_database_is_found(hospital: Hospital, tmp_path: Path, where: str) -> None:
    statement, database = PLANTED[where]
    canary = new_canary()
    planted = statement.replace("%s", f"'{canary}'")
    with hospital.spoiled() as spoiled, hospital.connect("airflow") as airflow:
        if database == "airflow":
            airflow.execute(planted.encode())
        else:
            spoiled.execute(planted)
        hospital.checkpoint()
        results = run_checks(
            spoiled.context(canaries=canary_file(tmp_path, canary), identifier_source=Nobody()),
            ["plain.database", "plain.server_files", "plain.logs"],
        )
        airflow.execute("delete from xcom where key = 'leak'")
    # in the server's files a number column is binary and a large value compressed: there the canary cannot be seen
    in_files = where not in ("a number column", "a value that PostgreSQL compresses")
    assert failing(results) - {"plain.server_files"} == {"plain.database"}
    assert not in_files or "plain.server_files" in failing(results)
    assert all(canary not in finding for result in results for finding in result.findings)


class Nobody:
    """No identifiers but the canaries: the test plants a ciphertext that does not decrypt."""

    def identifiers(self) -> Iterator[object]:
        return iter(())


@pytest.mark.parametrize(
    ("planted", "found"),
    [(MOBILES[1], True), (IDENTITIES[2].lower(), True), (NAMES[0], True), (NAMES[1], True), ("升高明显", False)],
)
def test_identifiers_from_the_vault_are_hunted_by_their_own_rules(
    hospital: Hospital, planted: str, found: bool
) -> None:
    with hospital.spoiled() as spoiled:
        spoiled.execute(f"create table base.leak as select '患者{planted}，复查'::text as note")
        assert bool(failing(run_checks(spoiled.context(), ["plain.database"]))) is found


def test_a_name_of_two_characters_is_found_as_a_whole_value(hospital: Hospital) -> None:
    with hospital.spoiled() as spoiled:
        spoiled.execute(f"create table base.leak as select '{NAMES[2]}'::text as name")
        assert failing(run_checks(spoiled.context(), ["plain.database"])) == {"plain.database"}


def test_a_surrogate_that_is_another_patients_name_is_no_alarm_but_the_own_name_is(hospital: Hospital) -> None:
    with hospital.spoiled() as spoiled:
        spoiled.execute(  # the note is the first patient's
            f"update deid.free_text set text = '患者{NAMES[1]}复查'"
            " where row_id = (select min(row_id) from deid.free_text)"
        )
        assert failing(run_checks(spoiled.context(), ["plain.database", "plain.notes"])) == set()
        spoiled.execute(  # as if both were one person
            "update base.person_link set person_key = (select person_key from deid.free_text order by row_id limit 1)"
        )
        assert failing(run_checks(spoiled.context(), ["plain.notes"])) == {"plain.notes"}


IN_FILES = ("plain.server_files", "plain.logs", "plain.key_store", "plain.artefacts", "plain.backups")
FILES: dict[str, tuple[Callable[[Hospital], Path], str]] = {
    "a log": (lambda h: h.settings.state / "logs" / "leak.log", "plain.logs"),
    "a temporary file": (lambda h: h.settings.state / "tmp-leak" / "dump.csv", "plain.logs"),
    "an artefact of dbt": (lambda h: h.settings.dbt_project / "target" / "leak.json", "plain.artefacts"),
    "a temporary file of the server": (lambda h: h.server.data_dir.resolve() / "base" / "leak", "plain.server_files"),
    "the backup folder": (lambda h: h.settings.backups / "leak.tar", "plain.backups"),
    "the key store": (lambda h: h.settings.keyring.parent / "leak.json", "plain.key_store"),
    "the audit checkpoints": (lambda h: h.settings.audit_checkpoints / "leak", "plain.key_store"),
    "Airflow's home": (lambda h: h.settings.state / "airflow" / "leak.cfg", "plain.logs"),
    "an export": (lambda h: h.settings.state / "exports" / "leak.csv", "plain.logs"),
}


def spelled(text: str, encoding: str) -> bytes:
    return b64encode(b"x" * (next(_NUMBERS) % 3) + text.encode()) if encoding == "base64" else text.encode(encoding)


@pytest.mark.parametrize("where", FILES)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le", "utf-16-be", "base64"])
def test_a_plain_identifier_in_a_file_is_found(hospital: Hospital, tmp_path: Path, where: str, encoding: str) -> None:
    place, expected = FILES[where]
    path = place(hospital)
    path.parent.mkdir(exist_ok=True)
    canary = f"欧阳{chr(0x9F90 + next(_NUMBERS) % 20)}翾"
    try:
        path.write_bytes(b"\0" * 100_000 + spelled(f"姓名：{canary}。", encoding) + b"\0" * 1_000_000)
        context = hospital.context(canaries=canary_file(tmp_path, canary), identifier_source=Nobody())
        others = [
            name for name in IN_FILES if name != "plain.server_files" or name == expected
        ]  # that one takes seconds
        assert failing(run_checks(context, others)) == {expected}
    finally:
        path.unlink()


# -- backup and server ---------------------------------------------------------------------------------------------


def test_a_lost_key_of_a_person_is_found(hospital: Hospital) -> None:
    store = PersonKeys.place(hospital.settings.keyring)
    whole = store.read_bytes()
    try:
        with closing(sqlite3.connect(store)) as database, database:
            database.execute("delete from salt where token = (select min(token) from salt)")
        (result,) = run_checks(hospital.context(), ["keys.persons"])
        assert result.state is State.FAILED and "1 patient numbers have values and no key" in result.findings[0]
    finally:
        store.write_bytes(whole)
    assert failing(run_checks(hospital.context(), ["keys"])) == set()


def test_a_flipped_bit_in_the_backup_is_found(hospital: Hospital) -> None:
    assert hospital.record
    file = hospital.record.files["base"]
    whole = file.read_bytes()
    try:
        spoiled = bytearray(whole)
        spoiled[len(spoiled) // 2] ^= 1
        file.write_bytes(spoiled)
        assert failing(run_checks(hospital.context(), ["backup", "plain.backups"])) == {"backup.restores"}
    finally:
        file.write_bytes(whole)
    assert not (hospital.settings.state / "tmp").exists()


def test_a_backup_that_holds_something_else_than_its_manifest_says_is_found(hospital: Hospital) -> None:
    assert hospital.record
    path = hospital.record.folder / MANIFEST
    whole = path.read_text()
    manifest = hospital.record.manifest
    tables = dict(manifest.tables)
    tables["base.visit"] = tables["base.visit"].model_copy(update={"hash": "1"})
    signer = BackupKeys.of(open_keyring(hospital.settings.keyring)).signer
    try:
        path.write_text(manifest.model_copy(update={"tables": tables}).signed(signer).model_dump_json())
        (result,) = run_checks(hospital.context(), ["backup.restores"])
        assert result.state is State.FAILED
        assert result.findings[0].startswith("base.visit: 3 rows as expected, but their content hash differs")
    finally:
        path.write_text(whole)


def test_without_backup_or_when_not_asked_the_check_is_not_applicable(hospital: Hospital, tmp_path: Path) -> None:
    settings = hospital.settings.model_copy(update={"backups": tmp_path / "none"})
    context = hospital.context()
    context.settings = settings
    results = run_checks(context, ["backup.restores", "plain.backups"])
    assert {result.state for result in results} == {State.NOT_APPLICABLE}
    (result,) = run_checks(hospital.context(restore=False), ["backup.restores"])
    assert result.state is State.NOT_APPLICABLE


def test_an_archiver_that_fails_or_falls_behind_is_found(hospital: Hospital) -> None:
    file = ArchiverFiles(hospital.settings.state).status
    said = Status.read(file)
    assert said is not None
    assert said.until is not None
    changes: list[dict[str, object]] = [
        {"state": "failing", "fault": "disk full"}, {"state": "stopped"}, {"until": said.until - timedelta(hours=1)}
    ]  # fmt: skip
    for change in changes:
        whole = file.read_bytes()
        try:
            file.write_text(said.model_copy(update=change).model_dump_json())
            assert failing(run_checks(hospital.context(), ["backup.archive"])) == {"backup.archive"}, change
        finally:
            file.write_bytes(whole)


def test_an_unwanted_superuser_is_found(hospital: Hospital) -> None:
    with hospital.connect() as connection:
        connection.execute("alter role xinglin_collect superuser")
        try:
            assert failing(run_checks(hospital.context(), ["server"])) == {"server.superusers"}
        finally:
            connection.execute("alter role xinglin_collect nosuperuser")


def test_an_unencrypted_connection_is_found(hospital: Hospital) -> None:
    hba = hospital.server.data_dir / "pg_hba.conf"
    whole = hba.read_text()
    dsn = make_conninfo(hospital.secrets["dsn_collect"], sslmode="disable")
    try:
        hba.write_text(whole + "host all all 127.0.0.1/32 scram-sha-256\n")
        with hospital.connect() as connection:
            connection.execute("select pg_reload_conf()")
        with psycopg.connect(dsn):
            assert failing(run_checks(hospital.context(), ["server"])) == {"server.tls"}
    finally:
        hba.write_text(whole)
        with hospital.connect() as connection:
            connection.execute("select pg_reload_conf()")


def test_the_command_prints_a_line_a_check_and_fails_when_one_fails(
    hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINGLIN_STATE", str(hospital.settings.state))
    monkeypatch.setenv("XINGLIN_DSN_AUDIT", hospital.secrets["dsn_audit"])
    sound = CliRunner().invoke(app, ["verify", "--only", "rows", "--only", "server.tls", "--no-restore"])
    assert sound.exit_code == 0, sound.output
    assert sound.output.count("通过 passed · ") == 7
    log = hospital.settings.state / "logs" / "leak.log"
    canary = new_canary()
    try:
        log.write_text(f"mobile {canary}")
        arguments = ["verify", "--only", "plain.logs", "--canaries", str(canary_file(tmp_path, canary))]
        spoiled = CliRunner().invoke(app, arguments)
    finally:
        log.unlink()
    assert spoiled.exit_code == 1, spoiled.output
    assert "logs/leak.log: canary PHONE × 1" in spoiled.output
    assert canary not in spoiled.output
    assert CliRunner().invoke(app, ["verify", "--only", "nonsense"]).exit_code == 2
