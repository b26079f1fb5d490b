"""Whole chains as outcomes: those a forecast lists, and "something else". Knows records only."""

from __future__ import annotations

import numpy as np

from forepath.records import END, UNKNOWN, Forecast, Futures


def chain_odds(forecast: Forecast) -> np.ndarray:
    """(rows, chains + 1) odds of the listed chains and, last, of anything else; positive, sum to 1."""
    listed = np.maximum(forecast.probs, 1e-9)
    other = np.maximum(1.0 - listed.sum(axis=1, keepdims=True), 1e-9)
    odds = np.concatenate([listed, other], axis=1)
    found: np.ndarray = odds / odds.sum(axis=1, keepdims=True)
    return found


def chain_outcomes(forecast: Forecast, futures: Futures) -> np.ndarray:
    """(prompts, samples) which listed chain each sample was, the last number for any other.

    UNKNOWN for a sample that was cut off before the horizon: what it would have become is not known.
    """
    place = {chain: i for i, chain in enumerate(forecast.chains)}
    end, other = futures.themes.index(END), len(forecast.chains)
    outcomes = np.full(futures.steps.shape[:2], UNKNOWN)
    for row, samples in enumerate(futures.steps.tolist()):
        for s, steps in enumerate(samples):
            if UNKNOWN not in steps:
                path = steps[: steps.index(end) + 1] if end in steps else steps
                outcomes[row, s] = place.get(tuple(futures.themes[i] for i in path), other)
    return outcomes


def outcome_counts(outcomes: np.ndarray, count: int) -> np.ndarray:
    """(prompts, count) how often each outcome was drawn; UNKNOWN is not counted.

    >>> outcome_counts(np.array([[0, 2, -1, 2]]), 3).tolist()
    [[1, 0, 2]]
    """
    known = outcomes != UNKNOWN
    rows = np.nonzero(known)[0]
    return np.bincount(rows * count + outcomes[known], minlength=len(outcomes) * count).reshape(len(outcomes), count)
