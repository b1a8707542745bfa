"""Rotation on a real warehouse: killed in the middle, with readers and writers beside it, lookups right throughout."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import typer
from psycopg import sql
from typer.testing import CliRunner

from anonymization.encryption import FieldCipher, Suite
from anonymization.errors import DecryptionError
from governance.collection.stage import collect_source
from governance.contracts import load_catalogue
from governance.database import Role, connect
from governance.keys import create_keyring, open_keyring
from governance.keys.commands import register
from governance.keys.index_rotation import rotate_indexes
from governance.keys.rotation import reencrypt, targets
from governance.keys.status import KeyStatus, key_status
from governance.keys.store import add_version, promote
from tests.conftest import Warehouse
from tests.integration.conftest import copy_of

pytestmark = pytest.mark.integration
PLACE = "vault.his_patient.name"


@pytest.fixture
def site(collected: Warehouse) -> Iterator[Warehouse]:
    with copy_of(collected) as made:
        yield made


def status(site: Warehouse) -> KeyStatus:
    with connect(site.dsn(Role.AUDIT), autocommit=True) as connection:
        return key_status(connection, load_catalogue(site.settings.contracts), site.settings.keyring)


def rotate_field(site: Warehouse, batch_rows: int = 500) -> int:
    with connect(site.dsn(Role.ADMIN), autocommit=True) as connection:
        catalogue = load_catalogue(site.settings.contracts)
        return reencrypt(connection, catalogue, open_keyring(site.settings.keyring), "field", batch_rows=batch_rows)


def everything(site: Warehouse) -> dict[tuple[str, int], str | None]:
    """Every value of the vault in plain, by place and row."""
    cipher = open_keyring(site.settings.keyring).cipher()
    found = {}
    with connect(site.dsn(Role.AUDIT)) as connection:
        for target in targets(load_catalogue(site.settings.contracts), "field"):
            for column, _ in target.columns:
                query = sql.SQL("select _row_id, _patient_key, {} from {}").format(sql.Identifier(column), target.table)
                place = f"{target.place}.{column}"
                for row_id, person, value in connection.execute(query):
                    held = [value]
                    plain = cipher.decrypt_column(place, held, [row_id], [person and person.hex])
                    found[(place, row_id)] = plain[0]
    return found


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[list[BaseException]]:
    """``work`` again and again in a thread until the block ends; what it raised is handed over."""
    stop, raised, rounds = threading.Event(), list[BaseException](), [0]

    def loop() -> None:
        while not stop.is_set():
            try:
                work()
                rounds[0] += 1
            except BaseException as error:
                raised.append(error)
                return

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield raised
    finally:
        stop.set()
        thread.join()
    assert rounds[0] or raised, "the work beside never ran"


def test_before_any_rotation_nothing_needs_an_old_key(site: Warehouse) -> None:
    found = status(site)
    assert found.settled
    field = next(v for v in found.versions if v.purpose == "field")
    assert field.needed
    assert field.encryptions is not None and field.encryptions >= sum(field.values.values()) > 0


def test_a_rotated_field_key_leaves_every_value_what_it_was(site: Warehouse) -> None:
    before = everything(site)
    assert any(before.values())
    add_version(site.settings.keyring, "field")
    assert not status(site).settled
    assert rotate_field(site) == sum(value is not None for value in before.values())
    assert everything(site) == before
    found = status(site)
    assert found.settled
    assert {v.version: v.needed for v in found.versions if v.purpose == "field"} == {1: False, 2: True}
    assert rotate_field(site) == 0


def test_the_old_key_alone_no_longer_opens_the_warehouse(site: Warehouse) -> None:
    old = open_keyring(site.settings.keyring).keys["field"]
    add_version(site.settings.keyring, "field")
    rotate_field(site)
    with connect(site.dsn(Role.AUDIT)) as connection:
        row = connection.execute("select _row_id, _patient_key, name from vault.his_patient limit 1").fetchone()
    assert row
    with pytest.raises(DecryptionError, match="unknown"):
        FieldCipher(old, 1, key_id=1).decrypt(PLACE, row[2], row[0], row[1].hex)


def test_a_killed_rotation_goes_on_where_it_stopped(site: Warehouse) -> None:
    before = everything(site)
    add_version(site.settings.keyring, "field")
    script = (
        "import sys; from pathlib import Path; from governance.contracts import load_catalogue;"
        "from governance.database import connect; from governance.keys import create_keyring, open_keyring;"
        "from governance.keys.rotation import reencrypt; from governance.settings import Settings;"
        "c = connect(sys.argv[1], autocommit=True);"
        "reencrypt(c, load_catalogue(Settings().contracts), open_keyring(Path(sys.argv[2])), 'field',"
        " lambda relation, values: print(relation, values, flush=True), 50)"
    )
    arguments = [sys.executable, "-c", script, site.dsn(Role.ADMIN), str(site.settings.keyring)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout
    for _ in range(3):
        assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    left = status(site).outdated["field"]
    total = sum(value is not None for value in before.values())
    assert 0 < left < total
    assert everything(site) == before
    assert rotate_field(site) <= left
    assert status(site).settled
    assert everything(site) == before


def test_a_reader_that_opened_the_keyring_before_reads_on(site: Warehouse) -> None:
    cipher = open_keyring(site.settings.keyring).cipher()
    expected = {row: value for (place, row), value in everything(site).items() if place == PLACE}

    def read() -> None:
        with connect(site.dsn(Role.AUDIT)) as connection:
            rows = connection.execute("select _row_id, _patient_key, name from vault.his_patient").fetchall()
        values = cipher.decrypt_column(PLACE, [r[2] for r in rows], [r[0] for r in rows], [r[1].hex for r in rows])
        assert dict(zip((r[0] for r in rows), values, strict=True)) == expected

    with beside(read) as raised:
        add_version(site.settings.keyring, "field")
        rotate_field(site, batch_rows=20)
        time.sleep(0.2)
    assert not raised


def test_a_writer_beside_a_rotation_loses_nothing(site: Warehouse, tmp_path: Path) -> None:
    with psycopg.connect(site.superuser_dsn()) as connection:
        connection.execute("truncate landing.his_patient, vault.his_patient")
        connection.execute("delete from governance.delivery_file where source = 'his' and source_table = 'patient'")
        connection.execute("update governance.batch set content_hash = gen_random_uuid() where source = 'his'")
    done = threading.Event()

    def write() -> None:
        if done.is_set():
            time.sleep(0.01)
            return
        collect_source("his", site.dsn(Role.COLLECT), site.settings, "beside")
        done.set()

    with beside(write) as raised:
        add_version(site.settings.keyring, "field")
        while not done.is_set() and not raised:
            rotate_field(site, batch_rows=50)
    assert not raised
    rotate_field(site)
    assert status(site).settled
    names = [value for (place, _), value in everything(site).items() if place == PLACE]
    assert len(names) >= 150 and all(names)


def test_quarantined_lines_are_encrypted_anew_as_well(site: Warehouse) -> None:
    add_version(site.settings.keyring, "quarantine")
    with connect(site.dsn(Role.ADMIN), autocommit=True) as connection:
        catalogue, keyring = load_catalogue(site.settings.contracts), open_keyring(site.settings.keyring)
        assert reencrypt(connection, catalogue, keyring, "quarantine", batch_rows=7) > 7
        row = connection.execute(
            "select batch_id, row_number, payload, patient_key from quarantine.row limit 1"
        ).fetchone()
    assert row
    person = row[3] and row[3].hex
    assert keyring.cipher("quarantine").decrypt("quarantine.row.payload", row[2], row[0] << 32 | row[1], person)
    assert status(site).settled


def known_number(site: Warehouse) -> tuple[str, set[int]]:
    """A resident number of the HIS register, and the rows that hold it."""
    cipher = open_keyring(site.settings.keyring).cipher()
    with connect(site.dsn(Role.AUDIT)) as connection:
        rows = connection.execute(
            "select _row_id, _patient_key, resident_id from vault.his_patient where resident_id is not null"
        ).fetchall()
    held: dict[str, set[int]] = {}
    for row_id, person, value in rows:
        plain = cipher.decrypt("vault.his_patient.resident_id", value, row_id, person.hex).decode()
        held.setdefault(plain, set()).add(row_id)
    return next(iter(held.items()))


def linked(connection: psycopg.Connection) -> int:
    """How many pairs of a HIS and a laboratory patient are joined by an equal index."""
    row = connection.execute(
        "select count(*) from landing.his_patient h join landing.lis_patient l using (resident_id_index)"
    ).fetchone()
    return int(row[0]) if row else 0


def test_lookups_and_joins_are_right_at_every_moment_of_a_rotation(site: Warehouse) -> None:
    number, rows = known_number(site)
    with connect(site.dsn(Role.AUDIT), autocommit=True) as connection:
        pairs = linked(connection)
        assert pairs > 50
        seen = set[str]()

        def look_up() -> None:
            indexer = open_keyring(site.settings.keyring).blind_indexer()
            found = connection.execute(
                "select _row_id, resident_id_index::text from landing.his_patient"
                " where resident_id_index = any(%s::uuid[])",
                (indexer.candidates("resident_id", number),),
            ).fetchall()
            assert {row[0] for row in found} == rows
            seen.update(row[1] for row in found)
            assert linked(connection) == pairs

        with beside(look_up) as raised:
            time.sleep(0.1)
            with connect(site.dsn(Role.ADMIN), autocommit=True) as admin:
                replaced = rotate_indexes(admin, load_catalogue(site.settings.contracts), site.settings.keyring)
            time.sleep(0.2)
        assert not raised
    assert len(seen) == 2  # it looked before and after
    assert replaced["landing.his_patient.resident_id_index"] >= 150
    assert status(site).settled


def test_an_index_rotation_killed_before_its_commit_is_finished_by_the_next(site: Warehouse) -> None:
    add_version(site.settings.keyring, "blind_index", pending=True)  # as far as the killed one came
    number, rows = known_number(site)
    found = status(site)
    assert not found.settled and found.old_indexes > 150
    assert open_keyring(site.settings.keyring).current("blind_index") == 1
    with connect(site.dsn(Role.ADMIN), autocommit=True) as admin:
        rotate_indexes(admin, load_catalogue(site.settings.contracts), site.settings.keyring)
    keyring = open_keyring(site.settings.keyring)
    assert (keyring.current("blind_index"), sorted(keyring.keys["blind_index"])) == (2, [1, 2])
    with connect(site.dsn(Role.AUDIT)) as connection:
        index = keyring.blind_indexer().indexes("resident_id", [number])[0]
        query = "select _row_id from landing.his_patient where resident_id_index = %s"
        assert {row[0] for row in connection.execute(query, (index,))} == rows


def test_an_index_written_late_under_the_old_key_is_found_and_mended(site: Warehouse) -> None:
    old = open_keyring(site.settings.keyring).blind_indexer()
    number, rows = known_number(site)
    add_version(site.settings.keyring, "blind_index", pending=True)
    promote(site.settings.keyring, "blind_index")
    with connect(site.dsn(Role.ADMIN), autocommit=True) as admin:
        catalogue = load_catalogue(site.settings.contracts)
        rotate_indexes(admin, catalogue, site.settings.keyring, resume=True)
        assert status(site).settled
        late = old.indexes("resident_id", [number])[0]
        admin.execute("update landing.his_patient set resident_id_index = %s where _row_id = any(%s)", (late, [*rows]))
        assert status(site).old_indexes == len(rows)
        rotate_indexes(admin, catalogue, site.settings.keyring, resume=True)
    assert status(site).settled


def test_the_links_that_dbt_keeps_are_replaced_with_the_indexes(site: Warehouse) -> None:
    with psycopg.connect(site.superuser_dsn()) as connection:
        connection.execute(
            "create table intermediate.int_patient_record as select resident_id_index as resident_id_link,"
            " null::uuid as ssn_link, birth_date from landing.his_patient where resident_id_index is not null"
            " union all select null, md5(ssn_index::text || birth_date::text)::uuid, birth_date"
            " from landing.synthea_patient where ssn_index is not null"
        )
        connection.execute("alter table intermediate.int_patient_record owner to xinglin_transform")
    with connect(site.dsn(Role.ADMIN), autocommit=True) as admin:
        replaced = rotate_indexes(admin, load_catalogue(site.settings.contracts), site.settings.keyring)
        row = admin.execute(
            "select count(*), count(*) filter (where resident_id_link in (select resident_id_index from"
            " landing.his_patient)) from intermediate.int_patient_record where resident_id_link is not null"
        ).fetchone()
    assert row and row[0] == row[1] > 100
    assert replaced["intermediate.int_patient_record.resident_id_link"] == row[0]


def test_the_commands_rotate_and_report(site: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    register(app)
    monkeypatch.setenv("XINGLIN_STATE", str(site.settings.state))
    runner = CliRunner()
    before = everything(site)
    for what in ("kek", "field", "quarantine", "blind_index"):
        result = runner.invoke(app, ["keys", "rotate", what])
        assert result.exit_code == 0, result.output
    shown = runner.invoke(app, ["keys", "status"])
    assert shown.exit_code == 0, shown.output
    assert "未经商用密码认证" in shown.output and "nothing in the warehouse needs an old key" in shown.output
    assert everything(site) == before
    add_version(site.settings.keyring, "field")
    unfinished = runner.invoke(app, ["keys", "status"])
    assert unfinished.exit_code == 1 and "xinglin keys rotate field --resume" in unfinished.output


def test_a_hospital_of_the_gm_suite_is_collected_and_rotated_in_it(site: Warehouse) -> None:
    shutil.rmtree(site.settings.keyring.parent)
    create_keyring(site.settings.keyring, Suite.GM)
    with psycopg.connect(site.superuser_dsn()) as connection:
        connection.execute("truncate landing.lis_patient, vault.lis_patient, quarantine.row")
        connection.execute("delete from governance.delivery_file where source = 'lis'")
        for target in targets(load_catalogue(site.settings.contracts), "field"):
            connection.execute(sql.SQL("truncate {}").format(target.table))
    tally = collect_source("lis", site.dsn(Role.COLLECT), site.settings, "gm")
    assert tally.encrypted_values > 100
    field = next(v for v in status(site).versions if v.purpose == "field")
    assert field.values == {Suite.GM: tally.encrypted_values}
    before = everything(site)
    add_version(site.settings.keyring, "field")
    assert rotate_field(site) == tally.encrypted_values
    assert everything(site) == before
    found = status(site)
    assert (found.settled, found.suite) == (True, Suite.GM)


def test_a_changed_suite_of_a_field_is_carried_out_by_a_rotation(site: Warehouse) -> None:
    before = everything(site)
    catalogue = load_catalogue(site.settings.contracts)
    contract = catalogue.contracts["his.patient"]
    fields = tuple(f.model_copy(update={"suite": Suite.GM} if f.name == "name" else {}) for f in contract.fields)
    catalogue.contracts["his.patient"] = contract.model_copy(update={"fields": fields})
    keyring = open_keyring(site.settings.keyring)
    with connect(site.dsn(Role.ADMIN), autocommit=True) as connection:
        assert key_status(connection, catalogue, site.settings.keyring).outdated["field"] >= 150
        written = reencrypt(connection, catalogue, keyring, "field")
        row = connection.execute(
            "select count(*), count(*) filter (where get_byte(name, 0) = 2) from vault.his_patient"
        ).fetchone()
        assert row == (written, written)
        assert key_status(connection, catalogue, site.settings.keyring).settled
    assert everything(site) == before
