"""A delivered file de-identified as its contract says."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from governance.cli import app
from governance.contracts import load_catalogue
from governance.deidentification.tabling import table_policy
from governance.settings import Settings

HEADER = "ZDLSH,JZLSH,BRID,ZDLB,ZDBM,ZDMC,ZDSJ\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        f"D{n:012d},V{n // 2:010d},{87000000 + n % 3},1,{code},{name},2026-05-0{1 + n % 9} 08:00:00\n"
        for n, (code, name) in enumerate(
            [
                ("I10.x00", "原发性高血压"),
                ("B20.900", "人类免疫缺陷病毒病"),
                ("A51.000", "一期梅毒"),
                ("J20.900", "急性支气管炎"),
            ]
        )
    ]
    refused = "D000000000009,V0000000009,87000001,1,J20.900,急性支气管炎,2026-13-45\n"
    (tmp_path / "ZDXX.csv").write_bytes((HEADER + "".join(rows) + refused).encode("gb18030"))
    (tmp_path / "key").write_text("a key of a test, invented for it")
    return tmp_path


def run(folder: Path, *arguments: object) -> Result:
    given = [str(folder / "ZDXX.csv"), "--key-file", str(folder / "key"), *map(str, arguments)]
    return CliRunner().invoke(app, ["deid", "table", *given])


def test_a_file_is_judged_by_the_gate_and_treated_by_its_contract(folder: Path) -> None:
    result = run(folder, "--contract", "his.diagnosis", "--out", folder / "out.parquet")
    assert result.exit_code == 0, result.output
    made = pl.read_parquet(folder / "out.parquet")
    assert made["code"].to_list() == ["I10.x00", "J20.900"]
    assert made["patient_no"].str.contains("^[0-9a-f]{32}$").all()
    assert made["patient_no"].n_unique() == 1
    assert not made["diagnosed_at"].str.starts_with("2026-05").all()
    assert "his.diagnosis.diagnosed_at.type 1" in result.output
    assert "hiv 1" in result.output
    assert "syphilis 1" in result.output
    assert "870000" not in (folder / "out.parquet").read_bytes().decode("latin-1")


def test_csv_out_is_the_same_and_nothing_is_overwritten(folder: Path) -> None:
    for suffix in ("parquet", "csv"):
        assert run(folder, "--contract", "his.diagnosis", "--out", folder / f"out.{suffix}").exit_code == 0
    assert pl.read_csv(folder / "out.csv", infer_schema=False).equals(
        pl.read_parquet(folder / "out.parquet").select(pl.all().cast(pl.String))
    )
    again = run(folder, "--contract", "his.diagnosis", "--out", folder / "out.csv")
    assert again.exit_code == 1
    assert "nothing is overwritten" in again.output


def test_texts_that_name_a_disease_of_level_5_stay_behind() -> None:
    settings = Settings()
    policy = table_policy(next(c for c in load_catalogue(settings.contracts).of_source("emr")), settings)
    patterns = policy.held_back["text"]
    assert patterns["hiv"].search("术前查HIV抗体阴性")
    assert not any(pattern.search("否认慢性病史，慢性病容") for pattern in patterns.values())


@pytest.mark.parametrize(
    ("contract", "out", "said"),
    [("his.nothing", "o.csv", "there is no contract"), ("his.patient", "o.csv", "lacks the required columns"),
     ("his.diagnosis", "o.xlsx", "name one of them")],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_leaves_nothing(folder: Path, contract: str, out: str, said: str) -> None:
    result = run(folder, "--contract", contract, "--out", folder / out)
    assert result.exit_code == 1
    assert said in result.output
    assert not (folder / out).exists()
