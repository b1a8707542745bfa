"""The retention policy: what it keeps and lets go, and a policy file that means what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from governance.backup.adapter import BackupKind
from governance.backup.manifest import Manifest
from governance.backup.policy import Keep, load_backup_policy
from governance.backup.records import Destroyed, Hold, read_records, write_record
from governance.backup.retention import decide, full_is_due
from governance.backup.wal import position
from governance.errors import BackupError
from governance.settings import PROJECT
from tests.unit.backup.test_manifest import SIGNER, manifest

NOW = datetime(2026, 6, 30, 4, tzinfo=UTC)
POLICY = load_backup_policy(PROJECT / "include" / "policy" / "backup.yaml").model_copy(
    update={"keep": Keep(newest=1, days=3, weeks=2, months=3, years=2), "log_days": 2}
)


def made(days_ago: float, parent: Manifest | None = None) -> Manifest:
    at = NOW - timedelta(days=days_ago)
    lsn = f"0/{int(2e9 - days_ago * 1e6):X}"
    changes = {
        "backup_id": f"{at:%Y%m%dT%H%M%SZ}-00000000", "started_at": at, "ended_at": at, "start_lsn": lsn,
        "kind": BackupKind.INCREMENTAL if parent else BackupKind.FULL, "parent": parent.backup_id if parent else None,
    }  # fmt: skip
    return manifest().model_copy(update=changes)


def days(names: dict[str, str]) -> list[int]:
    return sorted((NOW - datetime.strptime(n[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)).days for n in names)


def test_a_full_backup_is_due_without_one_after_too_many_and_after_too_long() -> None:
    full, policy = made(2), POLICY.model_copy(update={"full_every_days": 7, "increments_at_most": 2})
    increments = [made(1, full), made(0.5, full), made(0.2, full)]
    assert full_is_due([], policy, NOW)
    assert full_is_due([increments[0].info()], policy, NOW)
    assert not full_is_due([full.info(), increments[0].info()], policy, NOW)
    assert full_is_due([item.info() for item in (full, *increments)], policy, NOW)
    assert not full_is_due([made(7.1).info(), full.info()], policy, NOW)
    assert full_is_due([made(7.1).info()], policy, NOW)


def test_nothing_is_decided_about_nothing() -> None:
    assert decide([], {}, POLICY, NOW).kept == {}


def test_the_newest_of_each_period_stays() -> None:
    manifests = [made(ago) for ago in range(400, -1, -1)]
    decision = decide(manifests, {}, POLICY, NOW)
    # 06-30, 06-29, 06-28 (also the week before's newest), 05-31, 04-30, and 2025-12-31
    assert days(decision.kept) == [0, 1, 2, 30, 61, 181]
    assert len(decision.kept) + len(decision.removed) == 401


def test_a_period_without_a_backup_does_not_count() -> None:
    assert days(decide([made(900), made(500), made(20)], {}, POLICY, NOW).kept) == [20, 500, 900]


def test_a_day_is_one_of_china() -> None:
    evening, morning = made(0.5), made(0.4)  # 2026-06-29 16:00 UTC is the 30th in China
    kept = decide([made(0.6), evening, morning], {}, POLICY, NOW).kept
    assert kept[morning.backup_id] == "newest"
    assert evening.backup_id not in kept
    assert kept[made(0.6).backup_id] == "day 2026-06-29"


def test_ancestors_of_what_stays_stay() -> None:
    full = made(20)
    first = made(19.9, full)
    second = made(0, first)
    decision = decide([full, first, second], {}, POLICY, NOW)
    assert set(decision.kept) == {full.backup_id, first.backup_id, second.backup_id}
    assert decision.removed == {}


def test_a_backup_on_hold_stays_with_its_log_whatever_its_age() -> None:
    manifests = [made(ago) for ago in (1000, 999, 1, 0)]
    held = {manifests[0].backup_id: "a court asks"}
    decision = decide(manifests, held, POLICY, NOW)
    assert decision.kept[manifests[0].backup_id] == "hold: a court asks"
    assert decision.log_before == position(manifests[0].start_lsn)
    assert decide(manifests, {}, POLICY, NOW).log_before == position(manifests[2].start_lsn)


def test_the_log_of_the_newest_backup_stays_even_if_it_is_old() -> None:
    manifests = [made(30), made(20)]
    assert decide(manifests, {}, POLICY, NOW).log_before == position(manifests[1].start_lsn)


def test_the_newest_decision_on_a_hold_counts_and_a_forged_one_does_not(tmp_path: Path) -> None:
    name = manifest().backup_id
    for minutes, action in ((0, "hold"), (2, "hold"), (1, "release")):
        at = NOW + timedelta(minutes=minutes)
        write_record(
            tmp_path, Hold.model_validate({"backup_id": name, "action": action, "reason": "r", "at": at}), SIGNER
        )
    assert read_records(tmp_path, SIGNER.checker).held() == {name: "r"}
    for path in (tmp_path / "holds").iterdir():
        path.write_bytes(path.read_bytes().replace(b'"reason":"r"', b'"reason":"s"'))
    records = read_records(tmp_path, SIGNER.checker)
    assert records.held() == {}
    assert len(records.faults) == 3


def test_what_was_destroyed_is_known_by_its_record(tmp_path: Path) -> None:
    record = Destroyed(at=NOW, backups={"a": "1"}, reasons={"a": "old"}, log_before=7, segments=2)
    write_record(tmp_path, record, SIGNER)
    records = read_records(tmp_path, SIGNER.checker)
    assert (records.gone(), records.log_before) == ({"a": "1"}, 7)


def test_the_policy_that_ships_is_sound() -> None:
    assert load_backup_policy(PROJECT / "include" / "policy" / "backup.yaml").keep.newest >= 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("log_days: 35", "log_days: 35\nlog_day: 3"), "log_day"),
        (("log_days: 35", "log_days: 35\nlog_days: 3"), "stands twice"),
        (("log_days: 35", ""), "log_days"),
        (("  newest: 3", "  newest: 0"), "keep.newest"),
        (("log_days: 35", "log_days: '35'"), "log_days"),
        (("version: 1", "version: 2"), "version"),
        (("version: 1", "version: ["), "cannot be read"),
    ],
)
def test_a_policy_that_is_not_understood_is_refused(tmp_path: Path, change: tuple[str, str], named: str) -> None:
    text = (PROJECT / "include" / "policy" / "backup.yaml").read_text("utf-8")
    assert change[0] in text
    file = tmp_path / "backup.yaml"
    file.write_text(text.replace(*change), "utf-8")
    with pytest.raises(BackupError, match=named):
        load_backup_policy(file)
