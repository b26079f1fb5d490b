"""Every forecaster of activations: seconds to fit 2,000 prompts x 32 samples x width 192, and to forecast 10,000.

Claim: the linear head forecasts 10,000 prompts in under 1 s, the chain transformer in under 30 s. Command:
`python benchmarks/forecasters.py` (`--prompts 200 --stored 1000`: smaller; `--only linear,chain`). The world is made
up: 45 themes, 3 steps (as many as a run has by itself), chains whose odds bend with the activations and with the last
two themes, activations with the falling spectrum of language models. Beside them, for the next theme only,
scikit-learn's LogisticRegression and plain PyTorch (Adam on the same soft targets). Seconds are by the clock and of
processor time. Cross-entropies are in nats on 500 further prompts: of the next theme from its known odds (`exact` is
the least possible), of all steps from samples. Threads are as many as the environment gives (`OMP_NUM_THREADS`).

Result on one core of an AMD EPYC that another job shared, in seconds of processor time (by the clock about twice
that), the whole benchmark 58 (2 minutes by the clock). Forecasting 10,000 prompts: linear, odds of the steps 0.026;
with chains 0.6; chain transformer 4.3. Fitting 2,000 prompts with three steps and chains: ridge 0.9, linear 6.1, layers
13, chain transformer 24. The next theme alone, nats (exact 0.56): linear 1.12, layers 1.09, chain transformer 1.09;
scikit-learn 1.18 (fitted in 1.2, one penalty), plain PyTorch 1.26 (0.6, one penalty); linear tries twelve penalties.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable

import numpy as np

from forepath.forecasters import (
    BaseRate,
    ChainForecaster,
    ClosedForm,
    Ensemble,
    LayersForecaster,
    LinearForecaster,
    MarkovVariable,
    Novelty,
)
from forepath.records import Futures
from forepath.stats.losses import prompt_losses

THEMES = (*(f"theme {i}" for i in range(44)), "end")
HORIZON, SAMPLES, WIDTH, UNSEEN = 3, 32, 192, 500


class World:
    """Chains of themes: log odds linear in the activations, plus what the last two themes add."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        rng, count = self.rng, len(THEMES)
        self.turn = np.linalg.qr(rng.standard_normal((WIDTH, WIDTH)))[0] / np.sqrt(np.arange(1, WIDTH + 1))[:, None]
        self.weights = rng.standard_normal((WIDTH, count)) * 3
        self.one, self.two = rng.standard_normal((count, count)) * 1.5, rng.standard_normal((count, count)) * 1.5

    def activations(self, prompts: int) -> np.ndarray:
        return (self.rng.standard_normal((prompts, WIDTH)) @ self.turn).astype(np.float32)

    def first(self, x: np.ndarray) -> np.ndarray:
        return softmax(x @ self.weights)

    def draw(self, x: np.ndarray) -> Futures:
        end, steps, before = len(THEMES) - 1, [], None
        logits = np.repeat((x @ self.weights)[:, None], SAMPLES, axis=1)
        now = self.pick(softmax(logits))
        steps.append(now)
        for _ in range(1, HORIZON):
            odds = softmax(logits / 2 + self.one[now] + (0 if before is None else self.two[before]))
            before, now = now, np.where(now == end, end, self.pick(odds))
            steps.append(now)
        return Futures(THEMES, np.stack(steps, 2).astype(np.int16))

    def pick(self, odds: np.ndarray) -> np.ndarray:
        return (odds.cumsum(-1)[..., :-1] < self.rng.random((*odds.shape[:-1], 1))).sum(-1)


def softmax(logits: np.ndarray) -> np.ndarray:
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return odds / odds.sum(-1, keepdims=True)


class Sklearn:
    """Next theme only; one weighted row per prompt and theme that was drawn."""

    def fit(self, x: np.ndarray, futures: Futures) -> Sklearn:
        from sklearn.linear_model import LogisticRegression

        shares = futures.frequencies()[0][:, 0]
        rows, themes = np.nonzero(shares)
        self.mean, self.deviation = x.mean(0), x.std(0)
        self.model = LogisticRegression(C=1.0, max_iter=200)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model.fit((x[rows] - self.mean) / self.deviation, themes, sample_weight=shares[rows, themes])
        return self

    def first(self, x: np.ndarray) -> np.ndarray:
        odds = np.full((len(x), len(THEMES)), 1e-6)
        odds[:, self.model.classes_] = self.model.predict_proba((x - self.mean) / self.deviation)
        return odds / odds.sum(1, keepdims=True)


