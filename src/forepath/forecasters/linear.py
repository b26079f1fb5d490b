"""The linear forecaster: odds of the coming themes and chains, from activations. Knows neither models nor texts.

Any array with one vector per prompt will do: residual streams, next-token logits, the TF-IDF of the prompt. That is how
text-only rivals get the same head and the same budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

import numpy as np

from forepath.errors import ActivationError, ForecastError, InputError, UnfittedError
from forepath.forecasters.chains import likely_chains
from forepath.forecasters.heads import Fold, Head, fit_head
from forepath.forecasters.inputs import checked, checked_pair
from forepath.forecasters.odds import absorbed, floored, softmax
from forepath.forecasters.saving import Origin, read_heads, write_heads
from forepath.forecasters.stacked import Stacked
from forepath.forecasters.targets import chain_rows, kept_aside, step_rows
from forepath.records import END, Forecast, Futures

Normalise = Literal["standardise", "none", "layernorm"]


class LinearForecaster:
    """Multinomial regression on soft targets: each prompt's own shares of themes, weighted by its observed samples.

    One head per step gives P(theme h steps ahead | x). A second set, P(theme | theme before, x) with the theme before
    added to the logits, gives whole chains; it assumes that the theme before and the prompt are all that counts, which
    the odds of the steps do not. Each head's L2 penalty is chosen on a fifth of the prompts, then it is fitted again on
    all. Deterministic; the order of the prompts does not matter.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((200, 3))
    >>> drawn = (rng.random((200, 8, 1)) < 1 / (1 + np.exp(-2 * x[:, None, :1]))).astype(np.int16)
    >>> forecaster = LinearForecaster().fit(x, Futures(("story", "end"), drawn))
    >>> forecaster.predict(np.array([[2.0, 0, 0], [-2.0, 0, 0]])).steps[:, 0, 1].round(1).tolist()
    [1.0, 0.0]
    """

    def __init__(
        self,
        normalise: Normalise = "standardise",
        *,
        penalty: float | Sequence[float] | None = None,
        chains: bool = True,
        seed: int = 0,
    ) -> None:
        """`penalty` in units of the mean variance of the features, for all heads or one for each (`penalties`); None
        chooses it per head. `chains=False` fits the steps only, in half the time. `seed` draws the prompts on which
        penalties are chosen.
        """
        if normalise not in ("standardise", "none", "layernorm"):
            raise ValueError(f"normalise={normalise!r}; wanted 'standardise', 'none' or 'layernorm'")
        self.normalise: Normalise = normalise
        self.penalty, self.chains, self.seed = penalty, chains, seed
        self.origin: Origin | None = None
        """What a loaded forecaster was fitted on."""
        self.themes: tuple[str, ...] = ()
        self._steps: list[Head] = []
        self._links: list[Head] = []
        self._stacked: Stacked | None = None

    def fit(self, activations: np.ndarray, futures: Futures) -> Self:
        """(prompts, width) and the futures of the same prompts. Raises `ActivationError`."""
        points = self._shaped(checked_pair(activations, futures))
        mean, deviation = np.zeros(points.shape[1]), np.ones(points.shape[1])
        if self.normalise == "standardise":
            mean, deviation = points.mean(axis=0), points.std(axis=0)
            # a feature that never moved says nothing, whatever it does later
            deviation[deviation <= 1e-7 * np.abs(mean)] = np.inf
            deviation[deviation == 0] = np.inf
        given = self.penalty is not None
        fold = Fold.of((points - mean) / deviation, kept_aside(points, self.seed), part=not given)
        horizon, count = futures.steps.shape[2], len(futures.themes)
        later = range(1, horizon if self.chains else 1)
        each = self._penalties(horizon + len(later))
        heads = [fit_head(fold, step_rows(futures, h), groups=1, penalty=each[h]) for h in range(horizon)]
        links = [fit_head(fold, chain_rows(futures, h), groups=count, penalty=each[horizon + h - 1]) for h in later]
        self.themes, self.origin, self._stacked = futures.themes, None, None
        self._steps = [_unscaled(head, mean, deviation) for head in heads]
        self._links = [_unscaled(head, mean, deviation) for head in links]
        return self

    @property
    def penalties(self) -> list[float]:
        """Of each step's head, then of each later step's chain head, in units of the mean variance of the features."""
        return [head.penalty for head in (*self._steps, *self._links)]

    def odds(self, activations: np.ndarray) -> np.ndarray:
        """(rows, horizon, themes) of the steps only: one matrix product, for when speed matters."""
        return self._odds(self._points(activations))

    def course(self, activation: np.ndarray) -> tuple[np.ndarray, Callable[[], np.ndarray]]:
        """(`odds` (horizon, themes), what gives `transitions` (horizon - 1, themes, themes)) of one vector (width,).

        For a text that is followed while it is written. Without chains the second has no step. Raises `UnfittedError`,
        `ActivationError`.
        """
        if self._stacked is None:
            self._fitted()
            self._stacked = Stacked.of(self._steps, self._links, self.themes.index(END))
        found = None if self.normalise == "layernorm" else self._stacked.course(activation)
        if found is None:
            found = self._stacked.course(self._points(np.asarray(activation, dtype=np.float64)[None])[0])
        if found is None:
            raise ActivationError("this activation has numbers too large to be normalised; wanted a row of finite ones")
        return found

    def logits(self, activations: np.ndarray) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
        """The parts of the chain model: (rows, themes) logits of the first step; for each later step, what the row
        adds, (rows, themes), and what the theme before adds, (themes, themes).
        """
        points = self._points(activations)
        first = points @ self._steps[0].weights + self._steps[0].intercepts
        return first, [points @ link.weights for link in self._links], [link.intercepts for link in self._links]

    def predict(self, activations: np.ndarray) -> Forecast:
        """Steps and, unless `chains=False`, chains. Raises `UnfittedError` before `fit`, `ActivationError`."""
        points = self._points(activations)
        steps = self._odds(points)
        if not self.chains:
            return Forecast(self.themes, steps)
        followers = [link.follower(points @ link.weights) for link in self._links]

        def transition(step: int, rows: np.ndarray, before: np.ndarray) -> np.ndarray:
            return followers[step - 1](rows, before)

        return Forecast(self.themes, steps, *likely_chains(steps[:, 0], transition, self.themes, steps.shape[1]))

    def transitions(self, activations: np.ndarray) -> np.ndarray:
        """(rows, horizon - 1, themes, themes) P(theme at step h + 1 | theme at step h), `end` staying the end: what the
        chains of `predict` are made of. Raises `UnfittedError`, `ActivationError`, and `ForecastError` where it was
        fitted with `chains=False`.
        """
        points = self._points(activations)
        if len(self._links) != len(self._steps) - 1:
            raise ForecastError("this LinearForecaster was fitted with chains=False; fit it with chains=True")
        count, end = len(self.themes), self.themes.index(END)
        out = np.empty((len(points), len(self._links), count, count))
        for h, link in enumerate(self._links):
            logits = (points @ link.weights)[:, None, :] + link.intercepts
            out[:, h] = floored(softmax(logits), link.floor)
        out[:, :, end] = np.eye(count)[end]
        return out

    def save(self, folder: Path | str, origin: Origin) -> None:
        """Write `forecaster.safetensors` and `forecaster.json`. Raises `UnfittedError`, `OSError`."""
        self._fitted()
        settings = {"normalise": self.normalise, "chains": self.chains, "seed": self.seed, "penalty": self.penalty}
        write_heads(Path(folder), self._steps, self._links, self.themes, settings, origin)

    @classmethod
    def load(
        cls, folder: Path | str, *, subject: str | None = None, codebook: str | None = None, site: str | None = None
    ) -> Self:
        """Read what `save` wrote. Raises `MismatchError` if it was fitted on another subject, codebook or site than the
        ones given, `RunVersionError` if a newer forepath wrote it, `RunCorruptError` if it is torn.
        """
        saved = read_heads(Path(folder), {"subject": subject, "codebook": codebook, "site": site})
        forecaster = cls(**saved.settings)
        forecaster.themes, forecaster.origin = saved.themes, saved.origin
        forecaster._steps, forecaster._links = saved.steps, saved.links
        return forecaster

    def __getstate__(self) -> dict[str, object]:
        return vars(self) | {"_stacked": None}  # which cannot be copied, and is made again

    def _penalties(self, heads: int) -> Sequence[float | None]:
        if self.penalty is None or isinstance(self.penalty, (int, float)):
            return [self.penalty] * heads
        if len(self.penalty) != heads:
            raise InputError(f"{len(self.penalty)} penalties for {heads} heads; give one for all, or one for each")
        return self.penalty

    def _fitted(self) -> None:
        if not self._steps:
            raise UnfittedError("this LinearForecaster has not seen any futures: call fit(activations, futures) first")

    def _shaped(self, points: np.ndarray) -> np.ndarray:
        if self.normalise != "layernorm":
            return points
        centred = points - points.mean(axis=1, keepdims=True)
        scaled: np.ndarray = centred / np.sqrt(centred.var(axis=1, keepdims=True) + 1e-5)
        return scaled

    def _points(self, activations: np.ndarray) -> np.ndarray:
        self._fitted()
        return self._shaped(checked(activations, width=len(self._steps[0].weights)))

    def _odds(self, points: np.ndarray) -> np.ndarray:
        group = np.zeros(len(points), dtype=int)
        steps = np.stack([head.odds(points @ head.weights, group) for head in self._steps], axis=1)
        return absorbed(steps, self.themes.index(END))


def _unscaled(head: Head, mean: np.ndarray, deviation: np.ndarray) -> Head:
    """The same head for features as they come, so that a forecast is one product."""
    weights = head.weights / deviation[:, None]
    return replace(head, weights=weights, intercepts=head.intercepts - mean @ weights)
