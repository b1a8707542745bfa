"""Deliveries: the same request gives the same bytes, more days give only new folders."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import sample_reading as reading
from sample_reading import Hospital

from include.sample_hospital import OccupiedFolderError, SampleHospitalError, generate
from include.sample_hospital.__main__ import main
from include.sample_hospital.tables import TABLES


def _tree(root: Path) -> dict[str, str]:
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()
    }


@pytest.mark.parametrize(("patients", "days"), [(0, 1), (10, -1), (10, 10_000)])
def test_a_size_out_of_range_is_refused(tmp_path: Path, patients: int, days: int) -> None:
    with pytest.raises(SampleHospitalError):
        generate(tmp_path / "exports", patients=patients, daily_deliveries=days)


def test_a_folder_with_another_hospital_is_refused_and_left_alone(tmp_path: Path) -> None:
    generate(tmp_path / "exports", patients=5, daily_deliveries=0)
    before = _tree(tmp_path)
    with pytest.raises(OccupiedFolderError, match="another"):
        generate(tmp_path / "exports", patients=6, daily_deliveries=0)
    assert _tree(tmp_path) == before


def test_one_patient_makes_a_whole_delivery(tmp_path: Path) -> None:
    generate(tmp_path / "exports", patients=1, daily_deliveries=1)
    files = sorted(str(p.relative_to(tmp_path / "exports")) for p in (tmp_path / "exports").rglob("*") if p.is_file())
    days = ("2026-06-01", "2026-06-02")
    assert files == sorted(f"{t.source}/{day}/{t.file}" for t in TABLES for day in days)


def test_equal_settings_give_equal_bytes(tmp_path: Path) -> None:
    for place in ("a", "b"):
        generate(tmp_path / place / "exports", patients=40, seed=3, daily_deliveries=2)
    assert _tree(tmp_path / "a") == _tree(tmp_path / "b")
    assert _tree(tmp_path / "a")


def test_another_seed_gives_other_people(tmp_path: Path) -> None:
    for seed in (1, 2):
        generate(tmp_path / str(seed) / "exports", patients=5, seed=seed, daily_deliveries=0)
    one, two = (reading.rows(tmp_path / s / "exports", "his.patient", "2026-06-01") for s in ("1", "2"))
    assert {row["name"] for row in one} != {row["name"] for row in two}


def test_more_days_only_add_folders_and_equal_one_call(tmp_path: Path) -> None:
    stepwise, at_once = tmp_path / "steps", tmp_path / "once"
    generate(stepwise / "exports", patients=60, daily_deliveries=1)
    before = _tree(stepwise / "exports")
    summary = generate(stepwise / "exports", patients=60, daily_deliveries=4)
    after = _tree(stepwise / "exports")
    assert {name: after[name] for name in before} == before
    assert summary.written == ("2026-06-03", "2026-06-04", "2026-06-05")
    generate(at_once / "exports", patients=60, daily_deliveries=4)
    assert _tree(stepwise) == _tree(at_once)


def test_fewer_days_change_nothing(tmp_path: Path) -> None:
    generate(tmp_path / "exports", patients=20, daily_deliveries=3)
    before = _tree(tmp_path)
    assert generate(tmp_path / "exports", patients=20, daily_deliveries=1).written == ()
    assert _tree(tmp_path) == before


def test_an_interrupted_delivery_is_made_again(tmp_path: Path) -> None:
    generate(tmp_path / "exports", patients=30, daily_deliveries=2)
    before = _tree(tmp_path)
    (tmp_path / "exports" / "lis" / "2026-06-02" / "lis_result.csv").unlink()
    summary = generate(tmp_path / "exports", patients=30, daily_deliveries=2)
    assert summary.written == ("2026-06-02", "2026-06-03")
    assert _tree(tmp_path) == before


def test_files_are_shaped_as_their_vendors_do(hospital: Hospital) -> None:
    his = (hospital.root / "his" / hospital.first / "HZXX.csv").read_bytes()
    assert his.startswith(b"BRID,XM,XB,CSRQ,") and his.count(b"\r\n") == his.count(b"\n")
    path = (hospital.root / "path" / hospital.first / "pathology.csv").read_bytes()
    assert path.startswith(b"\xef\xbb\xbf" + "病理号,".encode())
    pacs = (hospital.root / "pacs" / hospital.first / "pacs_study.csv").read_bytes()
    assert pacs.startswith(b"STUDY_UID|ACCESSION_NO|")
    note = (hospital.root / "emr" / hospital.first / "notes.ndjson").read_text(encoding="utf-8", errors="replace")
    assert list(json.loads(note.splitlines()[0]))[:3] == ["recordId", "mrn", "visitNo"]


def test_counts_agree_with_the_files(hospital: Hospital) -> None:
    for delivery, files in hospital.summary.rows.items():
        for one in TABLES:
            assert files[f"{one.source}/{one.file}"] == len(list(reading.raw_rows(hospital.root, one, delivery)))


def test_later_deliveries_hold_updates_of_earlier_rows(tmp_path: Path) -> None:
    summary = generate(tmp_path / "exports", patients=250, daily_deliveries=20)
    first = {row["visit_no"]: row for row in reading.rows(tmp_path / "exports", "his.visit", summary.deliveries[0])}
    known = {row["patient_no"] for row in reading.rows(tmp_path / "exports", "his.patient", summary.deliveries[0])}
    closed, new_patients, changed = 0, 0, 0
    for delivery in summary.deliveries[1:]:
        for row in reading.rows(tmp_path / "exports", "his.visit", delivery):
            before = first.get(row["visit_no"])
            closed += before is not None and before["end_at"] == "" and row["end_at"] != ""
        for patient in reading.rows(tmp_path / "exports", "his.patient", delivery):
            new_patients += patient["patient_no"] not in known
            changed += patient["patient_no"] in known and patient["updated_at"] > patient["registered_at"]
    assert closed > 0
    assert new_patients >= 10
    assert changed > 0


def test_the_command_line_reports_every_delivery(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "exports"), "--patients", "5", "--days", "1"]) == 0
    printed = capsys.readouterr().out
    assert "2026-06-01" in printed and "2026-06-02" in printed


def test_the_command_line_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "exports"), "--patients", "0"]) == 2
    assert "patients" in capsys.readouterr().err
