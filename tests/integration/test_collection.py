"""Collection on a real server: nothing is lost, loaded twice or stored in plain, whatever happens in between."""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ahocorasick_rs import AhoCorasick
from psycopg import sql

from governance.collection.horizon import LANDING_LOCK, horizon
from governance.collection.loading import FileLoader, Tally
from governance.collection.stage import collect_source
from governance.database import Role, connect
from governance.errors import CollectionError, ContractError
from governance.keys import open_keyring
from governance.migrate import migrate
from governance.settings import Settings
from tests.conftest import Warehouse, new_database
from tests.integration.conftest import Hospital

pytestmark = pytest.mark.integration
RULES = {  # what the answer key calls a defect → how the id of the rule that refuses it ends
    "identity_checksum": r"resident_id\.checksum",
    "impossible_date": r"{field}\.type",
    "date_in_future": r"{field}\.maximum",
    "unknown_code": r"{field}\.(code|code_set)",
    "duplicate": r"unique",
    "broken_encoding": r"encoding",
    "missing_required": r"{field}\.required",
    "truncated_line": r"(field_count|unclosed_quote|json)",
    "orphan": r"{field}\.reference",
    "end_before_start": r"[a-z_]*not_before[a-z_]*",
    "out_of_range": r"({field}\.(minimum|maximum)|plausible_value)",
    "wrong_unit": r"unit_known",
    "amount_mismatch": r"[a-z_]*amount[a-z_]*",
}
PATIENT = "PAT_NO,PAT_NAME,SEX,BIRTH_DATE,ID_CARD,PHONE\n"
RESULT = (
    "RESULT_ID,SAMPLE_NO,PAT_NO,HIS_VISIT_NO,TEST_CODE,TEST_NAME,RESULT_VALUE,RESULT_TEXT,UNIT,REF_LOW,REF_HIGH,FLAG,"
    "SAMPLE_TIME,REPORT_TIME,INSTRUMENT\n"
)


def result_row(number: int, patient: str = "L00000001", value: str = "5.10") -> str:
    moments = f"2026-05-{1 + number % 28:02d} 08:00:00,2026-05-{1 + number % 28:02d} 09:00:00"
    return f"R{number:08d},S{number // 20},{patient},,WBC,白细胞,{value},,10^9/L,3.5,9.5,N,{moments},XN\n"


class Clinic:
    """A warehouse for one test, with its own folder of deliveries and its own folder of contracts."""

    def __init__(self, warehouse: Warehouse, folder: Path) -> None:
        self.warehouse = warehouse
        for source in ("lis", "path"):
            shutil.copytree(warehouse.settings.contracts / source, folder / "contracts" / source)
        paths = {"deliveries": folder / "deliveries", "contracts": folder / "contracts", "batch_rows": 1000}
        self.settings: Settings = warehouse.settings.model_copy(update=paths)
        self.deliver("lis/2026-06-01/lis_patient.csv", PATIENT + "L00000001,禤馥莼,F,1980/01/02,,15498760013\n")

    def deliver(self, name: str, content: str | bytes) -> Path:
        path = self.settings.deliveries / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def collect(self, source: str = "lis", run_id: str = "run") -> Tally:
        return collect_source(source, self.warehouse.dsn(Role.COLLECT), self.settings, run_id)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return fetch(self.warehouse, query, *values)

    def migrate(self) -> None:
        migrate(self.warehouse.dsn(Role.ADMIN), self.settings)


@pytest.fixture
def clinic(empty_warehouse: Warehouse, tmp_path: Path) -> Clinic:
    return Clinic(empty_warehouse, tmp_path)


