"""Live forecasts held against what was then written: is the forecaster as good here as it was when it was judged?

Every forecast of the next theme is settled when that theme is heard. Beside it stands the base rate of what has been
heard before it, so that neither side sees the answer first (prequential scoring; Dawid 1984, J. R. Stat. Soc. A
147:278). Texts share prompts and themes share texts, so no interval is given. Knows odds and outcomes only.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

BINS = 10
_LEAST = 1e-12


class Ledger:
    """Sums over all texts of one monitor; from any thread.

    >>> ledger = Ledger(("a", "b"))
    >>> for _ in range(50):
    ...     ledger.settle(np.array([0.9, 0.1]), 0)
    >>> ledger.summary()["forecasts"], round(ledger.summary()["cross_entropy"], 3)
    (50, 0.105)
    """

    def __init__(self, themes: tuple[str, ...]) -> None:
        """`themes`: those that are forecast, by index."""
        self._heard = np.zeros(len(themes))
        self._loss = self._base = 0.0
        self._bins = np.zeros((BINS, 3))  # of the likeliest theme: forecasts, sum of their odds, how often it came
        self._lock = threading.Lock()

    def settle(self, odds: np.ndarray, theme: int) -> None:
        """The theme (an index) came for which the forecast gave `odds` (themes,)."""
        top = int(odds.argmax())
        with self._lock:
            rates = (self._heard + 0.5) / (self._heard.sum() + 0.5 * len(self._heard))
            self._loss -= float(np.log(max(odds[theme], _LEAST)))
            self._base -= float(np.log(rates[theme]))
            self._heard[theme] += 1
            self._bins[min(int(odds[top] * BINS), BINS - 1)] += (1.0, odds[top], float(top == theme))

    def summary(self) -> dict[str, Any]:
        """`forecasts`, mean `cross_entropy` and `base_cross_entropy` in nats (None before the first), `skill` (1 minus
        their ratio: 0 as good as the base rate, 1 perfect), and `reliability` of the likeliest theme: rows of
        `forecast`, `came` (shares) and `forecasts`."""
        with self._lock:
            count = int(self._heard.sum())
            loss, base, bins = self._loss, self._base, self._bins.copy()
        rows = [{"forecast": p / n, "came": hits / n, "forecasts": int(n)} for n, p, hits in bins.tolist() if n]
        mean = (lambda total: total / count) if count else (lambda total: None)
        skill = 1 - loss / base if count and base > 0 else None
        return {"forecasts": count, "cross_entropy": mean(loss), "base_cross_entropy": mean(base), "skill": skill,
                "reliability": rows}  # fmt: skip

    def metrics(self) -> str:
        """The sums in the text format of Prometheus (exposition format 0.0.4)."""
        with self._lock:
            values = (
                ("forepath_forecasts_total", "Forecasts of the next theme that were settled.", self._heard.sum()),
                ("forepath_forecast_loss_nats_total", "Their log losses, added up.", self._loss),
                ("forepath_base_rate_loss_nats_total", "Those of the base rate heard before.", self._base),
            )
        return "".join(f"# HELP {n} {told}\n# TYPE {n} counter\n{n} {float(v):.9g}\n" for n, told, v in values)
