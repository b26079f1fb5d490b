"""The rival that ignores the prompt: how often each theme comes at each step. Knows the training futures only."""

from __future__ import annotations

from collections import Counter
from typing import Self

import numpy as np

from forepath.errors import UnfittedError
from forepath.forecasters.chains import LEAST, MOST
from forepath.forecasters.inputs import checked, checked_pair
from forepath.forecasters.odds import absorbed
from forepath.records import END, UNKNOWN, Chain, Forecast, Futures
from forepath.stats.rates import base_rates


class BaseRate:
    """Smoothed shares of themes by step; chains by how often the whole chain was written.

    >>> futures = Futures(("a", "end"), np.array([[[0, 1], [1, 1]]], dtype=np.int16))
    >>> forecast = BaseRate().fit(np.zeros((1, 1)), futures).predict(np.zeros((1, 1)))
    >>> forecast.steps[0].round(2).tolist(), forecast.chains, forecast.probs.tolist()
    ([[0.5, 0.5], [0.17, 0.83]], (('a', 'end'), ('end',)), [[0.5, 0.5]])
    """

    def __init__(self) -> None:
        self._themes: tuple[str, ...] = ()
        self._width = 0
        self._steps = np.zeros((0, 0))
        self._chains: dict[Chain, float] = {}

    def fit(self, activations: np.ndarray, futures: Futures) -> Self:
        """(prompts, any width); only their number is used. Raises `ActivationError`."""
        self._width = checked_pair(activations, futures).shape[1]
        self._themes = futures.themes
        end = futures.themes.index(END)
        self._steps = absorbed(base_rates(futures)[None], end)[0]
        whole = futures.steps.reshape(-1, futures.steps.shape[2])
        whole = whole[(whole != UNKNOWN).all(axis=1)]
        counts = Counter(_chain(row, end, futures.themes) for row in whole.tolist())
        likeliest = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST]
        self._chains = {chain: n / len(whole) for chain, n in likeliest if n / len(whole) >= LEAST}
        return self

    def predict(self, activations: np.ndarray) -> Forecast:
        """The same odds for every row. Raises `UnfittedError`, `ActivationError`."""
        if not self._themes:
            raise UnfittedError("this BaseRate has not seen any futures: call fit(activations, futures) first")
        rows = len(checked(activations, width=self._width))
        probs = np.tile(np.array(list(self._chains.values())), (rows, 1))
        return Forecast(self._themes, np.tile(self._steps, (rows, 1, 1)), tuple(self._chains), probs)


def _chain(row: list[int], end: int, themes: tuple[str, ...]) -> Chain:
    return tuple(themes[i] for i in (row[: row.index(end) + 1] if end in row else row))
