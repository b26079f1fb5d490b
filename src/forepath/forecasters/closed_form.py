"""The floor that everything must beat: heads in closed form, no gradients. Knows arrays and futures only.

`ridge`: each prompt's smoothed log odds against the base rate, regressed on its activations. Its penalty is the best of
a path by leaving out one prompt at a time, exactly and from one eigendecomposition (Allen 1974, Technometrics 16:125;
Golub, Heath & Wahba 1979). The fitted values are no odds yet: the link softmax(b + s f) is fitted to the values of
prompts left out, so that it corrects for the shrinkage of f, too.

`lda`: a Gaussian per theme with shared covariance (Fisher 1936; as used for probes of language models by Lee et al.
2018, arXiv:1807.03888), each prompt counted in every theme by its share of samples. Its covariance is shrunk towards a
multiple of the identity; how far is chosen on prompts left out in five parts, and a temperature with it.

Chains agree with the steps (`coupling`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

import numpy as np

from forepath.errors import UnfittedError
from forepath.forecasters.chains import likely_chains
from forepath.forecasters.coupling import coupled, follow_tables
from forepath.forecasters.heads import Head
from forepath.forecasters.inputs import checked, checked_pair
from forepath.forecasters.odds import absorbed, floored, softmax
from forepath.forecasters.saving import Origin, head_tensors, heads_of, read_arrays, write_arrays
from forepath.forecasters.targets import parts_of
from forepath.records import END, Forecast, Futures
from forepath.stats.rates import base_rates, smoothed, theme_counts
from forepath.stats.shrinkage import dirichlet_strength, shrunk

Method = Literal["ridge", "lda"]
PATH = tuple(float(10.0**e) for e in np.arange(2.0, -5.5, -0.5))
"""Penalties tried, strongest first, in units of the mean variance of the directions."""
PARTS = 5


class ClosedForm:
    """A `ridge` or `lda` head per step; chains by coupling. Deterministic; the order of the prompts does not matter.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((200, 3))
    >>> drawn = (rng.random((200, 8, 1)) < 1 / (1 + np.exp(-2 * x[:, None, :1]))).astype(np.int16)
    >>> futures = Futures(("story", "end"), drawn)
    >>> ask = np.array([[2.0, 0, 0], [-2.0, 0, 0]])
    >>> [ClosedForm(m).fit(x, futures).predict(ask).steps[:, 0, 1].round(1).tolist() for m in ("ridge", "lda")]
    [[1.0, 0.0], [1.0, 0.0]]
    """

    def __init__(self, method: Method = "ridge", *, chains: bool = True, seed: int = 0) -> None:
        """`seed` draws the parts left out by `lda`."""
        if method not in _FITS:
            raise ValueError(f"method={method!r}; wanted one of {', '.join(_FITS)}")
        self.method: Method = method
        self.chains, self.seed = chains, seed
        self.origin: Origin | None = None
        self.themes: tuple[str, ...] = ()
        self._steps: list[Head] = []
        self._tables = np.zeros((0, 0, 0))

    def fit(self, activations: np.ndarray, futures: Futures) -> Self:
        """(prompts, width) and the futures of the same prompts. Raises `ActivationError`."""
        points = checked_pair(activations, futures)
        mean, deviation = points.mean(axis=0), points.std(axis=0)
        deviation[deviation <= 1e-7 * np.abs(mean)] = np.inf  # a feature that never moved says nothing
        deviation[deviation == 0] = np.inf
        scaled, part = (points - mean) / deviation, parts_of(points, PARTS, self.seed)
        counts = theme_counts(futures).astype(float)
        heads = [_FITS[self.method](scaled, counts[:, h], base_rates(futures)[h], part)
                 for h in range(counts.shape[1])]  # fmt: skip
        self.themes, self.origin = futures.themes, None
        self._steps = []
        for head in heads:
            weights = head.weights / deviation[:, None]
            self._steps.append(Head(weights, head.intercepts - mean @ weights, head.floor, head.penalty))
        self._tables = follow_tables(futures)
        return self

    @property
    def penalties(self) -> list[float]:
        """The one chosen at each step, in units of the mean variance of the features."""
        return [head.penalty for head in self._steps]

    def predict(self, activations: np.ndarray) -> Forecast:
        """Steps and, unless `chains=False`, chains. Raises `UnfittedError` before `fit`, `ActivationError`."""
        if not self._steps:
            raise UnfittedError("this ClosedForm has not seen any futures: call fit(activations, futures) first")
        points = checked(activations, width=len(self._steps[0].weights))
        group, end = np.zeros(len(points), dtype=int), self.themes.index(END)
        steps = absorbed(np.stack([h.odds(points @ h.weights, group) for h in self._steps], axis=1), end)
        if not self.chains:
            return Forecast(self.themes, steps)
        transition = coupled(steps, self._tables, end)
        return Forecast(self.themes, steps, *likely_chains(steps[:, 0], transition, self.themes, steps.shape[1]))

    def save(self, folder: Path | str, origin: Origin) -> None:
        """Write `forecaster.safetensors` and `forecaster.json`. Raises `UnfittedError`, `OSError`."""
        if not self._steps:
            raise UnfittedError("this ClosedForm has not seen any futures: there is nothing to save")
        tensors, facts = head_tensors({"step": self._steps})
        settings = {"method": self.method, "chains": self.chains, "seed": self.seed}
        write_arrays(Path(folder), "closed_form", {**tensors, "tables": self._tables}, self.themes, settings, origin,
                     facts)  # fmt: skip

    @classmethod
    def load(
        cls, folder: Path | str, *, subject: str | None = None, codebook: str | None = None, site: str | None = None
    ) -> Self:
        """Read what `save` wrote; raises as `LinearForecaster.load`."""
        saved = read_arrays(Path(folder), "closed_form", {"subject": subject, "codebook": codebook, "site": site})
        forecaster = cls(**saved.settings)
        forecaster.themes, forecaster.origin = saved.themes, saved.origin
        forecaster._steps, forecaster._tables = heads_of(saved, "step"), saved.tensors["tables"]
        return forecaster


def fit_ridge(points: np.ndarray, counts: np.ndarray, base: np.ndarray, part: np.ndarray) -> Head:
    """From (prompts, width) standardised points and (prompts, themes) counts. Prompts without counts are left out."""
    seen = counts.sum(axis=1) > 0
    x, counts = points[seen], counts[seen]
    if len(x) < 2:
        return _flat(points.shape[1], base, counts)
    targets = np.log(shrunk(counts, base, dirichlet_strength(counts, base)) / base)
    centre, middle = x.mean(axis=0), targets.mean(axis=0)
    left, values, right = np.linalg.svd(x - centre, full_matrices=False)
    turned = left.T @ (targets - middle)
    unit = float((values**2).mean()) or 1.0
    best: tuple[float, float, np.ndarray, float, np.ndarray] | None = None
    for penalty in PATH:
        kept = values**2 / (values**2 + penalty * unit)
        leverage = 1.0 / len(x) + (left**2) @ kept
        fitted = (left * kept) @ turned
        residual = (targets - middle - fitted) / np.maximum(1.0 - leverage, 1e-3)[:, None]
        loss, scale, bias = fit_link(targets - residual, counts)  # each prompt's value as if it had been left out
        if best is None or loss < best[0] - 1e-7:  # of equals, the strongest
            gain = values / (values**2 + penalty * unit)
            best = (loss, scale, bias, penalty, (right.T * gain) @ turned)
    assert best is not None
    _, scale, bias, penalty, weights = best
    weights = scale * weights
    return Head(weights, (bias + scale * middle - centre @ weights)[None], _floor(counts), penalty)


def fit_lda(points: np.ndarray, counts: np.ndarray, base: np.ndarray, part: np.ndarray) -> Head:
    """As `fit_ridge`; `part` (prompts,) says with which others, 0 to PARTS - 1, each prompt is left out."""
    seen = counts.sum(axis=1) > 0
    x, counts = points[seen], counts[seen]
    if len(x) < 2:
        return _flat(points.shape[1], base, counts)
    part = part[seen]
    found: dict[float, list[np.ndarray]] = {penalty: [] for penalty in PATH}
    for k in range(PARTS):
        if (part != k).any() and (part == k).any():
            solve = _gaussians(x[part != k], counts[part != k])
            for penalty in PATH:
                weights, bias = solve(penalty)
                found[penalty].append(x[part == k] @ weights + bias)
    order = np.concatenate([np.flatnonzero(part == k) for k in range(PARTS)])
    links = {p: fit_link(np.concatenate(v), counts[order]) for p, v in found.items() if sum(map(len, v)) == len(x)}
    penalty = min(links, key=lambda p: round(links[p][0], 7), default=1.0)
    _, scale, bias = links.get(penalty, (0.0, 1.0, np.zeros(counts.shape[1])))
    weights, intercept = _gaussians(x, counts)(penalty)
    return Head(scale * weights, (scale * intercept + bias)[None], _floor(counts), penalty)


_FITS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Head]] = {
    "ridge": fit_ridge,
    "lda": fit_lda,
}


def fit_link(values: np.ndarray, counts: np.ndarray) -> tuple[float, float, np.ndarray]:
    """(cross-entropy in nats, scale, (themes,) bias) of the best softmax(bias + scale values) for the counts.

    Convex in both; Newton's method with halved steps. Scale and bias are held lightly, at 1 and 0; a scale below 0,
    as noise alone gives to values of prompts left out, becomes 0.
    """
    total, seen, count = float(counts.sum()), counts.sum(axis=1), counts.shape[1]
    hold, rest = np.concatenate([[1.0], np.full(count, 1e-3)]), np.eye(count + 1)[0]

    def loss(at: np.ndarray) -> float:
        odds = softmax(at[0] * values + at[1:])
        return float(-(counts * np.log(np.maximum(odds, 1e-300))).sum() + 0.5 * (hold * (at - rest) ** 2).sum())

    at = np.concatenate([[1.0], np.zeros(count)])
    now = loss(at)
    for _ in range(30):
        odds = softmax(at[0] * values + at[1:])
        weighted = odds * seen[:, None]
        apart = values - (odds * values).sum(axis=1, keepdims=True)
        slope = weighted - counts
        gradient = np.concatenate([[(slope * values).sum()], slope.sum(axis=0)]) + hold * (at - rest)
        bend = np.diag(hold)
        bend[0, 0] += (weighted * apart**2).sum()
        bend[0, 1:] = bend[1:, 0] = (weighted * apart).sum(axis=0)
        bend[1:, 1:] += np.diag(weighted.sum(axis=0)) - weighted.T @ odds
        step, length = np.linalg.solve(bend, gradient), 1.0
        if float(gradient @ step) < 1e-9 * total:
            break
        while length > 1e-4:
            there = at - length * step
            if (found := loss(there)) < now:
                at, now = there, found
                break
            length /= 2
        else:
            break
    if at[0] < 0:
        at = np.concatenate([[0.0], np.log(smoothed(counts.sum(axis=0)))])
    odds = floored(softmax(at[0] * values + at[1:]), _floor(counts))
    return -float((counts * np.log(odds)).sum()) / total, float(at[0]), at[1:]


def _gaussians(x: np.ndarray, counts: np.ndarray) -> Callable[[float], tuple[np.ndarray, np.ndarray]]:
    """penalty -> (weights (width, themes), bias (themes,)) of the log odds, from one eigendecomposition."""
    mass = counts.sum(axis=0)
    total = float(mass.sum())
    centre = (counts.sum(axis=1) @ x) / total
    centred = x - centre
    means = (counts.T @ centred) / np.maximum(mass, 1e-9)[:, None]
    second = (centred * counts.sum(axis=1, keepdims=True)).T @ centred
    within = (second - (means.T * mass) @ means) / total
    values, vectors = np.linalg.eigh((within + within.T) / 2)
    values = np.maximum(values, 0.0)
    unit = float(values.mean()) or 1.0
    turned = means @ vectors
    log_prior = np.log(smoothed(mass))

    def solve(penalty: float) -> tuple[np.ndarray, np.ndarray]:
        straight = turned / (values + penalty * unit)
        bias = log_prior - 0.5 * (straight * turned).sum(axis=1)
        weights = vectors @ straight.T
        return weights, bias - centre @ weights

    return solve


def _flat(width: int, base: np.ndarray, counts: np.ndarray) -> Head:
    return Head(np.zeros((width, len(base))), np.log(base)[None], _floor(counts), PATH[0])


def _floor(counts: np.ndarray) -> float:
    return float(0.5 * counts.shape[1] / (counts.sum() + 0.5 * counts.shape[1]))
