"""Progress outside a terminal: a line a change."""

from __future__ import annotations

import io

from rich.console import Console

from governance.runtime.progress import Progress


def test_a_line_is_written_only_when_something_changed() -> None:
    out = io.StringIO()
    now = iter(range(100))
    with Progress(["collect"], Console(file=out, width=120), clock=lambda: float(next(now))) as progress:
        progress.show("collect", "running", 1, 3)
        progress.show("collect", "running", 1, 3)
        progress.show("collect", "success", 3, 3)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert "运行 running" in lines[0]
    assert "1/3" in lines[0]
    assert "完成 done" in lines[1]
