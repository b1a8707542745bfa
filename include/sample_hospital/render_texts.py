"""Rows that carry free text: notes, pathology and imaging reports, follow-up contacts."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from include.sample_hospital import follow_up_remarks, identifiers, imaging_reports, pathology_reports, staff, tables
from include.sample_hospital.course import OUTPATIENT, Contact, Course, Encounter
from include.sample_hospital.note_context import NoteContext
from include.sample_hospital.notes import NoteWriter
from include.sample_hospital.people import Person
from include.sample_hospital.render_clinical import EncounterWriter
from include.sample_hospital.render_registration import identity_in, stamp
from include.sample_hospital.sink import Delivery


def _numbers(writer: EncounterWriter, person: Person) -> dict[str, str]:
    return {
        "visit": writer.visit_no,
        "admission": writer.admission_no or writer.visit_no,
        "mrn": identifiers.emr_number(person.index),
    }


def write_notes(delivery: Delivery, rng: Random, person: Person, course: Course, writer: EncounterWriter) -> None:
    """Write the notes of a stay that are authored within the delivery."""
    encounter = writer.encounter
    if not encounter.with_notes:
        return
    notes = NoteWriter(
        rng, person, encounter, course.cancer, _numbers(writer, person), writer.staff, writer.labs
    ).write()
    for number, note in enumerate(notes, start=1):
        if not delivery.holds(note.at):
            continue
        record_no = f"E{writer.digits}{number:02d}"
        if note.code == "C0034" and encounter.number % 2 == 0:
            delivery.plant_note_canary(note.text, f"emr.note {record_no}")
        row = (
            record_no,
            identifiers.emr_number(person.index),
            writer.visit_no,
            note.code,
            note.title,
            note.author,
            f"{note.at:%Y-%m-%dT%H:%M:%S}",
            person.name,
            person.resident_id,
            str(note.text),
        )
        delivery.row(tables.EMR_NOTE, row, {"text": note.text})


def write_pathology(
    delivery: Delivery, rng: Random, person: Person, course: Course, writer: EncounterWriter, seed: int
) -> None:
    encounter = writer.encounter
    for number, case in enumerate(encounter.pathology):
        reported = datetime(case.reported.year, case.reported.month, case.reported.day, 16)
        due = delivery.holds(reported)
        pathology_no = f"B{case.received.year}{person.index:06d}{encounter.number:03d}{number}"
        duty = staff.on_duty(seed, "病理科", rng)
        context = NoteContext(
            rng, person, encounter, reported, {**_numbers(writer, person), "pathology": pathology_no}, duty, {}
        )
        tumour = course.cancer if case.kind != "benign" else None
        gross, diagnosis, stain = pathology_reports.write(rng, case, tumour, context)
        writer.service("BL01", 1, reported)
        if len(stain):
            writer.service("BL02", 8, reported)
        if not due:
            continue
        row = (
            pathology_no,
            identifiers.path_number(person.index),
            person.name,
            person.sex_zh,
            str(person.age_at(case.received)),
            identity_in(person, "path"),
            writer.admission_no,
            encounter.department,
            case.specimen,
            case.received.isoformat(),
            case.reported.isoformat(),
            duty["doctor"],
            str(gross),
            str(diagnosis),
            str(stain),
        )
        delivery.row(tables.PATH_REPORT, row, {"gross_text": gross, "diagnosis_text": diagnosis, "ihc_text": stain})


def write_imaging(
    delivery: Delivery, rng: Random, person: Person, course: Course, writer: EncounterWriter, seed: int
) -> None:
    encounter = writer.encounter
    for number, study in enumerate(encounter.studies):
        reported = study.at + timedelta(minutes=rng.randint(25, 600))
        duty = staff.on_duty(seed, "影像科", rng)
        context = NoteContext(
            rng,
            person,
            encounter,
            reported,
            _numbers(writer, person),
            {**writer.staff, "assistant": duty["assistant"]},
            {},
        )
        findings, impression = imaging_reports.write(rng, study, course.cancer, context)
        if not delivery.holds(reported):
            continue
        row = (
            f"2.25.{person.index + 1}{encounter.number:04d}{number}{study.at:%Y%m%d%H%M%S}",
            f"{study.modality}{study.at:%y%m%d}{person.index:06d}{encounter.number:03d}{number}",
            identifiers.pacs_number(person.index),
            person.name,
            "M" if person.male else "F",
            f"{person.birth:%Y%m%d}",
            identity_in(person, "pacs"),
            writer.visit_no,
            study.modality,
            study.body_part,
            stamp(study.at),
            stamp(reported),
            str(findings),
            str(impression),
            duty["doctor"],
        )
        delivery.row(tables.PACS_STUDY, row, {"findings_text": findings, "impression_text": impression})


def write_contact(delivery: Delivery, rng: Random, person: Person, contact: Contact, number: int, seed: int) -> None:
    """Write a follow-up contact when it falls into the delivery."""
    at = datetime(contact.day.year, contact.day.month, contact.day.day, 17)
    if not delivery.holds(at):
        return
    visit = Encounter(OUTPATIENT, at, None, "乳腺外科", [("C50.900", "乳房恶性肿瘤")], "随访", "follow_up")
    digits = f"{person.index:07d}{number:03d}"
    numbers = {"visit": f"SF{digits}", "admission": f"SF{digits}", "mrn": identifiers.emr_number(person.index)}
    context = NoteContext(rng, person, visit, at, numbers, staff.on_duty(seed, "乳腺外科", rng), {})
    remark = follow_up_remarks.write(rng, contact, context)
    row = (
        f"FU{digits}",
        identifiers.follow_up_number(person.index),
        person.name,
        identity_in(person, "follow_up"),
        person.mobile_at(at),
        contact.day.isoformat(),
        contact.method,
        contact.status,
        contact.site,
        contact.death.isoformat() if contact.death else "",
        str(remark),
    )
    delivery.row(tables.FOLLOW_UP_CONTACT, row, {"remark_text": remark})
