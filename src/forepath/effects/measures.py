"""What is read off a chain of themes: one column of numbers per measure, a row per trajectory.

Themes, shares of segments, transitions, odds of what follows a theme, beginnings of chains, themes by step. Rare ones
are left out by how often they come on both sides together, which under "nothing changed" says nothing about the
difference (independent filtering: Bourgon, Gentleman and Huber 2010, PNAS 107:9546).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from forepath.records import END, Chain, Trajectory

NOT_JUDGED = float("nan")


@dataclass(frozen=True, slots=True)
class Table:
    """Measures side by side."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    values: np.ndarray
    """(trajectories, measures) float64; NaN where a trajectory could not be judged."""
    shares: np.ndarray
    """(measures,) bool: values are 0 or 1."""

    def where(self, keep: np.ndarray) -> Table:
        """Only these measures; `keep` (measures,) bool."""
        names = tuple(n for n, k in zip(self.names, keep, strict=True) if k)
        kinds = tuple(n for n, k in zip(self.kinds, keep, strict=True) if k)
        return Table(names, kinds, self.values[:, keep], self.shares[keep])


def joined(tables: Sequence[Table]) -> Table:
    """Several tables of the same trajectories as one."""
    return Table(
        tuple(n for t in tables for n in t.names),
        tuple(k for t in tables for k in t.kinds),
        np.concatenate([t.values for t in tables], axis=1),
        np.concatenate([t.shares for t in tables]),
    )


def judged(trajectory: Trajectory) -> bool:
    """Whether every segment has a theme. A text with no segments is judged: nothing was written in it."""
    return all(s.theme is not None for s in trajectory.segments)


def chain_measures(trajectories: Sequence[Trajectory], *, horizon: int = 3, least: int = 10) -> Table:
    """All measures of chains that come in at least `least` trajectories. `horizon`: steps and length of beginnings."""
    chains = [t.chain if judged(t) else None for t in trajectories]
    return joined(
        [
            _present(chains, "theme", lambda c: c, least),
            _segments(trajectories, chains, least),
            _present(chains, "transition", lambda c: (f"{a} → {b}" for a, b in pairwise(c)), least),
            _following(chains, least),
            _present(
                chains, "chain", lambda c: (" → ".join(c[: i + 1]) for i in range(1, min(horizon, len(c)))), least
            ),
            *(_step(chains, h, least) for h in range(horizon)),
        ]
    )


def _column(kind: str, names: Sequence[str], values: np.ndarray, shares: bool = True) -> Table:
    full = tuple(f"{kind}: {name}" for name in names)
    return Table(full, (kind.split(" ")[0],) * len(names), values, np.full(len(names), shares))


def _frequent(found: Sequence[set[str] | None], least: int) -> list[str]:
    counts = Counter(name for names in found if names is not None for name in names)
    return sorted(name for name, n in counts.items() if n >= least)


def _present(chains: Sequence[Chain | None], kind: str, read: Callable[[Chain], object], least: int) -> Table:
    """1 where the chain has it: share of texts that contain a theme, a transition, a beginning."""
    found = [None if c is None else {str(name) for name in read(c)} for c in chains]  # type: ignore[attr-defined]
    names = _frequent(found, least)
    values = np.full((len(chains), len(names)), NOT_JUDGED)
    for row, here in zip(values, found, strict=True):
        if here is not None:
            row[:] = [name in here for name in names]
    return _column(kind, names, values)


def _segments(trajectories: Sequence[Trajectory], chains: Sequence[Chain | None], least: int) -> Table:
    """Share of a text's segments (neighbours of one theme as one); NaN for a text without any."""
    names = [n for n in _frequent([None if c is None else set(c) for c in chains], least) if n != END]
    values = np.full((len(chains), len(names)), NOT_JUDGED)
    for row, chain in zip(values, chains, strict=True):
        themes = [t for t in chain or () if t != END]
        if themes:
            row[:] = [themes.count(name) / len(themes) for name in names]
    return _column("segments", names, values, shares=False)


def _following(chains: Sequence[Chain | None], least: int) -> Table:
    """Share of the exits from A that go to B; NaN for a text that never leaves A."""
    exits = [None if c is None else Counter(pairwise(c)) for c in chains]
    total: Counter[tuple[str, str]] = Counter()
    texts: Counter[str] = Counter()
    for found in exits:
        if found is not None:
            total.update(found.keys())
            texts.update({a for a, _ in found})
    moves = sorted(m for m, n in total.items() if n >= least and texts[m[0]] > n)
    values = np.full((len(chains), len(moves)), NOT_JUDGED)
    for row, found in zip(values, exits, strict=True):
        left: Counter[str] = Counter()
        here: Counter[tuple[str, str]] = Counter() if found is None else found
        for (a, _), n in here.items():
            left[a] += n
        for i, (a, b) in enumerate(moves):
            if left[a]:
                row[i] = here[a, b] / left[a]
    return _column("after", [f"{a} → {b}" for a, b in moves], values, shares=False)


def _step(chains: Sequence[Chain | None], step: int, least: int) -> Table:
    """Theme at a step; `end` stays; NaN for a text cut off before it."""
    at = [None if c is None else c[step] if step < len(c) else END if c and c[-1] == END else None for c in chains]
    names = _frequent([None if t is None else {t} for t in at], least)
    values = np.array([[NOT_JUDGED if t is None else float(t == name) for name in names] for t in at])
    return _column(f"step {step + 1}", names, values.reshape(len(chains), len(names)))
