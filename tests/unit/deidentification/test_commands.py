"""``xinglin deid``: the commands on files; none shows a value that it was not asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from governance import cli
from governance.deidentification.commands import COMMANDS
from governance.deidentification.risking import columns_of
from governance.settings import PROJECT, Settings
from tests.unit.anonymization.dicom.conftest import IDENTIFIERS, ct_image


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["deid", *map(str, arguments)])


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0, result.output


def test_dicom_writes_what_it_may_and_counts_the_rest(tmp_path: Path) -> None:
    source, target, listing = tmp_path / "in", tmp_path / "out", tmp_path / "list.csv"
    source.mkdir()
    (source / "王小东.dcm").write_bytes(ct_image())
    (source / "us.dcm").write_bytes(ct_image(Modality="US"))
    (source / "note.txt").write_text("王小东")
    (tmp_path / "key").write_text("k" * 32)
    options = ("--key-file", tmp_path / "key", "--options", "dates,descriptors", "--list", listing)
    result = run("dicom", source, target, *options)
    assert result.exit_code == 1, result.output  # a file was refused
    assert "输出 written: 1" in result.output
    assert "modality: US: 1" in result.output
    (written,) = [path for path in target.rglob("*") if path.is_file()]
    for identifier in IDENTIFIERS:
        assert identifier not in str(written.relative_to(target))
        assert identifier not in result.output
        assert identifier.encode() not in written.read_bytes() or identifier == "1.2.3.4.5"
    assert len(listing.read_text("utf-8").splitlines()) == 3
    (source / "note.txt").unlink()
    assert run("dicom", source, target, *options).exit_code == 0


def test_dicom_by_several_processes_writes_the_same(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "key").write_text("k" * 32)
    for number in range(8):
        (tmp_path / "in" / f"{number}").write_bytes(ct_image(SOPInstanceUID=f"1.2.3.4.5.{number + 1}"))
    for jobs in ("1", "2"):
        result = run("dicom", tmp_path / "in", tmp_path / jobs, "--key-file", tmp_path / "key", "--jobs", jobs)
        assert "输出 written: 8" in result.output
    written = [{p.name: p.read_bytes() for p in (tmp_path / jobs).rglob("*.dcm")} for jobs in ("1", "2")]
    assert len(written[0]) == 8
    assert written[0] == written[1]


def test_dicom_refuses_an_output_inside_the_input(tmp_path: Path) -> None:
    result = run("dicom", tmp_path, tmp_path / "out")
    assert result.exit_code == 1
    assert "inside the input" in result.output


def test_dicom_without_anything_written_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert run("dicom", tmp_path / "in", tmp_path / "out").exit_code == 1


def test_risk_of_a_csv_file(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("sex,year,d\nM,1980,a\nM,1980,b\nF,1991,c\n")
    shown = run("risk", "--csv", file, "--quasi", "sex,year", "--sensitive", "d")
    assert shown.exit_code == 0, shown.output
    assert "smallest class: 1" in shown.output
    assert "1991" not in shown.output
    assert run("risk", "--csv", file, "--quasi", "sex,year", "--max-risk", "0.5").exit_code == 1
    assert run("risk", "--csv", file, "--quasi", "sex,year", "--max-risk", "1").exit_code == 0
    assert "1991" in run("risk", "--csv", file, "--quasi", "sex,year", "--show-values").output


@pytest.mark.parametrize("arguments", [(), ("--csv", "absent.csv"), ("x.y", "--csv", "z")])
def test_risk_says_what_it_needs(arguments: tuple[str, ...]) -> None:
    result = run("risk", *arguments)
    assert result.exit_code == 1
    assert "failed" in result.output


def test_evaluate_prints_figures_and_no_text(tmp_path: Path) -> None:
    corpus, report = tmp_path / "c.jsonl", tmp_path / "r.html"
    spans = [{"start": 2, "end": 5, "type": "PER"}, {"start": 6, "end": 8, "type": "DRUG"}]
    corpus.write_text(json.dumps({"id": 1, "text": "患者王建国服药甲乙。", "spans": spans}), encoding="utf-8")
    result = run("evaluate", corpus, "--html", report, "--compare", "stock-presidio")
    assert result.exit_code == 0, result.output
    assert "== stock-presidio" in result.output
    assert "DRUG 1" in result.output
    assert "王建国" not in result.output + report.read_text("utf-8")
    assert "王建国" in run_with_text(corpus, report)


def run_with_text(corpus: Path, report: Path) -> str:
    assert run("evaluate", corpus, "--html", report, "--show-text", "--compare", "stock-presidio").exit_code == 0
    return report.read_text("utf-8")


def test_evaluate_names_the_line_of_a_fault(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("王\tB-PER\n王\n", encoding="utf-8")
    result = run("evaluate", tmp_path / "c")
    assert result.exit_code == 1
    assert "line 2" in result.output


def test_quasi_identifiers_come_from_the_metadata(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "_m.yml").write_text(
        "models: [{name: small, columns: [{name: sex, config: {meta: {identifier: quasi}}}, {name: note}]}]"
    )
    settings = Settings(dbt_project=tmp_path)
    assert columns_of("specialty", "small", settings) == {"sex": "quasi"}
    kinds = columns_of("landing", "his_patient", settings)
    assert kinds["sex"] == "quasi"
    assert "patient_no" not in kinds  # a token


def test_a_purpose_changes_what_stands_in_the_text(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 32)
    (tmp_path / "in").write_text(json.dumps({"id": 1, "text": "患者王建国，电话13812345678。"}), encoding="utf-8")
    texts = {}
    for purpose in ("research", "teaching", "quality_control"):
        done = subprocess.run(
            [sys.executable, "-m", "governance.cli", "deid", "text", "in", "--key-file", "key", "--purpose", purpose],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        texts[purpose] = json.loads(done.stdout)["text"]
    assert "【电话】" in texts["research"]
    assert "【" not in texts["teaching"]
    assert texts["quality_control"].startswith("患者【姓名】")
    assert not any("王建国" in text or "13812345678" in text for text in texts.values())


def test_an_unknown_purpose_is_named(tmp_path: Path) -> None:
    result = run("spans", tmp_path / "in", "--purpose", "marketing")
    assert result.exit_code == 1
    assert "no purpose of that name" in result.output
