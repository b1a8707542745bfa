"""The scrubbing stage on a real server: what is pending is done once, and no identifier of anybody is left in a text.

Linkage of patients is made by hand here (dbt makes it in the lifecycle): equal resident identity numbers, one person.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from anonymization.errors import DecryptionError
from anonymization.policy import load_policy
from governance.audit.asking import who_read
from governance.contracts import load_catalogue
from governance.database import Role, connect
from governance.deidentification import scrubbing
from governance.deidentification.pseudonyms import add_project_salts, add_pseudonyms
from governance.deidentification.scrubbing import NO_PERSON, ScrubTally, count_pending, scrub_shard, text_fields
from governance.keys import open_keyring
from governance.lifecycle.deidentifying import prepare_deidentification
from tests.conftest import Warehouse
from tests.integration.conftest import Hospital, copy_of

pytestmark = pytest.mark.integration
PERSON_LINK = """
    create table base.person_link as
    with record as (
        select patient_no as patient_key, resident_id_index as identity, _row_id from landing.his_patient
        union all select patient_no, resident_id_index, _row_id from landing.lis_patient
        union all select mrn, resident_id_index, _row_id from landing.emr_note
        union all select patient_no, resident_id_index, _row_id from landing.path_report
        union all select patient_no, resident_id_index, _row_id from landing.pacs_study
        union all select patient_no, resident_id_index, _row_id from landing.follow_up_contact
    ), patient as (
        select patient_key, max(identity::text) as identity, min(_row_id) as first from record group by 1
    )
    select patient_key, case when identity is null then patient_key else first_value(patient_key) over
        (partition by identity order by first) end as person_key
    from patient
