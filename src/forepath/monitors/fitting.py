"""A forecaster for the middle of texts, and how well one fitted at the ends of prompts does there.

A forecaster fitted at the ends of prompts has seen no half-written text: whether it carries over is measured here,
beside one fitted on the places that `gathering` collects. All splits are by prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forepath.errors import ForecastError
from forepath.forecasters.linear import LinearForecaster
from forepath.forecasters.markov import Markov
from forepath.monitors.gathering import Places
from forepath.records import OTHER, UNKNOWN, Futures
from forepath.stats.bootstrap import Estimate, resamples
from forepath.stats.rates import base_rates

PENALTIES = (1.0, 0.1, 0.01, 0.001, 1e-4)
"""Tried on prompts kept aside, strongest first."""


def fit_mid_text(
    places: Places,
    train: np.ndarray,
    validation: np.ndarray,
    themes: Sequence[str],
    horizon: int,
    *,
    features: np.ndarray | None = None,
    seed: int = 0,
) -> LinearForecaster:
    """Fit on the places of some prompts, the penalty chosen on others, then on both. Step 1 is what is written next.

    `train`, `validation` (prompts,) bool. `features` (places, width) instead of the activations. Raises
    `ForecastError` if a side has no place.
    """
    x = places.activations if features is None else features
    known, asked = train[places.prompt_of], validation[places.prompt_of]
    if not known.any() or not asked.any():
        raise ForecastError(f"{known.sum()} places to fit on and {asked.sum()} to choose on; sample more prompts")
    futures, wanted = places.futures(themes, horizon, known), places.futures(themes, horizon, asked)
    best, least = PENALTIES[0], np.inf
    for penalty in PENALTIES:
        tried = LinearForecaster(penalty=penalty, chains=False, seed=seed).fit(x[known], futures)
        loss = float(np.nanmean(losses(tried.odds(x[asked]), wanted)))
        if loss >= least:
            break
        best, least = penalty, loss
    both = known | asked
    final = LinearForecaster(penalty=best * float(known.sum() / both.sum()), seed=seed)
    return final.fit(x[both], places.futures(themes, horizon, both))


def losses(steps: np.ndarray, futures: Futures) -> np.ndarray:
    """(places, horizon) -ln of the odds (places, horizon, themes) given to what came; NaN where it was not observed."""
    came = futures.steps[:, 0].astype(int)
    given = np.take_along_axis(steps, np.maximum(came, 0)[..., None], axis=2)[..., 0]
    with np.errstate(divide="ignore"):
        lost: np.ndarray = np.where(came == UNKNOWN, np.nan, -np.log(given))
    return lost


@dataclass(frozen=True, slots=True)
class Transfer:
    """How good a forecaster is at some places: cross-entropy of the theme written next."""

    forecaster: str
    where: str
    """ "prompt", "sentence after a blank line", "sentence within a paragraph" or "within a sentence"."""
    nats: Estimate
    """With the 95 % interval of drawing prompts again."""
    places: int


def compare_at_places(
    places: Places, chosen: np.ndarray, known: np.ndarray, themes: Sequence[str],
    rivals: Mapping[str, tuple[LinearForecaster, np.ndarray]],
) -> list[Transfer]:  # fmt: skip
    """Every forecaster of `rivals`, the base rate and the theme before (Markov), at the places of the prompts `chosen`.

    `rivals`: name -> (forecaster, (places, width) what it reads). `chosen`, `known` (prompts,) bool: judged on, and
    what the two rivals without activations are fitted on. Prompts, not places, are drawn again for the intervals.
    """
    asked, train = chosen[places.prompt_of], known[places.prompt_of]
    futures, learnt = places.futures(themes, 1, asked), places.futures(themes, 1, train)
    index = {theme: i for i, theme in enumerate(themes)}
    before = np.array([UNKNOWN if t is None else index.get(t, index[OTHER]) for t in places.before])
    odds = {name: rival.odds(read[asked])[:, :1] for name, (rival, read) in rivals.items()}
    odds["theme before"] = Markov().fit(before[train], learnt).predict(before[asked]).steps
    odds["base rate"] = np.tile(base_rates(learnt), (int(asked.sum()), 1, 1))
    out = []
    for where, mask in _kinds(places).items():
        here = mask[asked]
        for name, steps in odds.items():
            lost = losses(steps[here], Futures(futures.themes, futures.steps[here]))[:, 0]
            out.append(Transfer(name, where, _by_prompt(lost, places.prompt_of[asked][here]), int(here.sum())))
    return out


def _kinds(places: Places) -> dict[str, np.ndarray]:
    sentence = places.reasons == "sentence"
    kinds = {
        "prompt": places.reasons == "prompt",
        "sentence after a blank line": sentence & places.blank,
        "sentence within a paragraph": sentence & ~places.blank,
        "within a sentence": places.reasons == "tokens",
    }
    return {name: mask for name, mask in kinds.items() if mask.any()}


def _by_prompt(values: np.ndarray, prompt_of: np.ndarray) -> Estimate:
    """Mean over places with its interval from drawing prompts again."""
    seen = ~np.isnan(values)
    if not seen.any():
        return Estimate(float("nan"), float("nan"), float("nan"))
    _, number = np.unique(prompt_of[seen], return_inverse=True)
    total, count = np.bincount(number, values[seen]), np.bincount(number).astype(float)
    weights = resamples(len(total), 0)
    drawn = (weights @ total) / (weights @ count)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(values[seen].mean()), float(low), float(high))
