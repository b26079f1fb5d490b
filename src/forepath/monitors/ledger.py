"""Live forecasts held against what was then written: is the forecaster as good here as it was when it was judged?

Every forecast of the next theme is settled when that theme is heard. Beside it stand two rivals that see no
activations: the base rate of the themes heard before it, and how often a theme came after the one before it. Both go on
learning, so that neither side sees the answer first (prequential scoring; Dawid 1984, J. R. Stat. Soc. A 147:278), and
begin with what the forecaster was fitted on, where that is known. Sentences of one text hang together, so intervals
draw texts: the skill is a ratio of sums over texts (Cochran 1977, Sampling Techniques, 6.4). Knows odds and
outcomes only.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from forepath.errors import InputError

BINS = 10
LEAST_TEXTS = 20
"""With forecasts in fewer texts nothing is said of skill: the interval would be of little worth."""
LEAST_IN_BIN = 5
"""Texts without which a point of the reliability curve has no interval."""
RIVALS = ("base rate", "theme before")
PULL = 4.0
"""Sentences that the base rate counts for among those heard after one theme."""
MOST_NOTED = 64
"""Forecasts that wait to be counted."""
_LEAST = 1e-12


class Settled(NamedTuple):
    """A forecast of the next theme, and what came: all that the ledger keeps of it."""

    theme: str
    """What came."""
    before: str | None
    """Heard last when the forecast was made; None at a text's beginning, or if it could not be judged."""
    given: float
    """Odds of what came, in [0, 1]."""
    top: float
    """Odds of the likeliest theme."""
    right: bool
    """Whether that one came."""


class Account:
    """One text's part of a ledger. Made by `Ledger.open`."""

    def __init__(self, ledger: Ledger) -> None:
        self.count = 0
        """Forecasts counted so far."""
        self.losses = [0.0] * (1 + len(RIVALS))
        self.bins: dict[int, tuple[float, float]] = {}
        self._ledger = ledger

    def settle(self, number: int, settled: Settled) -> None:
        """Take in the text's forecast `number`, counted from 0; one that is known already is not counted twice. Raises
        `InputError` for odds that are none.
        """
        if not (0 <= settled.given <= 1.000001 and 0 <= settled.top <= 1.000001):
            raise InputError(f"odds {settled.given} and {settled.top}; wanted numbers between 0 and 1")
        self._ledger._note(self, number, settled)


