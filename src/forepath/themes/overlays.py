"""Second thoughts about labels: themes merged or renamed, single segments relabelled, laid over a run and taken off.

An overlay is data and changes nothing it is laid over. Merging is exact for the odds of the *next* theme: they add up.
Further on, two themes that have become one are one step where they were two, which odds by step cannot tell; whoever
merges odds of later steps counts those steps as before the merge, and must say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from forepath.errors import CodebookError
from forepath.records import END, Chain, Forecast, Segment, Trajectory

_KEYS = {"revision", "merged", "renamed", "relabelled"}
LONGEST = 80
"""Characters of a theme's new name."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What somebody would have labelled otherwise."""

    revision: int = 0
    """Counts its changes: two people who edit the same one notice."""
    merged: Mapping[str, str] = field(default_factory=dict)
    """Theme -> the theme it is counted as."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Theme -> what it is called; a merged theme is called what its target is."""
    relabelled: Mapping[str, str] = field(default_factory=dict)
    """ "<trajectory id>:<index of the segment>" -> its theme."""

    def __bool__(self) -> bool:
        return bool(self.merged or self.renamed or self.relabelled)

    def check(self, themes: tuple[str, ...]) -> None:
        """Raises `CodebookError` unless it fits a run of these themes."""
        for theme in (*self.merged, *self.merged.values(), *self.renamed, *self.relabelled.values()):
            if theme not in themes:
                raise CodebookError(f"the overlay speaks of {theme!r}; the codebook has {', '.join(themes)}")
        if END in (*self.merged, *self.merged.values(), *self.renamed, *self.relabelled.values()):
            raise CodebookError(f"{END!r} means that the text ended; it cannot be merged, renamed or given")
        for theme in self.merged:
            self.target(theme)
        names = [self.renamed.get(t, t).strip() for t in themes if t not in self.merged]
        for name in names:
            if not name or len(name) > LONGEST:
                raise CodebookError(f"the name {name!r:.100} has {len(name)} characters; wanted 1 to {LONGEST}")
            if names.count(name) > 1:
                raise CodebookError(f"two themes would be called {name!r}; merge them instead")

    def target(self, theme: str) -> str:
        """The theme that `theme` is counted as, itself if it is not merged. Raises `CodebookError` on a circle.

        >>> Overlay(merged={"a": "b", "b": "c"}).target("a")
        'c'
        """
        seen = [theme]
        while (after := self.merged.get(seen[-1])) is not None:
            if after in seen:
                raise CodebookError(f"themes are merged in a circle: {' -> '.join([*seen, after])}; undo one merge")
            seen.append(after)
        return seen[-1]

    def index(self, themes: tuple[str, ...]) -> np.ndarray:
        """(themes,) the index of each theme's target."""
        return np.array([themes.index(self.target(t)) for t in themes])

    def label(self, trajectory: Trajectory) -> Trajectory:
        """The same trajectory with its segments as the overlay would have them. A `Labeller` for labelled texts."""
        return replace(
            trajectory,
            segments=tuple(
                Segment(s.start, s.stop, None if theme is None else self.target(theme))
                for i, s in enumerate(trajectory.segments)
                for theme in (self.relabelled.get(f"{trajectory.id}:{i}", s.theme),)
            ),
        )

    def merge(self, forecast: Forecast) -> Forecast:
        """The same forecast with merged themes' odds added to their target's, which keeps its place.

        A merged theme keeps its place too, with odds 0. Steps are counted as before the merge.

        >>> odds = Forecast(("a", "b", "end"), np.array([[[0.5, 0.3, 0.2]]]))
        >>> Overlay(merged={"a": "b"}).merge(odds).steps.tolist()
        [[[0.0, 0.8, 0.2]]]
        """
        to = self.index(forecast.themes)
        steps = np.zeros_like(forecast.steps)
        for theme, target in enumerate(to):
            steps[..., target] += forecast.steps[..., theme]
        chains: dict[Chain, list[int]] = {}
        for i, chain in enumerate(forecast.chains):
            chains.setdefault(tuple(self.target(t) for t in chain), []).append(i)
        probs = np.zeros((len(forecast.probs), len(chains)))
        for column, members in enumerate(chains.values()):
            probs[:, column] = forecast.probs[:, members].sum(axis=1)
        return Forecast(forecast.themes, steps, tuple(chains), probs)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "revision": self.revision,
            "merged": dict(self.merged),
            "renamed": dict(self.renamed),
            "relabelled": dict(self.relabelled),
        }

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Back from `to_json`. Raises `CodebookError` for anything else."""
        if not isinstance(data, dict) or set(data) - _KEYS:
            raise CodebookError(f"an overlay is an object of {', '.join(sorted(_KEYS))}; got {data!r:.80}")
        maps = {k: data.get(k, {}) for k in ("merged", "renamed", "relabelled")}
        for key, value in maps.items():
            pairs = value.items() if isinstance(value, dict) else [(None, None)]
            if not all(isinstance(k, str) and isinstance(v, str) for k, v in pairs):
                raise CodebookError(f"{key} of the overlay is {value!r:.80}; wanted texts by text")
        return cls(int(data.get("revision", 0)), **maps)
