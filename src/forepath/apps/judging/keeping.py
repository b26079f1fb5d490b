"""What a judge has found so far, kept in the run by key: a killed judge goes on, a second one reads.

Odds and JSON only; a key says all that decides what it stands for, besides the run and the version of forepath.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from forepath.store import Run

ODDS, NOTES = "judging-odds", "judging-notes"


class Kept:
    """The families `judging-odds` and `judging-notes` of a run."""

    def __init__(self, store: Run, version: str) -> None:
        """`version`: of whatever else decides the results; another one finds nothing."""
        self._store, self._version = store, version
        self._done = {family: store.done(family) for family in (ODDS, NOTES)}
        self._turn = threading.RLock()
        """Of the store: works may run side by side, what they made is written by one at a time."""

    def has_odds(self, key: str) -> bool:
        """Whether `odds` would not have to work."""
        return self._item(key) in self._done[ODDS]

    def odds(self, key: str, work: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
        """((rows, horizon, themes) float32, the seconds it took to make them), made by `work` if not kept yet."""
        item = self._item(key)
        if item not in self._done[ODDS]:
            began = time.perf_counter()
            made = work()
            self.keep(key, made, time.perf_counter() - began)
        with self._turn:
            seconds = self._store.table(ODDS, items=[item])["seconds"].to_pylist()
            return self._store.arrays(ODDS, "odds", items=[item]), float(seconds[0]) if seconds else 0.0

    def keep(self, key: str, odds: np.ndarray, seconds: float) -> None:
        """Keep odds that were made elsewhere, in so many seconds."""
        import pyarrow as pa

        with self._turn:
            table = pa.table({"seconds": pa.array([seconds] * len(odds), pa.float64())})
            self._store.append(ODDS, [self._item(key)], table, {"odds": odds})
            self._done[ODDS].add(self._item(key))

    def noted(self, key: str) -> Any:
        """What `note` has kept under this key; None if nothing is."""
        return self.note(key, lambda: None) if self._item(key) in self._done[NOTES] else None

    def note(self, key: str, work: Callable[[], Any]) -> Any:
        """Plain JSON, made by `work` if not kept yet: null is "could not judge", "inf" more than can be measured."""
        import pyarrow as pa

        item = self._item(key)
        if item not in self._done[NOTES]:
            text = json.dumps(plain_json(work()), allow_nan=False)
            with self._turn:
                self._store.append(NOTES, [item], pa.table({"json": pa.array([text], pa.string())}))
                self._done[NOTES].add(item)
        with self._turn:
            return json.loads(self._store.table(NOTES, items=[item])["json"].to_pylist()[0])

    def _item(self, key: str) -> str:
        return f"{self._version} {key}"


def plain_json(value: Any) -> Any:
    """The same with NaN as None and infinities as "inf" or "-inf".

    >>> plain_json({"a": [float("nan"), float("inf"), 1.5], "b": ("x", None)})
    {'a': [None, 'inf', 1.5], 'b': ['x', None]}
    """
    if isinstance(value, dict):
        return {str(k): plain_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain_json(v) for v in value]
    if isinstance(value, np.generic):
        return plain_json(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def number(value: Any) -> float:
    """Back from `plain_json`.

    >>> number(None), number("inf"), number(2)
    (nan, inf, 2.0)
    """
    return float("nan") if value is None else float(value)


def signature(parts: Sequence[Any]) -> str:
    """Twelve hexadecimal digits decided by the content of `parts`, plain JSON."""
    import hashlib

    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
