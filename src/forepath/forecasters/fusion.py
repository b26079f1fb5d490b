"""The forecast as a prior that real samples update. Knows forecasts and futures, not where they come from.

How many samples a forecast counts for is learned per step from prompts it was not fitted on, where it and the samples
can be compared: the strength under which the samples are likeliest (Dirichlet-multinomial; Minka 2000). A forecast that
is as good on the prompts it was fitted on as elsewhere does not exist: never fit this on training prompts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from forepath.errors import InputError
from forepath.forecasters.odds import absorbed
from forepath.records import END, Forecast, Futures
from forepath.stats.fusion import expected_variance, samples_needed
from forepath.stats.listed import chain_odds, chain_outcomes, outcome_counts
from forepath.stats.rates import theme_counts
from forepath.stats.shrinkage import dirichlet_strength, shrunk


@dataclass(frozen=True, slots=True)
class Fusion:
    """What a forecaster's word is worth.

    >>> themes = ("a", "end")
    >>> forecast = Forecast(themes, np.tile([[[0.7, 0.3]]], (50, 1, 1)))
    >>> drawn = np.random.default_rng(0).random((50, 16, 1)) < 0.3
    >>> fusion = Fusion.fit(forecast, Futures(themes, drawn.astype(np.int16)))
    >>> bool(fusion.strengths[0] > 50)  # it is right: it counts for much
    True
    """

    themes: tuple[str, ...]
    strengths: tuple[float, ...]
    """Per step, in samples."""
    chain_strength: float
    """For whole chains."""

    @classmethod
    def fit(cls, forecast: Forecast, futures: Futures) -> Self:
        """From forecasts and samples of the same validation prompts. Raises `InputError` if they do not fit."""
        _check(forecast, futures)
        counts = theme_counts(futures)
        strengths = tuple(
            dirichlet_strength(counts[:, h], np.maximum(forecast.steps[:, h], 1e-9)) for h in range(counts.shape[1])
        )
        drawn, odds = _drawn(forecast, futures), chain_odds(forecast)
        return cls(futures.themes, strengths, dirichlet_strength(drawn, odds) if len(forecast.chains) else 1.0)

    def update(self, forecast: Forecast, futures: Futures) -> Forecast:
        """The forecast after these samples of the same prompts. Nothing drawn leaves it as it is.

        Steps are posterior means; samples cut off before a step do not count there. A chain that was drawn but is not
        listed goes to "something else".
        """
        _check(forecast, futures, self.themes)
        strengths = np.array(self.strengths)
        steps = shrunk(theme_counts(futures), forecast.steps, strengths)
        steps = absorbed(steps, self.themes.index(END))
        if not forecast.chains:
            return replace(forecast, steps=steps)
        odds = shrunk(_drawn(forecast, futures), chain_odds(forecast), self.chain_strength)
        return replace(forecast, steps=steps, probs=odds[:, :-1])

    def expected_error(self, forecast: Forecast, futures: Futures | None = None) -> np.ndarray:
        """(rows, horizon) expected |odds - true odds|^2 of the forecast, or of its update with these samples."""
        strengths = np.array(self.strengths)
        if futures is None:
            return expected_variance(forecast.steps, strengths)
        seen = theme_counts(futures).sum(axis=2)
        return expected_variance(self.update(forecast, futures).steps, strengths + seen)

    def needed(self, forecast: Forecast, error: float, *, step: int = 1, futures: Futures | None = None) -> np.ndarray:
        """(rows,) how many (more) samples until the expected error at `step` (1 is the next theme) is at most `error`.

        Draw them, or a few and ask again with all drawn so far in `futures`: 0 means stop. Raises `InputError` for a
        step that is not forecast or an error that is not positive.
        """
        if not 1 <= step <= len(self.strengths):
            raise InputError(f"step {step}; the forecast has steps 1 to {len(self.strengths)}")
        odds, strength = forecast.steps[:, step - 1], np.full(len(forecast.steps), self.strengths[step - 1])
        if futures is not None:
            strength = strength + theme_counts(futures)[:, step - 1].sum(axis=1)
            odds = self.update(forecast, futures).steps[:, step - 1]
        return samples_needed(odds, strength, error)


def _check(forecast: Forecast, futures: Futures, themes: tuple[str, ...] | None = None) -> None:
    rows, horizon, _ = forecast.steps.shape
    if forecast.themes != futures.themes or themes not in (None, futures.themes):
        raise InputError("forecast and samples have other themes; label them with the same codebook")
    if futures.steps.shape[::2] != (rows, horizon):
        raise InputError(
            f"samples of (prompts, steps) {futures.steps.shape[::2]} for a forecast of {(rows, horizon)}: give the "
            "samples of the prompts that were forecast"
        )


def _drawn(forecast: Forecast, futures: Futures) -> np.ndarray:
    """(rows, chains + 1) how often each listed chain was drawn, and any other."""
    return outcome_counts(chain_outcomes(forecast, futures), len(forecast.chains) + 1)
