"""Odds read straight out of the unembedding: a theme is a direction among the words that open it. Nothing is trained.

The logit lens (nostalgebraist 2020) reads a layer with the model's own final norm and unembedding. Here its vectors of
tokens are put together to vectors of themes, by whoever makes this; a theme's score is the product of its vector with
what was read. Per step one scale for all themes and one offset each turn scores into odds, by Newton's method in closed
form (`closed_form.fit_link`): the vectors stay as they are. Chains agree with the steps (`coupling`).

It is the floor for "the activations know it": what is read is what the model itself would read there next.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np

from forepath.errors import ActivationError, UnfittedError
from forepath.forecasters.chains import likely_chains
from forepath.forecasters.closed_form import fit_link
from forepath.forecasters.coupling import coupled, follow_tables
from forepath.forecasters.inputs import checked, checked_pair
from forepath.forecasters.odds import absorbed, floored, softmax
from forepath.forecasters.saving import Origin, read_arrays, write_arrays
from forepath.records import END, Forecast, Futures
from forepath.stats.rates import theme_counts


class Lens:
    """Theme vectors held against activations. Deterministic; the order of the prompts does not matter.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((200, 3))
    >>> drawn = (rng.random((200, 8, 1)) < 1 / (1 + np.exp(-2 * x[:, None, :1]))).astype(np.int16)
    >>> vectors = np.array([[[-1.0, 0, 0], [1.0, 0, 0]]])  # of the themes 0 and 1
    >>> lens = Lens(vectors).fit(x, Futures(("story", "end"), drawn))
    >>> lens.predict(np.array([[2.0, 0, 0], [-2.0, 0, 0]])).steps[:, 0, 1].round(1).tolist()
    [1.0, 0.0]
    """

    def __init__(self, vectors: np.ndarray, *, chains: bool = True) -> None:
        """`vectors` (horizon, themes, width): per step ahead, the direction of each theme. Raises `ActivationError`."""
        self.vectors = np.asarray(vectors, dtype=np.float64)
        if self.vectors.ndim != 3 or not np.isfinite(self.vectors).all():
            raise ActivationError(
                f"theme vectors of shape {self.vectors.shape}; wanted finite (horizon, themes, width)"
            )
        self.chains = chains
        self.themes: tuple[str, ...] = ()
        self.origin: Origin | None = None
        self.scales: list[float] = []
        """Per step, what the scores are multiplied with; 0 where they say nothing."""
        self._offsets: list[np.ndarray] = []
        self._floors: list[float] = []
        self._mean = np.zeros(0)
        self._tables = np.zeros((0, 0, 0))

    def fit(self, activations: np.ndarray, futures: Futures) -> Self:
        """(prompts, width) and the futures of the same prompts. Raises `ActivationError`."""
        points = checked_pair(activations, futures)
        wanted = (futures.steps.shape[2], len(futures.themes), points.shape[1])
        if self.vectors.shape != wanted:
            raise ActivationError(
                f"theme vectors of (horizon, themes, width) {self.vectors.shape} for futures and activations of "
                f"{wanted}: make the vectors for these themes and this site"
            )
        counts = theme_counts(futures).astype(float)
        order = np.lexsort(points.T)  # so that every rounding is the same whatever the order given
        points, counts = points[order], counts[order]
        self._mean = points.mean(axis=0)
        self.scales, self._offsets, self._floors = [], [], []
        for h, vectors in enumerate(self.vectors):
            seen = counts[:, h].sum(axis=1) > 0
            scores = (points[seen] - self._mean) @ vectors.T
            spread = float(scores.std()) or 1.0  # the link holds its scale lightly at 1: hand it scores of that size
            _, scale, offsets = fit_link(scores / spread, counts[seen, h])
            self.scales.append(scale / spread)
            self._offsets.append(offsets)
            total = counts[seen, h].sum()
            self._floors.append(float(0.5 * wanted[1] / (total + 0.5 * wanted[1])))
        self.themes, self.origin, self._tables = futures.themes, None, follow_tables(futures)
        return self

    def predict(self, activations: np.ndarray) -> Forecast:
        """Steps and, unless `chains=False`, chains. Raises `UnfittedError` before `fit`, `ActivationError`."""
        if not self.scales:
            raise UnfittedError("this Lens has not seen any futures: call fit(activations, futures) first")
        points, end = checked(activations, width=len(self._mean)) - self._mean, self.themes.index(END)
        odds = [
            floored(softmax(scale * (points @ vectors.T) + offsets), floor)
            for vectors, scale, offsets, floor in zip(
                self.vectors, self.scales, self._offsets, self._floors, strict=True
            )
        ]
        steps = absorbed(np.stack(odds, axis=1), end)
        if not self.chains:
            return Forecast(self.themes, steps)
        transition = coupled(steps, self._tables, end)
        return Forecast(self.themes, steps, *likely_chains(steps[:, 0], transition, self.themes, steps.shape[1]))

    def save(self, folder: Path | str, origin: Origin) -> None:
        """Write `forecaster.safetensors` and `forecaster.json`. Raises `UnfittedError`, `OSError`."""
        if not self.scales:
            raise UnfittedError("this Lens has not seen any futures: there is nothing to save")
        tensors = {"vectors": self.vectors, "scales": np.array(self.scales), "offsets": np.stack(self._offsets),
                   "floors": np.array(self._floors), "mean": self._mean, "tables": self._tables}  # fmt: skip
        write_arrays(Path(folder), "lens", tensors, self.themes, {"chains": self.chains}, origin)

    @classmethod
    def load(
        cls, folder: Path | str, *, subject: str | None = None, codebook: str | None = None, site: str | None = None
    ) -> Self:
        """Read what `save` wrote; raises as `LinearForecaster.load`."""
        saved = read_arrays(Path(folder), "lens", {"subject": subject, "codebook": codebook, "site": site})
        held = saved.tensors
        lens = cls(held["vectors"], **saved.settings)
        lens.themes, lens.origin = saved.themes, saved.origin
        lens.scales, lens._offsets, lens._floors = (
            held["scales"].tolist(),
            list(held["offsets"]),
            held["floors"].tolist(),
        )
        lens._mean, lens._tables = held["mean"], held["tables"]
        return lens
