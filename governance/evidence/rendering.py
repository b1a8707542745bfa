"""The table for people (text, Markdown, HTML) and for programs (JSON)."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from enum import StrEnum

from governance.evidence.items import Answer, Item, Standard, Table
from governance.verify.results import CheckResult

DISCLAIMER = (
    "本表只列证据命令，不构成合规声明；软件密码实现未经商用密码认证，测评须由有资质的机构实施。标“凭记忆”的条目须先核对标准原文。",
    "This table lists commands that are evidence. It claims no conformity: this cryptography is not certified, "
    "and assessment is for accredited bodies. Items marked “from memory” must be checked against the standard first.",
)
_COLUMNS = ("条款 clause", "要求（转述） requirement, paraphrased", "结论 answer", "证据 evidence", "缺 lacks")
Results = Mapping[str, CheckResult]


class Format(StrEnum):
    """How the table is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


def render(table: Table, results: Results, format_: Format) -> str:
    """The table in one format; ``results`` holds checks that were carried out, by name (empty: none was)."""
    return {Format.TEXT: _text, Format.MARKDOWN: _markdown, Format.HTML: _html, Format.JSON: _json}[format_](
        table, results
    )


def _title(standard: Standard) -> str:
    return f"{standard.id} {standard.title_zh} · {standard.title_en}"


def _clause(item: Item) -> str:
    return item.clause + ("（凭记忆 from memory）" if item.wording == "memory" else "")


def _requirement(item: Item) -> str:
    return f"{item.requirement_zh} {item.requirement_en}"


def _lacks(item: Item) -> str:
    return f"{item.lacks_zh} {item.lacks_en}" if item.lacks_zh else ""


def _evidence(item: Item, results: Results) -> list[str]:
    lines = []
    for check in item.checks:
        result = results.get(check)
        said = f" → {result.state.words}: {result.figures}" if result else ""
        lines.append(f"xinglin verify --only {check}{said}")
    return lines + list(item.commands)


def _text(table: Table, results: Results) -> str:
    lines = ["安全标准条目与证据 · Security standards: items and evidence", *DISCLAIMER]
    for standard in table.standards:
        lines += ["", _title(standard)]
        for item in standard.items:
            lines.append(f"  {_clause(item)}  {_requirement(item)}")
            lines += [f"      {item.answer.words}{': ' + _lacks(item) if item.lacks_zh else ''}"]
            lines += [f"      · {evidence}" for evidence in _evidence(item, results)]
    return "\n".join(lines)


def _markdown(table: Table, results: Results) -> str:
    lines = ["# 安全标准条目与证据 · Security standards: items and evidence", "", *(f"> {line}" for line in DISCLAIMER)]
    for standard in table.standards:
        lines += [
            "",
            f"## {_title(standard)}",
            "",
            _row(_COLUMNS),
            "|---" * 5 + "|",
        ]
        for item in standard.items:
            evidence = "<br>".join(f"`{line.partition(' → ')[0]}`{_tail(line)}" for line in _evidence(item, results))
            lines.append(_row((_clause(item), _requirement(item), item.answer.words, evidence, _lacks(item))))
    return "\n".join(lines)


def _tail(line: str) -> str:
    _, arrow, said = line.partition(" → ")
    return f" → {said.replace('|', '/')}" if arrow else ""


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _html(table: Table, results: Results) -> str:
    safe: Callable[[str], str] = html.escape
    parts = [
        "<!doctype html><html lang='zh-CN'><meta charset='utf-8'><title>安全标准条目与证据</title>"
        "<style>body{font:15px/1.5 sans-serif;max-width:80rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse;width:100%}th,td{border:1px solid #bbb;padding:.4rem;text-align:left;"
        "vertical-align:top}</style><h1>安全标准条目与证据 · Security standards: items and evidence</h1>",
        *(f"<p>{safe(line)}</p>" for line in DISCLAIMER),
    ]
    for standard in table.standards:
        head = "".join(f"<th scope='col'>{safe(name)}</th>" for name in _COLUMNS)
        parts.append(f"<h2>{safe(_title(standard))}</h2><table><tr>{head}</tr>")
        for item in standard.items:
            evidence = "<br>".join(safe(line) for line in _evidence(item, results))
            cells = (
                safe(_clause(item)),
                safe(_requirement(item)),
                safe(item.answer.words),
                evidence,
                safe(_lacks(item)),
            )
            parts.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        parts.append("</table>")
    return "\n".join(parts) + "</html>"


def _json(table: Table, results: Results) -> str:
    documents = [
        {
            "standard": standard.id,
            **item.model_dump(),
            "answer": item.answer,
            "results": {
                check: {"state": found.state, "figures": found.figures, "findings": list(found.findings)}
                for check in item.checks
                if (found := results.get(check))
            },
        }
        for standard, item in table.items()
    ]
    return json.dumps({"note": DISCLAIMER, "items": documents}, ensure_ascii=False, indent=1)


def summary(table: Table) -> str:
    """How many items have which answer."""
    counts = {answer: sum(item.answer is answer for _, item in table.items()) for answer in Answer}
    return "，".join(f"{answer.words.rstrip('，')}: {count}" for answer, count in counts.items())
