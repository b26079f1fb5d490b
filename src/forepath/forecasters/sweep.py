"""Which layer (or any other choice of features) is best, and what having looked is worth. Knows arrays only.

The loss of the best of many, on the prompts on which it was chosen, is too good (the winner's curse). Here the choice
itself is put to the test: each fifth of the prompts is forecast by a choice and a fit that never saw it (nested
cross-validation; Varma & Simon 2006, BMC Bioinformatics 7:91).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from forepath.errors import InputError
from forepath.forecasters.targets import kept_aside, parts_of
from forepath.protocols import Forecaster
from forepath.records import Futures
from forepath.stats.bootstrap import Estimate, mean_estimate
from forepath.stats.losses import mean_loss, prompt_losses


@dataclass(frozen=True, slots=True)
class Sweep:
    """What came out. Losses are cross-entropies in nats, the mean over the steps."""

    best: str
    """The choice with the least loss on the prompts kept aside."""
    losses: dict[str, float]
    """Of every choice, on the prompts kept aside."""
    optimistic: float
    """The least of `losses`: what is usually printed."""
    honest: Estimate
    """Of choosing and fitting, on prompts that neither saw, with its prompt-level 95 % interval."""
    chosen: tuple[str, ...]
    """What was chosen in each part: if these differ, the choice is not stable."""


def sweep(
    make: Callable[[], Forecaster],
    features: Mapping[str, np.ndarray],
    futures: Futures,
    *,
    parts: int = 5,
    seed: int = 0,
) -> Sweep:
    """Try each of `features` (name -> (prompts, …)) with a new forecaster; (parts + 1) (choices + 1) fits at most.

    Prompts are divided by a hash of their features under the first name, so that twins stay together. Raises
    `InputError` for no features or too few prompts to divide, `ActivationError`.
    """
    if not features:
        raise InputError("no features to sweep; give at least one, e.g. {'resid.3': activations}")
    first = np.asarray(next(iter(features.values())))
    marks = first.reshape(len(first), -1).astype(np.float64)
    part = parts_of(marks, parts, seed)
    if len(np.unique(part)) < 2:
        raise InputError(f"{len(first)} prompts cannot be divided into parts; give at least a few dozen")
    whole = np.ones(len(first), dtype=bool)
    losses = _losses(make, features, futures, whole, kept_aside(marks, seed))
    honest, chosen = np.full(len(first), np.nan), []
    for k in np.unique(part):
        rest = part != k
        inner = _losses(make, features, futures, rest, rest & kept_aside(marks, seed + 1))
        name = min(inner, key=inner.__getitem__)
        fitted = make().fit(features[name][rest], _of(futures, rest))
        lost = prompt_losses(fitted.predict(features[name][~rest]), _of(futures, ~rest))
        honest[~rest] = _row_means(lost)
        chosen.append(name)
    best = min(losses, key=losses.__getitem__)
    known = honest[~np.isnan(honest)]
    return Sweep(best, losses, losses[best], mean_estimate(known, seed), tuple(chosen))


def _losses(
    make: Callable[[], Forecaster],
    features: Mapping[str, np.ndarray],
    futures: Futures,
    used: np.ndarray,
    aside: np.ndarray,
) -> dict[str, float]:
    """Fitted on the prompts `used` and not `aside`, judged on those `aside`."""
    known = used & ~aside
    found = {}
    for name, values in features.items():
        fitted = make().fit(values[known], _of(futures, known))
        found[name] = mean_loss(fitted.predict(values[aside]), _of(futures, aside))
    return found


def _of(futures: Futures, chosen: np.ndarray) -> Futures:
    return replace(futures, steps=futures.steps[chosen])


def _row_means(lost: np.ndarray) -> np.ndarray:
    seen = ~np.isnan(lost)
    total = np.where(seen, lost, 0.0).sum(axis=1)
    means: np.ndarray = np.divide(total, seen.sum(axis=1), out=np.full(len(lost), np.nan), where=seen.any(axis=1))
    return means
