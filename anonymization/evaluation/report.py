"""The HTML report of a measure: one file, no scripts, no network; Chinese first, English beside it.

Errors are shown as shapes. Plain text stands in it only where `show_text` asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from anonymization.evaluation.patterns import Pattern, error_patterns
from anonymization.evaluation.scoring import Evaluation, GoldNote, Score

_STYLE: Final = """
body{font:15px/1.6 "Noto Sans CJK SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif;color:#1c2b33;
max-width:1120px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .4rem}small,.en{color:#5d7079}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{padding:.3rem .5rem;border-bottom:1px solid #d8e1e5;text-align:right;vertical-align:top}
th{font-weight:600;background:#f3f7f8}td:first-child,th:first-child,.l{text-align:left}
tr.all td{font-weight:600;border-top:2px solid #7d98a3}code{background:#f3f7f8;padding:0 .3em;border-radius:3px}
.figures{display:flex;gap:2rem;flex-wrap:wrap;margin:1rem 0}.figures b{display:block;font-size:1.5rem}
mark{background:#ffe08a}svg text{font:12px system-ui,sans-serif;fill:#1c2b33}
.table{overflow-x:auto}.warn{background:#fff3d6;border-left:4px solid #d99500;padding:.4rem .8rem}
"""
_COLOURS: Final = ("#1f7a8c", "#d98324", "#6c5b9c", "#5f8a3a")
_EXAMPLES: Final = 5
_CONTEXT: Final = 12


def html_report(
    corpus: str, results: Mapping[str, Evaluation], notes: Sequence[GoldNote], *, show_text: bool = False
) -> str:
    """Return the page. `results` holds the measure of each engine by its name, the project's own first."""
    by_id = {note.note_id: note for note in notes}
    parts = [
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>去标识测评 · {escape(corpus)}</title><style>{_STYLE}</style></head><body>",
        f'<h1>去标识测评报告</h1><div class="en">De-identification report · {escape(corpus)}</div>',
    ]
    if show_text:
        parts.append(
            '<p class="warn">本页含原文，按患者资料保管。<span class="en">This page holds plain text.</span></p>'
        )
    parts.append(_chart(results))
    for name, result in results.items():
        parts += [_figures(name, result), _table(result)]
        parts.append(_errors("漏检 missed or partly missed", result.missed, by_id, show_text))
        parts.append(_errors("误报 false hits", result.false_hits, by_id, show_text))
    parts.append(_explanation())
    return "\n".join([*parts, "</body></html>"])


def _figures(name: str, result: Evaluation) -> str:
    total = result.total
    figures = [
        (_percent(total.recall(total.covered)), "完全覆盖 fully covered"),
        (_percent(total.precision), "准确率 precision"),
        (f"{result.false_hits_per_10000:.2f}", "误报/万字 false hits per 10,000 characters"),
        (f"{total.leaked_characters:,}", "漏出字符 characters leaked"),
        (f"{result.characters_per_second:,.0f}", "字/秒 characters/s, one core"),
        (f"{result.notes:,}", f"份文本，{result.characters:,} 字 notes, characters"),
    ]
    cells = "".join(f"<div><b>{value}</b><small>{label}</small></div>" for value, label in figures)
    return f'<h2>{escape(name)}</h2><div class="figures">{cells}</div>'


def _table(result: Evaluation) -> str:
    head = (
        "<tr><th>类型 type</th><th>n</th><th>准确率 precision</th><th>95% CI</th><th>召回 exact</th>"
        "<th>任意重叠 any</th><th>完全覆盖 full</th><th>95% CI</th><th>字符召回 characters</th>"
        "<th>漏出字符 leaked</th><th>误报 false</th>"
        "<th>误报/万字 per 10,000</th></tr>"
    )
    rows = result.rows()
    body = "".join(_row(name, score, result, index == len(rows) - 1) for index, (name, score) in enumerate(rows))
    others = ""
    if result.not_judged:
        kinds = "，".join(f"{escape(kind)} {count}" for kind, count in sorted(result.not_judged.items()))
        others = f"<small>语料未标注、不计误报 found but not annotated in this corpus: {kinds}</small>"
    return f'<div class="table"><table>{head}{body}</table></div>{others}'


def _row(name: str, score: Score, result: Evaluation, is_total: bool) -> str:
    cells = [
        f"{score.gold:,}",
        _percent(score.precision),
        _bounds(score.precision_interval()),
        *(_percent(score.recall(count)) for count in (score.exact, score.overlapped, score.covered)),
        _bounds(score.covered_interval()),
        _percent(score.character_recall),
        f"{score.leaked_characters:,}",
        f"{score.false_hits:,}",
        f"{result.per_10000(score):.2f}",
    ]
    attribute = ' class="all"' if is_total else ""
    return f"<tr{attribute}><td>{escape(name)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _chart(results: Mapping[str, Evaluation]) -> str:
    """Bars of the fully covered share with their 95 % intervals, one group a type, one colour an engine."""
    types = sorted({kind for result in results.values() for kind, score in result.by_type.items() if score.gold})
    height, left, width, y = 18, 190, 620, 8
    shapes = []
    for kind in types:
        shapes.append(f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(kind)}</text>')
        for index, result in enumerate(results.values()):
            shapes.append(_bar(result.by_type.get(kind), left, width, y, height, _COLOURS[index % len(_COLOURS)]))
            y += height
        y += 8
    legend = " ".join(
        f'<span style="color:{_COLOURS[index % len(_COLOURS)]}">■</span> {escape(name)}'
        for index, name in enumerate(results)
    )
    axis = "".join(
        f'<line x1="{left + width * s / 10}" x2="{left + width * s / 10}" y1="0" y2="{y}" stroke="#d8e1e5"/>'
        f'<text x="{left + width * s / 10}" y="{y + 14}" text-anchor="middle">{s * 10}%</text>'
        for s in range(0, 11, 2)
    )
    return (
        '<h2>完全覆盖率与 95% 置信区间 <span class="en">fully covered, with 95 % intervals</span></h2>'
        f'<p>{legend}</p><svg viewBox="0 0 900 {y + 24}" role="img" aria-label="完全覆盖率 fully covered share">'
        f"{axis}{''.join(shapes)}</svg>"
    )


def _bar(score: Score | None, left: int, width: int, y: int, height: int, colour: str) -> str:
    share = score.recall(score.covered) if score else None
    interval = score.covered_interval() if score else None
    if share is None or interval is None:
        return f'<text x="{left + 4}" y="{y + 13}">–</text>'
    low, high = (left + width * bound for bound in interval)
    middle = y + height / 2 - 1
    return (
        f'<rect x="{left}" y="{y}" width="{width * share:.1f}" height="{height - 4}" fill="{colour}" opacity=".8"/>'
        f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8" stroke="#123"/>'
        f'<text x="{left + width + 8}" y="{y + 13}">{_percent(share)}</text>'
    )


def _errors(
    title: str, errors: Sequence[tuple[str, str, int, int]], notes: Mapping[str, GoldNote], show_text: bool
) -> str:
    if not errors:
        return f"<h2>{title}: 0</h2>"
    patterns = error_patterns(errors, notes)
    head = (
        '<tr><th>类型 type</th><th class="l">前文 before</th><th class="l">形状 shape</th><th class="l">后文 after</th>'
        f'<th>次数 count</th><th class="l">{"例 examples" if show_text else "位置 places"}</th></tr>'
    )
    body = "".join(_pattern_row(pattern, notes, show_text) for pattern in patterns)
    more = len(errors) - sum(pattern.count for pattern in patterns)
    rest = f"<small>其余 more: {more}</small>" if more else ""
    return f'<h2>{title}: {len(errors):,}</h2><div class="table"><table>{head}{body}</table></div>{rest}'


def _pattern_row(pattern: Pattern, notes: Mapping[str, GoldNote], show_text: bool) -> str:
    places = pattern.places[:_EXAMPLES]
    if show_text:
        shown = "<br>".join(_example(notes[note_id].text, start, end) for note_id, start, end in places)
    else:
        shown = "; ".join(f"{escape(note_id)}: {start}–{end}" for note_id, start, end in places)
    around = (pattern.before, pattern.shape, pattern.after)
    shapes = "".join(f'<td class="l"><code>{escape(one)}</code></td>' for one in around)
    return f'<tr><td>{escape(pattern.entity)}</td>{shapes}<td>{pattern.count}</td><td class="l">{shown}</td></tr>'


def _example(text: str, start: int, end: int) -> str:
    before, after = text[max(0, start - _CONTEXT) : start], text[end : end + _CONTEXT]
    return f"{escape(before)}<mark>{escape(text[start:end])}</mark>{escape(after)}"


def _explanation() -> str:
    return (
        '<h2>说明 <span class="en">how to read it</span></h2><ul>'
        "<li>完全覆盖：标注的每个字符都落在检出片段内；其余即为漏出。"
        ' <span class="en">Fully covered: every character of the answer lies in some found span.</span></li>'
        "<li>误报：与任何标注都不相交的检出。"
        ' <span class="en">False hit: a found span that touches no answer.</span></li>'
        "<li>区间为 95% Wilson 区间；n 小则区间宽。"
        ' <span class="en">95 % Wilson intervals; a small n gives a wide one.</span></li>'
        "<li>形状：汉 汉字，9 数字，A/a 字母，␣ 空白，⊢ ⊣ 首尾。"
        ' <span class="en">Shapes: 汉 Han, 9 digit, A/a letter, ␣ blank, ⊢ ⊣ begin and end.</span></li></ul>'
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"


def _bounds(interval: tuple[float, float] | None) -> str:
    return f"{interval[0]:.1%}–{interval[1]:.1%}" if interval else "–"
