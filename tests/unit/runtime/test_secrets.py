"""The runtime's secrets file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from governance.errors import SettingsError
from governance.runtime.secrets import Secrets


def test_the_file_is_for_its_owner_only_and_values_stay(tmp_path: Path) -> None:
    held = Secrets.of(tmp_path)
    password = held.random("password_x")
    held.save()
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert Secrets.of(tmp_path).random("password_x") == password


def test_passwords_are_long_and_differ(tmp_path: Path) -> None:
    held = Secrets.of(tmp_path)
    assert len(held.random("a")) >= 24
    assert held.random("a") != held.random("b")


def test_a_repr_shows_names_only(tmp_path: Path) -> None:
    held = Secrets.of(tmp_path)
    held.set("dsn_admin", "password=opensesame")
    assert repr(held) == "Secrets(dsn_admin)"


def test_a_missing_secret_is_named_without_the_others(tmp_path: Path) -> None:
    held = Secrets.of(tmp_path)
    held.set("dsn_admin", "password=opensesame")
    with pytest.raises(SettingsError, match="dsn_audit") as caught:
        held["dsn_audit"]
    assert "opensesame" not in str(caught.value)


def test_a_malformed_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("[1, 2]")
    with pytest.raises(SettingsError, match="malformed"):
        Secrets.of(tmp_path)
