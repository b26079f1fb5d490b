"""Penalised multinomial regression on soft targets, fast. Knows arrays only: neither themes nor prompts' activations.

Minimised over W (width, classes) and U (groups, classes), for rows r of a data point i(r) and a group g(r):

    F(W, U) = sum_r weight_r CE(target_r, softmax(W' x_i(r) + U_g(r))) / sum_r weight_r + penalty/2 |W|^2
              + tie/2 |U - anchor|^2

One group is the plain regression (U its free intercept, tie 0); a group per previous theme is one step of a Markov
chain whose odds bend with x. Three things make it fast. L-BFGS (Nocedal & Wright, Numerical Optimization 2006,
algorithm 7.4) starts from a curvature that nearly fits: the Hessian with the mean of diag(p) - pp' in place of every
row's, which is diagonal once the points are turned into the eigenbasis of X'X and the classes into that of the mean.
(Böhning 1992, Ann. Inst. Statist. Math. 44:197, bounds the same matrix by that of even odds; the mean is closer.) After
`EASY` iterations each class gets its own along the `SHARP` directions in which the points vary most: sum p (1 - p) xx',
which is large only where the class is in doubt. Logits are linear in the step, so that a line search multiplies no
matrices. And the product with X is taken once per point, however many rows it has. An iteration is two products of
(points, width) with classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HISTORY = 12
"""Pairs of steps L-BFGS remembers."""
SHARP = 48
"""Directions, those of most variance, along which each class gets a curvature of its own."""
EASY = 8
"""Iterations after which that is worked out: many problems are solved sooner."""
ARMIJO = 1e-4
"""Share of the first-order decrease that a step must give."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What was seen: each row a distribution over classes, of one point, in one group."""

    point: np.ndarray
    """(rows,) int, ascending: index into the points."""
    group: np.ndarray
    """(rows,) int."""
    targets: np.ndarray
    """(rows, classes) float; each sums to 1."""
    weights: np.ndarray
    """(rows,) float > 0, e.g. the number of samples behind the target."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Where the solver stopped."""

    weights: np.ndarray
    """W: (width, classes) float64, in the coordinates of the points handed to `Design`."""
    intercepts: np.ndarray
    """U: (groups, classes) float64, for points as given (the centring is undone)."""
    turned: np.ndarray
    """(rank + groups, classes): the same in the solver's own coordinates, to start a neighbouring problem from."""
    objective: float
    """F, in nats."""
    left: float
    """About how far F still is above its minimum, in nats: half the squared length of the gradient in the metric of
    the assumed curvature."""
    iterations: int


class Design:
    """Points in the coordinates in which regression on them is easy. Built once, used by every head and penalty."""

    def __init__(self, points: np.ndarray) -> None:
        """`points` (n, width), finite."""
        self.centre = points.mean(axis=0, dtype=np.float64)
        centred = np.subtract(points, self.centre, dtype=np.float32)
        self.basis = np.eye(centred.shape[1])
        if centred.shape[1] > len(centred):  # only the span of the points matters: an L2 penalty turns with it
            self.basis, lower = np.linalg.qr(centred.T.astype(np.float64))
            centred = np.ascontiguousarray(lower.T, dtype=np.float32)
        values, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        self.turned = centred @ vectors.astype(np.float32)
        """(n, rank) float32"""
        self.basis = self.basis @ vectors
        """(width, rank) float64, orthonormal columns"""
        self.curvature = np.maximum(values, 0.0) / len(points)
        """(rank,) variance along each direction"""

    @property
    def scale(self) -> float:
        """Mean variance of the directions: the unit in which penalties are best given."""
        return float(self.curvature.mean()) or 1.0

    def turn(self, solution: Solution) -> np.ndarray:
        """A solution on other points of the same width as a start for these: (rank + groups, classes)."""
        centred = solution.intercepts + self.centre @ solution.weights
        return np.concatenate([self.basis.T @ solution.weights, centred])


