"""The report of a drill: one self-contained HTML file in the form of an emergency drill report 应急演练报告."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from governance.backup.drill.charts import ZONE, Point, line_chart
from governance.backup.drill.evidence import Evidence
from governance.backup.drill.outcomes import State
from governance.backup.place import write_once

NAMES = {
    "time": "数据库时点恢复演练 · Restore to a moment",
    "latest": "数据库最新状态恢复演练 · Restore to the latest state",
    "ransomware": "勒索软件攻击应急恢复演练 · Recovery from ransomware",
}
SCENES = {
    "time": (
        "假定数据被误删或篡改，需把整库恢复到此前任一时点；目标时点由随机种子抽取，事先无人知晓。",
        "Data were deleted or altered by mistake; the cluster has to be brought back to an earlier moment, which was "
        "drawn by a recorded seed or named by the operator.",
    ),
    "latest": (
        "假定数据库服务器在演练开始的一刻损毁，需用备份与归档日志恢复到尽可能新的状态。",
        "The database server is lost at the moment the drill begins; it has to be brought back as far as backup and "
        "archived log go.",
    ),
    "ransomware": (
        "在演练自建的独立站点上，数据目录与本地备份库被加密破坏，只剩一次写入副本可用。生产数据不参与。",
        "On a scratch site made for the exercise, data directory and local backups are encrypted; only the write-once "
        "copy is left. Production data take no part.",
    ),
}
STATES = {
    State.PASSED: ("通过", "passed"),
    State.FAILED: ("未通过", "failed"),
    State.NOT_APPLICABLE: ("不适用", "not applicable"),
}


def write_report(evidence: Evidence, history: Sequence[Evidence], folder: Path) -> Path:
    """Render a drill's report and write it beside its evidence.

    Args:
        history: recorded drills of every kind, oldest first, for the charts; this one is added if it is not there.

    Raises:
        BackupError: the folder cannot be written.
    """
    path = folder / f"{evidence.drill_id}.html"
    write_once(path, render(evidence, history).encode())
    return path


def render(evidence: Evidence, history: Sequence[Evidence]) -> str:
    """The report as HTML."""
    known = {item.drill_id: item for item in (*history, evidence)}
    past = sorted((item for item in known.values() if item.kind == evidence.kind), key=lambda item: item.started_at)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["moment"] = _moment
    environment.filters["seconds"] = lambda value: "—" if value is None else f"{value:,.1f} s"
    return environment.get_template("report.html.j2").render(
        drill=evidence,
        name=NAMES[evidence.kind],
        scene=SCENES[evidence.kind],
        states={state.value: words for state, words in STATES.items()},
        rpo_chart=Markup(_chart(past, "rpo")),  # noqa: S704 - made by us from numbers
        rto_chart=Markup(_chart(past, "rto")),  # noqa: S704
        drills=len(past),
        digest=hashlib.sha256(evidence.content()).hexdigest(),
    )


def _chart(past: Sequence[Evidence], which: str) -> str:
    figures = [(item, item.rpo_seconds if which == "rpo" else item.rto_seconds) for item in past]
    points = [Point(item.started_at, seconds, item.passed) for item, seconds in figures if seconds is not None]
    limit = past[-1].rpo_limit if which == "rpo" else past[-1].rto_limit
    return line_chart(points, limit, f"{which.upper()} 秒 seconds")


def _moment(value: datetime | None) -> str:
    return "—" if value is None else f"{value.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"
