"""Servers stay up because somebody asked for it, not because a killed command left them."""

from __future__ import annotations

from pathlib import Path

from governance.runtime.stack import Stack
from governance.settings import Settings


def test_servers_are_kept_from_keep_until_stop(tmp_path: Path) -> None:
    stack = Stack(Settings.from_environment({"XINGLIN_STATE": str(tmp_path / "state")}))
    with stack.locked():
        assert not stack.is_kept
        stack.keep()
        assert stack.is_kept
        stack.stop()
        assert not stack.is_kept