def solve(
    design: Design,
    rows: Rows,
    *,
    penalty: float,
    anchor: np.ndarray,
    tie: float = 0.0,
    start: np.ndarray | None = None,
    tolerance: float = 1e-7,
    most: int = 500,
) -> Solution:
    """Minimise F. `anchor` (groups, classes) is where U starts and is tied to; `start` is another solution's `turned`.

    Stops when about `tolerance` nats are left, when no step lowers F in floating point, or after `most` iterations.

    >>> rows = Rows(np.arange(4), np.zeros(4, int), np.eye(2)[[0, 0, 1, 1]], np.ones(4))
    >>> s = solve(Design(np.array([[-1.0], [-2.0], [1.0], [2.0]])), rows, penalty=0.1, anchor=np.zeros((1, 2)))
    >>> bool(s.weights[0, 1] > 0.5), bool(abs(s.intercepts[0, 0]) < 0.01), s.left < 1e-7
    (True, True, True)
    """
    problem = _Problem(design, rows, penalty, tie, anchor.astype(np.float64))
    at = np.zeros((len(design.curvature), anchor.shape[1]))
    at = np.concatenate([at, anchor]) if start is None else start.astype(np.float64)
    at, objective, left, iterations = _descend(problem, at, tolerance, most)
    weights = design.basis @ at[: len(design.curvature)]
    intercepts = at[len(design.curvature) :] - design.centre @ weights
    return Solution(weights, intercepts, at, objective, left, iterations)


