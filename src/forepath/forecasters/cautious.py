"""A linear forecaster for prompts unlike those it was fitted to: how much it dares is learned on groups left out.

A head chosen on prompts of known kinds is far too sure of itself on a kind it never met: the themes of that kind were
rare or absent in what it saw. So its odds are tempered and mixed with a background, base rate^power: even odds at power
0, and below 0 the rarer a theme was, the likelier it is of a new kind. The penalty, and per step the temperature, the
power and the share of the background, are those with the least cross-entropy on groups (kinds, authors) left out in
turn *within* the training prompts. No test group is ever looked at.

With hints, the last columns of what is read are a score for each theme that is not learned from futures (but from its
description or its examples in a codebook, say), and the odds are multiplied with exp(pull x score): how strong the pull
is, is learned on the same groups. That is the only way to tell apart themes that no training prompt wrote.

(Leaving out whole groups: Roberts et al. 2017,
Ecography 40:913; temperature: Guo et al. 2017, arXiv:1706.04599.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from forepath.errors import InputError, UnfittedError
from forepath.forecasters.inputs import checked
from forepath.forecasters.linear import LinearForecaster, Normalise
from forepath.forecasters.odds import absorbed, floored
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
PULLS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Of the hints, whose scores over all themes and prompts are given standard deviation 1."""
EVEN = 0.02
"""Share of even odds where hints pull, so that a wrong one does not cost everything."""


@dataclass(frozen=True, slots=True)
class Caution:
    """What is done to the odds of one step."""

    temperature: float
    """Above 1 they are flattened."""
    share: float
    """Of the background."""
    power: float
    """Of the base rate, in the background."""
    pull: float = 0.0
    """Of the hints."""

    def apply(self, odds: np.ndarray, base: np.ndarray, hints: np.ndarray | None = None) -> np.ndarray:
        """(rows, themes) odds, (themes,) or (rows, themes) base rates, (rows, themes) hints -> (rows, themes)."""
        mixed = (1 - self.share) * tempered(odds, self.temperature) + self.share * _background(base, self.power)
        return mixed if hints is None else _pulled(mixed, _factors(self.pull * hints))


class Cautious:
    """Odds of the steps, for prompts of groups that were not among the training prompts. Deterministic.

    >>> rng = np.random.default_rng(0)
    >>> x, kind = rng.standard_normal((120, 3)), np.arange(120) % 4
    >>> steps = np.repeat(kind[:, None], 8, 1)[..., None].astype(np.int16)  # every kind writes what no other does
    >>> made = Cautious([str(k) for k in kind]).fit(x, Futures(("a", "b", "c", "d", "end"), steps))
    >>> made.cautions[0].share >= 0.5
    True
    """

    def __init__(
        self, groups: Sequence[str], *, hints: bool = False, normalise: Normalise = "standardise", seed: int = 0
    ) -> None:
        """`groups` (prompts,): of each prompt that `fit` will be handed; at least two of them different. `hints`: the
        last columns of what is read are hints, one per theme.
        """
        if len(set(groups)) < 2:
            raise InputError(
                f"{len(set(groups))} group among {len(groups)} prompts; caution needs two to leave one out"
            )
        self.groups, self.hints, self.normalise, self.seed = tuple(groups), hints, normalise, seed
        self.penalty = float("nan")
        """The one chosen."""
        self.cautions: list[Caution] = []
        """Per step."""
        self.losses: dict[float, float] = {}
        """Per penalty, nats on the groups left out, with the cautions that are best there."""
        self._base = np.zeros((0, 0))
        self._middle, self._spread = np.zeros(0), 1.0
        self._inner: LinearForecaster | None = None

    def fit(self, activations: np.ndarray, futures: Futures) -> Self:
        """(prompts, width) and the same prompts' futures. Raises `ActivationError`, `InputError` for other groups or
        where hints leave nothing else to read.
        """
        if len(self.groups) != len(futures.steps):
            raise InputError(f"{len(self.groups)} groups for {len(futures.steps)} prompts; give each prompt its group")
        activations, scores = self._split(activations, len(futures.themes))
        if scores is not None:
            self._middle, self._spread = scores.mean(axis=0), float((scores - scores.mean(axis=0)).std()) or 1.0
        names = np.unique(self.groups, return_inverse=True)[1]
        counts = theme_counts(futures).astype(float)
        bases, hints = np.zeros(counts.shape), None if scores is None else np.zeros(scores.shape)
        for group in range(names.max() + 1):
            bases[names == group] = base_rates(replace(futures, steps=futures.steps[names != group]))
            if scores is not None and hints is not None:
                hints[names == group] = (scores[names == group] - scores[names != group].mean(axis=0)) / self._spread
        best, found = np.inf, np.zeros(counts.shape)
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
                found = odds
        if hints is not None:
            self.cautions = [_hinted(found[:, h], bases[:, h], counts[:, h], hints) for h in range(counts.shape[1])]
        self._inner, self._base = self._made(self.penalty).fit(activations, futures), base_rates(futures)
        return self

    def predict(self, activations: np.ndarray) -> Forecast:
        """Steps, no chains. Raises `UnfittedError`, `ActivationError`."""
        if self._inner is None:
            raise UnfittedError("this Cautious has not seen any futures: call fit(activations, futures) first")
        activations, scores = self._split(activations, len(self._inner.themes))
        odds = self._inner.odds(activations)
        hints = None if scores is None else (scores - self._middle) / self._spread
        soft = [caution.apply(odds[:, h], self._base[h], hints) for h, caution in enumerate(self.cautions)]
        themes = self._inner.themes
        return Forecast(themes, absorbed(np.stack(soft, axis=1), themes.index(END)))

    def _split(self, activations: np.ndarray, themes: int) -> tuple[np.ndarray, np.ndarray | None]:
        """(what the head reads, (rows, themes) scores or None)"""
        if not self.hints:
            return activations, None
        rows = checked(activations)
        if rows.shape[1] <= themes:
            raise InputError(f"{rows.shape[1]} columns, the last {themes} of them hints: nothing is left to read")
        return rows[:, :-themes], rows[:, -themes:]

    def _made(self, penalty: float) -> LinearForecaster:
        return LinearForecaster(self.normalise, penalty=penalty, chains=False, seed=self.seed)


