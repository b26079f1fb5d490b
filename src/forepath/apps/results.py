"""What a user holds in their hands: a forecast of one prompt, a table of scores. Rich in notebooks, plain elsewhere.

Thin: every number comes from a record; here it is only arranged, escaped and drawn.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from html import escape
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from forepath.apps.pictures import Drawing, draw_forecast
from forepath.apps.terminal import plain
from forepath.apps.trees import Node, draw_text, grow
from forepath.errors import InputError, MissingExtraError
from forepath.records import Forecast, Score

if TYPE_CHECKING:
    import pandas
    import pyarrow
    from matplotlib.figure import Figure

JSON_FIELDS = ("forecaster", "step", "cross_entropy", "low", "high", "brier", "explained", "ece", "k_star", "k_raw",
               "n_prompts")  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChainForecast:
    """The odds of what follows one prompt."""

    prompt: str
    forecast: Forecast
    """One row."""
    source: str
    """Which forecaster, e.g. "linear@resid.3"."""
    activations: np.ndarray | None = field(default=None, repr=False, compare=False)
    """(1, width) what it was read from."""

    @property
    def chains(self) -> list[tuple[tuple[str, ...], float]]:
        """(chain, probability), likeliest first; what is missing to 1 is "something else"."""
        pairs = zip(self.forecast.chains, self.forecast.probs[0].tolist(), strict=True)
        return sorted(((c, p) for c, p in pairs if p > 0), key=lambda pair: -pair[1])

    def tree(self, *, least: float = 0.02, widest: int = 5) -> Node:
        """The chains as a tree of shared beginnings; the first column adds up to the odds of the next theme."""
        listed = dict(zip(self.forecast.chains, self.forecast.probs[0].tolist(), strict=True))
        for theme, p in zip(self.forecast.themes, self.forecast.steps[0, 0].tolist(), strict=True):
            unlisted = p - sum(q for chain, q in listed.items() if chain[0] == theme)
            listed[(theme,)] = listed.get((theme,), 0.0) + max(0.0, unlisted)
        return grow(list(listed), listed.values(), least=least, widest=widest)

    def to_json(self) -> dict[str, Any]:
        """Plain data: the marginal odds per step and the likeliest chains."""
        themes = self.forecast.themes
        steps = [
            {t: round(float(p), 6) for t, p in sorted(zip(themes, row, strict=True), key=lambda x: -x[1]) if p >= 5e-7}
            for row in self.forecast.steps[0]
        ]
        chains = [{"chain": list(c), "probability": round(p, 6)} for c, p in self.chains]
        return {"prompt": self.prompt, "forecaster": self.source, "steps": steps, "chains": chains}

    def to_pandas(self) -> pandas.DataFrame:
        """One row per step and theme: step (1 is next), theme, probability."""
        frame: pandas.DataFrame = _pandas().DataFrame(self._odds(), columns=["step", "theme", "probability"])
        return frame

    def _odds(self) -> list[tuple[int, str, float]]:
        return [
            (h + 1, theme, float(p))
            for h, row in enumerate(self.forecast.steps[0])
            for theme, p in zip(self.forecast.themes, row, strict=True)
        ]

    def svg(self) -> str:
        """A self-contained SVG document."""
        return draw_forecast(self.tree(), self.forecast.themes, self.prompt, f"forecast of {self.source}")

    def to_arrow(self) -> pyarrow.Table:
        """The same as an Arrow table."""
        import pyarrow

        columns = ("step", "theme", "probability")
        return pyarrow.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in self._odds()])

    @overload
    def plot(self) -> Drawing: ...
    @overload
    def plot(self, path: Path | str) -> Path: ...
    def plot(self, path: Path | str | None = None) -> Path | Drawing:
        """The picture, which shows itself in a notebook; or write it as SVG to `path` and return that."""
        if path is None:
            return Drawing(self.svg())
        if Path(path).suffix.lower() != ".svg":
            raise InputError(
                f"the picture is drawn as SVG, and {path} has another ending; give a name that ends in .svg"
            )
        with _writing(path):
            Path(path).write_text(self.svg(), encoding="utf-8")
        return Path(path)

    def _repr_html_(self) -> str:
        return self.svg()

    def __str__(self) -> str:
        last = plain(self.prompt).strip().splitlines()[-1:] or [""]
        return "\n".join([f"after: {last[0][-100:]}", *draw_text(self.tree())])


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Every forecaster and baseline, at every step, on prompts never seen."""

    rows: Sequence[Score]
    notes: tuple[str, ...] = ()
    """What to know when reading it: which forecaster was chosen and how, targets, costs."""

    def to_json(self) -> dict[str, Any]:
        """`{"rows": [...]}`; null where it could not be judged."""
        return {"rows": [{k: _null(v) for k, v in asdict(row).items() if k in JSON_FIELDS} for row in self.rows]}

    def to_pandas(self) -> pandas.DataFrame:
        """One row per forecaster and step; NaN where it could not be judged."""
        frame: pandas.DataFrame = _pandas().DataFrame([asdict(r) for r in self.rows])
        return frame

    def to_arrow(self) -> pyarrow.Table:
        """The same as an Arrow table."""
        import pyarrow

        return pyarrow.Table.from_pylist([asdict(r) for r in self.rows])

    def of(self, forecaster: str, step: int) -> Score:
        """One row. Raises `KeyError` naming what there is."""
        for row in self.rows:
            if (row.forecaster, row.step) == (forecaster, step):
                return row
        raise KeyError(f"no row {forecaster!r} at step {step}; there are {sorted({r.forecaster for r in self.rows})}")

    def lines(self, step: int) -> list[tuple[str, ...]]:
        """The cells of one step's table, best cross-entropy first."""
        rows = sorted((r for r in self.rows if r.step == step), key=lambda r: _last(r.cross_entropy))
        return [
            (
                r.forecaster,
                f"{_cell(r.cross_entropy, 3)} [{_cell(r.low, 3)}, {_cell(r.high, 3)}]",
                _cell(r.brier, 3),
                _cell(r.explained, 2),
                _cell(r.ece, 3),
                _cell(r.k_raw, 1),
                _cell(r.k_star, 1),
                str(r.n_prompts),
            )
            for r in rows
        ]

    HEADS = ("forecaster", "cross-entropy, nats [95 %]", "Brier", "explained", "ECE", "k raw", "k*", "prompts")

    @overload
    def plot(self) -> Drawing: ...
    @overload
    def plot(self, path: Path | str) -> Path: ...
    def plot(self, path: Path | str | None = None) -> Path | Drawing:
        """Cross-entropy by step, baselines in grey: shown in a notebook, or written as PNG or SVG by the suffix."""
        figure = self._figure()
        if path is None:
            figure.savefig(drawn := StringIO(), format="svg")
            return Drawing(drawn.getvalue())
        with _writing(path):
            figure.savefig(path, dpi=120)
        return Path(path)

    def _figure(self) -> Figure:
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError("matplotlib", "plot", "a plot of the scores") from error
        steps = sorted({r.step for r in self.rows})
        wide, high = min(len(steps), 3), -(-len(steps) // 3)
        figure = Figure(figsize=(5.2 * wide, 5.2 * high), layout="constrained")
        grid = figure.subplots(high, wide, squeeze=False).flat
        for unused in grid[len(steps) :]:
            unused.remove()
        for axes, step in zip(grid[: len(steps)], steps, strict=True):
            rows = sorted((r for r in self.rows if r.step == step), key=lambda r: -_last(r.cross_entropy))
            rows = [r for r in rows if math.isfinite(r.cross_entropy)]
            colours = ["#0072B2" if r.forecaster.startswith("linear") else "#9a9a9a" for r in rows]
            for i, (row, colour) in enumerate(zip(rows, colours, strict=True)):
                axes.plot([row.low, row.high], [i, i], color=colour, lw=2)
                axes.plot(row.cross_entropy, i, "o", color=colour, ms=5)
            axes.set_yticks(range(len(rows)), [r.forecaster for r in rows])
            axes.set(title="next theme" if step == 1 else f"step {step}", xlabel="cross-entropy, nats (left is better)")
            axes.grid(axis="x", alpha=0.3)
        return figure

    def _repr_html_(self) -> str:
        parts = []
        for step in sorted({r.step for r in self.rows}):
            head = "".join(f"<th>{escape(h)}</th>" for h in self.HEADS)
            body = "".join(
                "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in line) + "</tr>" for line in self.lines(step)
            )
            parts.append(f"<h4>step {step}</h4><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        notes = "".join(f"<p>{escape(n)}</p>" for n in self.notes)
        return "".join(parts) + notes

    def __str__(self) -> str:
        blocks = []
        for step in sorted({r.step for r in self.rows}):
            title = "next theme" if step == 1 else f"step {step}"
            if not any(r.n_prompts for r in self.rows if r.step == step):
                blocks.append(f"{title}\nno text of a test prompt reached it")
                continue
            table = [self.HEADS, *self.lines(step)]
            widths = [max(len(row[i]) for row in table) for i in range(len(self.HEADS))]
            rows = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table]
            blocks.append("\n".join([title, *rows]))
        return "\n\n".join([*blocks, *self.notes])


@contextmanager
def _writing(path: Path | str) -> Iterator[None]:
    """Turn a picture that cannot be written into an error that says so."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: matplotlib does not know the suffix
        raise InputError(
            f"the picture {path} cannot be written ({error}); give a path in an existing folder with a known ending"
        ) from error


def dump_json(data: Any) -> str:
    """JSON as text; a NaN anywhere is a bug, so it raises rather than write invalid JSON."""
    return json.dumps(data, ensure_ascii=True, indent=1, allow_nan=False)


def dump_line(data: Any) -> str:
    """JSON on one line."""
    return json.dumps(data, ensure_ascii=True, allow_nan=False)


def _null(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _last(value: float) -> float:
    return value if math.isfinite(value) else math.inf


def _cell(value: float, digits: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("pandas", "notebook", "a data frame") from error
    return pandas
