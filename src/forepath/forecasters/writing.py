"""A trunk that corrects the linear forecaster's chains: fitting, forecasting, scoring. Needs torch.

The base is a `LayersForecaster` over all reads (one read: plain linear). For training it is fitted without the prompts
kept aside, as the trunk is; then it is fitted again on all of them, with the shares and penalties chosen before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from forepath.forecasters.exploring import WIDTH, Explored, explore
from forepath.forecasters.layers import LayersForecaster
from forepath.forecasters.odds import floored, softmax
from forepath.forecasters.products import QuickProducts
from forepath.forecasters.sequences import Base, Recipe, Trained, chains_of, train
from forepath.forecasters.targets import canonical, kept_aside
from forepath.records import END, UNKNOWN, Futures

BATCH = 4096
"""Chains carried on together when forecasting."""


@dataclass(slots=True)
class Writer:
    """What is fitted: base, trunk, and how reads are scaled for it."""

    base: LayersForecaster
    trunk: nn.Module
    mean: np.ndarray
    """(reads, width)"""
    deviation: np.ndarray
    floor: float
    """Share of even odds in every forecast: half a sample per theme."""
    trained: Trained

    def scaled(self, reads: np.ndarray) -> Tensor:
        """(rows, reads, width) float32 for the trunk."""
        return torch.from_numpy(((reads - self.mean) / self.deviation).astype(np.float32))

    def forecast(self, reads: np.ndarray, points: Tensor | None = None, *, width: int = WIDTH) -> Explored:
        """Steps and likely chains of checked reads. `points` (rows, …): what the trunk reads, if not these; `width`: of
        the beam.
        """
        first, links, before = self.base.logits(reads)
        share = self.trained.share
        points = self.scaled(reads) if points is None else points
        memories: list[object] = []
        if share:
            with torch.inference_mode(), QuickProducts():
                for at in range(0, len(reads), BATCH):
                    out, memory = self.trunk.read(points[at : at + BATCH])  # type: ignore[operator]
                    first[at : at + BATCH] += share * out.double().numpy()
                    memories.append(memory)

        def tail(step: int, rows: np.ndarray, past: np.ndarray) -> np.ndarray:
            return floored(softmax(links[step - 1][rows] + before[step - 1][past]), self.floor)

        def extend(step: int, rows: np.ndarray, paths: np.ndarray) -> np.ndarray:
            logits = links[step - 1][rows] + before[step - 1][paths[:, -1]]
            if share:
                logits += share * self._added(memories, rows, paths)
            return floored(softmax(logits), self.floor)

        odds = floored(softmax(first), self.floor)
        return explore(odds, extend, tail, self.base.themes, len(links) + 1, width=width)

    def log_probs(self, reads: np.ndarray, steps: np.ndarray, points: Tensor | None = None) -> np.ndarray:
        """(rows, samples) natural logs of the odds of chains, by the chain rule, of what was observed of them.

        `steps` (rows, samples, horizon) theme indices; `points` as of `forecast`. NaN where nothing was observed.
        """
        points = self.scaled(reads) if points is None else points
        end = self.base.themes.index(END)
        first, links, before = self.base.logits(reads)
        share, samples = self.trained.share, steps.shape[1]
        past = np.maximum(steps[..., :-1].reshape(-1, steps.shape[2] - 1), 0).astype(int)
        rows = np.repeat(np.arange(len(reads)), samples)
        logits = [first[rows]] + [links[h][rows] + before[h][past[:, h]] for h in range(len(links))]
        if share:
            with torch.inference_mode(), QuickProducts():
                for at in range(0, len(reads), 256):
                    out, memory = self.trunk.read(points[at : at + 256])  # type: ignore[operator]
                    mine = slice(at * samples, min(at + 256, len(reads)) * samples)
                    owner = torch.from_numpy(rows[mine] - at)
                    logits[0][mine] += share * out[owner].double().numpy()
                    if links:
                        later = self.trunk.write(memory, owner, torch.from_numpy(past[mine]))  # type: ignore[operator]
                        for h in range(len(links)):
                            logits[h + 1][mine] += share * later[:, h].double().numpy()
        odds = [floored(softmax(values), self.floor) for values in logits]
        return observed_log_probs(odds, steps, end)

    def _added(self, memories: list[object], rows: np.ndarray, paths: np.ndarray) -> np.ndarray:
        """(n, themes) what the trunk adds after these paths; rows ascending."""
        added = np.zeros((len(rows), len(self.base.themes)))
        owner, themes = torch.from_numpy(rows), torch.from_numpy(paths.astype(np.int64))
        with torch.inference_mode(), QuickProducts():
            for at in range(0, len(rows), BATCH):
                chunk = slice(at, at + BATCH)
                for number in np.unique(rows[chunk] // BATCH):
                    mine = torch.from_numpy(at + np.flatnonzero(rows[chunk] // BATCH == number))
                    past = (memories[number], owner[mine] - number * BATCH, themes[mine])
                    out = self.trunk.write(*past, last=True)  # type: ignore[operator]
                    added[mine.numpy()] = out[:, -1].double().numpy()
        return added


def observed_log_probs(odds: list[np.ndarray], steps: np.ndarray, end: int) -> np.ndarray:
    """(rows, samples) sum over the observed steps, up to the first `end`, of the log odds (rows * samples, themes)."""
    flat = steps.reshape(-1, steps.shape[2]).astype(int)
    total, alive = np.zeros(len(flat)), flat[:, 0] != UNKNOWN
    known = alive.copy()
    for h, table in enumerate(odds):
        alive = alive & (flat[:, h] != UNKNOWN)
        total[alive] += np.log(table[alive, flat[alive, h]])
        alive = alive & (flat[:, h] != end)
    found: np.ndarray = np.where(known, total, np.nan).reshape(steps.shape[:2])
    return found


def fit_writer(
    reads: np.ndarray,
    futures: Futures,
    make: Callable[[int, int, int, int], nn.Module],
    recipe: Recipe,
    seed: int,
    *,
    points: Tensor | None = None,
    standardise: bool = True,
) -> Writer:
    """Fit base and trunk to checked reads. `make(reads, width, themes, horizon)` builds the trunk.

    `points` (prompts, …): what the trunk reads, if not the reads. `standardise`: of the base.
    """
    order = canonical(reads, futures)
    points = None if points is None else points[torch.from_numpy(order)]
    reads, futures = reads[order], Futures(futures.themes, futures.steps[order])
    mean, deviation = reads.mean(axis=0), reads.std(axis=0)
    deviation[deviation <= 1e-7 * np.abs(mean)] = np.inf
    deviation[deviation == 0] = np.inf
    marks = reads if points is None else points.numpy().astype(np.float64)  # twins by what the trunk reads
    aside = kept_aside(marks.reshape(len(reads), -1), seed)
    if aside.all() or not aside.any():
        aside = np.zeros(len(reads), dtype=bool)
    part, base = _bases(reads, futures, aside, seed, standardise)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trunk = make(reads.shape[1], reads.shape[2], len(futures.themes), futures.steps.shape[2])
    if points is None:
        points = torch.from_numpy(((reads - mean) / deviation).astype(np.float32))
    trained = train(trunk, points, _tensors(*part.logits(reads)), chains_of(futures), aside, recipe, seed)
    count = len(futures.themes)
    floor = 0.5 * count / (float((futures.steps[..., 0] != UNKNOWN).sum()) + 0.5 * count)
    return Writer(base, trunk, mean, deviation, floor, trained)


_last: tuple[bytes, tuple[LayersForecaster, LayersForecaster]] | None = None
"""The bases fitted last and what to: trunks of several kinds are often fitted to the same."""


def _bases(
    reads: np.ndarray, futures: Futures, aside: np.ndarray, seed: int, standardise: bool
) -> tuple[LayersForecaster, LayersForecaster]:
    """(without the prompts kept aside, on all of them)"""
    global _last
    what = repr((seed, standardise, reads.shape, futures.themes)).encode()
    mark = hashlib.blake2b(what + reads.tobytes() + futures.steps.tobytes() + aside.tobytes()).digest()
    if _last is not None and _last[0] == mark:
        return _last[1]
    known = Futures(futures.themes, futures.steps[~aside])
    part = base = LayersForecaster(seed=seed, standardise=standardise).fit(reads[~aside], known)
    if aside.any():
        penalties = [penalty * float((~aside).mean()) for penalty in part.penalties]  # more evidence, the same prior
        base = LayersForecaster(seed=seed, shares=part.shares, penalties=penalties, standardise=standardise)
        base.fit(reads, futures)
    _last = mark, (part, base)
    return part, base


def _tensors(first: np.ndarray, links: list[np.ndarray], before: list[np.ndarray]) -> Base:
    def tensor(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values.astype(np.float32))

    return Base(tensor(first), [tensor(v) for v in links], [tensor(v) for v in before])