class Ledger:
    """Sums over all texts of one monitor; from any thread. Memory grows with texts that have a name only.

    >>> ledger = Ledger(("a", "b"))
    >>> for text in range(30):
    ...     account = ledger.open()
    ...     for number in range(4):
    ...         theme, before = ("ab"[(text + number) % 2], "ab"[(text + number + 1) % 2] if number else None)
    ...         account.settle(number, Settled(theme, before, given=0.9, top=0.9, right=True))
    >>> told = ledger.summary()
    >>> told["forecasts"], told["texts"], round(told["cross_entropy"], 3), round(told["rivals"][0]["skill"], 1)
    (120, 30, 0.105, 0.9)
    """

    def __init__(self, themes: tuple[str, ...], known: np.ndarray | None = None) -> None:
        """`themes`: those that are forecast. `known` (themes + 1, themes): how often each was written after each other
        in the texts the forecaster was fitted on; the last row is for no theme before. None: the rivals know nothing.
        """
        count = len(themes)
        self._index = {theme: i for i, theme in enumerate(themes)}
        given = np.zeros((count + 1, count)) if known is None else np.asarray(known, dtype=float)
        self._after: list[list[float]] = given.tolist()
        self._heard: list[float] = given.sum(axis=0).tolist()
        self._texts = self._forecasts = 0
        # losses of the forecaster and of each rival: added up; by text, squared, and times the forecaster's
        self._totals, self._squares, self._products = ([0.0] * (1 + len(RIVALS)) for _ in range(3))
        # of the likeliest theme: forecasts, sum of their odds, how often it came
        self._bins = [[0.0] * 3 for _ in range(BINS)]
        # by text: squared gaps, gaps times forecasts, squared forecasts, texts
        self._spread = [[0.0] * 4 for _ in range(BINS)]
        self._named: dict[str, Account] = {}
        self._noted: deque[tuple[Account, int, Settled]] = deque()
        self._lock = threading.Lock()

    def open(self, name: str = "") -> Account:
        """The account of a text. With a `name`, the same again for a text that is gone on with."""
        with self._lock:
            return self._named.setdefault(name, Account(self)) if name else Account(self)

    def _note(self, account: Account, number: int, settled: Settled) -> None:
        """Keep it until somebody asks, or many are there: in one go they cost a fraction."""
        self._noted.append((account, number, settled))
        if len(self._noted) >= MOST_NOTED:
            with self._lock:
                self._settle()

    def _settle(self) -> None:
        """Count what was noted, in its order; the lock is held."""
        while self._noted:
            account, number, settled = self._noted.popleft()
            theme = self._index.get(settled.theme)
            if theme is None or number < account.count:  # of an earlier codebook, not forecast now; or known already
                continue
            before = -1 if settled.before is None else self._index.get(settled.before, -1)
            self._texts += account.count == 0
            self._forecasts += 1
            account.count += 1
            row, heard = self._after[before], self._heard
            rate = (heard[theme] + 0.5) / (sum(heard) + 0.5 * len(heard))
            after = (row[theme] + PULL * rate) / (sum(row) + PULL)
            old, losses = account.losses, [-math.log(p) for p in (max(settled.given, _LEAST), rate, after)]
            account.losses = new = [a + b for a, b in zip(old, losses, strict=True)]
            for k, loss in enumerate(losses):
                self._totals[k] += loss
                self._squares[k] += new[k] ** 2 - old[k] ** 2
                self._products[k] += new[0] * new[k] - old[0] * old[k]
            heard[theme] += 1
            row[theme] += 1
            self._count(account, min(int(settled.top * BINS), BINS - 1), settled)

    def _count(self, account: Account, bin: int, settled: Settled) -> None:
        n, gap = account.bins.get(bin, (0.0, 0.0))
        more, wider = n + 1, gap + settled.top - settled.right
        account.bins[bin] = more, wider
        _add(self._bins[bin], (1.0, settled.top, settled.right))
        _add(self._spread[bin], (wider**2 - gap**2, wider * more - gap * n, more**2 - n**2, n == 0))

    def summary(self) -> dict[str, Any]:
        """What the ledger says, as plain JSON data.

        `texts`, `forecasts`, mean `cross_entropy` in nats (None before the first), and of each of the `rivals` its
        `name`, `cross_entropy` and the forecaster's `skill` over it: 1 minus the ratio of the two, so 0 is as good as
        the rival and 1 perfect, with `low` and `high`, its 95 % interval (texts drawn again). The three are None with
        fewer than `needed` texts. `reliability` of the likeliest theme: rows of `forecast`, `came` (shares), `error`
        (standard error of their difference, texts drawn again; None in few texts) and `forecasts`.
        """
        with self._lock:
            self._settle()
            texts, count = self._texts, self._forecasts
            totals, squares, products = self._totals.copy(), self._squares.copy(), self._products.copy()
            bins, spread = [row.copy() for row in self._bins], [row.copy() for row in self._spread]
        rows = [
            {"forecast": p / n, "came": hits / n, "error": _error(s, (p - hits) / n, n), "forecasts": int(n)}
            for (n, p, hits), s in zip(bins, spread, strict=True)
            if n
        ]
        rivals = [{"name": name, "cross_entropy": totals[k] / count if count else None,
                   **_skill(totals[0], totals[k], (squares[0], products[k], squares[k]), texts)}
                  for k, name in enumerate(RIVALS, 1)]  # fmt: skip
        return {"texts": texts, "forecasts": count, "needed": LEAST_TEXTS,
                "cross_entropy": totals[0] / count if count else None, "rivals": rivals,
                "reliability": rows}  # fmt: skip

    def __str__(self) -> str:
        """One line for people."""
        told = self.summary()
        held = f"{told['forecasts']} forecasts in {told['texts']} texts held against what came"
        if told["texts"] < LEAST_TEXTS:
            return f"{held}: too few to say ({LEAST_TEXTS} texts are needed)"
        skills = [f"{r['skill']:.2f} [{r['low']:.2f}, {r['high']:.2f}] over the {r['name']}" for r in told["rivals"]]
        return f"{held}: skill {', '.join(skills)}"

    def metrics(self) -> str:
        """The sums in the text format of Prometheus (exposition format 0.0.4)."""
        with self._lock:
            self._settle()
            values = (
                ("forepath_forecasts_total", "Forecasts of the next theme that were settled.", self._forecasts),
                ("forepath_forecast_loss_nats_total", "Their log losses, added up.", self._totals[0]),
                ("forepath_base_rate_loss_nats_total", "Those of the base rate heard before.", self._totals[1]),
                ("forepath_theme_before_loss_nats_total", "Those of the theme before.", self._totals[2]),
            )
        return "".join(f"# HELP {n} {told}\n# TYPE {n} counter\n{n} {float(v):.9g}\n" for n, told, v in values)


def _add(row: list[float], more: Sequence[float]) -> None:
    for i, x in enumerate(more):
        row[i] += x


def _skill(own: float, rival: float, by_text: tuple[float, float, float], texts: int) -> dict[str, float | None]:
    """1 - own / rival with the interval of a ratio of sums over texts; `by_text`: sums of own², own · rival, rival²."""
    if texts < LEAST_TEXTS or rival <= 0:
        return {"skill": None, "low": None, "high": None}
    from scipy.special import stdtrit

    ratio = own / rival
    squares = by_text[0] - 2 * ratio * by_text[1] + ratio**2 * by_text[2]
    wide = float(stdtrit(texts - 1, 0.975)) * math.sqrt(max(0.0, squares) * texts / (texts - 1)) / rival
    return {"skill": 1 - ratio, "low": 1 - ratio - wide, "high": 1 - ratio + wide}


def _error(spread: list[float], gap: float, forecasts: float) -> float | None:
    """Standard error of a bin's mean gap, texts being what is drawn; None in fewer than `LEAST_IN_BIN` texts."""
    gaps, both, squared, texts = spread
    if texts < LEAST_IN_BIN:
        return None
    squares = gaps - 2 * gap * both + gap**2 * squared
    return math.sqrt(max(0.0, squares) * texts / (texts - 1)) / forecasts
