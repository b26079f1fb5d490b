"""From the odds of each step to whole chains that agree with them. Knows probabilities only.

Between two neighbouring steps there are many ways to pair the themes; taken is the one nearest, in relative entropy,
to how themes followed each other in training: K[before, after] v[after] u[before], with u and v such that both steps'
odds come out. Found by scaling rows and columns in turn (Deming & Stephan 1940, Ann. Math. Stat. 11:427).
Because K is the same for every prompt, a round is two matrix products. Assumes that the theme before and the prompt are
all that counts.
"""

from __future__ import annotations

import numpy as np

from forepath.forecasters.chains import Transition
from forepath.records import END, UNKNOWN, Futures
from forepath.stats.rates import smoothed
from forepath.stats.shrinkage import dirichlet_strength, shrunk

ROUNDS = 60
"""Most rounds of scaling."""
CLOSE = 1e-5
"""Total absolute difference to the odds wanted, over a row, at which it is left."""
CHUNK = 256
"""Rows scaled together: few enough to stay in the cache."""


def follow_tables(futures: Futures) -> np.ndarray:
    """(horizon - 1, themes, themes) smoothed P(theme at step h + 1 | theme at step h) of all samples together.

    The row of `end` is all `end`. Positive elsewhere.
    """
    count, end = len(futures.themes), futures.themes.index(END)
    tables = []
    for h in range(1, futures.steps.shape[2]):
        before, after = futures.steps[:, :, h - 1].ravel().astype(int), futures.steps[:, :, h].ravel().astype(int)
        kept = (before != UNKNOWN) & (after != UNKNOWN) & (before != end)
        pairs = np.bincount(before[kept] * count + after[kept], minlength=count * count).reshape(count, count)
        base = smoothed(pairs.sum(axis=0))
        table = shrunk(pairs, base, dirichlet_strength(pairs, base))
        table[end] = np.eye(count)[end]
        tables.append(table)
    return np.array(tables).reshape(-1, count, count)


def coupled(steps: np.ndarray, tables: np.ndarray, end: int) -> Transition:
    """The transitions of chains whose steps are `steps` (rows, horizon, themes), positive, P(end) never falling.

    `tables` as of `follow_tables`.

    >>> steps, table = np.array([[[0.5, 0.5], [0.25, 0.75]]]), np.array([[[0.9, 0.1], [0.0, 1.0]]])
    >>> coupled(steps, table, end=1)(1, np.array([0]), np.array([0])).round(3).tolist()  # half of what lived has ended
    [[0.5, 0.5]]
    """
    pulls = [_pull(steps[:, h - 1], steps[:, h], tables[h - 1], end) for h in range(1, steps.shape[1])]

    def transition(step: int, rows: np.ndarray, before: np.ndarray) -> np.ndarray:
        odds = tables[step - 1][before] * pulls[step - 1][rows]
        shares: np.ndarray = odds / odds.sum(axis=1, keepdims=True)
        return shares

    return transition


def _pull(before: np.ndarray, after: np.ndarray, table: np.ndarray, end: int) -> np.ndarray:
    """(rows, themes) v: what each theme after is multiplied with. What has ended stays ended and is left out."""
    alive = np.delete(np.arange(before.shape[1]), end)
    kernel = table[alive]
    rows = before[:, alive]
    columns = after.copy()
    columns[:, end] = np.maximum(after[:, end] - before[:, end], 1e-12)
    scale = columns.sum(axis=1, keepdims=True) / np.maximum(rows.sum(axis=1, keepdims=True), 1e-300)
    rows = rows * scale
    whole = np.ones_like(after)
    turned = np.ascontiguousarray(kernel.T)
    for at in range(0, len(after), CHUNK):
        going = np.arange(at, min(at + CHUNK, len(after)))
        for _ in range(ROUNDS):
            pull, wanted = whole[going], columns[going]
            left = rows[going] / np.maximum(pull @ turned, 1e-300)
            reached = (left @ kernel) * pull
            # each row stops by itself: it must not depend on those beside it
            far = np.abs(reached - wanted).sum(axis=1) >= CLOSE
            going = going[far]
            if not len(going):
                break
            whole[going] = pull[far] * wanted[far] / np.maximum(reached[far], 1e-300)
    return whole
