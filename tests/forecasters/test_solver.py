"""The solver against a slow, exact rival: the same objective in float64, by scipy."""

import numpy as np
import pytest
from scipy.optimize import minimize

from forepath.forecasters.odds import softmax
from forepath.forecasters.solver import Design, Rows, solve


def objective(x, rows, penalty, tie, anchor, weights, intercepts):
    logits = x[rows.point] @ weights + intercepts[rows.group]
    lost = np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1) - (logits * rows.targets).sum(1)
    tied = 0.5 * penalty * (weights**2).sum() + 0.5 * tie * ((intercepts - anchor) ** 2).sum()
    return float(rows.weights @ lost / rows.weights.sum() + tied)


def exact(x, rows, penalty, tie, anchor):
    """The minimum of F in centred coordinates, where U is free of W."""
    x = x - x.mean(0)
    shape, groups = (x.shape[1], anchor.shape[1]), len(anchor)

    def loss(flat):
        w, u = flat[: np.prod(shape)].reshape(shape), flat[np.prod(shape) :].reshape(anchor.shape)
        residual = softmax(x[rows.point] @ w + u[rows.group]) - rows.targets
        residual *= (rows.weights / rows.weights.sum())[:, None]
        by_group = np.stack([residual[rows.group == g].sum(0) for g in range(groups)])
        slope = np.concatenate([(x[rows.point].T @ residual + penalty * w).ravel(),
                                (by_group + tie * (u - anchor)).ravel()])  # fmt: skip
        return objective(x, rows, penalty, tie, anchor, w, u), slope

    start = np.concatenate([np.zeros(np.prod(shape)), anchor.ravel()])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9})
    return found.fun


def problem(kind, seed=0, n=150, width=12, classes=5):
    rng = np.random.default_rng(seed)
    width = 300 if kind == "wide" else width
    x = rng.standard_normal((n, width)) / np.sqrt(np.arange(1, width + 1)) + 3.0
    if kind == "groups":  # several rows per point, some points without any
        point = np.sort(rng.integers(0, n, size=2 * n))
        group = rng.integers(0, classes, size=2 * n)
    else:
        point, group = np.arange(n), np.zeros(n, int)
    targets = rng.dirichlet(np.full(classes, 0.3), size=len(point))
    anchor = np.log(np.tile(targets.mean(0), (classes if kind == "groups" else 1, 1)))
    tie = 0.01 if kind == "groups" else 0.0
    return x, Rows(point, group, targets, rng.integers(1, 9, size=len(point)).astype(float)), anchor, tie


@pytest.mark.parametrize("kind", ["plain", "wide", "groups"])
@pytest.mark.parametrize("penalty", [1.0, 0.01, 1e-4])
def test_reaches_the_minimum(kind, penalty):
    x, rows, anchor, tie = problem(kind)
    found = solve(Design(x), rows, penalty=penalty, anchor=anchor, tie=tie)
    least = exact(x, rows, penalty, tie, anchor)
    assert found.left <= 1e-7
    assert found.objective == pytest.approx(least, abs=5e-6)
    centred = found.intercepts + x.mean(0) @ found.weights
    assert objective(x - x.mean(0), rows, penalty, tie, anchor, found.weights, centred) == pytest.approx(
        found.objective, abs=1e-6
    )


def test_the_oracle_sees_a_solver_that_stops_early():
    x, rows, anchor, tie = problem("plain")
    early = solve(Design(x), rows, penalty=0.01, anchor=anchor, tie=tie, most=2)
    assert early.objective > exact(x, rows, 0.01, tie, anchor) + 5e-6 and early.left > 1e-7


def test_a_start_nearby_saves_iterations_and_changes_nothing():
    x, rows, anchor, _ = problem("plain", n=1000)
    design = Design(x)
    cold = solve(design, rows, penalty=0.001, anchor=anchor)
    near = solve(design, rows, penalty=0.002, anchor=anchor)
    warm = solve(design, rows, penalty=0.001, anchor=anchor, start=near.turned)
    assert warm.iterations < cold.iterations and warm.objective == pytest.approx(cold.objective, abs=1e-6)


def test_outlying_and_constant_directions_do_no_harm():
    x, rows, anchor, _ = problem("plain")
    x[:, 0] *= 3000
    x[:, 1] = 7.0
    found = solve(Design(x), rows, penalty=0.01, anchor=anchor)
    assert np.isfinite(found.weights).all() and np.abs(found.weights[1]).max() < 1e-4
    assert found.objective == pytest.approx(exact(x, rows, 0.01, 0.0, anchor), abs=1e-3)
