"""The write-once copy, the ransomware exercise and its guard."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from governance.backup.drill.evidence import Evidence, reports
from governance.backup.drill.exercise import Arena, encrypt_folder
from governance.backup.drill.outcomes import State
from governance.cli import app
from governance.errors import BackupError
from governance.keys import create_keyring
from governance.settings import Settings
from tests.conftest import scratch_folder
from tests.integration.backup_site import new_site
from tests.integration.conftest import wait_until_archived

pytestmark = pytest.mark.integration


def test_the_exercise_recovers_from_the_write_once_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    with scratch_folder() as folder:
        monkeypatch.setenv("XINGLIN_STATE", str(folder / "state"))
        settings = Settings.from_environment()
        create_keyring(settings.keyring, settings.suite)
        done = CliRunner().invoke(app, ["backup", "exercise-ransomware"])
        file = next(reports(settings).glob("*.json"), None)
        assert file is not None, (done.output, done.exception)
        evidence = Evidence.model_validate_json(file.read_bytes())
        states = {check.name: check.state for check in evidence.checks}
        assert evidence.kind == "ransomware"
        for name in ("noticed", "write_once", "copy_sound", "tables", "structure", "decryption", "audit_chain", "rpo"):
            assert states[name] is State.PASSED, (name, done.output)
        assert states["withdrawn"] is State.NOT_APPLICABLE
        assert done.exit_code == 0
        assert not (settings.state / "tmp" / "exercise").exists()


def test_the_attack_touches_nothing_that_the_exercise_did_not_make(tmp_path: Path) -> None:
    production = Settings.from_environment({"XINGLIN_STATE": str(tmp_path / "state")})
    for place in (production.state / "postgres", production.backups, production.keyring.parent):
        place.mkdir(parents=True)
        (place / "precious").write_text("x")
    arena = Arena.make(production)
    (arena.root / "link").symlink_to(production.state / "postgres")
    inside = arena.root / "made"
    inside.mkdir()
    (inside / "file").write_text("y" * 100)
    other = Arena.make(production)
    for victim in (
        production.state, production.state / "postgres", production.backups, production.keyring.parent, tmp_path,
        arena.root / "link", arena.root / ".." / ".." / ".." / "postgres", other.root,
    ):  # fmt: skip
        with pytest.raises(BackupError, match="nothing was touched"):
            encrypt_folder(arena, victim)
    (arena.root / "xinglin-exercise").write_text("forged")
    with pytest.raises(BackupError, match="nothing was touched"):
        encrypt_folder(arena, inside)
    assert (inside / "file").read_text() == "y" * 100
    (arena.root / "xinglin-exercise").write_text(arena.token)
    assert encrypt_folder(arena, inside) == 1
    assert not (inside / "file").exists()
    assert len(list(production.state.rglob("precious"))) == 3


def test_backups_and_log_are_copied_once_and_the_copy_restores_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with scratch_folder() as folder:
        monkeypatch.setenv("XINGLIN_BACKUP_COPY", str(folder / "copy"))
        monkeypatch.setenv("XINGLIN_STATE", str(folder / "state"))
        site = new_site(folder / "state", copy=folder / "copy")
        run = CliRunner()
        try:
            site.backups.full("full")
            wait_until_archived(site.settings, site.write(1))
            assert run.invoke(app, ["backup", "verify", "--copy"]).exit_code == 1  # the log is there, the backup is not
            first = run.invoke(app, ["backup", "copy"])
            assert first.exit_code == 0, first.output
            assert "1 份备份" in first.output
            assert "0 份备份" in run.invoke(app, ["backup", "copy"]).output
            site.backups.incremental("incremental")
            assert run.invoke(app, ["backup", "copy"]).exit_code == 0
            wait_until_archived(site.settings, datetime.now(UTC))
            site.archiver.stop()
            sound = run.invoke(app, ["backup", "verify", "--copy"])
            assert sound.exit_code == 0, sound.output
            modes = {path.stat().st_mode & 0o777 for path in (folder / "copy").rglob("*") if path.is_file()}
            assert modes == {0o400}
            shutil.rmtree(site.settings.backups)
            restored = site.backups.on_copy().restore(folder / "restored")
            assert restored.comparison.holds
            object_ = next((folder / "copy").glob("wal/*/*"))
            object_.chmod(0o600)
            object_.write_bytes(object_.read_bytes()[:-1])
            assert run.invoke(app, ["backup", "verify", "--copy"]).exit_code == 1
        finally:
            site.archiver.stop()
            site.server.destroy()


def test_a_copy_inside_the_backups_is_refused(tmp_path: Path) -> None:
    from governance.backup.copying import copy_place  # noqa: PLC0415
    from governance.backup.keys import BackupKeys  # noqa: PLC0415
    from governance.keys import open_keyring  # noqa: PLC0415

    create_keyring(tmp_path / "keyring.json", Settings().suite)
    keys = BackupKeys.of(open_keyring(tmp_path / "keyring.json"))
    for place in (tmp_path / "a", tmp_path / "a" / "b", tmp_path):
        with pytest.raises(BackupError, match="not apart"):
            copy_place(tmp_path / "a", place, keys)
