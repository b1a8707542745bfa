"""Backups in clusters of their own: a place that only takes new files, a tablespace, and what the policy lets go."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from governance.errors import BackupError
from governance.runtime.placement import ServerUser
from tests.conftest import is_root, scratch_folder
from tests.integration.backup_site import new_site
from tests.integration.conftest import wait_until_archived

pytestmark = pytest.mark.integration


def test_a_place_that_only_takes_new_files_works_without_exceptions(tmp_path_factory: pytest.TempPathFactory) -> None:
    """``chattr +a`` on every folder: new names are taken, nothing can be renamed, overwritten or removed."""
    if not is_root():
        pytest.skip("chattr +a is root's")
    with scratch_folder() as folder:
        site = new_site(folder / "state")
        place = site.settings.backups
        (place / "wal" / "00000001").mkdir(parents=True, exist_ok=True)
        if subprocess.run(["chattr", "-R", "+a", str(place)], capture_output=True, check=False).returncode:
            site.archiver.stop()
            site.server.destroy()
            pytest.skip("this file system has no append-only folders")
        try:
            first = site.backups.full("full")
            subprocess.run(["chattr", "+a", str(place / first.backup_id)], check=True)
            site.write(1)
            site.backups.incremental("incremental")
            wait_until_archived(site.settings, site.write(2))
            site.archiver.stop()
            assert site.backups.verify().exit_status == 0
            with pytest.raises(PermissionError):
                next((place / first.backup_id).iterdir()).unlink()
        finally:
            subprocess.run(["chattr", "-R", "-a", str(place)], check=False)
            site.archiver.stop()
            site.server.destroy()


def test_a_tablespace_comes_back_inside_the_copy() -> None:
    with scratch_folder() as folder:
        site = new_site(folder / "state")
        try:
            outside = folder / "tablespace"
            outside.mkdir()
            if is_root():
                ServerUser.choose().take_over(outside)
            with site.connect() as connection:
                connection.execute(f"create tablespace elsewhere location '{outside}'".encode())
                connection.execute("create table sample.far tablespace elsewhere as select generate_series(1, 500) n")
            site.backups.full("full")
            with site.connect() as connection:
                connection.execute("update sample.far set n = n + 1")
            info = site.backups.incremental("incremental")
            restored = site.backups.restore(folder / "copy", backup=info.backup_id)
            assert restored.comparison.holds
            assert "sample.far" in restored.comparison.equal
            assert not list((folder / "copy" / "data").glob("tablespace_map"))
        finally:
            site.archiver.stop()
            site.server.destroy()


def test_what_the_policy_lets_go_goes_with_its_log_and_leaves_a_record(tmp_path: Path) -> None:
    with scratch_folder() as folder:
        site = new_site(folder / "state")
        policy = tmp_path / "backup.yaml"
        text = site.settings.backup_policy.read_text("utf-8")
        for line in ("newest: 3", "days: 14", "weeks: 8", "months: 12", "years: 10"):
            text = text.replace(f"  {line}", f"  {line.split(':')[0]}: {1 if 'newest' in line else 0}")
        policy.write_text(text.replace("log_days: 35", "log_days: 1"), "utf-8")
        settings = site.settings.model_copy(update={"backup_policy": policy})
        try:
            backups = replace(site.backups, settings=settings)
            ids = [backups.full("one").backup_id, backups.incremental("two").backup_id, backups.full("three").backup_id]
            wait_until_archived(settings, site.write(1))
            ids += [backups.full("four").backup_id, backups.incremental("five").backup_id]
            tomorrow = replace(backups, clock=lambda: datetime.now(UTC) + timedelta(days=2))
            backups.hold(ids[1], "a court asks")
            plan = tomorrow.expire(plan=True)
            assert set(plan.removed) == {ids[2]}
            assert plan.kept[ids[0]] == f"ancestor of {ids[1]}"
            assert plan.kept[ids[3]] == f"ancestor of {ids[4]}"
            assert len(backups.backups().backups) == 5
            with pytest.raises(BackupError, match="not on hold"):
                backups.release(ids[3], "by mistake")
            backups.release(ids[1], "the court is content")
            done = tomorrow.expire()
            assert set(done.removed) == {ids[0], ids[1], ids[2]}
            assert done.segments > 0
            assert [info.backup_id for info in backups.backups().backups] == [ids[3], ids[4]]
            assert not tomorrow.expire().removed
            assert backups.restore(tmp_path / "copy").comparison.holds
            wait_until_archived(settings, site.write(2))
            site.archiver.stop()
            assert backups.verify().exit_status == 0
            with site.connect() as connection:
                kinds = connection.execute(
                    "select detail ->> 'event', count(*) from audit.record"
                    " where kind = 'backup' and detail ->> 'event' is not null group by 1 order by 1"
                ).fetchall()
                gone = connection.execute("select count(*) from governance.backup where expired_at is not null")
                assert gone.fetchone() == (3,)
            assert kinds == [("destroyed", 4), ("hold", 1), ("release", 1)]
        finally:
            site.archiver.stop()
            site.server.destroy()
