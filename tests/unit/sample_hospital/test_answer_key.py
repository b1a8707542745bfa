"""The answer key tells the truth about the files."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import sample_reading as reading
from sample_reading import Hospital

from include.sample_hospital.defect_kinds import KINDS
from include.sample_hospital.tables import TABLES

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
FORMATS = {
    "%Y%m%d": ("his.patient birth_date", "his.operation performed_on", "pacs.study birth_date"),
    "%Y/%m/%d": ("lis.patient birth_date",),
    "%Y-%m-%d": ("path.report received_on", "follow_up.contact contacted_on"),
    "%Y-%m-%dT%H:%M:%S": ("emr.note authored_at",),
}
STARTS = {"end_at": "start_at", "stop_at": "start_at", "reported_on": "received_on"}


def _checked(identity: str) -> bool:
    return "10X98765432"[sum(int(d) * w for d, w in zip(identity, WEIGHTS, strict=False)) % 11] == identity[17]


def _impossible(field: str, value: str) -> bool:
    formats = [form for form, fields in FORMATS.items() if field in fields] or ["%Y-%m-%d %H:%M:%S"]
    try:
        datetime.strptime(value, formats[0])
    except ValueError:
        return True
    return False


def _holds(
    name: str, kind: str, field: str, row: dict[str, str] | None, earlier: Counter[str], known: set[str]
) -> bool:
    """Return whether the row really has the defect."""
    if kind in ("broken_encoding", "truncated_line"):
        return row is None
    assert row is not None
    value = row[field] if field else ""
    start = STARTS.get(field) or ("sampled_at" if name == "lis.result" else "studied_at")
    return {
        "identity_checksum": lambda: len(value) == 18 and not _checked(value),
        "impossible_date": lambda: _impossible(f"{name} {field}", value),
        "date_in_future": lambda: value[:4] == "2031",
        "end_before_start": lambda: value < row[start],
        "wrong_unit": lambda: value == "mg",
        "out_of_range": lambda: float(value) < 0 or float(value) > 130,
        "orphan": lambda: value not in known,
        "duplicate": lambda: earlier[value] == 1,
        "unknown_code": lambda: value in ("7", "8", "5", "9", "Z", "X", "ZZ", "未", "C9999", "状态不明", "传真"),
        "missing_required": lambda: value == "",
        "amount_mismatch": lambda: abs(float(value) - float(row["quantity"]) * float(row["unit_price"])) > 0.01,
    }[kind]()


def test_every_planted_defect_is_at_its_line(hospital: Hospital) -> None:
    defects = reading.key(hospital.key, "defects")
    parents = {
        "his.visit": {row["patient_no"] for row in hospital.rows("his.patient")},
        "lis.result": {row["patient_no"] for row in hospital.rows("lis.patient")},
    }
    visits = {row["visit_no"] for row in hospital.rows("his.visit")}
    by_place = {(defect["file"], defect["line"]): defect for defect in defects}
    met = 0
    for one in TABLES:
        name = f"{one.source}.{one.name}"
        for delivery in hospital.summary.deliveries:
            earlier: Counter[str] = Counter()
            for line, raw in reading.raw_rows(hospital.root, one, delivery):
                row = reading.parse(one, raw)
                defect = by_place.get((f"{one.source}/{delivery}/{one.file}", line))
                if defect is not None:
                    known = parents.get(name, visits)
                    assert _holds(name, defect["rule_kind"], defect["field"], row, earlier, known), defect
                    met += 1
                else:
                    assert row is not None, (name, delivery, line)
                if row is not None:
                    earlier[row[one.logical[0]]] += 1
    assert met == len(defects) > 100


def test_keys_are_unique_but_for_the_planted_duplicates(hospital: Hospital) -> None:
    for one in TABLES:
        found = Counter(row[one.logical[0]] for row in hospital.rows(f"{one.source}.{one.name}"))
        assert found and found.most_common(1)[0][1] == 1, one.file


def test_no_child_hangs_on_a_rejected_parent(hospital: Hospital) -> None:
    patients = {row["patient_no"] for row in hospital.rows("his.patient")}
    visits = {row["visit_no"] for row in hospital.rows("his.visit")}
    assert {row["patient_no"] for row in hospital.rows("his.visit")} <= patients
    for name in ("diagnosis", "order", "drug", "operation", "fee"):
        assert {row["visit_no"] for row in hospital.rows(f"his.{name}")} <= visits, name
    lis = {row["patient_no"] for row in hospital.rows("lis.patient")}
    assert {row["patient_no"] for row in hospital.rows("lis.result")} <= lis


def test_defects_are_rare_and_of_every_kind(hospital: Hospital) -> None:
    defects = reading.key(hospital.key, "defects")
    planned = {kind for changes in KINDS.values() for kind, _, _ in changes}
    assert {defect["rule_kind"] for defect in defects} == planned
    results = sum(files["lis/lis_result.csv"] for files in hospital.summary.rows.values())
    share = sum(defect["table"] == "result" for defect in defects) / results
    assert 0.004 < share < 0.012


def test_every_span_is_exact(hospital: Hospital) -> None:
    records = reading.key(hospital.key, "spans")
    texts: dict[tuple[str, str, str, int], dict[str, str]] = {}
    for name in ("emr.note", "path.report", "pacs.study", "follow_up.contact"):
        one = reading.table(name)
        for delivery in hospital.summary.deliveries:
            for line, raw in reading.raw_rows(hospital.root, one, delivery):
                row = reading.parse(one, raw)
                if row is not None:
                    texts[one.source, one.name, delivery, line] = row
    assert len(records) > 1000
    types: Counter[str] = Counter()
    for record in records:
        row = texts[record["source"], record["table"], record["delivery"], record["line"]]
        assert row[reading.table(f"{record['source']}.{record['table']}").logical[0]] == record["record_key"]
        last = 0
        for span in record["spans"]:
            assert row[record["field"]][span["start"] : span["end"]] == span["text"] != ""
            assert span["start"] >= last
            last = span["end"]
            types[span["type"]] += 1
    assert set(types) == {
        *("PERSON", "PHONE", "RESIDENT_ID", "ADDRESS", "ORGANIZATION", "MEDICAL_RECORD_NUMBER", "DATE", "EMAIL"),
        *("WECHAT", "QQ", "BANK_CARD", "LICENSE_PLATE", "AGE_OVER_89"),
    }


def test_every_text_has_its_spans_recorded(hospital: Hospital) -> None:
    recorded = {(r["table"], r["delivery"], r["line"]) for r in reading.key(hospital.key, "spans")}
    places = hospital.defect_places()
    one = reading.table("emr.note")
    for delivery in hospital.summary.deliveries:
        for line, _ in reading.raw_rows(hospital.root, one, delivery):
            if (f"emr/{delivery}/notes.ndjson", line) not in places:
                assert ("note", delivery, line) in recorded


def test_the_patients_name_in_a_note_is_always_marked(hospital: Hospital) -> None:
    spans = {
        (r["delivery"], r["record_key"]): r["spans"] for r in reading.key(hospital.key, "spans") if r["table"] == "note"
    }
    seen = 0
    for row in hospital.rows("emr.note"):
        name, text = row["patient_name"], row["text"]
        covered = [(s["start"], s["end"]) for s in spans[hospital.first, row["record_no"]]]
        start = text.find(name)
        while start >= 0:
            assert any(low <= start and start + len(name) <= high for low, high in covered), row["record_no"]
            seen += 1
            start = text.find(name, start + 1)
    assert seen > 300


def test_every_canary_occurs_only_where_the_key_says(hospital: Hospital) -> None:
    canaries = reading.key(hospital.key, "canaries")
    assert len({canary["value"] for canary in canaries}) == len(canaries) >= 20
    everything = {
        one.file: b"".join(
            (hospital.root / one.source / d / one.file).read_bytes() for d in hospital.summary.deliveries
        )
        for one in TABLES
    }
    for canary in canaries:
        holders = {one.file for one in TABLES if canary["value"].encode(one.encoding) in everything[one.file]}
        if canary["where"].startswith("emr.note"):
            assert holders == {"notes.ndjson"}, canary
        else:
            assert "HZXX.csv" in holders, canary


def test_persons_name_the_numbers_of_every_system(hospital: Hospital) -> None:
    persons = reading.key(hospital.key, "persons")
    numbers = {"his": "his.patient", "lis": "lis.patient", "path": "path.report", "pacs": "pacs.study"}
    for system, name in numbers.items():
        of_key = {number for person in persons for number in person.get(system, [])}
        assert {row["patient_no"] for row in hospital.rows(name) if row["patient_no"] in of_key}
    assert {row["mrn"] for row in hospital.rows("emr.note")} <= {n for p in persons for n in p.get("emr", [])}
    assert any(len(person["his"]) == 2 for person in persons)
    assert len(persons) >= 300
