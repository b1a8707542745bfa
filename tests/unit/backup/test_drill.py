"""Drills without a server: the moment drawn, what tables must hold, verdicts, signatures, charts, the report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from governance.backup.adapter import Range
from governance.backup.comparing import Comparison, Recorded
from governance.backup.contents import Snapshot, TableContent
from governance.backup.drill.charts import Point, line_chart
from governance.backup.drill.choosing import draw, refuse_outside
from governance.backup.drill.content import Figures, tables
from governance.backup.drill.evidence import Evidence, good, public_key, read_evidence, sign, signer, write_evidence
from governance.backup.drill.outcomes import State, Step, check
from governance.backup.drill.report import render, write_report
from governance.errors import BackupError
from governance.keys import Keyring, create_keyring, open_keyring
from governance.settings import Settings

START = datetime(2026, 6, 1, 4, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    create_keyring(tmp_path / "keys" / "keyring.json", Settings().suite)
    return open_keyring(tmp_path / "keys" / "keyring.json")


def evidence(number: int = 0, *, fails: bool = False, kind: str = "time", rpo: float | None = 21.4) -> Evidence:
    at = START + number * DAY
    differs = ["landing.lis_result: its figures were the same before and after the moment, and the copy's are others"]
    checks = (
        check("recoverable", 1, "1 段 range(s)"),
        check("restored", 1, "20260601T023000Z-9c41d2aa · 412.6 MB · 38.2 s"),
        check("tables", 96, "96 张表一致 tables equal (1,204,511 行 rows)", differs if fails else []),
        check("structure", 412, "148 张表（含 TOAST）tables · 264 个索引 indexes"),
        check("decryption", 1400, "1,400 个值 values · 22 列 columns"),
        check("withdrawn", 0, "无人撤回 nobody has withdrawn"),
        check("rpo", 1, "21.4 s ≤ 60 s"),
    )
    return Evidence(
        drill_id=f"{at:%Y%m%dT%H%M%SZ}-0a1b2c3d", kind=kind, run_id="test", operator="airflow", adapter="embedded",
        program="xinglin 0.4.0", server_version=170010, started_at=at, ended_at=at + timedelta(seconds=97),
        seed=20260601,
        target=at - timedelta(hours=7), earliest=at - 30 * DAY, until=at - timedelta(seconds=21),
        backup_id="20260601T023000Z-9c41d2aa", recovered_to=at - timedelta(hours=7, seconds=12), size=412_600_000,
        rpo_seconds=rpo, rto_seconds=41.0 + number % 5, row_age_seconds=12.0, rpo_limit=60, rto_limit=120,
        steps=(Step(title="恢复至独立服务器并重放撤回 restore to a scratch server", started_at=at, seconds=38.2),),
        checks=checks, passed=good(checks),
    )  # fmt: skip


# -- the moment -----------------------------------------------------------------------------------------------------


def test_a_named_moment_outside_what_can_be_restored_is_refused_and_one_in_a_gap_is_not() -> None:
    ranges = (Range("a", 1, START, START + DAY), Range("b", 2, START + 3 * DAY, START + 4 * DAY))
    for moment in (START - DAY, START + 5 * DAY):
        with pytest.raises(BackupError, match="nothing was drilled"):
            refuse_outside(ranges, moment)
    for moment in (START, START + 2 * DAY, START + 4 * DAY):
        refuse_outside(ranges, moment)
    refuse_outside((), START)


def test_the_moment_lies_in_a_range_and_comes_again_with_its_seed() -> None:
    ranges = (Range("a", 1, START, START + DAY), Range("b", 2, START + 3 * DAY, START + 4 * DAY))
    drawn = [draw(ranges, seed) for seed in range(200)]
    assert drawn == [draw(ranges, seed) for seed in range(200)]
    assert all(any(item.earliest <= moment <= item.until for item in ranges) for moment in drawn if moment)
    assert 60 < sum(moment is not None and moment < START + 2 * DAY for moment in drawn) < 140


def test_there_is_no_moment_in_nothing() -> None:
    assert draw((), 1) is None
    assert draw((Range("a", 1, START, START),), 1) is None


# -- what tables must hold ------------------------------------------------------------------------------------------


def content(rows: int, value: str, *, changed: bool = False) -> TableContent:
    return TableContent(rows=rows, hash=value, settled_rows=rows, settled_hash=value, changed=changed)


def recorded(backup_id: str, at: datetime, held: dict[str, TableContent]) -> Recorded:
    return Recorded(backup_id, at, at, "warehouse", Snapshot(oldest=1, next=2), held)


BEFORE = {"a.same": content(3, "1"), "a.grew": content(3, "2"), "a.torn": content(3, "3", changed=True)}
AFTER = {"a.same": content(3, "1"), "a.grew": content(5, "9"), "a.torn": content(3, "3"), "a.new": content(1, "5")}


def test_a_table_that_is_the_same_before_and_after_must_be_unchanged_and_no_other() -> None:
    figures = Figures((recorded("one", START, BEFORE), recorded("two", START + DAY, AFTER)))
    assert figures.unchanged("one", START + DAY / 2, ()) == {"a.same"}
    assert figures.unchanged("one", START + DAY / 2, ("a.same",)) == set()
    assert figures.unchanged("one", None, ()) == {"a.same", "a.grew"}


def test_of_a_backup_without_a_record_no_table_is_known_to_be_unchanged() -> None:
    assert Figures((recorded("two", START + DAY, AFTER),), live=AFTER).unchanged("one", START, ()) == set()


def test_after_the_last_backup_the_live_warehouse_is_asked_and_without_it_nothing_is_known() -> None:
    figures = Figures((recorded("one", START, BEFORE),))
    assert figures.unchanged("one", START + DAY, ()) == set()
    assert replace(figures, live=AFTER).unchanged("one", START + DAY, ()) == {"a.same"}


def test_a_table_that_should_be_equal_and_is_listed_as_rewritten_is_a_difference() -> None:
    comparison = Comparison(("a.grew",), (), ("a.same",), (), 3)
    found = tables(comparison, {"a.same"})
    assert found.state is State.FAILED
    assert "a.same" in found.findings[0]
    assert tables(comparison, {"a.grew"}).state is State.PASSED


def test_with_nothing_compared_the_check_is_not_applicable_and_the_drill_not_good() -> None:
    nothing = tables(Comparison((), (), ("a.same",), (), 0), set())
    assert nothing.state is State.NOT_APPLICABLE
    assert not good((nothing,))
    assert not good(())


# -- evidence -------------------------------------------------------------------------------------------------------


def test_evidence_is_checked_with_the_public_key_alone(keyring: Keyring, tmp_path: Path) -> None:
    file = write_evidence(sign(evidence(), keyring), keyring, tmp_path / "reports")
    key = next((tmp_path / "reports").glob("public-key-*.pem"))
    assert read_evidence(file, public_key(key)) == sign(evidence(), keyring)
    with pytest.raises(BackupError, match="no public key"):
        public_key(file)


@pytest.mark.parametrize("field", ["rto_seconds", "seed", "passed", "checks", "signature"])
def test_altered_evidence_is_refused(keyring: Keyring, tmp_path: Path, field: str) -> None:
    document = sign(evidence(fails=True), keyring).model_dump(mode="json")
    document |= {
        "rto_seconds": {"rto_seconds": 1.0}, "seed": {"seed": 1}, "passed": {"passed": True},
        "checks": {"checks": document["checks"][:2]}, "signature": {"signature": ""},
    }[field]  # fmt: skip
    (tmp_path / "forged.json").write_text(json.dumps(document))
    with pytest.raises(BackupError, match="altered"):
        read_evidence(tmp_path / "forged.json", signer(keyring).checker)


def test_a_signed_verdict_that_does_not_follow_from_its_checks_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    lie = sign(evidence(fails=True).model_copy(update={"passed": True}), keyring)
    (tmp_path / "lie.json").write_bytes(lie.content())
    with pytest.raises(BackupError, match="does not follow"):
        read_evidence(tmp_path / "lie.json", signer(keyring).checker)


def test_another_installation_and_a_signature_of_a_backup_are_refused(keyring: Keyring, tmp_path: Path) -> None:
    create_keyring(tmp_path / "other" / "keyring.json", Settings().suite)
    other = open_keyring(tmp_path / "other" / "keyring.json")
    signed = sign(evidence(), keyring)
    (tmp_path / "signed.json").write_bytes(signed.content())
    with pytest.raises(BackupError, match="another installation"):
        read_evidence(tmp_path / "signed.json", signer(other).checker)
    as_backup = replace(signer(keyring), domain=b"xinglin backup 2\n").sign(signed.model_dump(mode="json"))
    (tmp_path / "signed.json").write_bytes(signed.model_copy(update={"signature": as_backup}).content())
    with pytest.raises(BackupError, match="altered"):
        read_evidence(tmp_path / "signed.json", signer(keyring).checker)


# -- report ---------------------------------------------------------------------------------------------------------

CHAPTERS = (
    "基本情况",
    "参与与职责",
    "步骤与耗时",
    "结果与核对",
    "历次 RPO 与 RTO",
    "问题与整改",
    "结论",
    "签字",
    "电子证据",
)


class _Balanced(HTMLParser):
    """Fails on an element that is closed out of order."""

    VOID = ("meta", "br", "line", "circle", "path", "polyline", "polygon", "link")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Nothing is left open."""

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("kind", ["time", "latest", "ransomware"])
@pytest.mark.parametrize("fails", [False, True])
def test_the_report_has_every_chapter_and_nothing_from_elsewhere(keyring: Keyring, kind: str, fails: bool) -> None:
    signed = sign(evidence(3, kind=kind, fails=fails), keyring)
    page = render(signed, [evidence(number, kind=kind) for number in range(3)])
    parser = _Balanced()
    parser.feed(page)
    assert parser.open == []
    assert [chapter for chapter in CHAPTERS if chapter not in page] == []
    assert not re.search(r"https?://|src=|@import|url\(", page)
    assert ("演练不合格" in page) is fails
    assert ("整改措施" in page) is fails
    assert "不适用" in page
    assert signed.signature in page
    assert page.count("<circle") == 8


def test_a_finding_cannot_bring_markup_into_the_report(keyring: Keyring) -> None:
    made = evidence()
    evil = made.model_copy(update={"operator": "<script>alert(1)</script>"})
    assert "<script" not in render(sign(evil, keyring), [])


def test_a_report_is_written_beside_its_evidence(keyring: Keyring, tmp_path: Path) -> None:
    signed = sign(evidence(), keyring)
    assert write_report(signed, [], tmp_path) == tmp_path / f"{signed.drill_id}.html"


def test_charts_draw_one_point_many_points_outliers_and_none() -> None:
    assert "no figures" in line_chart([], 60, "RPO")
    assert line_chart([Point(START, 20, True)], 60, "RPO").count("<circle") == 1
    many = [Point(START + number * DAY, 20 + number, number % 3 > 0) for number in range(9)]
    chart = line_chart(many, 60, "RPO")
    assert chart.count('class="bad"') == 3
    assert "<polyline" in chart
    outlier = line_chart([*many, Point(START + 10 * DAY, 90_000, False)], 60, "RPO")
    assert "<polygon" in outlier
    assert "90,000" in outlier
