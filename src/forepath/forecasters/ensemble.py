"""How sure the odds themselves are: the same forecaster, fitted to prompts drawn again. Knows forecasters only.

What the members disagree about is what more prompts would settle (epistemic); what they agree is uncertain is the
subject's own doing. Prompts, not samples, are drawn again: the bootstrap, with the number of copies of each prompt
drawn from Poisson(1) (Oza & Russell 2001), in an order of the prompts that does not depend on the one given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from forepath.errors import UnfittedError
from forepath.forecasters.inputs import checked_reads_pair
from forepath.forecasters.targets import canonical
from forepath.protocols import Forecaster
from forepath.records import Forecast, Futures


@dataclass(frozen=True, slots=True)
class Spread:
    """What the members say, about each row, step and theme."""

    low: np.ndarray
    """(rows, horizon, themes) the lower end of the middle `share` of the members."""
    high: np.ndarray
    deviation: np.ndarray
    """(rows, horizon, themes) standard deviation between members."""
    information: np.ndarray
    """(rows, horizon) nats: entropy of the mean minus mean entropy; 0 where all agree (Houlsby et al. 2011)."""


class Ensemble:
    """A forecaster fitted to all prompts, and members fitted to prompts drawn again.

    `predict` is that of the one fitted to all prompts: an interval should belong to the number it stands beside.

    >>> from forepath.forecasters.closed_form import ClosedForm
    >>> x = np.random.default_rng(0).standard_normal((60, 2))
    >>> futures = Futures(("a", "end"), (x[:, None, :1] > 0).astype(np.int16).repeat(4, axis=1))
    >>> ensemble = Ensemble(ClosedForm, members=4).fit(x, futures)
    >>> spread = ensemble.spread(np.array([[0.0, 0.0], [3.0, 0.0]])).deviation[:, 0, 0]
    >>> bool(spread[0] > spread[1])  # unsure where the border is
    True
    """

    def __init__(self, make: Callable[[], Forecaster], *, members: int = 8, seed: int = 0) -> None:
        """`make` builds an unfitted forecaster; the members are fitted one after another."""
        if members < 2:
            raise ValueError(f"members={members}; at least 2 are needed to disagree")
        self.make, self.count, self.seed = make, members, seed
        self.whole: Forecaster | None = None
        self.members: list[Forecaster] = []

    def fit(self, activations: np.ndarray, futures: Futures) -> Self:
        """As of the forecaster made. Raises `ActivationError`."""
        whole = self.make().fit(activations, futures)
        given = np.asarray(activations)
        reads = checked_reads_pair(given, futures)
        order = canonical(reads, futures)
        given, steps = given[order], futures.steps[order]
        members = []
        for number in range(self.count):
            copies = np.random.default_rng([self.seed, number]).poisson(1.0, size=len(given))
            if not copies.any():
                copies[:] = 1
            again = np.repeat(np.arange(len(given)), copies)
            members.append(self.make().fit(given[again], Futures(futures.themes, steps[again])))
        self.whole, self.members = whole, members
        return self

    def predict(self, activations: np.ndarray) -> Forecast:
        """Of the forecaster fitted to all prompts. Raises `UnfittedError`, `ActivationError`."""
        return self._fitted().predict(activations)

    def forecasts(self, activations: np.ndarray) -> list[Forecast]:
        """Of every member: for intervals of anything that is worked out from a forecast."""
        self._fitted()
        return [member.predict(activations) for member in self.members]

    def spread(self, activations: np.ndarray, *, share: float = 0.9) -> Spread:
        """How far the members are apart; `share` of them lie between `low` and `high`."""
        steps = np.stack([forecast.steps for forecast in self.forecasts(activations)])
        low, high = np.quantile(steps, [(1 - share) / 2, (1 + share) / 2], axis=0)
        mean = steps.mean(axis=0)
        return Spread(low, high, steps.std(axis=0, ddof=1), _entropy(mean) - _entropy(steps).mean(axis=0))

    def _fitted(self) -> Forecaster:
        if self.whole is None:
            raise UnfittedError("this Ensemble has not seen any futures: call fit(activations, futures) first")
        return self.whole


def _entropy(odds: np.ndarray) -> np.ndarray:
    nats: np.ndarray = -(odds * np.log(np.maximum(odds, 1e-300))).sum(axis=-1)
    return nats
