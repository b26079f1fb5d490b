"""Numbers as they are shown in every table of a judgement."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from forepath.apps.judging.keeping import number


def cell(value: Any, digits: int) -> str:
    """A number as it is shown; "–" could not be judged.

    >>> cell(None, 2), cell("inf", 2), cell(-0.0001, 2)
    ('–', '∞', '0.00')
    """
    shown = number(value)
    if math.isnan(shown):
        return "–"
    if math.isinf(shown):
        return "∞" if shown > 0 else "-∞"
    text = f"{shown:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def interval(value: Any, low: Any, high: Any, *, digits: int = 3, signed: bool = False) -> str:
    """ "value [low, high]"."""
    plus = "+" if signed and number(value) > 0 else ""
    return f"{plus}{cell(value, digits)} [{cell(low, digits)}, {cell(high, digits)}]"


def estimate(found: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """An estimate's value and ends, as `interval` takes them."""
    return found["value"], found["low"], found["high"]


def last(value: float) -> float:
    """To sort by: what could not be judged comes last."""
    return math.inf if math.isnan(value) else value
