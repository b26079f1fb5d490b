"""One linear forecaster that reads every layer at once. Knows arrays only.

Each layer is standardised and multiplied with the root of its share; the shares sum to 1. Under one L2 penalty that is
a sum of kernels, one per layer: a share is how cheap it is to use that layer (multiple kernel learning: Gönen and
Alpaydın 2011, JMLR 12:2211). The shares are learned: softmax(sharpness x gain) of what each layer explains alone on
prompts kept aside, with the sharpness that is best there, from even shares to the best layer alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from forepath.errors import ActivationError, UnfittedError
from forepath.forecasters.heads import Fold, least_loss
from forepath.forecasters.inputs import checked_reads, checked_reads_pair
from forepath.forecasters.linear import LinearForecaster
from forepath.forecasters.odds import softmax
from forepath.forecasters.saving import Origin, SavedArrays, head_tensors, heads_of, read_arrays, write_arrays
from forepath.forecasters.targets import canonical, kept_aside, step_rows
from forepath.records import Forecast, Futures

SHARPNESS = (0.0, 10.0, 40.0, float("inf"))
"""Tried on the prompts kept aside, per nat of gain; infinite is the best layer alone."""


class LayersForecaster:
    """Multinomial regression on all layers, each with a learned share. (prompts, layers, width) in.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((60, 3, 9))  # only layer 1 knows
    >>> drawn = (rng.random((60, 8, 1)) < 1 / (1 + np.exp(-3 * x[:, None, 1, :1]))).astype(np.int16)
    >>> forecaster = LayersForecaster().fit(x, Futures(("story", "end"), drawn))
    >>> int(forecaster.shares.argmax())
    1
    """

    def __init__(
        self,
        *,
        chains: bool = True,
        seed: int = 0,
        shares: Sequence[float] | np.ndarray | None = None,
        penalties: Sequence[float] | None = None,
        standardise: bool = True,
    ) -> None:
        """`seed` draws the prompts on which shares and penalties are chosen. `shares` (layers,) and
        `penalties` (of `LinearForecaster`): not to be chosen.
        `standardise=False`: each layer as a whole is scaled, its features keep their sizes (words, whose rare
        directions are noise).
        """
        self.chains, self.seed, self.standardise = chains, seed, standardise
        self._given = None if shares is None else tuple(float(share) for share in shares)
        self._penalties = penalties
        self.origin: Origin | None = None
        self.shares = np.zeros(0)
        """(layers,) how much each layer counts; sums to 1."""
        self.losses: dict[str, float] = {}
        """Cross-entropy on the prompts kept aside, nats, with the penalty that is best there, mean over the steps:
        "layer i" alone and "sharpness s" of the mixtures."""
        self._mean = np.zeros((0, 0))
        self._scale = np.zeros((0, 0))
        self._head = LinearForecaster("none")

    def fit(self, activations: np.ndarray, futures: Futures) -> Self:
        """(prompts, layers, width) and the futures of the same prompts. Raises `ActivationError`."""
        reads = checked_reads_pair(activations, futures)
        order = canonical(reads, futures)  # so that every rounding, and all that is drawn by it, is the same
        reads, futures, count = reads[order], Futures(futures.themes, futures.steps[order]), reads.shape[1]
        self._mean, deviation = reads.mean(axis=0), reads.std(axis=0)
        if not self.standardise:
            deviation[:] = np.sqrt((deviation**2).mean(axis=1, keepdims=True))
        deviation[deviation <= 1e-7 * np.abs(self._mean)] = np.inf  # a feature that never moved says nothing
        deviation[deviation == 0] = np.inf
        points = (reads - self._mean) / deviation
        aside = kept_aside(reads.reshape(len(reads), -1), self.seed)
        self.shares, self.losses = np.full(count, 1.0 / count), {}
        if self._given is not None:
            if len(self._given) != count:
                raise ActivationError(f"{count} layers for {len(self._given)} given shares; give one share per layer")
            self.shares = np.array(self._given)
        elif count > 1 and aside.any():
            rows = [step_rows(futures, h) for h in range(futures.steps.shape[2])]

            def loss(shares: np.ndarray) -> float:
                used = np.flatnonzero(shares)
                fold = Fold.of(_mixed(points[:, used], shares[used]), aside, whole=False)
                losses = np.array([least_loss(fold, r) for r in rows])
                return float(losses[~np.isnan(losses)].mean()) if not np.isnan(losses).all() else float("nan")

            alone = np.array([loss(np.eye(count)[layer]) for layer in range(count)])
            self.losses = {f"layer {i}": float(value) for i, value in enumerate(alone)}
            if not np.isnan(alone).any():
                tried = {s: _shares(alone, s) for s in SHARPNESS}
                found = {s: float(alone.min()) if s == np.inf else loss(shares) for s, shares in tried.items()}
                self.shares = tried[min(found, key=found.__getitem__)]
                self.losses |= {f"sharpness {s:g}": value for s, value in found.items()}
        self._scale = np.sqrt(self.shares)[:, None] / deviation
        self._head = LinearForecaster("none", penalty=self._penalties, chains=self.chains, seed=self.seed)
        self._head.fit(self._points(reads), futures)
        self.origin = None
        return self

    @property
    def themes(self) -> tuple[str, ...]:
        """Of the futures it was fitted to; empty before."""
        return self._head.themes

    @property
    def penalties(self) -> list[float]:
        """As of `LinearForecaster`."""
        return self._head.penalties

    def predict(self, activations: np.ndarray) -> Forecast:
        """Steps and, unless `chains=False`, chains. Raises `UnfittedError` before `fit`, `ActivationError`."""
        self._fitted()
        return self._head.predict(self._points(checked_reads(activations, shape=self._mean.shape)))

    def logits(self, activations: np.ndarray) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
        """As `LinearForecaster.logits`."""
        self._fitted()
        return self._head.logits(self._points(checked_reads(activations, shape=self._mean.shape)))

    def save(self, folder: Path | str, origin: Origin) -> None:
        """Write `forecaster.safetensors` and `forecaster.json`. Raises `UnfittedError`, `OSError`."""
        write_arrays(Path(folder), "layers", *self.parts(), origin, self.facts())

    @classmethod
    def load(
        cls, folder: Path | str, *, subject: str | None = None, codebook: str | None = None, site: str | None = None
    ) -> Self:
        """Read what `save` wrote; raises as `LinearForecaster.load`."""
        saved = read_arrays(Path(folder), "layers", {"subject": subject, "codebook": codebook, "site": site})
        return cls.from_parts(saved)

    def parts(self) -> tuple[dict[str, np.ndarray], tuple[str, ...], dict[str, Any]]:
        """(tensors, themes, settings) for `write_arrays`. Raises `UnfittedError`."""
        self._fitted()
        tensors, _ = head_tensors({"step": self._head._steps, "link": self._head._links})
        tensors |= {"mean": self._mean, "scale": self._scale, "shares": self.shares}
        return tensors, self.themes, {"chains": self.chains, "seed": self.seed, "standardise": self.standardise}

    def facts(self) -> dict[str, Any]:
        """What else there is to write down."""
        return {**head_tensors({"step": self._head._steps, "link": self._head._links})[1], "losses": self.losses}

    @classmethod
    def from_parts(cls, saved: SavedArrays) -> Self:
        """Back from `parts` and `facts`."""
        forecaster = cls(**saved.settings)
        forecaster.origin, forecaster.losses = saved.origin, saved.facts["losses"]
        forecaster.shares, forecaster._mean, forecaster._scale = (saved.tensors[n] for n in ("shares", "mean", "scale"))
        forecaster._head = LinearForecaster("none", chains=forecaster.chains, seed=forecaster.seed)
        forecaster._head.themes = saved.themes
        forecaster._head._steps, forecaster._head._links = heads_of(saved, "step"), heads_of(saved, "link")
        return forecaster

    def _fitted(self) -> None:
        if not self.themes:
            raise UnfittedError("this LayersForecaster has not seen any futures: call fit(activations, futures) first")

    def _points(self, reads: np.ndarray) -> np.ndarray:
        """(rows, layers that count x width)"""
        used = np.flatnonzero(self.shares)
        scaled = (reads[:, used] - self._mean[used]) * self._scale[used]
        return scaled.reshape(len(reads), -1) if len(reads) else np.zeros((0, len(used) * reads.shape[2]))


def _mixed(points: np.ndarray, shares: np.ndarray) -> np.ndarray:
    mixed: np.ndarray = (points * np.sqrt(shares)[:, None]).reshape(len(points), -1)
    return mixed


def _shares(losses: np.ndarray, sharpness: float) -> np.ndarray:
    if np.isinf(sharpness):
        alone: np.ndarray = np.eye(len(losses))[losses.argmin()]
        return alone
    shares = softmax(-sharpness * (losses - losses.min()))
    shares[shares < 1e-3] = 0.0  # a layer that hardly counts is not worth reading
    kept: np.ndarray = shares / shares.sum()
    return kept
