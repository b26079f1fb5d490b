"""A followed text to look at: live in a notebook, and as a picture. Plain HTML and SVG, no script, all text escaped."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Sequence
from html import escape
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forepath.errors import InputError
from forepath.monitors.listening import MARKS
from forepath.monitors.readings import Alarm, Reading
from forepath.protocols import Subject
from forepath.records import END, Policy

if TYPE_CHECKING:
    from forepath.monitors.monitor import Monitor

LIKELIEST = 5
OFTEN = 0.15
"""Seconds between two drawings of a live view."""
_STYLE = (
    "font:14px/1.5 system-ui,sans-serif;display:grid;grid-template-columns:minmax(0,3fr) minmax(220px,2fr);gap:16px;"
    "color:#1a1a1a;background:#ffffff;padding:12px;max-width:1100px"
)
_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere;max-height:420px;overflow:auto"
WIDE, HIGH = 900, 320


class Watching:
    """What was seen of one text so far. Notebooks show it; `plot` draws it; `readings` holds all."""

    def __init__(
        self, prompt: str, themes: Sequence[str], source: str, hue: Callable[[str], str], ledger: object = ""
    ) -> None:
        """`hue`: theme -> "#rrggbb". `ledger`: how good the forecasts have been, in words, by its `str()`."""
        self.prompt, self.text, self.tokens = prompt, "", 0
        self.readings: list[Reading] = []
        self._themes, self._source, self._hue, self._ledger = tuple(themes), source, hue, ledger

    @property
    def alarms(self) -> list[Alarm]:
        """All that were raised or over, in order."""
        return [alarm for reading in self.readings for alarm in reading.alarms]

    def add(self, piece: str, reading: Reading | None) -> None:
        """Take in one token's text and what was said at it."""
        self.text += piece
        self.tokens += 1
        if reading is not None:
            self.readings.append(reading)

    def _repr_html_(self) -> str:
        return self.html()

    def html(self) -> str:
        """The view as it stands."""
        return (
            f'<div style="{_STYLE}"><div><div style="color:#555">{_safe(self.prompt)}</div>'
            f'<div style="{_TEXT}">{self._painted()}</div></div>'
            f'<div aria-live="polite">{self._odds()}{self._alarm_list()}'
            f'<div style="color:#555;font-size:12px">{self.tokens} tokens · {_safe(self._source)}</div>'
            f'<div style="color:#555;font-size:12px">{_safe(str(self._ledger))}</div></div></div>'
        )

    def svg(self) -> str:
        """Odds of the theme written next along the text, each theme a band, alarms as lines."""
        seen = [r for r in self.readings if r.forecast is not None]
        shown = self._shown(seen)
        last = max(self.tokens, 1)
        shapes = []
        for n, reading in enumerate(seen):
            begin, end = reading.token, seen[n + 1].token if n + 1 < len(seen) else last
            x, width, y = 40 + WIDE * begin / last, WIDE * max(end - begin, 0.4) / last, 24.0
            assert reading.forecast is not None  # `seen` holds no others
            odds = reading.forecast.steps[0, 0]
            for theme in shown:
                high = HIGH * float(odds[self._themes.index(theme)])
                shapes.append(
                    f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{high:.1f}" fill="{self._hue(theme)}" '
                    f'fill-opacity="0.75"><title>{_safe(theme)} {100 * high / HIGH:.0f} %</title></rect>'
                )
                y += high
        for alarm in (a for a in self.alarms if a.raised):
            x = 40 + WIDE * alarm.token / last
            shapes.append(f'<path d="M{x:.1f} 20V{HIGH + 24}" stroke="#b00020" stroke-width="2"><title>'
                          f"{_safe(alarm.rule)}</title></path>")  # fmt: skip
        names = "".join(
            f'<rect x="{WIDE + 52}" y="{24 + 20 * i}" width="12" height="12" fill="{self._hue(t)}"/>'
            f'<text x="{WIDE + 70}" y="{34 + 20 * i}">{_safe(t)[:40]}</text>' for i, t in enumerate(shown)
        )  # fmt: skip
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE + 260} {HIGH + 56}" width="{WIDE + 260}" '
            f'height="{HIGH + 56}" role="img" aria-label="odds of the theme written next, along the text">'
            '<style>text{font:12px system-ui,sans-serif;fill:#1a1a1a}</style>'
            f'<rect width="{WIDE + 260}" height="{HIGH + 56}" fill="#ffffff"/>{"".join(shapes)}{names}'
            f'<text x="40" y="{HIGH + 44}">0</text><text x="{WIDE - 20}" y="{HIGH + 44}">{last} tokens</text>'
            f'<text x="40" y="14">{_safe(self._source)[:120]}</text></svg>'
        )  # fmt: skip

    def plot(self, path: Path | str) -> Path:
        """Write the picture as SVG. Raises `InputError` where it cannot be written."""
        path = Path(path)
        try:
            path.write_text(self.svg(), encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {path} ({error.strerror}); give another path") from error
        return path

    def _painted(self) -> str:
        """The text, every finished sentence underlined in its theme's colour."""
        out, at = [], 0
        for reading in self.readings:
            heard = reading.reason in ("theme", "sentence") or reading.chain[-1:] == (END,)
            heard = heard or (reading.reason == "end" and not MARKS.isdisjoint(self.text[at:]))  # else cut off in it
            if heard and reading.theme is not None and reading.at > at:
                out.append(f'<span style="border-bottom:2px solid {self._hue(reading.theme)}" '
                           f'title="{_safe(reading.theme)}">{_safe(self.text[at : reading.at])}</span>')  # fmt: skip
                at = reading.at
        return "".join(out) + _safe(self.text[at:])

    def _odds(self) -> str:
        reading = self.readings[-1] if self.readings else None
        if reading is None:
            return ""
        if reading.doubts:
            return f'<p style="color:#b00020"><b>Do not trust me:</b> {_safe("; ".join(reading.doubts))}</p>'
        if reading.forecast is None:
            return f"<p>{_safe(' → '.join(reading.chain))}</p>"
        rows = []
        for h, odds in enumerate(reading.forecast.steps[0]):
            rows.append(f'<div style="color:#555;margin-top:6px">{"next" if h == 0 else f"step {h + 1}"}</div>')
            for i in odds.argsort()[::-1][: LIKELIEST if h == 0 else 3]:
                theme, share = self._themes[int(i)], float(odds[i])
                bar = f"linear-gradient(90deg,{self._hue(theme)}55 {100 * share:.0f}%,transparent 0)"
                rows.append(
                    f'<div style="background:{bar};padding:0 6px">{100 * share:.0f} % {_safe(theme)}</div>'
                )  # fmt: skip
        rows.append(f'<div style="margin-top:6px">evidence of leaving the path: {reading.evidence:.2g}</div>')
        return "".join(rows)

    def _alarm_list(self) -> str:
        rows = "".join(f"<li>{'raised' if a.raised else 'over'} after {a.token} tokens: {_safe(a.rule)} "
                       f"({a.value:.2g})</li>" for a in self.alarms[-8:])  # fmt: skip
        return f'<ul style="color:#b00020;padding-left:18px">{rows}</ul>' if rows else ""

    def _shown(self, seen: Sequence[Reading]) -> list[str]:
        """The themes that were likeliest anywhere."""
        best = sum((r.forecast.steps[0, 0] for r in seen if r.forecast is not None), start=0.0)
        if not seen:
            return []
        order = sorted(range(len(self._themes)), key=lambda i: -float(best[i]))  # type: ignore[index]
        return [self._themes[i] for i in order[:8]]


def watch(monitor: Monitor, subject: Subject, prompt: str, *, seed: int = 0, policy: Policy = Policy()) -> Watching:
    """Follow a text to its end, showing it live where IPython is at hand; the view as it stands at the end.

    Interrupting keeps what was seen.
    """
    view = Watching(prompt, monitor.themes, monitor.source, monitor.hue, monitor.ledger)
    show, drawn = _display(view), 0.0
    try:
        for moment in monitor.follow(subject, prompt, seed=seed, policy=policy):
            view.add(moment.pieces[0], moment.readings[0])
            if time.monotonic() - drawn > OFTEN:
                show()
                drawn = time.monotonic()
    except KeyboardInterrupt:
        pass
    show()
    return view


def _display(view: Watching) -> Callable[[], object]:
    """Draws the view again in place; does nothing outside of IPython."""
    try:
        shell, tools = import_module("IPython"), import_module("IPython.display")
    except ModuleNotFoundError:
        return lambda: None
    if shell.get_ipython() is None:
        return lambda: None
    handle: Any = tools.display(tools.HTML(view.html()), display_id=True)
    return lambda: handle.update(tools.HTML(view.html()))


def _safe(text: str) -> str:
    """Model text as text: no markup, no control or direction characters."""
    return escape("".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C"))
