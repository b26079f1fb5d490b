"""May a forecaster fitted before a change be read after it? Measured on a few samples, and repaired without labels.

A change moves activations; some of that is what the model now does, some only where it keeps it. Realignment maps the
changed activations of shared prompts onto the old ones, so that the second is undone. It cannot tell it from the first:
a map that fits everything would undo the effect itself. So it is fitted on prompts of no interest where there are some,
is held close to the identity, and is believed only as far as `transfer` finds it right on samples of the changed model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from forepath.effects.foreseeing import Predicts
from forepath.errors import ActivationError, InputError, MismatchError
from forepath.records import Futures
from forepath.stats.bootstrap import Estimate, mean_estimate
from forepath.stats.losses import prompt_losses

if TYPE_CHECKING:
    from forepath.records import Forecast

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
"""Tried for the affine map, in units of the mean variance of the activations, per prompt."""
FOLDS = 5
TOLERANCE = 0.1
"""Largest relative loss of cross-entropy with which a forecaster is read on a changed subject."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """x -> (x - centre) @ matrix + target."""

    kind: str
    """"none", "orthogonal" or "affine"."""
    matrix: np.ndarray
    """(width, width)"""
    centre: np.ndarray
    target: np.ndarray
    residual: float
    """Share of the old activations' variance that the map leaves unexplained, on prompts not fitted on."""

    def __call__(self, activations: np.ndarray) -> np.ndarray:
        """Changed activations (rows, width) where the old ones would be."""
        moved: np.ndarray = (np.asarray(activations, dtype=float) - self.centre) @ self.matrix + self.target
        return moved


def align(changed: np.ndarray, old: np.ndarray, kind: str = "affine") -> Alignment:
    """Fit the map on activations (prompts, width) of the same prompts; no samples, no labels.

    "orthogonal": the rotation nearest to it (Schönemann 1966, Psychometrika 31:1), with both means; "affine": any map,
    the squared distance of its matrix from the identity penalised, the penalty chosen on prompts kept aside; "none":
    the identity. Raises `ActivationError`, `InputError`.
    """
    if changed.shape != old.shape or changed.ndim != 2 or len(old) < FOLDS:
        raise ActivationError(f"activations {changed.shape} and {old.shape}; wanted the same {FOLDS} prompts or more")
    if not (np.isfinite(changed).all() and np.isfinite(old).all()):
        raise ActivationError("activations with NaN or infinite numbers cannot be aligned; leave those prompts out")
    if kind not in ("none", "orthogonal", "affine"):
        raise InputError(f"kind={kind!r}; wanted 'none', 'orthogonal' or 'affine'")
    changed, old = np.asarray(changed, dtype=float), np.asarray(old, dtype=float)
    fold = np.arange(len(old)) % FOLDS
    tried = PENALTIES if kind == "affine" else (0.0,)
    left = [sum(_missed(_fit(changed[fold != f], old[fold != f], kind, p), changed[fold == f], old[fold == f])
                for f in range(FOLDS)) for p in tried]  # fmt: skip
    best = int(np.argmin(left))
    found = _fit(changed, old, kind, tried[best])
    return replace(found, residual=float(left[best] / ((old - old.mean(0)) ** 2).sum()))


def _missed(fitted: Alignment, changed: np.ndarray, old: np.ndarray) -> float:
    return float(((fitted(changed) - old) ** 2).sum())


def _fit(changed: np.ndarray, old: np.ndarray, kind: str, penalty: float) -> Alignment:
    width = old.shape[1]
    if kind == "none":
        return Alignment(kind, np.eye(width), np.zeros(width), np.zeros(width), float("nan"))
    centre, target = changed.mean(axis=0), old.mean(axis=0)
    x, y = changed - centre, old - target
    if kind == "orthogonal":
        left, _, right = np.linalg.svd(x.T @ y)
        return Alignment(kind, left @ right, centre, target, float("nan"))
    weight = penalty * float((x**2).mean()) * len(x)
    matrix = np.linalg.solve(x.T @ x + weight * np.eye(width), x.T @ y + weight * np.eye(width))
    return Alignment(kind, matrix, centre, target, float("nan"))


class Realigned:
    """A forecaster read through an alignment. Forecasts only what `transfer` has allowed."""

    def __init__(self, forecaster: Predicts, alignment: Alignment, checked: Transfer) -> None:
        """Raises `MismatchError` if the check on samples of the changed subject found it worse than tolerated."""
        if not checked.allowed:
            raise MismatchError(
                f"read on the changed subject, the forecaster loses {checked.lost_after.value:.0%} of its "
                f"cross-entropy (interval up to {checked.lost_after.high:.0%}); at most {checked.tolerance:.0%} is "
                "tolerated: sample instead, or fit it anew on the changed subject"
            )
        self._forecaster, self._alignment = forecaster, alignment

    def predict(self, activations: np.ndarray) -> Forecast:
        """Of the changed subject's activations, at the site the forecaster was fitted on."""
        return self._forecaster.predict(self._alignment(activations))


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a forecaster loses when it is read on a changed subject. Losses are nats per step, means over prompts."""

    base: float
    """On the subject it was fitted on, samples of the same prompts."""
    before: float
    """On the changed subject, read as it is."""
    after: float
    """The same, realigned."""
    lost_before: Estimate
    """(before - base) / base; the interval draws prompts again."""
    lost_after: Estimate
    prompts: int
    tolerance: float

    @property
    def allowed(self) -> bool:
        """Whether the realigned forecaster may be read: its relative loss is at most the tolerance."""
        return bool(self.lost_after.value <= self.tolerance)

    @property
    def allowed_as_it_is(self) -> bool:
        """The same of the forecaster without realignment."""
        return bool(self.lost_before.value <= self.tolerance)


def transfer(
    forecaster: Predicts,
    alignment: Alignment,
    old: tuple[np.ndarray, Futures],
    changed: tuple[np.ndarray, Futures],
    *,
    tolerance: float = TOLERANCE,
) -> Transfer:
    """Check on a few samples: (activations, futures) of the same prompts, before and after the change.

    The prompts must not be among those the forecaster or the alignment was fitted on. A changed model may also be
    harder or easier to foretell; what it loses is then not the forecaster's fault alone, and the numbers cannot say.
    Raises `InputError`.
    """
    losses = [
        _mean(prompt_losses(forecaster.predict(x), futures))
        for x, futures in ((old[0], old[1]), (changed[0], changed[1]), (alignment(changed[0]), changed[1]))
    ]
    keep = ~np.isnan(losses).any(axis=0)
    base, before, after = (loss[keep] for loss in losses)
    if not len(base):
        raise InputError("no prompt was observed on both sides; sample some")
    mean = float(base.mean())
    lost = [mean_estimate((loss - base) / mean) for loss in (before, after)]
    return Transfer(mean, float(before.mean()), float(after.mean()), lost[0], lost[1], len(base), tolerance)


def _mean(losses: np.ndarray) -> np.ndarray:
    """(prompts,) over the steps that were observed; NaN where none was."""
    seen = ~np.isnan(losses)
    with np.errstate(invalid="ignore"):
        means: np.ndarray = np.where(seen, losses, 0.0).sum(axis=1) / seen.sum(axis=1)
    return means