class PlainTorch:
    """Next theme only; Adam on the soft targets, a fixed penalty, 60 epochs."""

    def fit(self, x: np.ndarray, futures: Futures) -> PlainTorch:
        import torch

        torch.manual_seed(0)
        self.mean, self.deviation = x.mean(0), x.std(0)
        points = torch.from_numpy((x - self.mean) / self.deviation).float()
        targets = torch.from_numpy(futures.frequencies()[0][:, 0]).float()
        self.model = torch.nn.Linear(x.shape[1], len(THEMES))
        optimiser = torch.optim.AdamW(self.model.parameters(), lr=3e-3, weight_decay=0.1)
        for _ in range(60):
            for chosen in torch.randperm(len(points)).split(64):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(self.model(points[chosen]), targets[chosen]).backward()
                optimiser.step()
        return self

    def first(self, x: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            points = torch.from_numpy((x - self.mean) / self.deviation).float()
            return torch.softmax(self.model(points).double(), 1).numpy()


def timed(act: Callable[[], object]) -> tuple[list[float], object]:
    """([seconds by the clock, seconds of processor time], what came of it)."""
    began, used = time.perf_counter(), time.process_time()
    found = act()
    return [round(time.perf_counter() - began, 3), round(time.process_time() - used, 3)], found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", type=int, default=2000)
    parser.add_argument("--stored", type=int, default=10000)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    prompts, many = asked.prompts, asked.stored
    world = World(0)
    x, unseen, stored = (world.activations(n) for n in (prompts, UNSEEN, many))
    futures, samples, truth = world.draw(x), world.draw(unseen), world.first(unseen)
    layers = {name: np.stack([v[:, ::-1], 0.5 * v], 1) for name, v in
              (("fit", x), ("unseen", unseen), ("stored", stored))}  # fmt: skip
    plain = {"fit": x, "unseen": unseen, "stored": stored}
    last = {name: world.rng.integers(-1, 44, size=(len(v), 3)) for name, v in plain.items()}
    for v in last.values():
        v[:, :2] = np.where(v[:, 2:] < 0, -1, np.maximum(v[:, :2], 0))
    rows = {
        "base_rate": (BaseRate, plain), "markov_variable": (MarkovVariable, last),
        "ridge": (lambda: ClosedForm("ridge"), plain), "lda": (lambda: ClosedForm("lda"), plain),
        "linear": (LinearForecaster, plain), "layers": (LayersForecaster, layers), "chain": (ChainForecaster, plain),
        "ensemble of 4 ridge": (lambda: Ensemble(lambda: ClosedForm("ridge", chains=False), members=4), plain),
        "scikit-learn": (Sklearn, plain), "PyTorch": (PlainTorch, plain),
    }  # fmt: skip
    exact = float(-(truth * np.log(truth)).sum(1).mean())
    print(json.dumps({"exact": {"next theme": round(exact, 4)}}))
    for name, (make, arrays) in rows.items():
        if asked.only and name not in asked.only.split(","):
            continue
        fit_s, fitted = timed(lambda make=make, arrays=arrays: make().fit(arrays["fit"], futures))
        row = {"fit_s": fit_s}
        if hasattr(fitted, "first"):
            row["forecast_s"] = timed(lambda f=fitted: f.first(stored))[0]
            row["next theme"] = round(float(-(truth * np.log(fitted.first(unseen))).sum(1).mean()), 4)
        else:
            row["forecast_s"] = timed(lambda f=fitted, a=arrays: f.predict(a["stored"]))[0]
            forecast = fitted.predict(arrays["unseen"])
            row["next theme"] = round(float(-(truth * np.log(forecast.steps[:, 0])).sum(1).mean()), 4)
            row["all steps"] = round(float(np.nanmean(prompt_losses(forecast, samples))), 4)
        if hasattr(fitted, "odds"):
            row["odds_only_s"] = timed(lambda f=fitted: f.odds(stored))[0]
        print(json.dumps({name: row}), flush=True)
    found_s, detector = timed(lambda: Novelty().fit(x))
    flag_s = timed(lambda: detector.unlike(stored))[0]
    print(json.dumps({"novelty": {"fit_s": found_s, "forecast_s": flag_s}}))


if __name__ == "__main__":
    main()
