"""Sets of next themes and of whole chains that hold what happens, 90 times in 100. Knows forecasts and futures.

The promise is per prompt: `stats.conformal` says how. Calibrate on prompts that the forecaster has not seen; it holds
for prompts from where those came from. On other kinds of prompts coverage drops: measure it by group, do not assume it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from forepath.errors import InputError
from forepath.records import Chain, Forecast, Futures
from forepath.stats.conformal import Coverage, Method, judge_sets, scores, threshold
from forepath.stats.listed import chain_odds, chain_outcomes, outcome_counts


@dataclass(frozen=True, slots=True)
class PredictionSets:
    """A calibrated threshold."""

    step: int
    """Of which theme, 1 is the next; 0 is for whole chains."""
    method: Method
    wanted: float
    """Coverage asked for."""
    threshold: float
    prompts: int
    """Calibrated on so many."""
    seed: int
    """Of the lots that `aps` draws, one per prompt by its place."""

    @classmethod
    def calibrate(
        cls,
        forecast: Forecast,
        futures: Futures,
        *,
        step: int = 1,
        coverage: float = 0.9,
        method: Method = "aps",
        seed: int = 0,
    ) -> Self:
        """From forecasts and samples of the same validation prompts. `step` 0 is for whole chains.

        Raises `InputError` for forecasts of other prompts or steps, or without chains where these are asked for.
        """
        odds, outcomes = _odds(forecast, step), _outcomes(forecast, futures, step)
        if len(odds) != len(outcomes) or forecast.themes != futures.themes:
            raise InputError(
                f"a forecast of {len(odds)} prompts and samples of {len(outcomes)}: give the same prompts, labelled "
                "with the same codebook"
            )
        luck = np.random.default_rng([seed, 1]).random(outcomes.shape)  # each sample is a case with a lot of its own
        drawn = np.full(outcomes.shape, np.nan)
        for s in range(outcomes.shape[1]):
            known = outcomes[:, s] >= 0
            strange = scores(odds[known], method, luck[known, s])
            drawn[known, s] = strange[np.arange(known.sum()), outcomes[known, s]]
        seen = int((~np.isnan(drawn)).any(axis=1).sum())
        return cls(step, method, coverage, threshold(drawn, coverage), seen, seed)

    def contains(self, forecast: Forecast) -> np.ndarray:
        """(rows, outcomes) bool: themes, or the listed chains and, last, anything else. A set can be empty by lot."""
        odds = _odds(forecast, self.step)
        luck = np.random.default_rng([self.seed, 2]).random(len(odds))
        inside: np.ndarray = scores(odds, self.method, luck) <= self.threshold
        return inside

    def themes(self, forecast: Forecast) -> list[tuple[str, ...]]:
        """Per row the themes in its set, likeliest first. Raises `InputError` for sets of chains."""
        if self.step == 0:
            raise InputError("these are sets of chains; ask for chains()")
        inside, odds = self.contains(forecast), _odds(forecast, self.step)
        orders = np.argsort(-odds, axis=1, kind="stable")
        return [tuple(forecast.themes[t] for t in o if i[t]) for i, o in zip(inside, orders, strict=True)]

    def chains(self, forecast: Forecast) -> list[tuple[tuple[Chain, ...], bool]]:
        """Per row the chains in its set, likeliest first, and whether anything else is in it, too."""
        if self.step != 0:
            raise InputError(f"these are sets of themes at step {self.step}; ask for themes()")
        inside, odds = self.contains(forecast), _odds(forecast, 0)
        found = []
        for i, o in zip(inside, odds, strict=True):
            listed = [c for c in np.argsort(-o, kind="stable") if i[c] and c < len(forecast.chains)]
            found.append((tuple(forecast.chains[c] for c in listed), bool(i[-1])))
        return found

    def judge(self, forecast: Forecast, futures: Futures, groups: np.ndarray | None = None) -> Coverage:
        """Coverage and size on prompts it was not calibrated on; "anything else" counts as one outcome."""
        sets = self.contains(forecast)
        counts = outcome_counts(_outcomes(forecast, futures, self.step), sets.shape[1])
        return judge_sets(sets, counts, groups, seed=self.seed)


def _odds(forecast: Forecast, step: int) -> np.ndarray:
    if step == 0:
        if not forecast.chains:
            raise InputError("this forecast lists no chains; forecast with chains, or ask for a step from 1 on")
        return chain_odds(forecast)
    if not 1 <= step <= forecast.steps.shape[1]:
        raise InputError(f"step {step}; the forecast has steps 1 to {forecast.steps.shape[1]}, and 0 for chains")
    return forecast.steps[:, step - 1]


def _outcomes(forecast: Forecast, futures: Futures, step: int) -> np.ndarray:
    return chain_outcomes(forecast, futures) if step == 0 else futures.steps[:, :, step - 1].astype(int)
