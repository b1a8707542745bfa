"""The restore drill on a server with pgBackRest: the checks of the embedded one, and faults that it names."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from governance.backup.drill import Drill, Evidence, State
from governance.backup.drill.evidence import reports
from governance.backup.drill.recording import open_incidents
from governance.backup.pgbackrest.contents import FOLDER, read_contents, write_contents
from governance.cli import app
from governance.lifecycle.drilling import drill_restore
from tests.integration.pgbackrest_cluster import Cluster, data_files, delete, flip, needs_packages, segments

pytestmark = [pytest.mark.integration, needs_packages]


def states(evidence: Evidence) -> dict[str, State]:
    return {check.name: check.state for check in evidence.checks}


def findings(evidence: Evidence) -> str:
    return "\n".join(words for check in evidence.failures for words in check.findings)


def test_a_sound_drill_to_a_drawn_moment_is_good_signed_and_recorded(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    cluster.row()
    cluster.archived()
    run = CliRunner().invoke(app, ["backup", "drill", "--seed", "7"])
    assert run.exit_code == 0, run.output
    file = max(reports(cluster.settings).glob("*.json"), key=lambda path: path.stat().st_mtime)
    evidence = Evidence.model_validate_json(file.read_bytes())
    assert (evidence.adapter, evidence.seed, evidence.passed) == ("pgbackrest", 7, True)
    assert evidence.server_version is not None and evidence.server_version // 10_000 == 15
    assert evidence.earliest and evidence.until and evidence.target and evidence.recovered_to
    assert evidence.earliest <= evidence.target <= evidence.until
    assert evidence.recovered_to <= evidence.target
    assert evidence.rpo_seconds is not None and 0 <= evidence.rpo_seconds < 60
    assert evidence.rto_seconds is not None and 0 < evidence.rto_seconds < 60
    assert set(states(evidence).values()) == {State.PASSED}, states(evidence)
    assert next(check.checked for check in evidence.checks if check.name == "decryption") > 50
    assert CliRunner().invoke(app, ["backup", "drill-check", str(file)]).exit_code == 0
    assert "应急演练报告" in file.with_suffix(".html").read_text("utf-8")
    with cluster.connect() as connection:
        assert connection.execute(
            "select passed, backup_id from governance.drill where drill_id = %s", (evidence.drill_id,)
        ).fetchone() == (True, evidence.backup_id)
    assert not (cluster.settings.state / "tmp" / "drill").exists()


def test_the_stage_goes_as_far_as_the_log_does(cluster: Cluster) -> None:
    moment = cluster.row()
    cluster.archived()
    evidence = drill_restore(cluster.secrets["dsn_backup"], cluster.settings, "test", latest=True)
    assert evidence.passed, findings(evidence)
    assert evidence.backup_id and evidence.backup_id.startswith("repo1/")
    assert states(evidence)["moment"] is State.PASSED
    assert evidence.recovered_to is not None and abs((evidence.recovered_to - moment).total_seconds()) < 1


def test_the_place_apart_is_drilled_without_the_near_one_and_the_withdrawn_stay_unreadable(cluster: Cluster) -> None:
    near, away = cluster.folder / "near", cluster.folder / "near.away"
    near.rename(away)
    try:
        evidence = Drill(cluster.adapter.on_copy(), "test", "time", cluster.between).run()
    finally:
        away.rename(near)
    assert evidence.passed, findings(evidence)
    assert evidence.backup_id and evidence.backup_id.startswith("repo2/") and evidence.backup_id.endswith("F")
    assert states(evidence)["withdrawn"] is State.PASSED


def test_a_damaged_file_of_the_repository_fails_the_drill_and_is_named(cluster: Cluster, near: Path) -> None:
    damaged = data_files(near)[0]
    damaged.write_bytes(damaged.read_bytes()[:-100])  # the tool says "unable to flush", and of which file it does not
    dsn = cluster.secrets["dsn_backup"]
    evidence = drill_restore(dsn, cluster.settings, "test", latest=True)
    assert states(evidence)["restored"] is State.FAILED
    assert f"repo1/{damaged.relative_to(near)}" in findings(evidence)
    assert evidence.rto_seconds is None
    assert [incident.kind for incident in open_incidents(dsn)] == ["drill:latest"]


def test_a_missing_segment_fails_the_drill_and_is_named_though_the_far_log_still_reaches(
    cluster: Cluster, near: Path
) -> None:
    gone = delete(segments(near)[-3])
    evidence = Drill(cluster.adapter, "test", "latest").run()
    assert states(evidence)["recoverable"] is State.FAILED
    assert gone.name[:24] in findings(evidence)
    assert states(evidence)["restored"] is State.PASSED
    assert evidence.backup_id and evidence.backup_id.startswith("repo2/")


def test_a_damaged_segment_is_no_end_of_the_log(cluster: Cluster, near: Path) -> None:
    damaged = flip(segments(near)[-3])
    evidence = Drill(cluster.adapter, "test", "latest").run()
    assert states(evidence)["restored"] is State.FAILED
    assert damaged.name in findings(evidence)


def test_records_that_differ_from_the_copy_fail_the_drill_and_the_table_is_named(cluster: Cluster) -> None:
    folder, keys = cluster.adapter.folder(cluster.adapter.repositories[0]), cluster.adapter.keys
    right = {path: path.read_bytes() for path in (folder / FOLDER).glob("*.json")}
    for label, contents in read_contents(folder, keys.checker)[0].items():
        lab = contents.tables["sample.lab"].model_copy(update={"hash": "v1"})
        (folder / FOLDER / f"{label}.json").unlink()
        write_contents(
            folder, contents.model_copy(update={"tables": contents.tables | {"sample.lab": lab}}), keys.signer
        )
    try:
        evidence = Drill(cluster.adapter, "test", "time", cluster.between).run()
    finally:
        for path, content in right.items():
            path.unlink()
            path.write_bytes(content)
    assert states(evidence)["tables"] is State.FAILED
    assert "sample.lab: its figures" in findings(evidence)
