"""Small line charts as inline SVG: seconds over time, with the limit, one mark a drill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from html import escape

ZONE = timezone(timedelta(hours=8))  # China Standard Time
_WIDTH, _HEIGHT = 640, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 16, 30
_CLIP = 3.0  # what is beyond so many limits is drawn at the edge, with an arrow


@dataclass(frozen=True)
class Point:
    """One drill: when, how many seconds, and whether it was good."""

    at: datetime
    seconds: float
    passed: bool


def line_chart(points: Sequence[Point], limit: float, label: str) -> str:
    """An SVG element; says so in words when there is nothing to draw.

    Args:
        limit: drawn as a dashed line.
        label: what is shown, for readers who do not see the picture.
    """
    if not points:
        return '<p class="quiet">尚无数据 no figures yet</p>'
    top = _round_up(min(max(limit * 1.15, *(point.seconds * 1.1 for point in points)), limit * _CLIP))
    first, last = points[0].at, points[-1].at
    span = (last - first).total_seconds()

    def x(at: datetime) -> float:
        share = (at - first).total_seconds() / span if span else 0.5
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(seconds: float) -> float:
        return _HEIGHT - _BOTTOM - min(seconds / top, 1.0) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">']
    for step in range(5):
        value = top * step / 4
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        )
        parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    parts.append(
        f'<line class="limit" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(limit):.1f}" y2="{y(limit):.1f}"/>'
        f'<text class="limit-text" x="{_WIDTH - _RIGHT}" y="{y(limit) - 5:.1f}" text-anchor="end">'
        f"限值 limit {limit:g} s</text>"
    )
    if len(points) > 1:
        path = " ".join(f"{x(point.at):.1f},{y(point.seconds):.1f}" for point in points)
        parts.append(f'<polyline class="line" points="{path}"/>')
    parts += [_mark(point, x(point.at), y(point.seconds), point.seconds > top) for point in points]
    parts += _dates(points, x)
    return "".join([*parts, "</svg>"])


def _mark(point: Point, x: float, y: float, beyond: bool) -> str:
    name = "good" if point.passed else "bad"
    words = f"<title>{point.at.astimezone(ZONE):%Y-%m-%d %H:%M} · {point.seconds:.1f} s</title>"
    if beyond:
        corners = f"{x:.1f},{y - 6:.1f} {x - 6:.1f},{y + 5:.1f} {x + 6:.1f},{y + 5:.1f}"
        arrow = f'<polygon class="{name}" points="{corners}">{words}</polygon>'
        at, anchor = (x + 12, "start") if x < _WIDTH / 2 else (x - 12, "end")
        said = f"{point.seconds:,.0f} s"
        return f'{arrow}<text class="tick" x="{at:.1f}" y="{y + 4:.1f}" text-anchor="{anchor}">{said}</text>'
    shape = f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="4.5">{words}</circle>'
    cross = f'<path class="cross" d="M{x - 7:.1f} {y - 7:.1f}l14 14m0 -14l-14 14"/>' if not point.passed else ""
    return shape + cross


def _dates(points: Sequence[Point], x: object) -> list[str]:
    assert callable(x)  # noqa: S101 - a local function
    shown = [points[0]] if len(points) == 1 else [points[0], points[-1]]
    anchors = ["middle"] if len(points) == 1 else ["start", "end"]
    return [
        f'<text class="tick" x="{x(point.at):.1f}" y="{_HEIGHT - 8}" text-anchor="{anchor}">'
        f"{point.at.astimezone(ZONE):%Y-%m-%d %H:%M}</text>"
        for point, anchor in zip(shown, anchors, strict=True)
    ]


def _round_up(value: float) -> float:
    """The next of some numbers that are round when divided by four."""
    scale = 1.0
    while scale * 10 <= value:
        scale *= 10
    while scale > value:
        scale /= 10
    return next(scale * factor for factor in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if scale * factor >= value)
