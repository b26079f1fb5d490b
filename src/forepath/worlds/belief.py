"""What is known about the rest of a document: exact odds of its themes, from the mass that reading has left.

Knows the theme chains (`course`), not words or text; `forepath.worlds.posterior` makes beliefs from text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count, pairwise

import numpy as np

from forepath.errors import InputError
from forepath.records import END, Chain
from forepath.worlds.course import Course

_Parts = dict[int, np.ndarray]
"""Mass by kind; the arrays end in (R, T, F)."""


def entropy(odds: np.ndarray) -> float:
    """Shannon entropy in nats of probabilities that sum to 1; zeros are allowed.

    >>> round(entropy(np.array([0.5, 0.5, 0.0])), 4)
    0.6931
    """
    kept = odds[odds > 0]
    return float(-(kept * np.log(kept)).sum())


@dataclass(frozen=True, slots=True)
class ChainOdds:
    """The likeliest chains of the future."""

    chains: tuple[Chain, ...]
    """Likeliest first. Each is as long as the horizon, or shorter and ends in `end`."""
    probs: np.ndarray
    """(chains,) probabilities."""
    remainder: float
    """P(any other chain), in [0, 1]."""


@dataclass(frozen=True)
class Belief:
    """The exact posterior over what follows a text. Step 1 is the theme of the next character that has one.

    In the middle of a sentence that is the theme being written; after a whole sentence it is the same theme with the
    probability that its segment goes on. The document then moves from theme to theme; no theme follows itself.
    """

    themes: tuple[str, ...]
    """Names, by index; `end` last."""
    courses: tuple[Course, ...]
    """The theme chain of each kind."""
    now: tuple[np.ndarray, ...]
    """By kind: (P, 2, S, R, T, F) P(next character's position, paid, theme, persona, tone, flag, this kind)."""
    ended: tuple[np.ndarray, ...]
    """By kind: (R, T, F) P(nothing follows, latents). `now` and `ended` together sum to 1."""
    log_prefix: float
    """ln P(a document begins with this text), nats."""
    log_complete: float
    """ln P(a document is exactly this text), nats; -inf where no document can stop here."""

    def _totals(self, now: Sequence[np.ndarray], ended: float) -> np.ndarray:
        totals = np.zeros(len(self.themes))
        where = {theme: i for i, theme in enumerate(self.themes)}
        for course, mass in zip(self.courses, now, strict=True):
            totals[[where[t] for t in course.themes]] += mass.sum(axis=(0, 1, 3, 4, 5))
        totals[where[END]] += ended
        return totals

    def next_theme(self) -> np.ndarray:
        """(themes,) P(theme of the next segment character)."""
        return self._totals(self.now, sum(float(e.sum()) for e in self.ended))

    def step(self, h: int) -> np.ndarray:
        """(themes,) P(theme h steps ahead), h >= 1; `end` is absorbing."""
        last: np.ndarray = self.marginals(h)[-1]
        return last

    def marginals(self, horizon: int) -> np.ndarray:
        """(horizon, themes) P(theme) at every step 1..horizon; rows sum to 1. Raises InputError for horizon < 1."""
        if horizon < 1:
            raise InputError(f"given a horizon of {horizon} steps; a forecast looks at least 1 step ahead")
        now, ended = list(self.now), sum(float(e.sum()) for e in self.ended)
        rows = [self._totals(now, ended)]
        for _ in range(horizon - 1):
            moved = [course.advance(mass) for course, mass in zip(self.courses, now, strict=True)]
            now = [mass for mass, _ in moved]
            ended += sum(float(e.sum()) for _, e in moved)
            rows.append(self._totals(now, ended))
        return np.stack(rows)

    def latents(self) -> dict[str, np.ndarray]:
        """P(kind) (kinds,), P(persona) (R,), P(tone) (T,) and P(flag) (2,), by the names of `Latents`."""
        joint = np.stack([n.sum(axis=(0, 1, 2)) + e for n, e in zip(self.now, self.ended, strict=True)])
        axes = {"kind": (1, 2, 3), "persona": (0, 2, 3), "tone": (0, 1, 3), "flag": (0, 1, 2)}
        return {name: joint.sum(axis=axis) for name, axis in axes.items()}

    def chains(self, horizon: int, most: int = 10, min_prob: float = 0.0) -> ChainOdds:
        """The at most `most` likeliest chains of `horizon` steps that have at least `min_prob`, by best-first search.

        Exact: a beginning is never less likely than what it grows into, so chains are met likeliest first.
        """
        if horizon < 1:
            raise InputError(f"given a horizon of {horizon} steps; a chain has at least 1 step")
        ticket = count()  # breaks ties before arrays would be compared
        heap: list[tuple[float, int, Chain, _Parts]] = []
        for theme, parts in self._first().items():
            heappush(heap, (-_mass(parts), next(ticket), (theme,), parts))
        chains: list[Chain] = []
        probs: list[float] = []
        while heap and len(chains) < most and -heap[0][0] >= min_prob:
            minus, _, chain, parts = heappop(heap)
            if len(chain) == horizon or chain[-1] == END:
                chains.append(chain)
                probs.append(-minus)
                continue
            for theme, grown in self._grow(chain[-1], parts).items():
                heappush(heap, (-_mass(grown), next(ticket), (*chain, theme), grown))
        return ChainOdds(tuple(chains), np.array(probs), max(0.0, 1.0 - sum(probs)))

    def chain_prob(self, chain: Chain) -> float:
        """P(the future begins with `chain`), at least one theme; a chain that ends in `end` is a whole future.

        Raises InputError for a theme that the grammar lacks or an `end` before the last step.
        """
        if not chain or set(chain) - set(self.themes) or END in chain[:-1]:
            raise InputError(f"given the chain {chain!r}; give themes of the grammar, at most the last one {END!r}")
        found = self._first()
        for theme, _ in pairwise(chain):
            if theme not in found:
                return 0.0
            found = self._grow(theme, found[theme])
        return _mass(found.get(chain[-1], {}))

    def along(self, chain: Chain) -> np.ndarray:
        """(len(chain), themes) P(theme at step k | the themes of `chain` before it): what a perfect forecaster who
        hears the themes but not the words says, step by step. Raises InputError for a chain that cannot be.
        """
        where = {theme: i for i, theme in enumerate(self.themes)}
        rows = np.zeros((len(chain), len(self.themes)))
        found = self._first()
        for k, theme in enumerate(chain):
            total = sum(_mass(parts) for parts in found.values())
            for name, parts in found.items():
                rows[k, where[name]] = _mass(parts) / total
            if theme not in found:
                raise InputError(f"given the chain {chain!r}; the grammar has no {theme!r} as its step {k + 1}")
            found = self._grow(theme, found[theme]) if theme != END else {END: found[END]}
        return rows

    def after(self, chain: Chain) -> np.ndarray:
        """(themes,) P(next theme | the themes of `chain` came), all zero after `end`. Raises InputError as `along`."""
        found = self._first()
        for k, theme in enumerate(chain):
            if theme not in found:
                raise InputError(f"given the chain {chain!r}; the grammar has no {theme!r} as its step {k + 1}")
            found = self._grow(theme, found[theme]) if theme != END else {}
        odds = np.array([_mass(found.get(theme, {})) for theme in self.themes])
        return odds / (odds.sum() or 1.0)

    def _first(self) -> dict[str, _Parts]:
        """The first step: theme -> the mass in it, by kind and latents. No theme without mass."""
        return self._by_theme(dict(enumerate(self.now)), dict(enumerate(self.ended)))

    def _grow(self, theme: str, parts: _Parts) -> dict[str, _Parts]:
        """The step after `theme`, where the mass is `parts`."""
        now, ended = {}, {}
        for k, mass in parts.items():
            course = self.courses[k]
            flow = np.einsum("pqrtf,pqrtfn->pqnrtf", mass, course.move[:, :, course.index[theme]])
            after = np.zeros_like(self.now[k])
            after[1:] = flow[:-1, :, :-1]
            now[k], ended[k] = course.settle(after), flow[:, :, -1]
        return self._by_theme(now, ended)

    def _by_theme(self, now: _Parts, ended: _Parts) -> dict[str, _Parts]:
        out: dict[str, _Parts] = {}
        for k, mass in now.items():
            for s in np.flatnonzero(mass.sum(axis=(0, 1, 3, 4, 5))):
                out.setdefault(self.courses[k].themes[s], {})[k] = mass[:, :, s]
        if any(mass.any() for mass in ended.values()):
            out[END] = ended
        return out

    def entropy(self, h: int) -> float:
        """Entropy of the theme h steps ahead, nats."""
        return entropy(self.step(h))

    def chain_entropy(self, horizon: int) -> float:
        """Entropy of the whole chain of `horizon` steps, nats, over all its chains: about 8 times the work per step."""
        return entropy(self.chains(horizon, most=np.iinfo(np.int64).max).probs)


def _mass(parts: _Parts) -> float:
    return float(sum(p.sum() for p in parts.values()))
