"""The random numbers of a trajectory: a pure function of its seed and the step, so of nothing it was batched with.

NumPy only. Knows nothing of models, tokens or policies. The generator is SplitMix64 (Steele, Lea, Flood 2014) used as
a counter-based hash: number t of a stream is a mix of (seed, t), so any of them can be had without the ones before.
"""

from __future__ import annotations

import hashlib

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def trajectory_seed(seed: int, prompt_id: str, sample: int) -> int:
    """A 63-bit seed of one trajectory, from the run's seed, its prompt and its number; the same on every machine.

    63 bits, so that it fits a signed column of a table.

    >>> trajectory_seed(0, "a", 0) == trajectory_seed(0, "a", 0) != trajectory_seed(0, "a", 1)
    True
    """
    key = f"{seed}\x1f{prompt_id}\x1f{sample}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") >> 1


def uniforms(seeds: np.ndarray, step: int | np.ndarray) -> np.ndarray:
    """(rows,) float64 in [0, 1), 53 random bits each: number `step` of the stream of each seed (rows,) uint64.

    `step` is one for all rows, or (rows,).

    >>> u = uniforms(np.array([1, 2, 1], dtype=np.uint64), 7)
    >>> bool(u[0] == u[2] != u[1])
    True
    """
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is the point
        # The seed is mixed once before the counter is added: seeds 1 apart must not give streams that are shifts.
        z = _mix(_mix(seeds + _GOLDEN) + np.asarray(step + 1, dtype=np.uint64) * _GOLDEN)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    mixed: np.ndarray = z ^ (z >> np.uint64(31))
    return mixed
