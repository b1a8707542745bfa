"""The restore runbook is run as it is written: its commands, in their order, in one shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from governance.backup import BackupKeys, back_up
from governance.keys import open_keyring
from tests.conftest import Warehouse

pytestmark = pytest.mark.integration
RUNBOOK = Path(__file__).parents[2] / "include" / "runbooks" / "restore.md"


def test_the_restore_runbook_works_as_written(empty_warehouse: Warehouse, tmp_path: Path) -> None:
    settings = empty_warehouse.settings
    with psycopg.connect(empty_warehouse.superuser_dsn()) as connection:
        connection.execute(
            "insert into governance.stage_run (run_id, stage, state, started_at)"
            " values ('r', 'collect', 'success', '2026-06-01')"
        )
    keys = BackupKeys.of(open_keyring(settings.keyring))
    made = back_up(settings, empty_warehouse.secrets["dsn_backup"], keys, "test")
    commands = re.findall(r"```bash\n(.*?)```", RUNBOOK.read_text("utf-8"), flags=re.DOTALL)
    assert len(commands) == 4
    environment = os.environ | {
        "XINGLIN_STATE": str(settings.state),
        "RESTORE_TO": str(tmp_path / "copy"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert made.manifest.backup_id in result.stdout
    assert "一致 equal" in result.stdout
    assert "2026-06-01" in result.stdout
    assert not (tmp_path / "copy").exists()
    with psycopg.connect(empty_warehouse.superuser_dsn()) as connection:
        assert connection.execute("select restored_at is not null from governance.backup").fetchall() == [(True,)]
