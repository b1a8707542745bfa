"""pgBackRest on a real PostgreSQL 15 of Debian: what our verification finds where the tool's own status is 0."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from governance.backup.adapter import BackupInfo, BackupKind, Fault, Target
from governance.backup.keys import BackupKeys
from governance.backup.pgbackrest import PgBackRestBackups
from governance.backup.pgbackrest.site import Repository, load_site
from governance.backup.scratch import remove_restored
from governance.errors import BackupError
from tests.integration.pgbackrest_cluster import Cluster, data_files, delete, flip, needs_packages, segments

pytestmark = [pytest.mark.integration, needs_packages]


def test_a_sound_place_verifies_and_lists_both_repositories(cluster: Cluster) -> None:
    listing = cluster.adapter.backups()
    assert listing.faults == ()
    assert [info.backup_id[:6] for info in listing.backups] == ["repo1/", "repo2/"] * 2
    assert [info.kind for info in listing.backups] == [BackupKind.FULL] * 2 + [BackupKind.INCREMENTAL] * 2
    assert listing.backups[2].parent == listing.backups[0].backup_id
    result = cluster.adapter.verify(deep=True)
    assert (result.findings, result.unchecked, result.exit_status) == ((), (), 0)
    assert not list((cluster.settings.state / "tmp" / "deep").iterdir())  # the copies are gone
    assert (result.backups, result.files > 1000, result.segments > 8) == (4, True, True)


def test_the_policy_says_when_a_full_backup_is_due(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def instead(there: PgBackRestBackups, repository: Repository, kind: str, run_id: str) -> BackupInfo:
        asked.append((there.prefix(repository), kind))
        return there.backups().backups[0]

    monkeypatch.setattr("governance.backup.pgbackrest.backups.back_up", instead)
    cluster.adapter.due("now")
    days = cluster.adapter.policy.full_every_days + 1
    later = replace(cluster.adapter, clock=lambda: datetime.now(UTC) + timedelta(days=days))
    later.due("later")
    assert asked == [("repo1/", "incr"), ("repo2/", "incr"), ("repo1/", "full"), ("repo2/", "full")]


def test_nothing_of_the_database_stands_in_a_repository_in_plain(cluster: Cluster) -> None:
    words = b"a visit"
    paths = [path for name in ("near", "far") for path in (cluster.folder / name).rglob("*") if path.is_file()]
    assert len(paths) > 1000
    assert not [path for path in paths if words in path.read_bytes()]
    assert (cluster.folder / "work" / "pgbackrest.conf").stat().st_mode & 0o077 == 0


def _truncate(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def _swap(one: Path, other: Path) -> tuple[Path, Path]:
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    return one, other


def _rename_segment(near: Path) -> Path:
    """One segment under the name of another, with the digest of its own content in its name."""
    one, other = segments(near)[2:4]
    path = other.with_name(f"{other.name[:24]}-{one.name[25:]}")
    path.write_bytes(one.read_bytes())
    other.unlink()
    return path


def test_damaged_files_are_found_and_named_though_the_tool_ends_with_0(cluster: Cluster, near: Path) -> None:
    files, log = data_files(near), segments(near)
    wanted = {
        (flip(files[0]), Fault.ALTERED),
        (_truncate(files[1]), Fault.ALTERED),
        *((path, Fault.ALTERED) for path in _swap(files[2], files[3])),
        (delete(files[5]), Fault.MISSING),
        (flip(log[0]), Fault.ALTERED),
        (_rename_segment(near), Fault.ALTERED),
    }
    result = cluster.adapter.verify()
    found = {(finding.file, finding.fault) for finding in result.findings}
    assert found == {(f"repo1/{path.relative_to(near)}", fault) for path, fault in wanted}
    assert result.exit_status == 1
    assert cluster.tool("--repo=1", "verify").returncode == 0


def test_a_missing_segment_in_the_middle_is_found_though_the_tool_says_ok(cluster: Cluster, near: Path) -> None:
    gone = segments(near)[-3]
    gone.unlink()
    result = cluster.adapter.verify()
    assert [(item.file.rsplit("/", 1)[1], item.fault) for item in result.findings] == [(gone.name[:24], Fault.GAP)]
    own = cluster.tool("--repo=1", "--log-level-console=off", "verify", "--verbose", "--output=text")
    assert own.returncode == 0
    assert "status: ok" in own.stdout
    assert "missing: 1" not in own.stdout


def test_missing_log_at_the_end_is_found_by_what_the_server_says_it_archived(cluster: Cluster, near: Path) -> None:
    gone = segments(near)[-1]
    gone.unlink()
    result = cluster.adapter.verify()
    assert [(item.file.rsplit("/", 1)[1], item.fault) for item in result.findings] == [(gone.name[:24], Fault.GAP)]
    assert cluster.tool("--repo=1", "verify").returncode == 0
    unasked = PgBackRestBackups(cluster.settings, cluster.adapter.keys).verify()
    assert unasked.exit_status == 2  # without the server the end of the log cannot be known, and that is said
    assert "not asked" in unasked.unchecked[0]


def test_a_wrong_passphrase_is_a_finding_though_info_ends_with_0(cluster: Cluster) -> None:
    site = load_site(cluster.settings.pgbackrest)
    right = site.config.read_text("utf-8")
    other = BackupKeys(
        cluster.adapter.keys.recipients, cluster.adapter.keys.signer, stream={1: b"another key of 32 bytes ........"}
    )
    try:
        site.config.write_text(site.configuration(other), "utf-8")
        info = f"pgbackrest --config={site.config} --stanza=ward info --output=json > /dev/null"  # it prints raw bytes
        assert cluster.user.run(["sh", "-c", info], cwd=Path("/")).returncode == 0
        result = PgBackRestBackups(cluster.settings, other, cluster.adapter.dsn).verify()
    finally:
        site.config.write_text(right, "utf-8")
    found = {(finding.file, finding.fault) for finding in result.findings}
    assert {(f"repo{n}/backup/ward/backup.info", Fault.UNREADABLE) for n in (1, 2)} <= found
    assert result.exit_status == 1
    assert len(result.findings) < 20  # not one for each file that an unreadable list would account for


def test_a_backup_that_vanishes_with_its_entry_is_missed(cluster: Cluster, near: Path) -> None:
    newest = cluster.adapter.backups().backups[2].backup_id.removeprefix("repo1/")
    done = cluster.tool("--repo=1", "expire", f"--set={newest}")  # somebody else's hand, without a record of ours
    assert done.returncode == 0, done.stdout
    result = cluster.adapter.verify()
    assert (f"repo1/backup/ward/{newest}", Fault.MISSING) in [(item.file, item.fault) for item in result.findings]
    assert cluster.tool("--repo=1", "verify").returncode == 0


def test_a_file_that_no_manifest_names_is_found(cluster: Cluster, near: Path) -> None:
    stranger = data_files(near)[0].with_name("999999.zst")
    stranger.write_bytes(b"x")
    result = cluster.adapter.verify()
    assert [(item.file, item.fault) for item in result.findings] == [
        (f"repo1/{stranger.relative_to(near)}", Fault.UNKNOWN)
    ]


def test_a_backup_that_is_too_old_is_found(cluster: Cluster) -> None:
    late = PgBackRestBackups(
        cluster.settings, cluster.adapter.keys, cluster.adapter.dsn, clock=lambda: datetime.now(UTC) + timedelta(days=3)
    )
    result = late.verify()
    assert [item.fault for item in result.findings if item.file.startswith("repo")] == [Fault.OLD, Fault.OLD]
    assert cluster.tool("verify", "--repo=1").returncode == 0


def test_a_bad_page_in_the_database_is_named_though_the_backup_ends_with_0(cluster: Cluster) -> None:
    with cluster.connect() as connection:
        connection.execute("create table sample.bad as select i from generate_series(1, 5000) i")
        connection.execute("checkpoint")
        row = connection.execute("select pg_relation_filepath('sample.bad')").fetchone()
        assert row is not None
    path = cluster.data.resolve() / row[0]
    sound = path.read_bytes()
    try:
        content = bytearray(sound)
        content[8192 + 4000] ^= 1
        path.write_bytes(content)
        assert cluster.tool("--repo=1", "--type=incr", "backup").returncode == 0
        result = cluster.adapter.verify()
        found = [item.file for item in result.findings if item.fault is Fault.PAGE]
        assert any(name.endswith(f"{row[0]}.zst") for name in found)
    finally:
        path.write_bytes(sound)
        newest = cluster.adapter.backups().backups[-1].backup_id.removeprefix("repo1/")
        cluster.tool("--repo=1", "expire", f"--set={newest}")
        with cluster.connect() as connection:
            connection.execute("drop table sample.bad")


def _notes(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select count(*) from sample.visit").fetchone()
    assert row is not None
    return int(row[0])


def test_a_moment_is_restored_exact_to_the_row_and_archives_nowhere(cluster: Cluster) -> None:
    with cluster.connect() as connection:
        row = connection.execute("select count(*) from sample.visit").fetchone()
    assert row is not None
    cluster.row()
    moment = cluster.row()
    time.sleep(0.05)
    cluster.row()
    cluster.archived()
    archived = {path.name for path in segments(cluster.folder / "near")}
    seen: list[int] = []
    restored = cluster.adapter.restore(
        cluster.folder / "copy",
        target=Target(time=moment),
        before_opening=(lambda dsn: seen.append(_notes(dsn)),),
        keep=True,
    )
    try:
        assert seen == [row[0] + 2]
        assert _notes(restored.dsn()) == row[0] + 2
        assert restored.backup_id.startswith("repo1/")
        assert "sample.lab" in restored.comparison.equal
        assert not restored.comparison.differences
        assert "sample.visit" in restored.comparison.settled
        with psycopg.connect(restored.dsn(), autocommit=True) as connection:
            modes = connection.execute("select current_setting('archive_mode'), current_setting('archive_command')")
            assert modes.fetchone() == ("off", "(disabled)")
            connection.execute("create table sample.own (i int)")
            connection.execute("select pg_switch_wal()")
    finally:
        remove_restored(cluster.folder / "copy")
    assert {path.name for path in segments(cluster.folder / "near")} == archived


def test_a_backup_restores_from_the_far_repository_when_the_near_one_is_lost(cluster: Cluster) -> None:
    near, away = cluster.folder / "near", cluster.folder / "near.away"
    near.rename(away)
    try:
        restored = cluster.adapter.restore(cluster.folder / "copy")
        assert restored.backup_id.startswith("repo2/")
        assert restored.comparison.holds, restored.comparison.differences
        assert "sample.lab" in restored.comparison.equal
    finally:
        remove_restored(cluster.folder / "copy")
        away.rename(near)


def test_an_idle_server_lacks_nothing_and_a_commit_that_waits_is_known(cluster: Cluster) -> None:
    cluster.archived()
    asked = datetime.now(UTC)
    complete = cluster.adapter.complete_until()
    assert complete is not None and complete >= asked
    committed = cluster.row()
    time.sleep(0.1)
    complete = cluster.adapter.complete_until()
    assert complete is not None and complete <= committed < datetime.now(UTC)
    unasked = replace(cluster.adapter, dsn=None)
    assert unasked.complete_until() == max(item.until for item in unasked.recoverable()) < committed
    cluster.archived()


def test_a_moment_outside_is_refused_and_the_range_named(cluster: Cluster) -> None:
    with pytest.raises(BackupError, match="recoverable is"):
        cluster.adapter.restore(cluster.folder / "copy", target=Target(time=datetime(2020, 1, 1, tzinfo=UTC)))
    assert not (cluster.folder / "copy").exists()


def test_a_failing_hook_leaves_no_copy(cluster: Cluster) -> None:
    def refuse(dsn: str) -> None:
        raise BackupError("the hook refuses")

    with pytest.raises(BackupError, match="the hook refuses"):
        cluster.adapter.restore(cluster.folder / "copy", before_opening=(refuse,))
    assert not (cluster.folder / "copy").exists()


def test_the_policy_expires_except_what_is_on_hold_and_leaves_a_record(cluster: Cluster) -> None:
    adapter = cluster.adapter
    held = next(info.backup_id for info in adapter.backups().backups if info.backup_id.startswith("repo2/"))
    adapter.hold(held, "a case at court")
    adapter.full("third")
    cluster.archived()
    late = PgBackRestBackups(
        cluster.settings, adapter.keys, adapter.dsn, clock=lambda: datetime.now(UTC) + timedelta(hours=30)
    )
    plan = late.expire(plan=True)
    before = [info.backup_id for info in adapter.backups().backups]
    assert {name[:6] for name in plan.removed} == {"repo1/", "repo2/"}
    assert held in plan.kept
    done = late.expire()
    after = [info.backup_id for info in adapter.backups().backups]
    assert done.removed == plan.removed
    assert set(before) - set(after) == set(plan.removed)
    assert held in after
    assert done.segments == plan.segments > 0
    assert late.verify().findings == ()
    with pytest.raises(BackupError, match="not on hold"):
        adapter.release(after[-1], "a mistake")
    adapter.release(held, "the case is over")
    with cluster.connect() as connection:
        row = connection.execute("select count(*) from governance.backup where expired_at is not null").fetchone()
        assert row == (len(plan.removed),)
