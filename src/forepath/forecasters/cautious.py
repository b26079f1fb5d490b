"""A linear forecaster for prompts unlike those it was fitted to: how much it dares is learned on groups left out.

A head chosen on prompts of known kinds is far too sure of itself on a kind it never met: the themes of that kind were
rare or absent in what it saw. So its odds are tempered and mixed with a background, base rate^power: even odds at power
0, and below 0 the rarer a theme was, the likelier it is of a new kind. The penalty, and per step the temperature, the
power and the share of the background, are those with the least cross-entropy on groups (kinds, authors) left out in
turn *within* the training prompts. No test group is ever looked at. (Leaving out whole groups: Roberts et al. 2017,
Ecography 40:913; temperature: Guo et al. 2017, arXiv:1706.04599.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from forepath.errors import InputError, UnfittedError
from forepath.forecasters.linear import LinearForecaster, Normalise
from forepath.forecasters.odds import absorbed
from forepath.records import END, Forecast, Futures
from forepath.stats.calibration import tempered
from forepath.stats.rates import base_rates, theme_counts

PENALTIES = (0.1, 0.03, 0.01, 0.003)
"""Tried, in units of the mean variance of the features."""
TEMPERATURES = (0.7, 1.0, 1.4, 2.0, 3.0)
SHARES = (0.0, 0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8)
"""Of the background."""
POWERS = (0.0, -0.25, -0.5, -1.0)
"""Of the base rate, in the background."""


@dataclass(frozen=True, slots=True)
class Caution:
    """What is done to the odds of one step."""

    temperature: float
    """Above 1 they are flattened."""
    share: float
    """Of the background."""
    power: float
    """Of the base rate, in the background."""

    def apply(self, odds: np.ndarray, base: np.ndarray) -> np.ndarray:
        """(rows, themes) odds and (themes,) or (rows, themes) base rates -> (rows, themes)."""
        mixed: np.ndarray = (1 - self.share) * tempered(odds, self.temperature) + self.share * _background(
            base, self.power
        )
        return mixed


class Cautious:
    """Odds of the steps, for prompts of groups that were not among the training prompts. Deterministic.

    >>> rng = np.random.default_rng(0)
    >>> x, kind = rng.standard_normal((120, 3)), np.arange(120) % 4
    >>> steps = np.repeat(kind[:, None], 8, 1)[..., None].astype(np.int16)  # every kind writes what no other does
    >>> made = Cautious([str(k) for k in kind]).fit(x, Futures(("a", "b", "c", "d", "end"), steps))
    >>> made.cautions[0].share >= 0.5
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
        self.cautions: list[Caution] = []
        """Per step."""
        self.losses: dict[float, float] = {}
        """Per penalty, nats on the groups left out, with the cautions that are best there."""
        self._base = np.zeros((0, 0))
        self._inner: LinearForecaster | None = None

    def fit(self, activations: np.ndarray, futures: Futures) -> Self:
        """(prompts, width) and the same prompts' futures. Raises `ActivationError`, `InputError` for other groups."""
        if len(self.groups) != len(futures.steps):
            raise InputError(f"{len(self.groups)} groups for {len(futures.steps)} prompts; give each prompt its group")
        names = np.unique(self.groups, return_inverse=True)[1]
        counts = theme_counts(futures).astype(float)
        bases = np.zeros(counts.shape)
        for group in range(names.max() + 1):
            bases[names == group] = base_rates(replace(futures, steps=futures.steps[names != group]))
        best = np.inf
        for penalty in PENALTIES:
            odds = np.zeros(counts.shape)
            for group in range(names.max() + 1):
                out = names == group
                kept = replace(futures, steps=futures.steps[~out])
                odds[out] = self._made(penalty).fit(activations[~out], kept).odds(activations[out])
            chosen = [_best(odds[:, h], bases[:, h], counts[:, h]) for h in range(counts.shape[1])]
            self.losses[penalty] = float(np.mean([loss for loss, _ in chosen]))
            if self.losses[penalty] < best:
                best, self.penalty, self.cautions = self.losses[penalty], penalty, [caution for _, caution in chosen]
        self._inner, self._base = self._made(self.penalty).fit(activations, futures), base_rates(futures)
        return self

    def predict(self, activations: np.ndarray) -> Forecast:
        """Steps, no chains. Raises `UnfittedError`, `ActivationError`."""
        if self._inner is None:
            raise UnfittedError("this Cautious has not seen any futures: call fit(activations, futures) first")
        odds = self._inner.odds(activations)
        soft = [caution.apply(odds[:, h], self._base[h]) for h, caution in enumerate(self.cautions)]
        themes = self._inner.themes
        return Forecast(themes, absorbed(np.stack(soft, axis=1), themes.index(END)))

    def _made(self, penalty: float) -> LinearForecaster:
        return LinearForecaster(self.normalise, penalty=penalty, chains=False, seed=self.seed)


def _best(odds: np.ndarray, bases: np.ndarray, counts: np.ndarray) -> tuple[float, Caution]:
    """(nats, the caution that is best) for (prompts, themes) counts; every prompt weighs the same."""
    seen = counts.sum(axis=1)
    if not seen.any():
        return 0.0, Caution(1.0, 0.0, 0.0)
    rows = seen > 0
    shares, bases = counts[rows] / seen[rows, None], bases[rows]
    backgrounds = {power: _background(bases, power) for power in POWERS}
    best, found = np.inf, Caution(1.0, 0.0, 0.0)
    for temperature in TEMPERATURES:
        soft = tempered(odds[rows], temperature)
        for power, background in backgrounds.items():
            for share in SHARES:
                loss = -float((shares * np.log((1 - share) * soft + share * background)).sum() / len(shares))
                if loss < best:
                    best, found = loss, Caution(temperature, share, power)
    return best, found


def _background(base: np.ndarray, power: float) -> np.ndarray:
    raised = base**power
    odds: np.ndarray = raised / raised.sum(axis=-1, keepdims=True)
    return odds
