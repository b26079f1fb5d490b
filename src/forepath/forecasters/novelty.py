"""Is this prompt like those a forecaster was fitted on? From activations alone. Knows neither models nor texts.

`mahalanobis`: distance from the mean of the training prompts in the metric of their covariance, shrunk (Lee et al.
2018, arXiv:1807.03888). `knn`: distance to the k-th nearest training prompt, standardised features scaled to length 1
(Sun et al. 2022, arXiv:2204.06507). Distances are turned into a rank among training prompts that were kept aside when
the detector was made: `unlike` is the share of those that are nearer, so that 0.99 flags 1 in 100 prompts of the old
kind.

A prompt that is like the training prompts here can still be new in what matters; this reads one site only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import numpy as np

from forepath.errors import UnfittedError
from forepath.forecasters.inputs import checked
from forepath.forecasters.saving import Origin, read_arrays, write_arrays
from forepath.forecasters.targets import kept_aside

Method = Literal["mahalanobis", "knn"]
BATCH = 1024
"""Rows compared with all training prompts at a time."""


class Novelty:
    """A detector fitted on the activations of the training prompts.

    >>> x = np.random.default_rng(0).standard_normal((300, 5))
    >>> Novelty().fit(x).unlike(np.array([np.zeros(5), np.full(5, 9.0)])).round(1).tolist()
    [0.0, 1.0]
    """

    def __init__(self, method: Method = "mahalanobis", *, neighbours: int = 10, seed: int = 0) -> None:
        """`neighbours` is the k of `knn`; `seed` draws the prompts kept aside."""
        if method not in ("mahalanobis", "knn"):
            raise ValueError(f"method={method!r}; wanted 'mahalanobis' or 'knn'")
        if neighbours < 1:
            raise ValueError(f"neighbours={neighbours}; at least 1")
        self.method: Method = method
        self.neighbours, self.seed = neighbours, seed
        self.origin: Origin | None = None
        self._mean = np.zeros(0)
        self._turn = np.zeros((0, 0))
        self._known = np.zeros((0, 0))
        self._ranks = np.zeros(0)

    def fit(self, activations: np.ndarray) -> Self:
        """(prompts, width) of the training prompts. Raises `ActivationError`."""
        points = checked(activations)
        aside = kept_aside(points, self.seed)
        if not aside.any() or aside.all():
            aside = np.zeros(len(points), dtype=bool)
        self._learn(points[~aside])
        self._ranks = np.sort(self.distances(points[aside] if aside.any() else points))
        self.origin = None
        return self

    def distances(self, activations: np.ndarray) -> np.ndarray:
        """(rows,) how far from the training prompts, >= 0, in the units of the method. Raises `UnfittedError`."""
        if not len(self._mean):
            raise UnfittedError("this Novelty has not seen any prompts: call fit(activations) first")
        points = (checked(activations, width=len(self._mean)) - self._mean) @ self._turn
        if self.method == "mahalanobis":
            return np.asarray(np.sqrt((points**2).sum(axis=1)))
        points = _unit(points)
        k = min(self.neighbours, len(self._known)) - 1
        found = np.zeros(len(points))
        for at in range(0, len(points), BATCH):
            nearness = points[at : at + BATCH] @ self._known.T
            kth = -np.partition(-nearness, k, axis=1)[:, k]
            found[at : at + BATCH] = np.sqrt(np.maximum(2.0 - 2.0 * kth, 0.0))
        return found

    def unlike(self, activations: np.ndarray) -> np.ndarray:
        """(rows,) share of training prompts kept aside that are nearer, in [0, 1]: flag from 0.95 or 0.99 on."""
        ranks: np.ndarray = np.searchsorted(self._ranks, self.distances(activations)) / max(len(self._ranks), 1)
        return ranks

    def save(self, folder: Path | str, origin: Origin) -> None:
        """Write `forecaster.safetensors` and `forecaster.json`. Raises `UnfittedError`, `OSError`."""
        if not len(self._mean):
            raise UnfittedError("this Novelty has not seen any prompts: there is nothing to save")
        tensors = {"mean": self._mean, "turn": self._turn, "known": self._known, "ranks": self._ranks}
        settings = {"method": self.method, "neighbours": self.neighbours, "seed": self.seed}
        write_arrays(Path(folder), "novelty", tensors, (), settings, origin)

    @classmethod
    def load(
        cls, folder: Path | str, *, subject: str | None = None, codebook: str | None = None, site: str | None = None
    ) -> Self:
        """Read what `save` wrote; raises as `LinearForecaster.load`."""
        saved = read_arrays(Path(folder), "novelty", {"subject": subject, "codebook": codebook, "site": site})
        found = cls(**saved.settings)
        found.origin = saved.origin
        found._mean, found._turn, found._known, found._ranks = (
            saved.tensors[name] for name in ("mean", "turn", "known", "ranks")
        )
        return found

    def _learn(self, points: np.ndarray) -> None:
        self._mean = points.mean(axis=0)
        centred = points - self._mean
        if self.method == "knn":
            deviation = centred.std(axis=0)
            self._turn = np.diag(np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 1e-12))
            self._known = _unit(centred @ self._turn)
            return
        values, vectors = np.linalg.eigh(centred.T @ centred / len(points))
        values = np.maximum(values, 0.0)
        # Ledoit & Wolf (2004, J. Multivar. Anal. 88:365): towards the identity, as far as few prompts ask for
        mean = float(values.mean())
        apart = float(((values - mean) ** 2).sum())
        noise = float(((centred**2).sum(axis=1) ** 2).sum()) / len(points) ** 2 - float((values**2).sum()) / len(points)
        share = min(1.0, noise / apart) if apart > 0 else 1.0
        values = (1 - share) * values + share * mean + 1e-6 * mean
        self._turn = vectors / np.sqrt(np.maximum(values, 1e-300)) if mean > 0 else np.zeros_like(vectors)


def _unit(points: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    scaled: np.ndarray = points / np.where(norms > 1e-12, norms, 1.0)
    return scaled