class _Problem:
    """F, its logits and its gradient, in turned coordinates. Logits and residuals are float32, sums float64."""

    def __init__(self, design: Design, rows: Rows, penalty: float, tie: float, anchor: np.ndarray) -> None:
        rank, groups = len(design.curvature), len(anchor)
        self.points, self.rows, self.rank = design.turned, rows, rank
        self.share = (rows.weights / rows.weights.sum()).astype(np.float32)[:, None]
        self.targets = rows.targets.astype(np.float32)
        self.ties = np.concatenate([np.full(rank, penalty), np.full(groups, tie)])[:, None]
        self.anchor = np.concatenate([np.zeros((rank, anchor.shape[1])), anchor])
        self.single = len(rows.point) == len(self.points) and bool((rows.point == np.arange(len(self.points))).all())
        self.firsts = np.flatnonzero(np.diff(rows.point, prepend=-1))
        self.order = np.argsort(rows.group, kind="stable")
        self.group_firsts = np.flatnonzero(np.diff(rows.group[self.order], prepend=-1))
        in_group = np.bincount(rows.group, weights=self.share[:, 0], minlength=groups)
        self.spread = np.concatenate([design.curvature, np.maximum(in_group, 1e-9)])[:, None]
        self.classes = np.eye(anchor.shape[1])
        """(classes, classes) orthonormal columns"""
        self.assumed = self.spread + self.ties
        """(rank + groups, classes) curvature along each turned coordinate"""
        self.sharp = slice(max(rank - SHARP, 0), rank)
        """The last coordinates of W: those along which the points vary most."""
        self.inverses: np.ndarray | None = None
        """(classes, sharp, sharp): of each class's own curvature along them."""

    def learn_curvature(self, residual: np.ndarray) -> None:
        """Assume everywhere the mean over rows of diag(p) - pp', whose `residual` is (p - target) share."""
        odds = residual / self.share + self.targets
        mean = (
            np.diag((odds * self.share).sum(axis=0, dtype=np.float64)) - (odds * self.share).T.astype(np.float64) @ odds
        )
        values, self.classes = np.linalg.eigh(mean)
        self.assumed = self.spread * np.maximum(values, 1e-7) + self.ties

    def sharpen(self, residual: np.ndarray) -> None:
        """Let each class have its own curvature along the directions of most variance."""
        odds = residual / self.share + self.targets
        doubt = np.sqrt(self.by_point(odds * (1 - odds) * self.share))
        points = self.points[:, self.sharp]
        weighed = [points * column[:, None] for column in doubt.T]
        bends = np.array([w.T @ w for w in weighed], dtype=np.float64)
        least = 1e-6 * np.trace(bends, axis1=1, axis2=2).max() / max(bends.shape[1], 1)
        bends += np.diag(self.ties[self.sharp, 0] + least)
        self.inverses = np.linalg.inv(bends)

    def straighten(self, slope: np.ndarray) -> np.ndarray:
        """The inverse of the assumed curvature times `slope`."""
        turned: np.ndarray = ((slope @ self.classes) / self.assumed) @ self.classes.T
        if self.inverses is not None:
            own = np.matmul(self.inverses, slope[self.sharp].T[..., None])[..., 0].T
            turned[self.sharp] = own - own.mean(axis=1, keepdims=True)
        return turned

    def by_point(self, values: np.ndarray) -> np.ndarray:
        """(rows, classes) summed over the rows of each point: (points, classes)."""
        if self.single:
            return values
        sums = np.zeros((len(self.points), values.shape[1]), dtype=np.float32)
        sums[self.rows.point[self.firsts]] = np.add.reduceat(values, self.firsts, axis=0)
        return sums

    def logits(self, at: np.ndarray) -> np.ndarray:
        """(rows, classes) float32; linear in `at`."""
        linear: np.ndarray = self.points @ at[: self.rank].astype(np.float32)
        linear = linear if self.single else linear[self.rows.point]
        linear += at[self.rank :].astype(np.float32)[self.rows.group]
        return linear

    def loss(self, logits: np.ndarray) -> tuple[float, np.ndarray]:
        """(mean cross-entropy, d of it / d logits)."""
        shifted = logits - logits.max(axis=1, keepdims=True)
        odds = np.exp(shifted)
        total = odds.sum(axis=1, keepdims=True)
        fit = np.log(total) - np.einsum("rc,rc->r", shifted, self.targets)[:, None]
        odds /= total
        odds -= self.targets
        odds *= self.share
        return float(np.sum(fit * self.share, dtype=np.float64)), odds

    def gradient(self, residual: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(rank + groups, classes) float64."""
        by_group = np.zeros((len(at) - self.rank, residual.shape[1]))
        sums = np.add.reduceat(residual[self.order], self.group_firsts, axis=0, dtype=np.float64)
        by_group[self.rows.group[self.order][self.group_firsts]] = sums
        pull = self.ties * (at - self.anchor)
        fit = np.concatenate([(self.points.T @ self.by_point(residual)).astype(np.float64), by_group])
        # adding a number to all logits changes nothing: what rounding leaves there would be blown up by no curvature
        slope: np.ndarray = fit - fit.mean(axis=1, keepdims=True) + pull
        return slope

    def tied(self, at: np.ndarray) -> float:
        """The penalty, in nats."""
        return float(0.5 * (self.ties * (at - self.anchor) ** 2).sum())


def _descend(problem: _Problem, at: np.ndarray, tolerance: float, most: int) -> tuple[np.ndarray, float, float, int]:
    """L-BFGS from `at`: (where it stopped, F there, nats left, iterations)."""
    logits = problem.logits(at)
    loss, residual = problem.loss(logits)
    objective, slope = loss + problem.tied(at), problem.gradient(residual, at)
    pairs: list[tuple[np.ndarray, np.ndarray, float]] = []
    iterations = 0
    problem.learn_curvature(residual)
    left = 0.5 * float((slope * problem.straighten(slope)).sum())
    while left > tolerance and iterations < most:
        step = -_two_loops(pairs, slope, problem)
        along, moved, length = problem.logits(step), float((slope * step).sum()), 1.0
        while True:
            there = at + length * step
            loss, residual = problem.loss(logits + np.float32(length) * along)
            higher = loss + problem.tied(there) - objective
            if higher <= ARMIJO * length * moved:
                break
            length *= min(max(-0.5 * length * moved / (higher - length * moved), 0.1), 0.5)  # minimum of the parabola
            if length < 1e-6:
                return at, objective, left, iterations
        logits += np.float32(length) * along
        turn = problem.gradient(residual, there)
        change = turn - slope
        bend = float((change * step).sum()) * length
        if bend > 0:  # F is convex: only rounding can make it otherwise
            pairs = [*pairs, (there - at, change, bend)][-HISTORY:]
        at, objective, slope, iterations = there, objective + higher, turn, iterations + 1
        if iterations == EASY:
            problem.sharpen(residual)
        left = 0.5 * float((slope * problem.straighten(slope)).sum())
    return at, objective, left, iterations


def _two_loops(pairs: list[tuple[np.ndarray, np.ndarray, float]], slope: np.ndarray, problem: _Problem) -> np.ndarray:
    """The inverse Hessian that `pairs` imply, from the assumed diagonal, times `slope`."""
    turned, shares = slope.copy(), []
    for step, change, bend in reversed(pairs):
        share = float((step * turned).sum()) / bend
        turned -= share * change
        shares.append(share)
    turned = problem.straighten(turned)
    if pairs:  # let the last pair say how far the assumed curvature is off
        _, change, bend = pairs[-1]
        turned *= bend / float((change * problem.straighten(change)).sum())
    for (step, change, bend), share in zip(pairs, reversed(shares), strict=True):
        turned += (share - float((change * turned).sum()) / bend) * step
    return turned
