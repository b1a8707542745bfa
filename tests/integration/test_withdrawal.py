"""A person withdraws, after the whole lifecycle ran: nothing of the person is left, everything else is as it was, and
an older backup does not bring the person back."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from anonymization.errors import DecryptionError
from governance.backup import BackupKeys, BackupRecord, back_up
from governance.backup.restoring import restore
from governance.backup.scratch import remove_restored
from governance.backup.withdrawn import withdrawals
from governance.cli import app
from governance.collection.stage import collect_source
from governance.contracts import load_catalogue
from governance.database import Role, connect
from governance.deidentification.scrubbing import scrub_shard
from governance.errors import DatabaseError, KeyringError
from governance.keys import open_keyring
from governance.keys import withdrawal as withdrawal_module
from governance.keys.purge import patients_present
from governance.keys.rotation import targets
from governance.keys.withdrawal import Reason, person_of_number, replay_tombstones, resume, withdraw
from governance.lifecycle.deidentifying import prepare_deidentification
from governance.lifecycle.layers import build_layer
from governance.lifecycle.records import Watermark, set_watermark
from governance.verify import Context, State, run_checks
from tests.conftest import Warehouse, scratch_folder
from tests.integration.conftest import copy_of

pytestmark = pytest.mark.integration
CHECKS = ("rows", "lineage", "keys")


@dataclass
class Site:
    """A hospital through which the whole lifecycle ran, and one person of it, known in several systems."""

    warehouse: Warehouse
    number: str
    patients: set[str]
    record: BackupRecord
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def settings(self) -> Any:
        return self.warehouse.settings

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.warehouse.superuser_dsn()) as connection:
            return connection.execute(query, values or None).fetchall()  # type: ignore[arg-type]

    def failed(self) -> list[str]:
        """Checks that do not hold, with their findings."""
        context = Context(self.settings, self.warehouse.dsn(Role.AUDIT), restore=False)
        results = run_checks(context, CHECKS)
        assert sum(result.state is State.PASSED for result in results) > 2
        return [f"{result.name}: {result.figures} {result.findings}" for result in results if not result.holds]


def run_stages(warehouse: Warehouse, run_id: str) -> None:
    """Everything after standardize, without a scheduler."""
    settings = warehouse.settings
    for shard in prepare_deidentification(warehouse.dsn(Role.DEIDENTIFY), settings, run_id):
        scrub_shard(shard, settings.shards, warehouse.dsn(Role.DEIDENTIFY), settings, run_id)
    build_layer("deidentify", warehouse.dsn(Role.TRANSFORM), settings, run_id)
    build_layer("publish", warehouse.dsn(Role.TRANSFORM), settings, run_id)


def somebody(warehouse: Warehouse) -> tuple[str, set[str]]:
    """HIS number and patient keys of the person who stands in a mart and in most systems."""
    numbers = {}
    tokeniser = open_keyring(warehouse.settings.keyring).tokeniser()
    for path in warehouse.settings.deliveries.glob("his/*/HZXX.csv"):
        with path.open(encoding="gb18030", errors="replace", newline="") as file:
            numbers |= {tokeniser.tokens("his.patient", [row["BRID"]])[0]: row["BRID"] for row in csv.DictReader(file)}
    query = """
        select l.person_key, array_agg(distinct l.patient_key) from base.person_link l
        join vault.pseudonym p using (person_key) cross join vault.project_salt s
        join specialty.breast_cancer_patient b on b.research_id = md5(p.person_id::text || s.salt::text)::uuid
        group by 1 order by count(distinct l.patient_key) desc, 1"""
    with psycopg.connect(warehouse.superuser_dsn()) as connection:
        for _, patients in connection.execute(query):
            for patient in patients:
                if patient.hex in numbers and len(patients) > 2:
                    return numbers[patient.hex], {p.hex for p in patients}
    raise AssertionError("the sample hospital has nobody for this test")


def everything(dsn: str, settings: Any) -> dict[tuple[str, int, str | None], bytes]:
    """Every ciphertext of vault and quarantine by place, row and patient key."""
    found = {}
    with connect(dsn) as connection:
        catalogue = load_catalogue(settings.contracts)
        for target in [*targets(catalogue, "field"), *targets(catalogue, "quarantine")]:
            for column, _ in target.columns:
                query = sql.SQL("select {}, {}, {column} from {} where {column} is not null").format(
                    target.row_id, target.person, target.table, column=sql.Identifier(column)
                )
                for row_id, person, value in connection.execute(query):
                    found[f"{target.place}.{column}", row_id, person and person.hex] = value
    return found


def openable(dsn: str, settings: Any) -> tuple[int, set[str]]:
    """How many ciphertexts open, and the patient keys of those that do not."""
    keyring = open_keyring(settings.keyring)
    ciphers = {"vault": keyring.cipher(), "quarantine": keyring.cipher("quarantine")}
    opened, closed = 0, set()
    for (place, row_id, person), value in everything(dsn, settings).items():
        try:
            ciphers[place.split(".")[0]].decrypt(place, value, row_id, person)
            opened += 1
        except DecryptionError:
            closed.add(person or "")
    return opened, closed


def all_tables(dsn: str) -> dict[str, int]:
    query = """
        select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and n.nspname in ('landing', 'vault', 'quarantine', 'intermediate', 'base', 'deid',
            'held_back', 'specialty', 'research', 'lineage')"""
    with psycopg.connect(dsn) as connection:
        return {
            f"{schema}.{table}": connection.execute(
                sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table))
            ).fetchall()[0][0]
            for schema, table in connection.execute(query).fetchall()
        }


@pytest.fixture(scope="module")
def ready(standardized: Warehouse) -> Iterator[Site]:
    """The lifecycle ran and was backed up; nobody has withdrawn."""
    with copy_of(standardized) as made:
        run_stages(made, "first")
        number, patients = somebody(made)
        keys = BackupKeys.of(open_keyring(made.settings.keyring))
        set_watermark(made.dsn(Role.BACKUP), "back_up", Watermark(1, ""), "first")
        record = back_up(made.settings, made.dsn(Role.BACKUP), keys, "first")
        yield Site(made, number, patients, record)


@pytest.fixture(scope="module")
def withdrawn(ready: Site) -> Site:
    """The person has withdrawn."""
    assert ready.failed() == []
    ready.counts = all_tables(ready.warehouse.superuser_dsn())
    found = person_of_number(ready.warehouse.dsn(Role.ADMIN), ready.settings, "his", ready.number)
    assert found == ready.patients and len(found) > 2
    done = withdraw(ready.warehouse.dsn(Role.ADMIN), ready.settings, found, Reason.CONSENT_WITHDRAWN, actor="officer")
    assert done.patients == len(found) and not done.purged.rebuild
    assert {"landing.his_patient", "vault.his_patient", "base.person", "vault.pseudonym"} <= done.purged.rows.keys()
    after = all_tables(ready.warehouse.superuser_dsn())
    gone = {table: count - after[table] for table, count in ready.counts.items() if count != after[table]}
    assert gone == done.purged.rows
    return ready


def test_every_check_holds_after_a_withdrawal(withdrawn: Site) -> None:
    assert withdrawn.failed() == []
    (balance,) = withdrawn.rows(
        "select sum(rows_in), sum(accepted), sum(quarantined), sum(withdrawn) from governance.batch"
    )
    assert balance[0] == balance[1] + balance[2] + balance[3] and balance[3] > 10


def test_no_row_of_the_person_is_left_anywhere(withdrawn: Site) -> None:
    with connect(withdrawn.warehouse.dsn(Role.ADMIN)) as connection:
        present = patients_present(connection, load_catalogue(withdrawn.settings.contracts))
    assert present and not withdrawn.patients & set(present)
    catalogue = load_catalogue(withdrawn.settings.contracts)
    with psycopg.connect(withdrawn.warehouse.superuser_dsn()) as connection:
        for table in all_tables(withdrawn.warehouse.superuser_dsn()):
            statement = sql.SQL("select count(*) from {} as t where to_jsonb(t)::text ~ %s").format(
                sql.Identifier(*table.split("."))
            )
            pattern = "|".join(str(uuid.UUID(patient)) for patient in withdrawn.patients)
            assert connection.execute(statement, (pattern,)).fetchone() == (0,), table
    assert catalogue.contracts


def test_everybody_else_can_still_be_decrypted(withdrawn: Site) -> None:
    opened, closed = openable(withdrawn.warehouse.superuser_dsn(), withdrawn.settings)
    assert opened > 1_000 and closed == set()


def test_marts_and_texts_lost_this_person_only(withdrawn: Site) -> None:
    after = all_tables(withdrawn.warehouse.superuser_dsn())
    assert withdrawn.counts["specialty.breast_cancer_patient"] - after["specialty.breast_cancer_patient"] == 1
    assert withdrawn.counts["base.person"] - after["base.person"] == 1
    assert withdrawn.counts["deid.free_text"] > after["deid.free_text"] > 0


def test_the_act_is_recorded_without_the_person(withdrawn: Site) -> None:
    ((detail,),) = withdrawn.rows("select detail::text from audit.record where kind = 'withdrawal'")
    assert '"reason":"consent_withdrawn"' in detail and '"by":"officer"' in detail
    events = withdrawn.rows("select event::text from governance.lineage_event where job = 'withdraw'")
    assert len(events) == 2
    for text in (detail, *(event for (event,) in events)):
        assert withdrawn.number not in text
        assert not any(patient in text.replace("-", "") for patient in withdrawn.patients)
    stones = open_keyring(withdrawn.settings.keyring).persons.tombstones()  # type: ignore[union-attr]
    assert len(stones) == len(withdrawn.patients) and all(stone.finished_at for stone in stones)


def test_later_deliveries_of_the_person_are_counted_and_not_stored(withdrawn: Site, tmp_path: Path) -> None:
    source = next(withdrawn.settings.deliveries.glob("his/*/HZXX.csv"))
    content = source.read_bytes().split(b"\r\n")
    own = [line for line in content if line.startswith(withdrawn.number.encode() + b",")][:1]
    broken = own[0].replace(b",", b",,,", 1)  # would be refused, were it anybody else's
    other = next(line for line in content[1:] if not line.startswith(withdrawn.number.encode()))
    target = tmp_path / "his" / "2027-01-01" / source.name
    target.parent.mkdir(parents=True)
    target.write_bytes(b"\r\n".join([content[0], *own, other, b""]))
    settings = withdrawn.settings.model_copy(update={"deliveries": tmp_path})
    before = withdrawn.rows("select count(*) from quarantine.row")
    tally = collect_source("his", withdrawn.warehouse.dsn(Role.COLLECT), settings, "later")
    assert (tally.rows_in, tally.withdrawn, tally.accepted + tally.quarantined) == (2, 1, 1)
    target.write_bytes(b"\r\n".join([content[0], *own, own[0].replace(own[0].split(b",")[3], b"19999999", 1), b""]))
    tally = collect_source("his", withdrawn.warehouse.dsn(Role.COLLECT), settings, "later still")
    assert (tally.rows_in, tally.withdrawn, tally.quarantined) == (2, 2, 0)
    assert withdrawn.rows("select count(*) from quarantine.row") == before
    assert broken not in content
    with pytest.raises(KeyringError, match=r"nobody in the warehouse|not linked"):
        person_of_number(withdrawn.warehouse.dsn(Role.ADMIN), withdrawn.settings, "his", withdrawn.number)


def test_the_next_run_of_the_pipeline_does_not_bring_the_person_back(withdrawn: Site) -> None:
    build_layer("standardize", withdrawn.warehouse.dsn(Role.TRANSFORM), withdrawn.settings, "second")
    run_stages(withdrawn.warehouse, "second")
    assert withdrawn.failed() == []
    test_no_row_of_the_person_is_left_anywhere(withdrawn)


def test_an_older_backup_does_not_bring_the_person_back(withdrawn: Site) -> None:
    keys = BackupKeys.of(open_keyring(withdrawn.settings.keyring))
    seen: dict[str, Any] = {}

    def open_copy(dsn: str) -> None:
        database = psycopg.conninfo.make_conninfo(dsn, dbname=withdrawn.warehouse.database)
        seen["before"] = openable(database, withdrawn.settings)
        seen["purged"] = replay_tombstones(database, withdrawn.settings)
        seen["after"] = openable(database, withdrawn.settings)
        with connect(database) as connection:
            seen["present"] = patients_present(connection, load_catalogue(withdrawn.settings.contracts))
        seen["tables"] = all_tables(database)

    with scratch_folder() as folder:
        restored = restore(withdrawn.record, folder / "copy", keys, before_opening=(open_copy,))
        remove_restored(folder / "copy")
    assert restored.comparison.holds
    opened, closed = seen["before"]
    assert opened > 1_000 and closed and closed <= withdrawn.patients  # the values stand there, and do not open
    assert seen["purged"].rows.keys() >= {"landing.his_patient", "vault.his_patient", "deid.free_text"}
    assert seen["after"] == (opened, set())
    assert not withdrawn.patients & set(seen["present"])
    assert withdrawn.counts["deid.free_text"] > seen["tables"]["deid.free_text"] > 0


def test_a_restore_that_cannot_replay_fails(withdrawn: Site, tmp_path: Path) -> None:
    keys = BackupKeys.of(open_keyring(withdrawn.settings.keyring))
    lost = withdrawn.settings.model_copy(update={"keyring": tmp_path / "nothing.json"})
    with scratch_folder() as folder:
        with pytest.raises(KeyringError):
            restore(withdrawn.record, folder / "copy", keys, before_opening=(withdrawals(lost),))
        assert not (folder / "copy").exists()


@pytest.fixture
def site(standardized: Warehouse) -> Iterator[Site]:
    """A hospital of its own with linkage only, for tests that break off or plant something."""
    with copy_of(standardized) as made:
        patient = open_keyring(made.settings.keyring).persons
        assert patient is not None
        with psycopg.connect(made.superuser_dsn()) as connection:
            (person,) = connection.execute(
                "select array_agg(patient_key) from base.person_link group by person_key order by count(*) desc limit 1"
            ).fetchall()[0]
        yield Site(made, "", {p.hex for p in person}, None)  # type: ignore[arg-type]


def test_a_withdrawal_that_was_killed_is_finished_by_resume(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise DatabaseError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(withdrawal_module, "purge", killed)
        with pytest.raises(DatabaseError):
            withdraw(
                site.warehouse.dsn(Role.ADMIN), site.settings, site.patients, Reason.ERASURE_REQUEST, actor="officer"
            )
    store = open_keyring(site.settings.keyring).persons
    assert store and [stone.finished_at for stone in store.tombstones()] == [None] * len(site.patients)
    assert any("keys.withdrawn" in line for line in site.failed())
    done = resume(site.warehouse.dsn(Role.ADMIN), site.settings, "officer")
    assert done.patients == len(site.patients) and done.purged.total > 0
    assert all(stone.finished_at for stone in store.tombstones())
    assert site.failed() == []
    assert resume(site.warehouse.dsn(Role.ADMIN), site.settings, "officer").purged.total == 0


def test_what_is_not_linked_yet_stops_a_withdrawal(collected: Warehouse) -> None:
    with copy_of(collected) as made, pytest.raises(KeyringError, match="let `standardize` run first"):
        person_of_number(made.dsn(Role.ADMIN), made.settings, "his", "1")


def test_the_command_asks_first_and_never_says_the_number(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    number, patients = next(
        (row, found)
        for row in _numbers(site.warehouse)
        if (found := _try(lambda n=row: person_of_number(site.warehouse.dsn(Role.ADMIN), site.settings, "his", n)))
    )
    monkeypatch.setenv("XINGLIN_STATE", str(site.settings.state))
    refused = CliRunner().invoke(app, ["keys", "withdraw", "--patient", f"his:{number}"], input="n\n")
    assert refused.exit_code == 1 and f"{len(patients)} 个病人号" in refused.output
    assert open_keyring(site.settings.keyring).persons.tombstones() == []  # type: ignore[union-attr]
    done = CliRunner().invoke(app, ["keys", "withdraw", "--patient", "his:-", "--yes"], input=f"{number}\n")
    assert done.exit_code == 0, done.output
    assert "已撤回 withdrawn" in done.output and number not in refused.output + done.output
    assert not patients & set(_present(site))


def _numbers(warehouse: Warehouse) -> list[str]:
    path = next(warehouse.settings.deliveries.glob("his/*/HZXX.csv"))
    with path.open(encoding="gb18030", errors="replace", newline="") as file:
        return [row["BRID"] for row in csv.DictReader(file)]


def _try(function: Callable[[], set[str]]) -> set[str]:
    try:
        return function()
    except KeyringError:
        return set()


def _present(site: Site) -> list[str]:
    with connect(site.warehouse.dsn(Role.ADMIN)) as connection:
        return patients_present(connection, load_catalogue(site.settings.contracts))
