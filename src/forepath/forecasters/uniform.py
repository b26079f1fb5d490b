"""The rival that knows nothing at all: even odds of every theme at every step. Knows the number of themes only."""

from __future__ import annotations

from typing import Self

import numpy as np

from forepath.errors import UnfittedError
from forepath.forecasters.inputs import checked, checked_pair
from forepath.records import Forecast, Futures


class Uniform:
    """Even odds. What has ended stays ended, so that `end` cannot become less likely; even odds keep that.

    >>> futures = Futures(("a", "b", "c", "end"), np.zeros((1, 1, 2), dtype=np.int16))
    >>> Uniform().fit(np.zeros((1, 1)), futures).predict(np.zeros((1, 1))).steps[0].tolist()
    [[0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25]]
    """

    def __init__(self) -> None:
        self._themes: tuple[str, ...] = ()
        self._width, self._horizon = 0, 0

    def fit(self, activations: np.ndarray, futures: Futures) -> Self:
        """(prompts, any width) and their futures; only the number of themes is used. Raises `ActivationError`."""
        self._width = checked_pair(activations, futures).shape[1]
        self._themes, self._horizon = futures.themes, futures.steps.shape[2]
        return self

    def predict(self, activations: np.ndarray) -> Forecast:
        """The same for every row. Raises `UnfittedError`, `ActivationError`."""
        if not self._themes:
            raise UnfittedError("this Uniform has not seen any futures: call fit(activations, futures) first")
        rows, count = len(checked(activations, width=self._width)), len(self._themes)
        return Forecast(self._themes, np.full((rows, self._horizon, count), 1.0 / count))