"""


class Stage:
    """The stage's functions on one warehouse."""

    first: ScrubTally
    first_pending: int
    first_shards: list[int]

    def __init__(self, warehouse: Warehouse) -> None:
        self.settings, self.warehouse, self.dsn = warehouse.settings, warehouse, warehouse.dsn(Role.DEIDENTIFY)

    def scrub(self, run_id: str, **given: Any) -> ScrubTally:
        """Scrub both shards."""
        total = ScrubTally()
        for shard in range(2):
            tally = scrub_shard(shard, 2, self.dsn, self.settings, run_id, **given)
            total.texts += tally.texts
            total.withheld += tally.withheld
            total.entities |= tally.entities
        return total

    def pending(self) -> int:
        with connect(self.dsn) as connection:
            return count_pending(
                connection, load_catalogue(self.settings.contracts), load_policy(self.settings.policy).version
            )

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.warehouse.superuser_dsn()) as connection:
            return connection.execute(query, values or None).fetchall()  # type: ignore[arg-type]

    def change(self, query: str, *values: Any) -> None:
        with psycopg.connect(self.warehouse.superuser_dsn()) as connection:
            connection.execute(query, values or None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def stage(collected: Warehouse) -> Iterator[Stage]:
    """A collected, linked and once scrubbed hospital; tests that change it put back what they changed."""
    with copy_of(collected) as made:
        ready = Stage(made)
        with connect(made.dsn(Role.TRANSFORM)) as connection:
            connection.execute(PERSON_LINK)
            connection.execute("create index on base.person_link (patient_key)")
            connection.execute("analyze base.person_link")
        ready.first_pending = ready.pending()
        ready.first_shards = prepare_deidentification(ready.dsn, ready.settings, "first")
        ready.first = ready.scrub("first")
        yield ready


def known_identifiers(deliveries: Path) -> dict[str, set[str]]:
    """HIS patient number → names, numbers and addresses that the register delivers of the patient."""
    found: dict[str, set[str]] = {}
    for path in deliveries.glob("his/*/HZXX.csv"):
        with path.open(encoding="gb18030", errors="replace", newline="") as file:
            for row in csv.DictReader(file):
                values = {row[c] or "" for c in ("BRID", "XM", "SFZH", "LXDH", "JTZZ", "LXRXM", "LXRDH")}
                found.setdefault(row["BRID"], set()).update(v for v in values if len(v) >= 2 and "\ufffd" not in v)
    return found


def test_before_the_first_run_every_text_is_pending(stage: Stage) -> None:
    encrypted = 0
    for text_field in text_fields(load_catalogue(stage.settings.contracts)):
        relation = text_field.contract.relation
        encrypted += stage.rows(f"select count(*) from vault.{relation} where {text_field.name} is not null")[0][0]
    assert (stage.first_pending, stage.first_shards) == (encrypted, [0, 1])
    assert encrypted > 1000


def test_every_text_is_scrubbed_or_withheld_with_its_reason(stage: Stage) -> None:
    texts, withheld, reasons = stage.rows(
        "select count(*), count(*) filter (where text is null), count(withheld) from deid.free_text"
    )[0]
    assert (stage.first.texts, stage.first.withheld) == (texts, withheld)
    assert (texts, reasons) == (stage.first_pending, withheld)


def test_a_second_run_has_nothing_to_do(stage: Stage) -> None:
    assert prepare_deidentification(stage.dsn, stage.settings, "second") == []
    assert stage.scrub("second").texts == 0


def test_every_person_has_one_pseudonym_that_is_not_its_key(stage: Stage) -> None:
    persons, distinct, equal, unmoved = stage.rows(
        "select count(*), count(distinct person_id), count(*) filter (where person_id = person_key),"
        " count(*) filter (where date_shift_days = 0 or abs(date_shift_days) > 180) from vault.pseudonym"
    )[0]
    assert persons == stage.rows("select count(distinct person_key) from base.person_link")[0][0] > 0
    assert (distinct, equal, unmoved) == (persons, 0, 0)


def test_pseudonyms_are_the_same_when_made_again(stage: Stage) -> None:
    before = stage.rows("select * from vault.pseudonym order by 1")
    with psycopg.connect(stage.warehouse.superuser_dsn()) as connection:
        connection.execute("delete from vault.pseudonym")
        made = add_pseudonyms(connection, open_keyring(stage.settings.keyring), load_policy(stage.settings.policy))
    assert (made, stage.rows("select * from vault.pseudonym order by 1")) == (len(before), before)


def test_projects_have_salts_of_their_own_that_do_not_change(stage: Stage) -> None:
    with psycopg.connect(stage.warehouse.superuser_dsn()) as connection:
        for _ in range(2):
            add_project_salts(connection, open_keyring(stage.settings.keyring), ["one", "two"])
    assert stage.rows(
        "select count(*), count(distinct salt) from vault.project_salt where project in ('one', 'two')"
    ) == [(2, 2)]


def test_no_canary_is_left_in_any_text(stage: Stage, hospital: Hospital) -> None:
    canaries = {re.sub(r"[\s\-]", "", c["value"]) for c in hospital.answers("canaries")}
    texts = stage.rows(
        "select row_id, field, regexp_replace(text, '[\\s\\-]', '', 'g') from deid.free_text where text is not null"
    )
    assert len(canaries) > 20
    assert texts
    assert [(row_id, field, c) for row_id, field, text in texts for c in canaries if c in text] == []


def test_no_identifier_that_the_register_knows_is_left_in_the_patients_own_texts(
    stage: Stage, hospital: Hospital
) -> None:
    keyring = open_keyring(stage.settings.keyring)
    known = known_identifiers(hospital.deliveries)
    numbers = sorted(known)
    tokens = keyring.tokeniser().tokens("his.patient", numbers)
    link = {row[0].hex: row[1] for row in stage.rows("select patient_key, person_key from base.person_link")}
    of_person: dict[Any, set[str]] = {}
    for number, token in zip(numbers, tokens, strict=True):
        if token in link:
            of_person.setdefault(link[token], set()).update(known[number])
    texts = stage.rows("select person_key, row_id, text from deid.free_text where text is not null")
    checked = [
        (row_id, value) for person, row_id, text in texts for value in of_person.get(person, ()) if value in text
    ]
    assert sum(person in of_person for person, _, _ in texts) > 500
    assert checked == []


def test_entities_are_counted_and_spans_lie_in_the_text(stage: Stage) -> None:
    assert stage.first.entities["PERSON"] > 100
    wrong = stage.rows(
        "select row_id from deid.free_text f, jsonb_array_elements(spans) s"
        " where not ((s->>0)::int >= 0 and (s->>0)::int < (s->>1)::int and (s->>1)::int <= length(f.text))"
    )
    assert wrong == []


def test_a_text_is_bound_to_its_original_by_a_keyed_hash_only(stage: Stage) -> None:
    assert stage.rows("select count(distinct content_hash) > 500, min(characters) > 0 from deid.free_text") == [
        (True, True)
    ]


def test_a_new_policy_version_scrubs_every_text_again(stage: Stage, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    text = stage.settings.policy.read_text("utf-8")
    policy.write_text(re.sub(r'version: "[^"]+"', 'version: "99.0.0"', text), "utf-8")
    other = Stage.__new__(Stage)
    other.__dict__ |= stage.__dict__
    other.settings = stage.settings.model_copy(update={"policy": policy})
    assert other.pending() == stage.first.texts
    stage.change(
        "update deid.free_text set policy_version = '99.0.0' where person_key is null or person_key::text > '2'"
    )
    left = other.pending()
    assert 0 < other.scrub("policy").texts == left < stage.first.texts
    assert other.pending() == 0
    stage.change("update deid.free_text set policy_version = %s", load_policy(stage.settings.policy).version)


def test_a_person_that_is_linked_anew_is_scrubbed_again_and_no_other(stage: Stage) -> None:
    ((person, texts),) = stage.rows(
        "select person_key, count(*) from deid.free_text where person_key is not null group by 1"
        " order by 2 desc limit 1"
    )
    ((other,),) = stage.rows("select person_key from base.person_link where person_key <> %s limit 1", person)
    stage.change("update base.person_link set person_key = %s where person_key = %s", other, person)
    assert stage.pending() == texts
    assert stage.scrub("linked").texts == texts
    assert stage.rows("select count(*) from deid.free_text where person_key = %s", person) == [(0,)]


def test_a_text_of_nobody_known_is_withheld_and_counted(stage: Stage) -> None:
    ((patient, texts),) = stage.rows(
        "select v._patient_key, count(*) from vault.emr_note v where text is not null group by 1"
        " order by 2 desc limit 1"
    )
    stage.change("delete from base.person_link where patient_key = %s", patient)
    tally = stage.scrub("unlinked")
    assert (tally.texts, tally.withheld) == (texts, texts)
    assert stage.rows("select distinct text, withheld from deid.free_text where person_key is null") == [
        (None, NO_PERSON)
    ]


def test_killed_after_a_group_a_rerun_does_only_the_rest(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(stage.rows("select (row_id, field)::text, text from deid.free_text where person_key::text < '2'"))
    stage.change("delete from deid.free_text where person_key::text < '2'")
    pending = stage.pending()
    monkeypatch.setattr(scrubbing, "_GROUP", 1)

    def power_cut(_tally: ScrubTally) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage.scrub("killed", progress=power_cut)
    left = stage.pending()
    assert 0 < left < pending
    assert stage.scrub("again").texts == left
    assert (
        dict(stage.rows("select (row_id, field)::text, text from deid.free_text where person_key::text < '2'"))
        == before
    )


def test_an_altered_ciphertext_stops_the_shard_and_writes_nothing_of_its_group(stage: Stage) -> None:
    ((row_id, person),) = stage.rows(
        "select v._row_id, l.person_key from vault.emr_note v join base.person_link l"
        " on l.patient_key = v._patient_key limit 1"
    )
    ((original,),) = stage.rows("select text from vault.emr_note where _row_id = %s", row_id)
    stage.change("delete from deid.free_text where person_key = %s", person)
    stage.change(
        "update vault.emr_note set text = set_byte(text, 30, (get_byte(text, 30) + 1) %% 256) where _row_id = %s",
        row_id,
    )
    with pytest.raises(DecryptionError, match=rf"vault\.emr_note\.text, row {row_id}: the ciphertext was altered"):
        stage.scrub("altered")
    assert stage.rows("select count(*) from deid.free_text where person_key = %s", person) == [(0,)]
    stage.change("update vault.emr_note set text = %s where _row_id = %s", original, row_id)
    assert stage.scrub("mended").texts > 0


def test_every_decrypted_text_is_in_the_audit_log_and_found_by_its_person(stage: Stage) -> None:
    ((texts,),) = stage.rows(
        "select sum(count) from audit.record where kind = 'decryption' and actor = 'xinglin_deidentify'"
        " and detail ->> 'run' = 'first'"
    )
    assert texts == stage.first.texts > 0
    ((person, own),) = stage.rows(
        "select person_key::text, count(*) from deid.free_text where person_key is not null group by 1 limit 1"
    )
    with psycopg.connect(stage.warehouse.dsn(Role.AUDIT)) as connection:
        readings = who_read(connection, since=datetime(2020, 1, 1, tzinfo=UTC), person=person)
    assert own > 0
    assert readings
    assert all(reading.count and reading.subjects and reading.subjects <= 100 for reading in readings)
