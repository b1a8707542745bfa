"""The demo's summary on the console: Chinese first, English beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from governance.runtime.follow import Followed
from governance.runtime.progress import TITLES
from governance.runtime.summary import Summary
from governance.settings import Settings
from governance.verify import CheckResult, State

_FINDINGS = 5  # shown a check


@dataclass(frozen=True)
class Outcome:
    """All that the summary tells; seconds are wall time."""

    settings: Settings
    summary: Summary
    followed: Followed
    checks: Sequence[CheckResult]
    ready_seconds: float
    pipeline_seconds: float
    verify_seconds: float


def print_report(console: Console, outcome: Outcome) -> bool:
    """Print the summary; returns whether everything held."""
    summary = outcome.summary
    console.rule("杏林 · 结果 Xinglin · result", align="left")
    if outcome.followed.nothing_new == "collect" and len(outcome.followed.runs) == 1:
        console.print("没有新数据，未重复任何处理 nothing new: no delivery had rows that were not loaded before")
    _rows(console, summary)
    _texts(console, summary)
    _marts(console, summary)
    _proofs(console, summary)
    _times(console, outcome)
    _next_steps(console, outcome)
    return _verdict(console, outcome)


def _rows(console: Console, summary: Summary) -> None:
    accepted = sum(source.accepted for source in summary.sources)
    refused = sum(source.quarantined for source in summary.sources)
    gone = summary.rows_in - accepted - refused  # the warehouse's own constraint says that the rest is withdrawn
    console.print(
        f"读入 rows read {summary.rows_in:,} = 接收 accepted {accepted:,} + 隔离 quarantined {refused:,}"
        + (f" + 撤回 withdrawn {gone:,}" if gone else "")
    )
    total, total_accepted, total_refused, persons = summary.totals
    gone = total - total_accepted - total_refused
    parts = f"{total_accepted:,} + {total_refused:,}" + (f" + 撤回 withdrawn {gone:,}" if gone else "")
    console.print(f"累计 in all {total:,} = {parts} · 人 persons {persons:,}")
    if summary.sources:
        titles = ("文件 files", "读入 read", "接收 accepted", "隔离 quarantined", "加密值 encrypted", "令牌 tokenised")
        table = _table("来源 source", *titles)
        for row in summary.sources:
            counts = (row.files, row.rows_in, row.accepted, row.quarantined, row.encrypted, row.tokenised)
            table.add_row(row.source, *(f"{count:,}" for count in counts))
        console.print(table)
    if summary.rules:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("隔离 quarantined", no_wrap=True)
        table.add_column("行 rows", justify="right")
        table.add_column("按规则（一行可违反多条） by rule (a row may break several)", overflow="fold")
        for place, count, broken in summary.rules:
            table.add_row(place, f"{count:,}", " · ".join(f"{rule} {lines:,}" for rule, lines in broken))
        console.print()
        console.print(table)
    for line in summary.refused:
        console.print(f"拒收文件 refused file: {line}", markup=False, style="yellow")


def _texts(console: Console, summary: Summary) -> None:
    texts, withheld, characters = summary.texts
    if not texts:
        return
    console.print(
        f"\n脱敏文本 texts de-identified {texts:,}（{characters:,} 字 characters；保留不发布 withheld {withheld:,}）"
    )
    console.print("实体 entities: " + " · ".join(f"{name} {count:,}" for name, count in summary.entities), markup=False)


def _marts(console: Console, summary: Summary) -> None:
    if not summary.marts:
        return
    table = _table("集市 mart", "行 rows", "可溯源行 rows with lineage")
    for name, count, traced in summary.marts:
        table.add_row(name, f"{count:,}", "—" if traced is None else f"{traced:,}")
    console.print()
    console.print(table)


def _proofs(console: Console, summary: Summary) -> None:
    console.print(
        f"\n血缘 lineage: 新事件 new events {summary.lineage_events:,} · 列级关系 column edges {summary.column_edges:,}"
    )
    backup = summary.backup
    if backup:
        compared = "已恢复比对 restored and compared" if backup.restored else "未恢复 not restored yet"
        size = f"{backup.bytes / 1e6:,.1f} MB · {backup.tables} 张表 tables"
        console.print(f"备份 backup: {backup.backup_id} · {size} · {compared}", markup=False)


def _times(console: Console, outcome: Outcome) -> None:
    models = {layer: (built, tests) for layer, built, tests, _bad in outcome.summary.models}
    table = _table("用时 time", "秒 seconds", "dbt 模型 models", "dbt 检验 tests")
    for run in outcome.followed.runs:
        built, tests = models.get(run.dag_id, ("", ""))
        table.add_row(TITLES.get(run.dag_id, run.dag_id), f"{run.seconds:.1f}", str(built), str(tests))
    table.add_row("流水线合计 pipeline in all", f"{outcome.pipeline_seconds:.1f}", "", "")
    table.add_row("核验 verification", f"{outcome.verify_seconds:.1f}", "", "")
    table.add_row("启动服务 starting the servers", f"{outcome.ready_seconds:.1f}", "", "")
    if set_up := _set_up_seconds(outcome.settings):
        table.add_row("安装（仅一次） set-up (once)", f"{set_up:.1f}", "", "")
    console.print()
    console.print(table)


def print_check(console: Console, check: CheckResult) -> None:
    """One line a check with its figures, and its first findings."""
    style = "green" if check.state is State.PASSED else "" if check.holds else "red"
    line = f"  {check.state.words} · {check.title}: {check.figures} ({check.seconds:.1f} s)"
    console.print(line, markup=False, style=style, soft_wrap=True)
    for finding in check.findings[:_FINDINGS]:
        console.print(f"      - {finding}", markup=False, soft_wrap=True)
    if len(check.findings) > _FINDINGS:
        console.print(f"      … 另有 and {len(check.findings) - _FINDINGS} more: xinglin verify --only {check.name}")


def _verdict(console: Console, outcome: Outcome) -> bool:
    failed = [check.name for check in outcome.checks if not check.holds]
    passed = sum(check.state is State.PASSED for check in outcome.checks)
    if failed or not passed or outcome.followed.failures:
        for failure in outcome.followed.failures:
            console.print(failure, markup=False, style="red")
        console.print(
            f"\n未全部成立 not everything held: 核验未通过 checks failed: {', '.join(failed) or '0'}; "
            f"阶段失败 stages failed: {len(outcome.followed.failures)}",
            style="bold red",
            markup=False,
        )
        return False
    console.print(f"\n全部成立 everything held: 核验通过 {passed} checks passed", style="bold green")
    return True


def _next_steps(console: Console, outcome: Outcome) -> None:
    example = outcome.summary.example
    state = outcome.settings.state
    prefix = "" if state == Settings().state else f"XINGLIN_STATE={state} "
    console.print("\n下一步 next")
    steps = [("打开界面 open the UI", f"{prefix}make up")]
    if example:
        mart, key = example
        steps.append(("查询集市 query a mart", f'{prefix}.venv/bin/xinglin psql -c "table {mart} limit 5"'))
        steps.append(("溯源一行 trace a row", f"{prefix}.venv/bin/xinglin trace {mart} {key}"))
    steps.append(("再次核验 verify again", f"{prefix}.venv/bin/xinglin verify"))
    steps.append(("停止 / 清空 stop / remove", f"{prefix}make down · {prefix}make reset"))
    for title, command in steps:
        console.print(f"  {title}: {command}", markup=False, soft_wrap=True)
    if example:
        console.print("  （查询、溯源与核验需先 make up; querying, tracing and verifying need make up first）")


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(titles[0])
    for title in titles[1:]:
        table.add_column(title, justify="right")
    return table


def _set_up_seconds(settings: Settings) -> float | None:
    """Seconds that `make setup` took when it made the virtual environment."""
    try:
        return float(json.loads((settings.project / ".venv" / ".xinglin-setup").read_text("utf-8"))["seconds"])
    except (OSError, ValueError, KeyError):
        return None
