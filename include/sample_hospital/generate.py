"""Generates the deliveries of the sample hospital and its answer key."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from include.sample_hospital import canaries, identifiers, labs, staff, tables
from include.sample_hospital.answer_key import AnswerKey
from include.sample_hospital.defect_kinds import KINDS
from include.sample_hospital.errors import SampleHospitalError
from include.sample_hospital.hospital import (
    MAX_DELIVERIES,
    MAX_PATIENTS,
    Patient,
    Settings,
    indexes,
    patient,
    registered_only,
    second_number_from,
)
from include.sample_hospital.people import make_person
from include.sample_hospital.randomness import Stream, derive
from include.sample_hospital.render_clinical import EncounterWriter
from include.sample_hospital.render_registration import his_row, lis_row, register_his, register_lis
from include.sample_hospital.render_texts import write_contact, write_imaging, write_notes, write_pathology
from include.sample_hospital.sink import Delivery
from include.sample_hospital.truth import TruthWriter

_DELIVERIES_A_PASS = 24  # 13 files each stay open


@dataclass(frozen=True, slots=True)
class Summary:
    """What a call did. ``rows`` = rows per delivery and file, of all deliveries; ``written`` names the new ones."""

    root: Path
    answer_key: Path
    deliveries: tuple[str, ...]
    written: tuple[str, ...]
    rows: dict[str, dict[str, int]] = field(repr=False)
    seconds: float

    @property
    def total_rows(self) -> int:
        return sum(sum(files.values()) for files in self.rows.values())


def _midnight(settings: Settings, ordinal: int) -> datetime:
    day = settings.delivery(ordinal)
    return datetime(day.year, day.month, day.day)


def _write_patient(delivery: Delivery, settings: Settings, one: Patient) -> None:
    """Write what became known of one patient within the delivery."""
    person, course, seed = one.person, one.course, settings.seed
    encounters = course.encounters
    switch = second_number_from(one)
    register_his(delivery, person, 0, encounters[0].start)
    if switch < len(encounters):
        register_his(delivery, person, 1, encounters[switch].start)
    first_sample = next((sample.at for encounter in encounters for sample in encounter.samples), None)
    if first_sample is not None:
        register_lis(delivery, person, first_sample)
    scores: dict[str, float] = {}
    for encounter in encounters:
        if encounter.start >= delivery.high:
            break
        if encounter.last_moment < delivery.low:
            continue
        scores = scores or labs.baseline(seed, person)
        rng = derive(seed, Stream.VISIT, person.index, encounter.number)
        which = int(encounter.number >= switch)
        duty = staff.on_duty(seed, encounter.department, rng)
        writer = EncounterWriter(delivery, rng, person, encounter, identifiers.his_number(person.index, which), duty)
        writer.write(scores)
        texts = derive(seed, Stream.NOTE, person.index, encounter.number)
        write_notes(delivery, texts, person, course, writer)
        write_pathology(delivery, texts, person, course, writer, seed)
        write_imaging(delivery, texts, person, course, writer, seed)
    for number, contact in enumerate(course.contacts):
        write_contact(delivery, derive(seed, Stream.NOTE, person.index, 5000 + number), person, contact, number, seed)


def _write_registered_only(delivery: Delivery, settings: Settings, ordinal: int) -> None:
    """Write people who are registered and never seen; half of them carry the defects of the registers."""
    his, lis = KINDS["his.patient"], KINDS["lis.patient"]
    for place, index in enumerate(registered_only(settings, ordinal)):
        person = make_person(settings.seed, index, settings.first_delivery, (index % 2 == 0, 30 + index % 40))
        registered = delivery.high - timedelta(hours=5 + place % 11)
        rows = (
            (tables.HIS_PATIENT, his_row(person, 0, registered, delivery.high), his),
            (tables.LIS_PATIENT, lis_row(person), lis),
        )
        for table, row, kinds in rows:
            turn = place // 2 + ordinal
            change = kinds[turn % len(kinds)]
            identity_needed = change[0] == "identity_checksum" and not row[table.index("resident_id")]
            if place % 2 == 0 and not identity_needed:
                delivery.planter.plant_as(delivery.writer(table), row, change)
            else:
                delivery.row(table, row, defects=False)


def _write_canary_records(delivery: Delivery, settings: Settings) -> None:
    for record in canaries.structured(settings.patients):
        delivery.note_down("canaries", record)
    for index in canaries.identity_indexes(settings.patients):
        value = patient(settings, index).person.resident_id
        delivery.note_down(
            "canaries", {"type": "RESIDENT_ID", "value": value, "where": f"structured identifier of p{index:06d}"}
        )


def _open(root: Path, key: AnswerKey, settings: Settings, ordinal: int) -> Delivery:
    low = datetime.min if ordinal == 0 else _midnight(settings, ordinal - 1)
    rng = derive(settings.seed, Stream.DEFECT, ordinal)
    return Delivery(root, settings.delivery(ordinal), ordinal, low, _midnight(settings, ordinal), key, rng)


def _write_deliveries(root: Path, key: AnswerKey, settings: Settings, ordinals: list[int], truth: TruthWriter) -> None:
    """Write some deliveries in one pass over the patients; each becomes complete in its turn."""
    deliveries = [_open(root, key, settings, ordinal) for ordinal in ordinals]
    try:
        for later in deliveries[1:]:
            later.buffer_key()
        if ordinals[0] == 0:
            _write_canary_records(deliveries[0], settings)
        for index in indexes(settings, ordinals[-1]):
            one = patient(settings, index)
            truth.add(one)
            for delivery in deliveries:
                _write_patient(delivery, settings, one)
        for delivery in deliveries:
            _write_registered_only(delivery, settings, delivery.ordinal)
            key.complete(delivery.name, delivery.finish())
    except BaseException:
        for delivery in deliveries:
            delivery.abandon()
        raise


def generate(
    root: Path,
    patients: int = 2000,
    seed: int = 20260601,
    daily_deliveries: int = 3,
    answer_key: Path | None = None,
) -> Summary:
    """Write the deliveries of a hospital of ``patients`` people: the initial load and ``daily_deliveries`` days after
    it.

    ``root`` gets ``<system>/<date>/<file>``; the answer key goes to ``answer_key`` (default:
    ``<root>/../answer_key``). Deliveries that are already complete are left as they are, so a call with more days
    adds folders only. Raises SampleHospitalError for sizes out of range and OccupiedFolderError when the answer key
    belongs to another hospital.
    """
    if not 1 <= patients <= MAX_PATIENTS:
        raise SampleHospitalError(f"patients must be between 1 and {MAX_PATIENTS}, got {patients}: give another size")
    if not 0 <= daily_deliveries < MAX_DELIVERIES:
        raise SampleHospitalError(
            f"daily deliveries must be between 0 and {MAX_DELIVERIES - 1}, got {daily_deliveries}: give fewer days"
        )
    started = time.perf_counter()
    settings = Settings(patients=patients, seed=seed)
    folder = answer_key if answer_key is not None else root.resolve().parent / "answer_key"
    key = AnswerKey(folder, {"patients": patients, "seed": seed, "first_delivery": settings.first_delivery.isoformat()})
    key.drop_incomplete([name for name in key.deliveries if _complete(root, name)])
    first_missing = len(key.deliveries)
    missing = list(range(first_missing, daily_deliveries + 1))
    key.begin()
    try:
        for start in range(0, len(missing), _DELIVERIES_A_PASS):
            part = missing[start : start + _DELIVERIES_A_PASS]
            with closing(TruthWriter(key, settings, part[-1])) as truth:
                _write_deliveries(root, key, settings, part, truth)
    finally:
        key.close()
    written = [settings.delivery(ordinal).isoformat() for ordinal in missing]
    rows = {name: key.counts(name) for name in key.deliveries}
    return Summary(root, folder, tuple(key.deliveries), tuple(written), rows, time.perf_counter() - started)


def _complete(root: Path, name: str) -> bool:
    return all((root / table.source / name / table.file).exists() for table in tables.TABLES)