def _hinted(odds: np.ndarray, bases: np.ndarray, counts: np.ndarray, hints: np.ndarray) -> Caution:
    """The caution and the pull that are best together."""
    found = {pull: _best(odds, bases, counts, pull * hints) for pull in PULLS}
    pull = min(found, key=lambda p: found[p][0])
    return replace(found[pull][1], pull=pull)


def _pulled(odds: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Odds times factors, as odds again, mixed with even ones."""
    drawn = np.maximum(odds, 1e-300) * factors
    return floored(drawn / np.maximum(drawn.sum(axis=1, keepdims=True), 1e-300), EVEN)


def _factors(scores: np.ndarray) -> np.ndarray:
    """exp of scores, the largest of a row 1."""
    factors: np.ndarray = np.exp(scores - scores.max(axis=1, keepdims=True))
    return factors


def _best(
    odds: np.ndarray, bases: np.ndarray, counts: np.ndarray, scores: np.ndarray | None = None
) -> tuple[float, Caution]:
    """(nats, the caution that is best) for (prompts, themes) counts; every prompt weighs the same. `scores` (prompts,
    themes) pull.
    """
    seen = counts.sum(axis=1)
    if not seen.any():
        return 0.0, Caution(1.0, 0.0, 0.0)
    rows = seen > 0
    shares, bases = counts[rows] / seen[rows, None], bases[rows]
    factors = None if scores is None else _factors(scores[rows])
    backgrounds = {power: _background(bases, power) for power in POWERS}
    best, found = np.inf, Caution(1.0, 0.0, 0.0)
    for temperature in TEMPERATURES:
        soft = tempered(odds[rows], temperature)
        for power, background in backgrounds.items():
            for share in SHARES:
                mixed = (1 - share) * soft + share * background
                told = mixed if factors is None else _pulled(mixed, factors)
                loss = -float((shares * np.log(told)).sum() / len(shares))
                if loss < best:
                    best, found = loss, Caution(temperature, share, power)
    return best, found


def _background(base: np.ndarray, power: float) -> np.ndarray:
    raised = base**power
    odds: np.ndarray = raised / raised.sum(axis=-1, keepdims=True)
    return odds
