"""Is the text still on the forecast path? Evidence against the forecast that may be looked at any time.

Before each sentence is read, a gambler who doubts the forecast bets on its theme at the forecast's own odds. If the
forecast is right, the gambler's capital is a non-negative supermartingale from 1, so that it ever reaches 1/a with
probability at most a, whenever one stops to look (Ville, "Étude critique de la notion de collectif", 1939). So an alarm
at capital 1/a is false in at most a share a of conversations, however long (Shafer & Vovk, "Game-theoretic foundations
for probability and finance", 2019; Grünwald, de Heide & Koolen, "Safe testing", JRSS B 86, 2024; mixtures of bets:
Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86, 2024).

The bets: that the forecast is too sure of itself, by little or by much, with a smaller and a larger share of the
capital, begun at each sentence. The capital is their mixture, fixed in advance, so that it is evidence too and needs no
tuning. All this holds for forecasts that are the true odds; how far learned ones are from it is measured, and
`threshold` sets a limit that holds for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from forepath.errors import InputError

SHARES = (0.4, 0.9)
"""Of the capital, put on an alternative."""
POWERS = (0.5, 0.25)
"""The alternatives: these powers of the forecast's own odds, made to sum to 1. A text that goes where it likes is
nearer to them than to the forecast."""


class Evidence:
    """Capital of the doubters of many conversations (rows), sentence by sentence.

    >>> evidence = Evidence(1)
    >>> for _ in range(12):
    ...     value = evidence.bet(np.array([[0.9, 0.1]]), np.array([1]))
    >>> bool(value[0] > 20)
    True
    """

    def __init__(self, rows: int) -> None:
        self._asleep = np.ones(rows)
        self._awake = np.zeros((rows, len(POWERS), len(SHARES)))
        self._bets = np.zeros(rows, dtype=int)
        self.value = np.ones(rows)
        """(rows,) the e-values so far."""
        self.highest = np.ones(rows)
        """(rows,) the largest so far."""

    def bet(self, odds: np.ndarray, themes: np.ndarray) -> np.ndarray:
        """The e-values (rows,) after the themes (rows,) came for which the forecast gave `odds` (rows, themes).

        A theme index below 0 could not be judged: nothing is bet in that row. Raises `InputError` for odds that are
        negative or sum to more than 1: no forecast, and the guarantee would be void.
        """
        if (odds < 0).any() or (odds.sum(axis=1) > 1 + 1e-6).any():
            raise InputError(
                f"odds from {odds.min():.3g} summing to up to {odds.sum(axis=1).max():.6g}; wanted rows of "
                "probabilities that sum to at most 1"
            )
        rows = np.flatnonzero(themes >= 0)
        given = odds[rows, themes[rows]]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = self._alternatives(odds[rows], themes[rows]) / given[:, None]
        ratio[given == 0] = np.inf  # what the forecast called impossible came
        shares = np.array(SHARES)
        factor = (1 - shares) + shares * ratio[:, :, None]
        self._bets[rows] += 1
        woken = self._asleep[rows] / (self._bets[rows] + 1)
        self._asleep[rows] -= woken
        staked = self._awake[rows] + (woken / factor[0].size if len(rows) else woken)[:, None, None]
        self._awake[rows] = np.where(staked > 0, staked * factor, 0.0)
        self.value[rows] = self._asleep[rows] + self._awake[rows].sum(axis=(1, 2))
        np.maximum(self.highest, self.value, out=self.highest)
        return self.value

    def _alternatives(self, odds: np.ndarray, themes: np.ndarray) -> np.ndarray:
        """(rows, powers) the odds that each alternative gave to what came."""
        given = odds[np.arange(len(odds)), themes]
        return np.stack([given**p / np.maximum((odds**p).sum(axis=1), 1e-300) for p in POWERS], axis=1)


class Capital:
    """`Evidence` of one conversation, in plain numbers: a text that is followed bets a sentence at a time.

    >>> capital = Capital()
    >>> [capital.bet([0.9, 0.1], 1) for _ in range(12)][-1] > 20
    True
    """

    def __init__(self) -> None:
        self._asleep = 1.0
        self._awake = [0.0] * (len(POWERS) * len(SHARES))
        self._bets = 0
        self.value = 1.0
        """The e-value so far."""
        self.highest = 1.0
        """The largest so far."""

    def bet(self, odds: Sequence[float], theme: int) -> float:
        """The e-value after `theme` came, for which the forecast gave `odds`; as `Evidence.bet`."""
        if min(odds) < 0 or sum(odds) > 1 + 1e-6:
            raise InputError(f"odds from {min(odds):.3g} summing to {sum(odds):.6g}; wanted a sum of at most 1")
        if theme < 0:
            return self.value
        self._bets += 1
        woken = self._asleep / (self._bets + 1)
        self._asleep -= woken
        given, part, awake = odds[theme], woken / len(self._awake), iter(self._awake)
        self._awake = after = []
        for power in POWERS:
            ratio = math.inf if given == 0 else given ** (power - 1) / max(sum([p**power for p in odds]), 1e-300)
            for share in SHARES:
                staked = next(awake) + part
                after.append(staked * (1 - share + share * ratio) if staked > 0 else 0.0)
        self.value = self._asleep + sum(after)
        self.highest = max(self.highest, self.value)
        return self.value
