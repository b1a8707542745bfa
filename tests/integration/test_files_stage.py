"""Files in the back_up stage and on the command line, on a real warehouse."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from governance.cli import app
from governance.database import Role
from governance.lifecycle.backing_up import back_up_cluster
from tests.conftest import Warehouse

pytestmark = pytest.mark.integration


def test_the_stage_backs_up_contracts_and_policies_and_the_audit_log_knows(
    empty_warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = empty_warehouse.settings
    details = back_up_cluster(empty_warehouse.dsn(Role.BACKUP), settings, "run")
    assert isinstance(details["files"], list)
    (snapshot,) = details["files"]
    with psycopg.connect(empty_warehouse.superuser_dsn()) as connection:
        found = connection.execute("select count(*) from audit.record where object = %s", (f"files:{snapshot}",))
        assert found.fetchone() == (1,)
    monkeypatch.setenv("XINGLIN_STATE", str(settings.state))
    run = CliRunner()
    plan = run.invoke(app, ["backup", "files", "--plan"])
    assert plan.exit_code == 0, plan.output
    assert "new: 0" in plan.output
    listed = run.invoke(app, ["backup", "files", "list"])
    assert snapshot in listed.output
    assert run.invoke(app, ["backup", "files", "verify"]).exit_code == 0
    restored = run.invoke(app, ["backup", "files", "restore", "--to", str(tmp_path / "to")])
    assert restored.exit_code == 0, restored.output
    contracts = sorted(path.relative_to(settings.contracts) for path in settings.contracts.rglob("*.yaml"))
    copies = tmp_path / "to" / "contracts"
    assert contracts
    assert sorted(path.relative_to(copies) for path in copies.rglob("*.yaml")) == contracts
    assert (tmp_path / "to" / "policies" / "backup.yaml").read_bytes() == settings.backup_policy.read_bytes()
    stored = next((settings.backups / "files" / "objects").rglob("*-*"))
    stored.write_bytes(b"")
    damaged = run.invoke(app, ["backup", "files", "verify"])
    assert damaged.exit_code == 1
    assert stored.name in damaged.output
    assert run.invoke(app, ["backup", "files", "expire", "--plan"]).exit_code == 0
    assert run.invoke(app, ["backup", "verify"]).exit_code in (
        0,
        2,
    )  # the cluster's place is not disturbed by the files
