"""A line chart as SVG: axes, lines, error bars, a legend. Knows numbers and names; escapes every text it is given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from forepath.apps.terminal import plain

WIDE, HIGH, LEFT, RIGHT, TOP, FOOT = 560, 300, 56, 12, 12, 42
DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 4", "10 4")
LOOKS = 8
"""Classes s0 to s7 of the page's style."""


@dataclass(frozen=True, slots=True)
class Series:
    """Points that belong together."""

    name: str
    points: Sequence[tuple[float, float]]
    bars: Sequence[tuple[float, float]] = ()
    """(low, high) of each point, if it has an interval."""
    line: bool = True
    tag: bool = False
    """Write the name beside the last point instead of into the legend."""


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn."""

    title: str
    across: str
    """What the x axis is."""
    up: str
    series: Sequence[Series]
    log_x: bool = False
    log_y: bool = False
    marks: Sequence[tuple[float, str]] = field(default_factory=tuple)
    """Named ticks of the x axis in place of numbers."""
    diagonal: bool = False
    """Where both axes are equal; they then have one scale, from 0."""
    level: float | None = None
    """A dashed line across at this height."""


def draw(chart: Chart, wide: int = WIDE, high: int = HIGH) -> str:
    """One `<svg>`; nothing where no point is finite."""
    points = [p for s in chart.series for p in s.points if _shown(chart, p)]
    if not points:
        return ""
    ends = [e for s in chart.series for p, bar in zip(s.points, s.bars, strict=False) if _shown(chart, p) for e in bar]
    ys = [y for _, y in points] + [e for e in ends if math.isfinite(e) and (e > 0 or not chart.log_y)]
    ys += [] if chart.level is None else [chart.level]
    xs = [p[0] for p in points] + [m for m, _ in chart.marks]
    if chart.diagonal:
        xs = ys = [0.0, *xs, *ys]  # one scale for both
    x = _Scale(xs, LEFT, wide - RIGHT, chart.log_x)
    y = _Scale(ys, high - FOOT, TOP, chart.log_y)
    out = [
        f'<svg viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img" '
        f'aria-label="{escape(plain(chart.title))}">'
    ]
    out += _axes(chart, x, y, wide, high)
    for i, series in enumerate(chart.series):
        out.append(_series(chart, series, i, x, y))
    out.append("</svg>")
    return "".join(out) + _legend(chart)


class _Scale:
    """Numbers to pixels."""

    def __init__(self, values: Sequence[float], start: float, stop: float, log: bool) -> None:
        self.log, self.start, self.stop = log, start, stop
        self.low, self.high = self._of(min(values)), self._of(max(values))
        room = 0.05 * (self.high - self.low) or 0.5
        self.low, self.high = self.low - room, self.high + room

    def _of(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def __call__(self, value: float) -> float:
        share = (self._of(value) - self.low) / (self.high - self.low)
        return self.start + min(max(share, -0.02), 1.02) * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Round numbers, about five."""
        if self.log:
            decades = range(math.floor(self.low), math.ceil(self.high) + 1)
            few = self.high - self.low < 2.5
            found = [m * 10.0**d for d in decades for m in ((1, 2, 5) if few else (1,))]
        else:
            step = 10.0 ** math.floor(math.log10((self.high - self.low) / 4))
            step *= next(m for m in (1, 2, 5, 10) if (self.high - self.low) / (m * step) <= 6)
            found = [step * n for n in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]
        return [t for t in found if self.low <= self._of(t) <= self.high]


def _axes(chart: Chart, x: _Scale, y: _Scale, wide: int, high: int) -> list[str]:
    foot = high - FOOT
    out = []
    for tick in y.ticks():
        at = y(tick)
        out.append(
            f'<line class="grid" x1="{LEFT}" x2="{wide - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:.4g}</text>'
        )
    named = chart.marks or [(t, f"{t:.4g}") for t in x.ticks()]
    for tick, name in named:
        anchor = "middle" if len(named) < 9 else "end"
        turn = "" if len(named) < 9 else f' transform="rotate(-30 {x(tick):.1f} {foot + 14})"'
        out.append(f'<text x="{x(tick):.1f}" y="{foot + 14}" text-anchor="{anchor}"{turn}>{escape(plain(name))}</text>')
    if chart.level is not None:
        at = y(chart.level)
        out.append(f'<line class="level" x1="{LEFT}" x2="{wide - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
    if chart.diagonal:
        low, top = max(x.low, y.low, 0.0), min(x.high, y.high)
        out.append(f'<line class="level" x1="{x(low):.1f}" y1="{y(low):.1f}" x2="{x(top):.1f}" y2="{y(top):.1f}"/>')
    out.append(
        f'<text x="{(LEFT + wide) / 2:.0f}" y="{high - 4}" text-anchor="middle">{escape(plain(chart.across))}</text>'
    )
    middle = (TOP + foot) / 2
    out.append(
        f'<text x="12" y="{middle:.0f}" text-anchor="middle" transform="rotate(-90 12 {middle:.0f})">'
        f"{escape(plain(chart.up))}</text>"
    )
    return out


def _series(chart: Chart, series: Series, index: int, x: _Scale, y: _Scale) -> str:
    kept = [i for i, p in enumerate(series.points) if _shown(chart, p)]
    if not kept:
        return ""
    places = [(x(series.points[i][0]), y(series.points[i][1])) for i in kept]
    out = [f'<g class="s{index % LOOKS}"><title>{escape(plain(series.name))}</title>']
    if series.line and len(places) > 1:
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        dash = DASHES[index % len(DASHES)]
        out.append(f'<polyline points="{path}" fill="none" stroke-width="2" stroke-dasharray="{dash}"/>')
    for (a, b), i in zip(places, kept, strict=True):
        if i < len(series.bars) and all(map(math.isfinite, series.bars[i])):
            low, top = (y(e) if e > 0 or not chart.log_y else y.start for e in series.bars[i])
            out.append(f'<line x1="{a:.1f}" x2="{a:.1f}" y1="{low:.1f}" y2="{top:.1f}" stroke-width="1.2"/>')
        point = series.points[i]
        out.append(
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3"><title>{escape(plain(series.name))}: {point[0]:.4g}, '
            f"{point[1]:.4g}</title></circle>"
        )
    if series.tag:
        a, b = places[-1]
        side = "end" if a > 0.7 * x.stop else "start"
        out.append(
            f'<text class="tag" x="{a + (-6 if side == "end" else 6):.1f}" y="{b - 5:.1f}" text-anchor="{side}">'
            f"{escape(plain(series.name))}</text>"
        )
    return "".join(out) + "</g>"


def _legend(chart: Chart) -> str:
    named = [(i, s.name) for i, s in enumerate(chart.series) if s.name and not s.tag]
    if len(named) < 2:
        return ""
    items = "".join(
        f'<li><svg width="26" height="10" aria-hidden="true"><g class="s{i % LOOKS}">'
        f'<line x1="1" x2="25" y1="5" y2="5" stroke-width="2" stroke-dasharray="{DASHES[i % len(DASHES)]}"/></g></svg>'
        f"{escape(plain(name))}</li>"
        for i, name in named
    )
    return f'<ul class="legend">{items}</ul>'


def _shown(chart: Chart, point: tuple[float, float]) -> bool:
    a, b = point
    return math.isfinite(a) and math.isfinite(b) and (a > 0 or not chart.log_x) and (b > 0 or not chart.log_y)
