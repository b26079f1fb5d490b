"""From what false-alarm rate the user accepts to the evidence that raises the alarm. Knows e-values only.

Two ways. `ville`: 1/rate, right for any length of text if the forecast is the true odds. `calibrated`: a limit that
holds for a learned forecast too, whatever its faults, from conversations it was not fitted on: if they and the new one
are exchangeable, the new one's highest evidence exceeds the k-th highest of n with probability at most k / (n + 1)
(split conformal prediction: Papadopoulos et al. 2002; Vovk, Gammerman & Shafer, "Algorithmic learning in a random
world", 2005). As it is a limit on the highest evidence of a whole conversation, one may look at any time here too.
"""

from __future__ import annotations

import math

import numpy as np

from forepath.errors import InputError


def ville(rate: float) -> float:
    """Evidence that a true forecast reaches in at most this share of conversations. Raises `InputError`.

    >>> ville(0.05)
    20.0
    """
    return 1.0 / _checked(rate)


def calibrated(highest: np.ndarray, rate: float) -> float:
    """Evidence that must be exceeded; inf where n conversations are too few for the rate (n + 1 < 1 / rate).

    `highest` (n,) the largest e-value of each conversation kept aside: one of each prompt, written by the same subject
    under the same policy, of prompts like those to come. On average over such sets the false-alarm rate is at most
    `rate`; with one set it varies by about sqrt(rate / n). Raises `InputError`.

    >>> calibrated(np.arange(1, 100), 0.05), calibrated(np.arange(1, 10), 0.05)
    (95.0, inf)
    """
    allowed = math.floor(_checked(rate) * (len(highest) + 1) + 1e-9)
    if allowed < 1:
        return float("inf")
    return float(np.sort(np.asarray(highest, dtype=float))[::-1][allowed - 1])


def conformal_e(highest: np.ndarray, new: float) -> float:
    """A conversation's conformal e-value: its highest evidence over the mean of all, its own included.

    Its mean is 1 under exchangeability, so that e-values of several conversations may be averaged, and those of
    conversations with calibration sets of their own multiplied. At most n + 1: weaker than `calibrated` for one.

    >>> round(conformal_e(np.ones(9), 6.0), 3)
    4.0
    """
    return (len(highest) + 1) * new / float(np.sum(highest) + new)


def _checked(rate: float) -> float:
    if not 0 < rate < 1:
        raise InputError(f"a false-alarm rate of {rate}; wanted a share of conversations, between 0 and 1, e.g. 0.05")
    return rate
