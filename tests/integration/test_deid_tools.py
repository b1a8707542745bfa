"""Review samples, the span table and the risk of a table, on a real warehouse."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from governance.cli import app
from governance.database import Role, connect
from governance.deidentification.review import draw, read_sample
from governance.deidentification.sampling import sample_of_run
from tests.conftest import Warehouse

pytestmark = pytest.mark.integration
TEXTS = 60


@pytest.fixture
def scrubbed(empty_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A warehouse with scrubbed texts of two tables, one of them small."""
    monkeypatch.setenv("XINGLIN_STATE", str(empty_warehouse.settings.state))
    with psycopg.connect(empty_warehouse.superuser_dsn()) as connection:
        for row in range(TEXTS):
            source = ("emr", "note") if row >= 2 else ("pacs", "study")
            spans = json.dumps([[2, 5, "PERSON", "PersonRecognizer", 0.75]])
            connection.execute(
                "insert into deid.free_text (row_id, field, source, source_table, text, entities, spans, characters,"
                " content_hash, policy_version, batch_id, run_id)"
                " values (%s, 'content', %s, %s, %s, '{}', %s, 12, gen_random_uuid(), '1', 1, 'r')",
                (row, *source, f"患者许飘杰来诊{row}，李四光陪同。", spans),
            )
    return empty_warehouse


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["deid", *map(str, arguments)])


def test_spans_are_a_table_of_places_without_text(scrubbed: Warehouse) -> None:
    with connect(scrubbed.dsn(Role.AUDIT)) as connection:
        rows = connection.execute("select * from deid.text_span order by row_id limit 1").fetchall()
    assert rows == [(0, "content", 2, 5, "PERSON", "PersonRecognizer", 0.75, "1")]


def test_a_sample_holds_every_stratum_and_is_drawn_again_by_its_seed(scrubbed: Warehouse) -> None:
    with connect(scrubbed.dsn(Role.AUDIT)) as connection:
        first, again, other = (draw(connection, 20, seed) for seed in ("a", "a", "b"))
    assert first == again
    assert {item.row_id for item in first} != {item.row_id for item in other}
    assert len(first) == 20
    assert {item.stratum for item in first} == {"emr.note.content", "pacs.study.content"}


def test_finds_of_reviewers_flow_back(scrubbed: Warehouse, tmp_path: Path) -> None:
    result = run("sample", "--n", "20", "--seed", "s1")
    assert result.exit_code == 0, result.output
    folder = scrubbed.settings.state / "review" / "s1"
    assert len(read_sample(folder)) == 20
    form = folder / "form.csv"
    form.write_text(
        "item,reviewed,residual,type,note\n1,1,李四光,PERSON,\n" + "".join(f"{i},1,,,\n" for i in range(2, 21))
    )
    result = run("review", form)
    assert result.exit_code == 0, result.output
    assert "0.0500 (95% Clopper-Pearson [0.0013, 0.2487])" in result.output
    assert "李四光" not in result.output
    cases = (scrubbed.settings.state / "review" / "cases" / "cases.jsonl").read_text("utf-8")
    assert len(cases.splitlines()) == 1


def test_each_run_leaves_a_sample_of_what_it_scrubbed_and_a_form_half_filled_is_kept(scrubbed: Warehouse) -> None:
    settings, dsn = scrubbed.settings.model_copy(update={"review_texts": 10}), scrubbed.dsn(Role.DEIDENTIFY)
    with psycopg.connect(scrubbed.superuser_dsn()) as connection:
        connection.execute("update deid.free_text set run_id = 'manual__2026-06-01T00:00:00+00:00' where row_id >= 50")
    assert sample_of_run(dsn, settings, "manual__2026-06-01T00:00:00+00:00") == 10
    (folder,) = (settings.state / "review").iterdir()
    assert folder.name == "manual__2026-06-01T00_00_00_00_00"
    assert {item.row_id for item in read_sample(folder).values()} == set(range(50, 60))
    (folder / "form.csv").write_text("item,reviewed,residual,type,note\n1,1,,,\n")
    assert sample_of_run(dsn, settings, "manual__2026-06-01T00:00:00+00:00") == 10
    assert "1,1" in (folder / "form.csv").read_text("utf-8")
    assert sample_of_run(dsn, settings, "a run without texts") == 0
    assert sample_of_run(dsn, settings.model_copy(update={"review_texts": 0}), "r") == 0
    assert len(list((settings.state / "review").iterdir())) == 1


def test_an_empty_warehouse_has_nothing_to_review(empty_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_STATE", str(empty_warehouse.settings.state))
    result = run("sample")
    assert result.exit_code == 1
    assert "no scrubbed text" in result.output


def test_the_risk_of_a_table_by_its_metadata_or_the_usual_names(scrubbed: Warehouse) -> None:
    with psycopg.connect(scrubbed.superuser_dsn()) as connection:
        connection.execute("create table specialty.small (sex text, birth_year integer, diagnosis text)")
        connection.execute("insert into specialty.small values ('M', 1980, 'a'), ('M', 1980, 'b'), ('F', null, 'c')")
        connection.execute("grant select on specialty.small to xinglin_audit")
    result = run("risk", "specialty.small", "--sensitive", "diagnosis")
    assert result.exit_code == 0, result.output
    assert "quasi-identifiers: sex, birth_year" in result.output
    assert "rows: 3" in result.output
    assert "maximum risk 1/k: 1.0000" in result.output
    assert run("risk", "specialty.absent").exit_code == 1
