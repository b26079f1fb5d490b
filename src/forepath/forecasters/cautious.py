"""A linear forecaster for prompts unlike those it was fitted to: how much it dares is learned on groups left out.

A head chosen on prompts of known kinds is far too sure of itself on a kind it never met: the themes of that kind were
rare or absent in what it saw. Here the penalty, a temperature per step and a share of even odds per step are those with
the least cross-entropy on groups (kinds, authors) left out in turn *within* the training prompts. No test group is ever
looked at. Leaving whole groups out is how a change of environment is guarded against where several are known (Roberts
et al. 2017, Ecography 40:913); tempering is that of Guo et al. 2017, arXiv:1706.04599.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import numpy as np

from forepath.errors import InputError, UnfittedError
from forepath.forecasters.linear import LinearForecaster, Normalise
from forepath.forecasters.odds import absorbed, floored
from forepath.records import END, Forecast, Futures
from forepath.stats.calibration import tempered
from forepath.stats.rates import theme_counts

PENALTIES = (0.1, 0.03, 0.01, 0.003)
"""Tried, in units of the mean variance of the features."""
TEMPERATURES = (0.7, 1.0, 1.4, 2.0, 3.0)
EVEN = (0.0, 0.01, 0.03, 0.1, 0.2, 0.35, 0.5)
"""Shares of even odds mixed in."""


class Cautious:
    """Odds of the steps, for prompts of groups that were not among the training prompts. Deterministic.

    >>> rng = np.random.default_rng(0)
    >>> x, kind = rng.standard_normal((120, 3)), np.arange(120) % 4
    >>> steps = np.repeat(kind[:, None], 8, 1)[..., None].astype(np.int16)  # every kind writes what no other does
    >>> made = Cautious([str(k) for k in kind]).fit(x, Futures(("a", "b", "c", "d", "end"), steps))
    >>> made.even[0] >= 0.35
    True
    """

    def __init__(self, groups: Sequence[str], *, normalise: Normalise = "standardise", seed: int = 0) -> None:
        """`groups` (prompts,): of each prompt that `fit` will be handed; at least two of them different."""
        if len(set(groups)) < 2:
            raise InputError(
                f"{len(set(groups))} group among {len(groups)} prompts; caution needs two to leave one out"
            )
        self.groups, self.normalise, self.seed = tuple(groups), normalise, seed
        self.penalty = float("nan")
        """The one chosen."""
        self.temperatures: list[float] = []
        """Per step; above 1 the odds are flattened."""
        self.even: list[float] = []
        """Per step, the share of even odds."""
        self.losses: dict[float, float] = {}
        """Per penalty, nats on the groups left out, with the temperatures and shares that are best there."""
        self._inner: LinearForecaster | None = None

    def fit(self, activations: np.ndarray, futures: Futures) -> Self:
        """(prompts, width) and the same prompts' futures. Raises `ActivationError`, `InputError` for other groups."""
        if len(self.groups) != len(futures.steps):
            raise InputError(f"{len(self.groups)} groups for {len(futures.steps)} prompts; give each prompt its group")
        names = np.unique(self.groups, return_inverse=True)[1]
        counts = theme_counts(futures).astype(float)
        best = np.inf
        for penalty in PENALTIES:
            odds = np.zeros(counts.shape)
            for group in range(names.max() + 1):
                out = names == group
                kept = replace(futures, steps=futures.steps[~out])
                odds[out] = self._made(penalty).fit(activations[~out], kept).odds(activations[out])
            chosen = [_softened(odds[:, h], counts[:, h]) for h in range(counts.shape[1])]
            self.losses[penalty] = float(np.mean([loss for loss, _, _ in chosen]))
            if self.losses[penalty] < best:
                best, self.penalty = self.losses[penalty], penalty
                self.temperatures, self.even = [t for _, t, _ in chosen], [e for _, _, e in chosen]
        self._inner = self._made(self.penalty).fit(activations, futures)
        return self

    def predict(self, activations: np.ndarray) -> Forecast:
        """Steps, no chains. Raises `UnfittedError`, `ActivationError`."""
        if self._inner is None:
            raise UnfittedError("this Cautious has not seen any futures: call fit(activations, futures) first")
        odds = self._inner.odds(activations)
        soft = [floored(tempered(odds[:, h], t), e)
                for h, (t, e) in enumerate(zip(self.temperatures, self.even, strict=True))]  # fmt: skip
        themes = self._inner.themes
        return Forecast(themes, absorbed(np.stack(soft, axis=1), themes.index(END)))

    def _made(self, penalty: float) -> LinearForecaster:
        return LinearForecaster(self.normalise, penalty=penalty, chains=False, seed=self.seed)


def _softened(odds: np.ndarray, counts: np.ndarray) -> tuple[float, float, float]:
    """(nats per sample, temperature, share of even odds) that are best for (prompts, themes) counts."""
    seen = counts.sum(axis=1)
    if not seen.any():
        return 0.0, 1.0, 0.0
    shares = counts[seen > 0] / seen[seen > 0, None]  # every prompt weighs the same
    tried = [
        (-float((shares * np.log(floored(soft, even))).sum() / len(shares)), temperature, even)
        for temperature in TEMPERATURES
        for soft in (tempered(odds[seen > 0], temperature),)
        for even in EVEN
    ]
    return min(tried)
