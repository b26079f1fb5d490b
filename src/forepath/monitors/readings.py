"""What a monitor says: `Reading` and `Alarm`, frozen. Knows the vocabulary, and how to work out when themes come."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from forepath.monitors.hazards import Outlook
from forepath.records import Chain, Forecast

REASONS = ("prompt", "theme", "sentence", "tokens", "end")
"""Why a reading was made: the prompt was read, a new theme was heard, a sentence of the same theme was finished, so
many tokens have passed, or the text ended."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something the user asked to be told of, beginning or over."""

    kind: str
    """ "off-path", "watch" or "stale"."""
    rule: str
    """The rule in its own words, e.g. "P(legal threat within 3) > 0.3"."""
    raised: bool
    """False: it was raised before and is over."""
    token: int
    """Tokens that had been read when it was raised or over."""
    value: float
    """What was measured: a probability for "watch", an e-value otherwise."""
    limit: float
    """What it was held against."""
    actions: tuple[str, ...] = ()
    """What the user wants done."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was known at one place of a text that is being written."""

    token: int
    """Tokens the forecast has seen, counted after the prompt. The next one was drawn at the same time."""
    at: int
    """Characters of the continuation that these tokens spell."""
    reason: str
    """One of `REASONS`."""
    theme: str | None
    """Of the last finished sentence; None before the first, and where the labeller could not judge."""
    chain: Chain
    """Themes heard so far, repeats collapsed."""
    forecast: Forecast | None
    """One row: step 1 is the theme of what is written next (the same theme, if its segment goes on). None: not to be
    trusted (see `doubts`), or the text is over."""
    outlook: Outlook | None = None
    """What `hazards` and `distances` are worked out from. None without a forecast."""
    evidence: float = 1.0
    """E-value against the forecasts so far, at least 0: 20 is as surprising as an event of odds 1 in 20."""
    doubts: tuple[str, ...] = ()
    """Why the forecast is not to be trusted; empty if nothing speaks against it."""
    alarms: tuple[Alarm, ...] = ()
    """Raised or over at this reading."""

    @property
    def hazards(self) -> np.ndarray:
        """(horizon, themes) P(the theme is written within the next h themes), h = 1 ...; empty without a forecast."""
        return np.zeros((0, 0)) if self.outlook is None else self.outlook.coming[0]

    @property
    def distances(self) -> np.ndarray:
        """(themes,) expected tokens until the theme begins, given that it comes within the horizon; NaN if it cannot;
        empty without a forecast.
        """
        return np.zeros(0) if self.outlook is None else self.outlook.coming[1]

    def to_json(self, likeliest: int = 5, *, full: bool = False) -> dict[str, Any]:
        """Plain JSON data: the `likeliest` themes of each step, or with `full` every odd, hazard and distance."""
        out: dict[str, Any] = {"token": self.token, "at": self.at, "reason": self.reason, "theme": self.theme,
                               "chain": list(self.chain), "evidence": finite(self.evidence)}  # fmt: skip
        if self.doubts:
            out["doubts"] = list(self.doubts)
        if self.forecast is not None:
            out["next"] = [_likeliest(row, self.forecast.themes, likeliest) for row in self.forecast.steps[0]]
        if self.forecast is not None and full:
            themes = self.forecast.themes
            out["themes"] = list(themes)
            out["steps"] = self.forecast.steps[0].round(5).tolist()
            out["hazards"] = self.hazards.round(5).tolist()
            out["distances"] = [finite(round(float(d), 1)) for d in self.distances]
        if self.alarms:
            out["alarms"] = [alarm_json(alarm) for alarm in self.alarms]
        return out


def alarm_json(alarm: Alarm) -> dict[str, Any]:
    """Plain JSON data of an alarm."""
    return {"kind": alarm.kind, "rule": alarm.rule, "raised": alarm.raised, "token": alarm.token,
            "value": finite(alarm.value), "limit": finite(alarm.limit), "actions": list(alarm.actions)}  # fmt: skip


def finite(value: float) -> float | str | None:
    """A number for strict JSON: None where it could not be judged, "inf" where it is beyond measure.

    >>> finite(2.0), finite(float("nan")), finite(float("inf"))
    (2.0, None, 'inf')
    """
    if math.isnan(value):
        return None
    return round(value, 6) if math.isfinite(value) else "inf"


def _likeliest(row: np.ndarray, themes: tuple[str, ...], most: int) -> dict[str, float]:
    best = np.argsort(-row, kind="stable")[:most]
    return {themes[i]: round(float(row[i]), 4) for i in best}
