"""Generates the deliveries of the sample hospital and its answer key."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from include.sample_hospital import canaries, identifiers, labs, staff, systems
from include.sample_hospital.answer_key import AnswerKey
from include.sample_hospital.defects import KINDS
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
from include.sample_hospital.truth import write_truth


@dataclass(frozen=True, slots=True)
class Summary:
    """What a call did. ``rows`` are the rows per delivery and file of all deliveries; ``written`` names the new ones."""

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
            (systems.HIS_PATIENT, his_row(person, 0, registered, delivery.high), his),
            (systems.LIS_PATIENT, lis_row(person), lis),
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
        delivery.key.add("canaries", record)
    for index in canaries.identity_indexes(settings.patients):
        value = patient(settings, index).person.resident_id
        delivery.key.add(
            "canaries", {"type": "RESIDENT_ID", "value": value, "where": f"structured identifier of p{index:06d}"}
        )


def _write_delivery(root: Path, key: AnswerKey, settings: Settings, ordinal: int) -> None:
    low = datetime.min if ordinal == 0 else _midnight(settings, ordinal - 1)
    rng = derive(settings.seed, Stream.DEFECT, ordinal)
    delivery = Delivery(root, settings.delivery(ordinal), ordinal, low, _midnight(settings, ordinal), key, rng)
    try:
        if ordinal == 0:
            _write_canary_records(delivery, settings)
        for index in indexes(settings, ordinal):
            _write_patient(delivery, settings, patient(settings, index))
        _write_registered_only(delivery, settings, ordinal)
        key.complete(delivery.name, delivery.finish())
    except BaseException:
        delivery.abandon()
        raise


def generate(
    root: Path,
    patients: int = 2000,
    seed: int = 20260601,
    daily_deliveries: int = 3,
    answer_key: Path | None = None,
) -> Summary:
    """Write the deliveries of a hospital of ``patients`` people: the initial load and ``daily_deliveries`` days after it.

    ``root`` gets ``<system>/<date>/<file>``; the answer key goes to ``answer_key`` (default: ``<root>/../answer_key``). Deliveries that
    are already complete are left as they are, so a call with more days adds folders only. Raises SampleHospitalError for sizes out of
    range and OccupiedFolderError when the answer key belongs to another hospital.
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
    wanted = [settings.delivery(ordinal).isoformat() for ordinal in range(daily_deliveries + 1)]
    written: list[str] = []
    key.drop_incomplete([name for name in key.deliveries if _complete(root, name)])
    key.begin()
    try:
        for ordinal, name in enumerate(wanted):
            if name not in key.deliveries:
                _write_delivery(root, key, settings, ordinal)
                written.append(name)
    finally:
        key.close()
    if written:
        write_truth(key, settings, len(key.deliveries) - 1)
    rows = {name: key.counts(name) for name in key.deliveries}
    return Summary(root, folder, tuple(key.deliveries), tuple(written), rows, time.perf_counter() - started)


def _complete(root: Path, name: str) -> bool:
    return all((root / table.source / name / table.file).exists() for table in systems.TABLES)
