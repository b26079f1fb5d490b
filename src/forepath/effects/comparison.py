"""What a comparison found: rows for machines, and the door to its text, its page and its picture."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forepath.effects.examples import Example
from forepath.errors import InputError, MissingExtraError
from forepath.records import Effect
from forepath.stats.bootstrap import Estimate

if TYPE_CHECKING:
    import pandas
    import pyarrow

ROW = ("measure", "shift", "low", "high", "q", "moved", "same", "n", "unmeasured")
"""Keys of a row of `to_json`, in order."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that was looked at, what moved, what stayed, and what to doubt."""

    effects: tuple[Effect, ...]
    prompts: int
    pairs: int
    """Pairs of trajectories."""
    alone: int
    """Trajectories without a partner, left out."""
    rate: float
    """False discovery rate."""
    margin: float
    """Of shares: a shift by less is none ..."""
    part: float
    """... if it is also less than this part of what there was before."""
    adjusted: str
    """The name of the adjustment."""
    targets: tuple[str, ...]
    specificity: Estimate
    """Squared shift of the targets over that of all themes; NaN without targets."""
    examples: tuple[Example, ...]
    doubts: tuple[str, ...]
    removed: Estimate = Estimate(float("nan"), float("nan"), float("nan"))
    """Share of the targets' presence that is gone (`removal`); NaN without targets."""

    @property
    def moved(self) -> tuple[Effect, ...]:
        """Clearest first."""
        return tuple(sorted((e for e in self.effects if e.moved), key=lambda e: (e.q, -abs(e.shift))))

    @property
    def same(self) -> tuple[Effect, ...]:
        """What was shown to stay within the margin, guards last."""
        return tuple(sorted((e for e in self.effects if e.same), key=lambda e: (e.kind == "guard", e.measure)))

    @property
    def guards(self) -> tuple[Effect, ...]:
        """Length, repetition, variety and, where it was measured, what the texts cost the base model."""
        return tuple(e for e in self.effects if e.kind == "guard")

    def of(self, measure: str) -> Effect:
        """One effect, e.g. of "theme: story". Raises `KeyError` naming what there is."""
        for effect in self.effects:
            if effect.measure == measure:
                return effect
        raise KeyError(f"no measure {measure!r}; there are {', '.join(e.measure for e in self.effects[:20])} …")

    def to_json(self) -> dict[str, Any]:
        """`{"effects": [{"measure", "shift", "low", "high", "q", "moved", "same", "n", "unmeasured"}, …]}`.

        null where it could not be judged.
        """
        return {"effects": [{key: _null(getattr(e, key)) for key in ROW} for e in self.effects]}

    def to_pandas(self) -> pandas.DataFrame:
        """One row per measure, all fields of `records.Effect`; NaN where it could not be judged."""
        try:
            import pandas
        except ImportError as error:
            raise MissingExtraError("pandas", "notebook", "a data frame") from error
        frame: pandas.DataFrame = pandas.DataFrame([asdict(e) for e in self.effects])
        return frame

    def to_arrow(self) -> pyarrow.Table:
        """The same as an Arrow table."""
        import pyarrow

        return pyarrow.Table.from_pylist([asdict(e) for e in self.effects])

    def markdown(self, title: str = "What the change changed") -> str:
        """A report to read in a terminal, an issue or a notebook."""
        from forepath.effects.prose import markdown

        return markdown(self, title)

    def html(self, title: str = "What the change changed") -> str:
        """The same as one page that needs nothing else; every text escaped."""
        from forepath.effects.pages import page

        return page(self, title)

    def write_html(self, path: Path | str, title: str = "What the change changed") -> Path:
        """Write the page. Raises `InputError` where it cannot be written."""
        try:
            Path(path).write_text(self.html(title), encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"the page {path} cannot be written ({error}); give a path in an existing folder"
            ) from error
        return Path(path)

    def plot(self, path: Path | str) -> Path:
        """The clearest shifts with their intervals and the margin, as PNG or SVG by the suffix. Raises `InputError`."""
        from forepath.effects.pictures import draw_shifts

        return draw_shifts(self, Path(path))

    def _repr_html_(self) -> str:
        from forepath.effects.pages import body

        return body(self, "What the change changed")

    def __str__(self) -> str:
        return self.markdown()


def _null(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
