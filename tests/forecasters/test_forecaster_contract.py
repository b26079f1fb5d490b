"""Every forecaster passes the contract, and every clause of it catches a forecaster made to break just that one."""

import numpy as np
import pytest

from forepath.checks import check_forecaster
from forepath.errors import ActivationError, ContractError
from forepath.forecasters import BaseRate, LinearForecaster, Markov
from forepath.records import Forecast, Futures


@pytest.mark.parametrize(
    "make",
    [
        LinearForecaster,
        lambda: LinearForecaster("layernorm", chains=False),
        lambda: LinearForecaster("none", penalty=0.1),
        BaseRate,
    ],
)
def test_ours_keep_the_contract(make):
    check_forecaster(make)


def test_markov_keeps_the_contract():
    check_forecaster(Markov, np.arange(40)[:, None] % 5 - 1)


class Mutates(BaseRate):
    def fit(self, activations, futures):
        activations[0] += 1
        return super().fit(activations, futures)


class Unready(BaseRate):
    def predict(self, activations):
        if not self._themes:
            return None
        return super().predict(activations)


class Sums(BaseRate):
    def predict(self, activations):
        f = super().predict(activations)
        return Forecast(f.themes, f.steps * 1.01)


class Impossible(BaseRate):
    def predict(self, activations):
        f = super().predict(activations)
        steps = f.steps.copy()
        steps[..., 0] += steps[..., 3]
        steps[..., 3] = 0
        return Forecast(f.themes, steps)


class Resurrects(BaseRate):
    def predict(self, activations):
        f = super().predict(activations)
        return Forecast(f.themes, f.steps[:, ::-1])


class HalfChains(BaseRate):
    def predict(self, activations):
        f = super().predict(activations)
        return Forecast(f.themes, f.steps, (("a",),), np.ones((len(f.steps), 1)) / 2)


class TooMuch(BaseRate):
    def predict(self, activations):
        f = super().predict(activations)
        return Forecast(f.themes, f.steps, f.chains, f.probs * 1.5)


class Neighbours(LinearForecaster):
    def predict(self, activations):
        return super().predict(activations - activations.mean(axis=0))


class Ordered(BaseRate):
    def fit(self, activations, futures):
        self._steps = super().fit(activations[:5], Futures(futures.themes, futures.steps[:5]))._steps
        return self


class Swallows(BaseRate):
    def predict(self, activations):
        return super().predict(np.nan_to_num(activations))


class FitSwallows(BaseRate):
    def fit(self, activations, futures):
        return super().fit(np.nan_to_num(activations), futures)


class AnyWidth(BaseRate):
    def predict(self, activations):
        return super().predict(activations[:, : self._width])


class AnyNumber(BaseRate):
    def fit(self, activations, futures):
        return super().fit(activations, Futures(futures.themes, futures.steps[: len(activations)]))


class WrongError(BaseRate):
    def predict(self, activations):
        try:
            return super().predict(activations)
        except ActivationError as error:
            raise ValueError("NaN") from error


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (Mutates, "changed the arrays"),
        (Unready, "before fit"),
        (Sums, "sum to 1"),
        (Impossible, "never seen"),
        (Resurrects, "must not fall"),
        (HalfChains, "must end in"),
        (TooMuch, "more than 1"),
        (Neighbours, "the same row alone"),
        (Ordered, "another order"),
        (Swallows, r"predict\(\) on a row with NaN raised nothing"),
        (FitSwallows, r"fit\(\) on a row with NaN raised nothing"),
        (AnyWidth, "twice the width"),
        (AnyNumber, "one row fewer"),
        (WrongError, "raised ValueError"),
    ],
)
def test_each_clause_catches_its_culprit(bad, says):
    with pytest.raises(ContractError, match=says):
        check_forecaster(bad)
