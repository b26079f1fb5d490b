"""Any forecaster, its odds made honest on prompts kept aside. Knows forecasts only.

`fit` holds a fifth of the prompts back from the forecaster, learns how its odds there miss, and fits it again on all:
the map is that of a forecaster with a fifth less to go by, so that it errs towards caution. `calibrate` learns the map
of a fitted forecaster from prompts of your own. Chains keep their odds given their first theme; that one is mapped.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from forepath.errors import InputError, UnfittedError
from forepath.forecasters.odds import absorbed, floored
from forepath.forecasters.saving import Origin, read_arrays, write_arrays
from forepath.forecasters.targets import kept_aside
from forepath.protocols import Forecaster
from forepath.records import END, Forecast, Futures
from forepath.stats.calibration import fit_temperature, tempered
from forepath.stats.rates import theme_counts
from forepath.stats.scaling import Isotonic, VectorScaling, fit_isotonic, fit_vector_scaling

Method = Literal["temperature", "vector", "isotonic"]
Map = float | VectorScaling | Isotonic


class Calibrated:
    """A forecaster and, per step, a map of its odds.

    >>> from forepath.forecasters.base_rate import BaseRate
    >>> x, steps = np.arange(40.0)[:, None], np.array([[[0], [1]]] * 40, dtype=np.int16)
    >>> Calibrated(BaseRate()).fit(x, Futures(("a", "end"), steps)).predict(x[:1]).steps.round(2).tolist()
    [[[0.5, 0.5]]]
    """

    def __init__(self, forecaster: Forecaster, method: Method = "temperature", *, seed: int = 0) -> None:
        """`seed` draws the prompts kept aside."""
        if method not in ("temperature", "vector", "isotonic"):
            raise ValueError(f"method={method!r}; wanted 'temperature', 'vector' or 'isotonic'")
        self.forecaster: Any = forecaster
        self.method: Method = method
        self.seed = seed
        self.origin: Origin | None = None
        self.maps: list[Map] = []
        """Per step: a temperature, a `VectorScaling` or an `Isotonic`."""
        self._floor = 0.0

    def fit(self, activations: np.ndarray, futures: Futures) -> Self:
        """As of the forecaster inside. Raises `ActivationError`."""
        given = np.asarray(activations)
        self.forecaster.fit(given, futures)  # refuses what it must, before anything is split
        aside = kept_aside(given.reshape(len(given), -1), self.seed)
        if not aside.any() or aside.all():
            self._learn(None, futures)
            return self
        self.forecaster.fit(given[~aside], replace(futures, steps=futures.steps[~aside]))
        self._learn(self.forecaster.predict(given[aside]), replace(futures, steps=futures.steps[aside]))
        self.forecaster.fit(given, futures)
        return self

    def calibrate(self, activations: np.ndarray, futures: Futures) -> Self:
        """Learn the maps of the fitted forecaster from prompts new to it. Raises as its `predict`, `InputError`."""
        forecast = self.forecaster.predict(activations)
        if forecast.themes != futures.themes or len(forecast.steps) != len(futures.steps):
            raise InputError(
                f"{len(futures.steps)} prompts of {len(futures.themes)} themes to calibrate a forecast of "
                f"{len(forecast.steps)} and {len(forecast.themes)}; give activations and futures of the same prompts"
            )
        self._learn(forecast, futures)
        return self

    def predict(self, activations: np.ndarray) -> Forecast:
        """The forecast inside, mapped. Raises `UnfittedError`, `ActivationError`."""
        if not self.maps:
            raise UnfittedError("this Calibrated has not seen any futures: call fit() or calibrate() first")
        forecast: Forecast = self.forecaster.predict(activations)
        mapped = [floored(_applied(m, forecast.steps[:, h]), self._floor) for h, m in enumerate(self.maps)]
        steps = absorbed(np.stack(mapped, axis=1), forecast.themes.index(END))
        if not forecast.chains:
            return replace(forecast, steps=steps)
        first = [forecast.themes.index(chain[0]) for chain in forecast.chains]
        probs = forecast.probs * steps[:, 0, first] / forecast.steps[:, 0, first]
        probs = probs / np.maximum(probs.sum(axis=1, keepdims=True), 1.0)
        return replace(forecast, steps=steps, probs=probs)

    def save(self, folder: Path | str, origin: Origin) -> None:
        """The maps, and the forecaster inside in the folder `inner`. Raises `UnfittedError`, `OSError`."""
        if not self.maps:
            raise UnfittedError("this Calibrated has not seen any futures: there is nothing to save")
        tensors: dict[str, np.ndarray] = {"floor": np.array([self._floor])}
        for h, m in enumerate(self.maps):
            if isinstance(m, float):
                tensors[f"{h}.temperature"] = np.array([m])
            elif isinstance(m, VectorScaling):
                tensors |= {f"{h}.scale": m.scale, f"{h}.shift": m.shift}
            else:
                tensors |= {f"{h}.knots": m.knots, f"{h}.values": m.values}
        self.forecaster.save(Path(folder) / "inner", origin)
        settings = {"method": self.method, "seed": self.seed}
        write_arrays(Path(folder), "calibrated", tensors, self.forecaster.themes, settings, origin)

    @classmethod
    def load(
        cls, folder: Path | str, *, subject: str | None = None, codebook: str | None = None, site: str | None = None
    ) -> Self:
        """Read what `save` wrote; raises as `LinearForecaster.load`."""
        from forepath.forecasters.loading import load

        saved = read_arrays(Path(folder), "calibrated", {"subject": subject, "codebook": codebook, "site": site})
        calibrated = cls(load(Path(folder) / "inner"), **saved.settings)
        calibrated.origin, calibrated._floor = saved.origin, float(saved.tensors["floor"][0])
        horizon = 1 + max(int(name.split(".")[0]) for name in saved.tensors if name != "floor")
        parts = {h: {n.split(".")[1]: v for n, v in saved.tensors.items() if n.startswith(f"{h}.")}
                 for h in range(horizon)}  # fmt: skip
        calibrated.maps = [_read(p) for p in parts.values()]
        return calibrated

    def _learn(self, forecast: Forecast | None, futures: Futures) -> None:
        counts, themes = theme_counts(futures), len(futures.themes)
        seen = float(counts[:, 0].sum())
        self._floor = 0.5 * themes / (seen + 0.5 * themes) if self.method == "isotonic" else 0.0
        self.origin = None
        self.maps = []
        for h in range(counts.shape[1]):
            known = counts[:, h].sum(axis=1) > 0
            if forecast is None or not known.any():
                self.maps.append(1.0)
                continue
            odds, drawn = forecast.steps[known, h], counts[known, h]
            if self.method == "temperature":
                self.maps.append(fit_temperature(odds, drawn / drawn.sum(axis=1, keepdims=True)))
            else:
                self.maps.append((fit_vector_scaling if self.method == "vector" else fit_isotonic)(odds, drawn))


def _applied(m: Map, odds: np.ndarray) -> np.ndarray:
    return tempered(odds, m) if isinstance(m, float) else m.apply(odds)


def _read(parts: dict[str, np.ndarray]) -> Map:
    if "temperature" in parts:
        return float(parts["temperature"][0])
    if "scale" in parts:
        return VectorScaling(parts["scale"], parts["shift"])
    return Isotonic(parts["knots"], parts["values"])