def fetch(warehouse: Warehouse, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(warehouse.superuser_dsn()) as connection:
        return connection.execute(query, values or None).fetchall()  # type: ignore[arg-type]


def content(warehouse: Warehouse) -> tuple[Any, ...]:
    """What landing holds of laboratory results, whatever the batches' ids: rows, lines, digest of all values."""
    return fetch(
        warehouse,
        "select count(*), count(distinct _row_number),"
        " md5(string_agg(md5((to_jsonb(r) - '_row_id' - '_batch_id')::text),"
        " '' order by _row_number)) from landing.lis_result r",
    )[0]


# -- the whole hospital ----------------------------------------------------------------------------------------------


def test_every_row_of_every_batch_is_accepted_or_quarantined(collected: Warehouse) -> None:
    batches = fetch(
        collected, "select batch_id, source, source_table, rows_in, accepted, quarantined from governance.batch"
    )
    assert batches
    refused = dict(fetch(collected, "select batch_id, count(*) from quarantine.row group by 1"))
    for batch_id, source, table, rows_in, accepted, quarantined in batches:
        landed = fetch(collected, f"select count(*) from landing.{source}_{table} where _batch_id = %s", batch_id)[0][0]
        assert (landed, refused.get(batch_id, 0), rows_in) == (accepted, quarantined, accepted + quarantined)


def test_every_line_of_a_plain_file_is_in_one_batch(collected: Warehouse) -> None:
    path = collected.settings.deliveries / "lis/2026-06-01/lis_result.csv"
    lines = path.read_bytes().count(b"\n") - 1
    assert lines == fetch(
        collected, "select sum(rows_in)::int from governance.batch where file = 'lis/2026-06-01/lis_result.csv'"
    )[0][0]  # fmt: skip


def test_every_planted_defect_is_quarantined_at_its_line_by_its_rule(collected: Warehouse, hospital: Hospital) -> None:
    found = {
        (file, line): rules
        for file, line, rules in fetch(
            collected,
            "select b.file, q.row_number, q.rule_ids from quarantine.row q join governance.batch b using (batch_id)",
        )
    }
    wrong = []
    for planted in hospital.answers("defects"):
        rules = found.get((planted["file"], planted["line"]), [])
        wanted = RULES[planted["rule_kind"]].format(field=planted["field"])
        if not any(re.fullmatch(rf"{planted['source']}\.{planted['table']}\.{wanted}", rule) for rule in rules):
            wrong.append((planted, rules))
    assert wrong == []


def test_nothing_is_quarantined_that_was_not_planted(collected: Warehouse, hospital: Hospital) -> None:
    planted = {(d["file"], d["line"]) for d in hospital.answers("defects")}
    found = fetch(
        collected,
        "select b.file, q.row_number, q.rule_ids from quarantine.row q join governance.batch b using (batch_id)",
    )
    assert [row for row in found if row[:2] not in planted] == []


def test_a_quarantined_row_decrypts_to_its_line(collected: Warehouse) -> None:
    cipher = open_keyring(collected.settings.keyring).cipher("quarantine")
    rows = fetch(
        collected,
        "select b.file, q.batch_id, q.row_number, q.payload, q.patient_key from quarantine.row q"
        " join governance.batch b using (batch_id) where q.source = 'his'",
    )
    assert rows
    assert {person is None for *_, person in rows} == {True, False}
    for file, batch_id, line, payload, person in rows:
        plain = cipher.decrypt("quarantine.row.payload", payload, batch_id << 32 | line, person and person.hex)
        assert plain == (collected.settings.deliveries / file).read_bytes().split(b"\n")[line - 1].rstrip(b"\r")


def delivered_identifiers(deliveries: Path) -> set[str]:
    """Direct identifiers of the register and of the staff, as delivered."""
    found: set[str] = set()
    for path in deliveries.glob("his/*/HZXX.csv"):
        with path.open(encoding="gb18030", errors="replace", newline="") as file:
            for row in csv.DictReader(file):
                found |= {row[c] or "" for c in ("BRID", "XM", "SFZH", "LXDH", "JTZZ", "LXRXM", "LXRDH")}
    for path in deliveries.glob("his/*/JZJL.csv"):
        with path.open(encoding="gb18030", errors="replace", newline="") as file:
            found |= {row[c] or "" for row in csv.DictReader(file) for c in ("JZLSH", "ZYH", "YSXM")}
    return {value for value in found if len(value) >= 2 and "\ufffd" not in value}


def hunt(warehouse: Warehouse, wanted: set[str]) -> list[tuple[str, str]]:
    """(table, value) of every wanted value that stands in plain in some cell of the database."""
    values = sorted(wanted)
    matcher = AhoCorasick(values)
    found = set()
    with psycopg.connect(warehouse.superuser_dsn()) as connection:
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert len(tables) > 50
        for (table,) in tables:
            with connection.cursor().copy(sql.SQL("copy {} to stdout").format(sql.SQL(table))) as copy:
                text = b"".join(bytes(part) for part in copy).decode()
            for index, start, end in matcher.find_matches_as_indexes(text):
                around = text[start - 1 : start] + text[end : end + 1]
                ascii_value = values[index].isascii()
                inside_word = any(c.isascii() and (c.isalnum() or c == "-") for c in around)
                short = len(values[index]) == 2 and any(c not in '\t\n"' for c in around)
                if not short and not (ascii_value and inside_word):
                    found.add((table, values[index]))
    return sorted(found)


def test_no_delivered_identifier_stands_in_plain_in_any_table(collected: Warehouse, hospital: Hospital) -> None:
    identifiers = delivered_identifiers(hospital.deliveries)
    identifiers |= {canary["value"] for canary in hospital.answers("canaries")}
    assert len(identifiers) > 500
    assert hunt(collected, identifiers) == []


def test_the_hunt_finds_what_is_planted(clinic: Clinic) -> None:
    with psycopg.connect(clinic.warehouse.superuser_dsn()) as connection:
        connection.execute(
            "insert into governance.watermark (stage, batch_id, fingerprint, run_id) values ('禤馥莼', 1, '', '')"
        )
    assert hunt(clinic.warehouse, {"禤馥莼", "15498760013"}) == [("governance.watermark", "禤馥莼")]


def test_a_second_run_with_nothing_new_does_nothing(collected: Warehouse) -> None:
    before = fetch(collected, "select count(*), max(batch_id) from governance.batch")
    tally = collect_source("his", collected.dsn(Role.COLLECT), collected.settings, "second")
    assert (tally, fetch(collected, "select count(*), max(batch_id) from governance.batch")) == (Tally(), before)


def test_one_person_has_one_index_in_every_system_and_other_tokens(collected: Warehouse) -> None:
    shared, equal = fetch(
        collected,
        "select count(*), count(*) filter (where h.patient_no = l.patient_no) from landing.his_patient h"
        " join landing.lis_patient l using (resident_id_index)",
    )[0]
    assert (shared > 50, equal) == (True, 0)


def test_visits_join_across_systems_by_token(collected: Warehouse) -> None:
    lost = fetch(
        collected,
        "select count(*) filter (where v.visit_no is null), count(*) from landing.lis_result r"
        " left join landing.his_visit v using (visit_no) where r.visit_no is not null",
    )[0]
    assert lost[0] == 0 < lost[1]


# -- one table -------------------------------------------------------------------------------------------------------


def test_no_deliveries_are_nothing_to_do(clinic: Clinic) -> None:
    shutil.rmtree(clinic.settings.deliveries)
    assert clinic.collect() == Tally()


def test_an_unknown_source_is_refused_by_name(clinic: Clinic) -> None:
    with pytest.raises(ContractError, match="source 'lsi' has no contracts; those that have: lis, path"):
        clinic.collect("lsi")


def test_the_same_content_under_another_name_is_skipped_and_recorded(clinic: Clinic) -> None:
    rows = RESULT + "".join(map(result_row, range(5)))
    clinic.deliver("lis/2026-06-01/lis_result.csv", rows)
    clinic.collect()
    clinic.deliver("lis/2026-06-02/lis_result.csv", rows)
    tally = clinic.collect(run_id="again")
    assert (tally.rows_in, tally.skipped) == (0, 5)
    assert clinic.rows("select file, first_line, rows_in, run_id from governance.batch_skipped") == [
        ("lis/2026-06-02/lis_result.csv", 2, 5, "again")
    ]


def test_a_file_that_grew_keeps_what_was_loaded_and_adds_the_rest(clinic: Clinic) -> None:
    path = clinic.deliver("lis/2026-06-01/lis_result.csv", RESULT + "".join(map(result_row, range(1000))))
    clinic.collect()
    path.write_text(path.read_text() + "".join(map(result_row, range(1000, 1003))))
    assert (clinic.collect().rows_in, content(clinic.warehouse)[:2]) == (3, (1003, 1003))


def test_orphans_are_refused_and_their_siblings_are_not(clinic: Clinic) -> None:
    rows = result_row(1) + result_row(2, "L99999999") + result_row(3)
    clinic.deliver("lis/2026-06-01/lis_result.csv", RESULT + rows)
    clinic.collect()
    assert clinic.rows("select row_number, rule_ids from quarantine.row") == [(3, ["lis.result.patient_no.reference"])]


def test_a_child_whose_parent_was_refused_is_an_orphan(clinic: Clinic) -> None:
    clinic.deliver("lis/2026-06-01/lis_patient.csv", PATIENT + "L00000001,,F,1980/01/02,,\n")
    clinic.deliver("lis/2026-06-01/lis_result.csv", RESULT + result_row(1))
    assert (clinic.collect().quarantined, content(clinic.warehouse)[0]) == (2, 0)


def test_a_number_lands_with_every_digit_as_written(clinic: Clinic) -> None:
    clinic.deliver("lis/2026-06-01/lis_result.csv", RESULT + result_row(1, value="5.100000000000000000001"))
    clinic.collect()
    assert clinic.rows("select value::text from landing.lis_result") == [("5.100000000000000000001",)]


@pytest.mark.parametrize("text", ["\\.", "\\N", 'a""b', "x\ty", "a\rb", "a\nb", "NULL", "=1+1", "😀"])
def test_hostile_texts_land_as_they_are(clinic: Clinic, text: str) -> None:
    row = result_row(1).replace("白细胞", f'"{text}"')
    clinic.deliver("lis/2026-06-01/lis_result.csv", RESULT + row)
    clinic.collect()
    assert clinic.rows("select test_name from landing.lis_result") == [(text.replace('""', '"'),)]


def test_unknown_and_missing_columns_are_on_record(clinic: Clinic) -> None:
    header, row = RESULT.replace(",INSTRUMENT", ",MACHINE"), result_row(1)
    clinic.deliver("lis/2026-06-01/lis_result.csv", header + row)
    clinic.collect()
    assert clinic.rows("select message from governance.delivery_file where source_table = 'result'") == [
        ("missing optional columns: INSTRUMENT; unknown columns dropped: MACHINE",)
    ]


def test_an_unreadable_file_fails_its_source_and_the_others_are_loaded(clinic: Clinic) -> None:
    clinic.deliver("lis/2026-06-01/lis_result.csv", "a;b\n1;2\n")
    clinic.deliver("lis/2026-06-02/lis_result.csv", RESULT + result_row(1))
    with pytest.raises(
        CollectionError, match=r"1 file\(s\) refused, 2 loaded.*06-01/lis_result\.csv.*check the delimiter"
    ):
        clinic.collect()
    assert clinic.rows("select file, state from governance.delivery_file where source_table = 'result' order by 1") == [
        ("lis/2026-06-01/lis_result.csv", "refused"),
        ("lis/2026-06-02/lis_result.csv", "loaded"),
    ]


def test_a_refused_file_is_loaded_once_it_is_mended(clinic: Clinic) -> None:
    clinic.deliver("lis/2026-06-01/lis_result.csv", "a;b\n1;2\n")
    with pytest.raises(CollectionError):
        clinic.collect()
    clinic.deliver("lis/2026-06-01/lis_result.csv", RESULT + result_row(1))
    assert clinic.collect().accepted == 1


def test_a_malformed_contract_fails_its_source_alone(clinic: Clinic) -> None:
    path = clinic.settings.contracts / "lis" / "result.odcs.yaml"
    path.write_text(path.read_text("utf-8").replace("required: true", "requird: true", 1), "utf-8")
    with pytest.raises(
        ContractError, match=r"source 'lis' is not collected.*unknown key 'requird'; did you mean 'required'"
    ):
        clinic.collect()
    clinic.collect("path")


def test_a_value_that_the_database_refuses_fails_the_file_without_showing_it(clinic: Clinic) -> None:
    path = clinic.settings.contracts / "lis" / "patient.odcs.yaml"
    text = re.sub(r", minimum: '1900-01-01', maximum: now", "", path.read_text("utf-8"))
    path.write_text(text, "utf-8")
    clinic.deliver("lis/2026-06-01/lis_patient.csv", PATIENT + "L00000001,禤馥莼,F,-4999/01/02,,15498760013\n")
    with pytest.raises(
        CollectionError, match=r"refused a value of the batch that begins at line 2 \(SQLSTATE 22"
    ) as caught:
        clinic.collect()
    assert "4999" not in str(caught.value)


def test_a_new_column_widens_the_tables_and_keeps_the_rows(clinic: Clinic) -> None:
    clinic.deliver("lis/2026-06-01/lis_result.csv", RESULT + result_row(1))
    clinic.collect()
    path = clinic.settings.contracts / "lis" / "result.odcs.yaml"
    field = path.read_text("utf-8").split("      - name: instrument")[1].replace("INSTRUMENT", "ROOM")
    path.write_text(path.read_text("utf-8") + "\n      - name: room" + field, "utf-8")
    clinic.migrate()
    clinic.deliver("lis/2026-06-02/lis_result.csv", RESULT.replace("INSTRUMENT", "ROOM") + result_row(2))
    clinic.collect()
    assert clinic.rows("select instrument, room from landing.lis_result order by _row_id") == [
        ("XN", None),
        (None, "XN"),
    ]


def test_migrating_again_changes_nothing(clinic: Clinic) -> None:
    state = "select table_schema, table_name, column_name, data_type from information_schema.columns order by 1, 2, 3"
    before = clinic.rows(state)
    clinic.migrate()
    assert clinic.rows(state) == before


def test_a_row_refused_before_it_could_be_split_is_kept_whole(clinic: Clinic) -> None:
    clinic.deliver("lis/2026-06-01/lis_result.csv", RESULT + "R1,S1\n" + result_row(2))
    clinic.collect()
    ((batch_id, line, payload),) = clinic.rows("select batch_id, row_number, payload from quarantine.row")
    cipher = open_keyring(clinic.settings.keyring).cipher("quarantine")
    assert cipher.decrypt("quarantine.row.payload", payload, batch_id << 32 | line, None) == b"R1,S1"


def test_the_collector_can_read_no_ciphertext_and_no_quarantined_row(clinic: Clinic) -> None:
    with connect(clinic.warehouse.dsn(Role.COLLECT), autocommit=True) as connection:
        for table in ("vault.lis_patient", "quarantine.row"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select * from {table}")


# -- killed ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def uninterrupted(warehouse: Warehouse, tmp_path: Path) -> Callable[[Clinic], tuple[Any, ...]]:
    """Landing content after an undisturbed run over the same deliveries, in a database of its own."""

    def run(clinic: Clinic) -> tuple[Any, ...]:
        with new_database(warehouse) as other:
            collect_source("lis", other.dsn(Role.COLLECT), clinic.settings, "undisturbed")
            return content(other)

    return run


def test_an_error_after_some_batches_and_a_rerun_give_the_same_content(
    clinic: Clinic, uninterrupted: Callable[[Clinic], tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.deliver("lis/2026-06-01/lis_result.csv", RESULT + "".join(map(result_row, range(4500))))
    record = FileLoader._record_batch

    def power_cut(self: FileLoader, file: Any, batch: Any, *rest: Any) -> None:
        record(self, file, batch, *rest)
        if batch.first_line > 2000:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FileLoader, "_record_batch", power_cut)
        with pytest.raises(KeyboardInterrupt):
            clinic.collect()
    assert content(clinic.warehouse)[0] == 2000
    assert clinic.collect(run_id="again").rows_in == 2500
    assert content(clinic.warehouse) == uninterrupted(clinic)


def test_a_killed_process_leaves_whole_batches_and_a_rerun_completes_them(
    clinic: Clinic, uninterrupted: Callable[[Clinic], tuple[Any, ...]]
) -> None:
    rows = 60_000
    clinic.deliver("lis/2026-06-01/lis_result.csv", RESULT + "".join(map(result_row, range(rows))))
    clinic.settings = clinic.settings.model_copy(update={"batch_rows": 5_000})
    environment = os.environ | {
        "XINGLIN_STATE": str(clinic.settings.state), "XINGLIN_DELIVERIES": str(clinic.settings.deliveries),
        "XINGLIN_BATCH_ROWS": "5000",
    }  # fmt: skip
    command = [sys.executable, "-c", "from governance.cli import app; app()", "collect", "lis"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 90
        while clinic.rows("select count(*) from governance.batch where source_table = 'result'")[0][0] < 3:
            assert process.poll() is None, "the collector ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    clinic.collect(run_id="again")  # waits until the server has given up the killed session
    ((recorded, batches, runs),) = clinic.rows(
        "select sum(accepted)::int, count(*), count(distinct run_id) from governance.batch"
        " where source_table = 'result'"
    )
    assert (recorded, batches, runs) == (rows, rows // 5_000, 2)
    assert content(clinic.warehouse) == uninterrupted(clinic)
    assert content(clinic.warehouse)[:2] == (rows, rows)


# -- the horizon -----------------------------------------------------------------------------------------------------


def test_an_empty_warehouse_has_horizon_zero(clinic: Clinic) -> None:
    with connect(clinic.warehouse.dsn(Role.COLLECT), autocommit=True) as connection:
        assert horizon(connection) == 0


def test_the_horizon_waits_for_a_batch_that_is_under_way(clinic: Clinic) -> None:
    clinic.collect()
    dsn = clinic.warehouse.dsn(Role.COLLECT)
    found: list[int] = []

    def ask() -> None:
        with connect(dsn, autocommit=True) as other:
            found.append(horizon(other))

    with connect(dsn) as connection:
        connection.execute("select pg_advisory_xact_lock_shared(%s)", (LANDING_LOCK,))
        connection.execute(
            "insert into governance.batch select nextval('governance.batch_id_seq'), source, source_table,"
            " contract_version, delivery, 'late', first_line, gen_random_uuid(), rows_in, accepted, quarantined,"
            " encrypted_values, tokenised_values, rules_broken, run_id, seconds from governance.batch limit 1"
        )
        asking = threading.Thread(target=ask)
        asking.start()
        asking.join(0.5)
        assert found == []  # it may not name a batch that could still be overtaken
        connection.commit()
    asking.join(10)
    assert found == [clinic.rows("select max(batch_id) from governance.batch")[0][0]]


def test_the_horizon_does_not_wait_for_a_reader(clinic: Clinic) -> None:
    clinic.collect()
    with connect(clinic.warehouse.dsn(Role.TRANSFORM)) as reader:
        reader.execute("select count(*) from landing.lis_patient")
        with connect(clinic.warehouse.dsn(Role.COLLECT), autocommit=True) as connection:
            assert horizon(connection) > 0
