"""Both adapters offer the interface, with the same signatures; a setting chooses."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from governance.backup import EmbeddedBackups
from governance.backup.adapter import BackupAdapter
from governance.backup.choosing import adapter_of
from governance.backup.pgbackrest import PgBackRestBackups
from governance.errors import SettingsError
from governance.keys import create_keyring
from governance.settings import PROJECT, Settings

METHODS = [name for name, item in vars(BackupAdapter).items() if inspect.isfunction(item) and not name.startswith("_")]


@pytest.mark.parametrize("adapter", [EmbeddedBackups, PgBackRestBackups])
@pytest.mark.parametrize("name", METHODS)
def test_an_adapter_has_every_method_with_at_least_the_interfaces_parameters(adapter: type, name: str) -> None:
    wanted = inspect.signature(getattr(BackupAdapter, name)).parameters
    found = inspect.signature(getattr(adapter, name)).parameters
    assert list(wanted) == [parameter for parameter in found if parameter in wanted]


def test_a_setting_chooses_the_adapter_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    text = (PROJECT / "include" / "policy" / "pgbackrest.yaml").read_text("utf-8")
    site.write_text(text.replace("work_dir: /var/lib/xinglin/pgbackrest", f"work_dir: {tmp_path / 'work'}"), "utf-8")
    environment = {"XINGLIN_STATE": str(tmp_path / "state"), "XINGLIN_PGBACKREST": str(site)}
    settings = Settings.from_environment(environment)
    create_keyring(settings.keyring, settings.suite)
    assert adapter_of(settings).name == "embedded"
    chosen = Settings.from_environment(environment | {"XINGLIN_BACKUP_ADAPTER": "pgbackrest"})
    assert adapter_of(chosen).name == "pgbackrest"
    assert (tmp_path / "work" / "pgbackrest.conf").stat().st_mode & 0o777 == 0o600
    with pytest.raises(SettingsError, match="BACKUP_ADAPTER"):
        Settings.from_environment({"XINGLIN_BACKUP_ADAPTER": "barman"})
