"""Should the forecaster still be believed? Watches where activations lie, conversation after conversation.

Each new prompt's activation is ranked, by its distance from the training activations and by where it lies along their
main directions, among held-out training activations and all that came since. If new prompts are exchangeable with the
training prompts, those ranks are independent and uniform, exactly and in any number (online conformal p-values: Vovk,
Gammerman & Shafer 2005, theorem 8.2), so betting against that gives a test that may run forever: with probability at
most `rate` it ever says "stale" without cause (Vovk, "Testing randomness online", Statistical Science 36, 2021; Ville
1939; a union bound over the directions). Bets are spread anew at each step, so that a late change is found too.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forepath.errors import ActivationError

MOST_DIRECTIONS = 64
SIGNED = 8
"""Main directions along which a shift of the mean is looked for."""
JUMP = 0.02
"""Share of the capital spread anew over all bets at each step."""
POWERS = (0.5, 0.15)
FEWEST = 20
"""Training activations without which nothing can be said."""


@dataclass(frozen=True)
class Familiar:
    """Where the training activations lie."""

    mean: np.ndarray
    """(width,)"""
    directions: np.ndarray
    """(width, k): times a centred activation, coordinates of variance 1 along the main directions."""
    rest: float
    """Mean squared length outside of the main directions; 0 if there is nothing outside."""
    known: np.ndarray
    """(n, 1 + signed): distance and signed coordinates of activations kept aside from the above."""

    @classmethod
    def of(cls, activations: np.ndarray, seed: int = 0) -> Familiar:
        """From (n, width) training activations, half of them for the shape and half to rank among.

        Raises `ActivationError` for fewer than `FEWEST` or ones that are not finite.
        """
        rows = np.asarray(activations, dtype=np.float64)
        if rows.ndim != 2 or len(rows) < FEWEST or not np.isfinite(rows).all():
            raise ActivationError(
                f"activations of shape {rows.shape}; a guard learns from at least {FEWEST} finite rows (n, width)"
            )
        order = np.random.default_rng(seed).permutation(len(rows))
        shape, aside = rows[order[::2]], rows[order[1::2]]
        mean = shape.mean(axis=0)
        _, spread, turn = np.linalg.svd(shape - mean, full_matrices=False)
        variance = spread**2 / max(len(shape) - 1, 1)
        k = max(1, min(MOST_DIRECTIONS, len(shape) // 5, int((variance > 1e-9 * variance[0]).sum())))
        directions = turn[:k].T / np.sqrt(np.maximum(variance[:k], 1e-300))
        made = cls(mean, directions, 0.0, np.zeros((0, 1 + min(k, SIGNED))))
        left = made._outside(aside - mean, (aside - mean) @ directions)
        made = cls(mean, directions, float(left.mean()), made.known)
        return cls(mean, directions, made.rest, np.column_stack(made.places(aside)))

    def places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """((...,) squared Mahalanobis distance, what lies outside counted as one more direction; (..., signed)
        coordinates along the first directions) of activations (..., width).
        """
        centred = rows - self.mean
        inside = centred @ self.directions
        distance = (inside * inside).sum(axis=-1)
        if self.rest > 0:
            distance += self._outside(centred, inside) / self.rest
        return distance, inside[..., : self.known.shape[1] - 1]

    def _outside(self, centred: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """(...,) squared length outside of the main directions."""
        left: np.ndarray = np.maximum((centred * centred).sum(axis=-1) - (inside * inside) @ self._shares, 0.0)
        return left

    @cached_property
    def _shares(self) -> np.ndarray:
        """(k,) squared length of a step of one deviation along each main direction."""
        shares: np.ndarray = 1.0 / (self.directions**2).sum(axis=0)
        return shares


class Guard:
    """The running test of one forecaster, over all conversations it is used in. Not for several threads at once."""

    def __init__(self, familiar: Familiar, *, rate: float = 0.01, seed: int = 0) -> None:
        """`rate`: probability of ever saying "stale" though nothing has changed."""
        self.rate = rate
        self._familiar = familiar
        self._rng = np.random.default_rng(seed)
        self._bag = [array("d", sorted(column)) for column in familiar.known.T.tolist()]
        bets = 1 + 2 * len(POWERS)
        self._capital = [[1.0 / bets] * bets for _ in self._bag]
        self.stale = False
        """Once stale, stale until a new guard is made: what was wrong before is not right because one prompt was."""
        self.evidence = 1.0
        """Capital of the luckiest bettor over the number of bettors."""
        self.seen = 0

    @property
    def limit(self) -> float:
        """What `evidence` is held against."""
        return 1.0 / self.rate

    def observe(self, activation: np.ndarray) -> float:
        """Count a new prompt's activation (width,); its own conformal p-value in (0, 1]: small if it lies far out.

        Raises `ActivationError` for another width.
        """
        row = np.asarray(activation, dtype=np.float64).ravel()
        if len(row) != len(self._familiar.mean) or not np.isfinite(row).all():
            raise ActivationError(
                f"an activation of {len(row)} numbers; the guard knows {len(self._familiar.mean)} finite ones"
            )
        far, ranks = 1.0, []
        distance, coordinates = self._familiar.places(row)
        values = [float(distance), *coordinates.tolist()]
        for value, bag, luck in zip(values, self._bag, self._rng.random(len(values)).tolist(), strict=True):
            place = stop = bisect_left(bag, value)
            if stop < len(bag) and bag[stop] == value:
                stop = bisect_right(bag, value, stop)
            above, ties = len(bag) - stop, stop - place
            ranks.append((above + luck * (ties + 1)) / (len(bag) + 1))
            far = far if len(ranks) > 1 else (above + ties + 1) / (len(bag) + 1)
            bag.insert(place, value)
        self._capital = [_bet(capital, p) for capital, p in zip(self._capital, ranks, strict=True)]
        self.seen += 1
        self.evidence = max(map(sum, self._capital)) / len(self._bag)
        self.stale = self.stale or self.evidence >= self.limit
        return far


def _bet(capital: list[float], p: float) -> list[float]:
    """A bettor's capital after a rank. Each bet is a density on (0, 1): even, towards small p, towards large p."""
    p = min(max(p, 1e-12), 1 - 1e-12)
    densities = (1.0, *(k * p ** (k - 1) for k in POWERS), *(k * (1 - p) ** (k - 1) for k in POWERS))
    spread = JUMP * sum(capital) / len(capital)
    return [min(((1 - JUMP) * c + spread) * d, 1e100) for c, d in zip(capital, densities, strict=True)]
