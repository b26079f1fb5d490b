"""Every forecaster passes the contract, and every clause of it catches a forecaster made to break just that one."""

import numpy as np
import pytest

from forepath.checks import check_forecaster
from forepath.errors import ActivationError, ContractError, MismatchError
from forepath.forecasters import BaseRate, ClosedForm, Lens, LinearForecaster, Markov, Origin
from forepath.forecasters.loading import load
from forepath.forecasters.uniform import Uniform
from forepath.records import Forecast, Futures, Policy

ORIGIN = Origin("subject-1", "book-1", "resid.2", Policy(), 40, 8, 0)


def reloaded(tmp_path):
    """A function that saves a forecaster and reads back whatever kind it is."""

    def reload(forecaster):
        forecaster.save(tmp_path / "saved", ORIGIN)
        back = load(tmp_path / "saved", subject="subject-1", codebook="book-1", site="resid.2")
        assert type(back) is type(forecaster) and back.origin == ORIGIN
        with pytest.raises(MismatchError, match=r"subject 'subject-1', not 'other'"):
            load(tmp_path / "saved", subject="other")
        return back

    return reload


@pytest.mark.parametrize(
    "make",
    [
        LinearForecaster,
        lambda: LinearForecaster("layernorm", chains=False),
        lambda: LinearForecaster("none", penalty=0.1),
        lambda: ClosedForm("ridge"),
        lambda: ClosedForm("lda"),
        lambda: ClosedForm("ridge", chains=False),
        lambda: Lens(np.random.default_rng(1).standard_normal((3, 5, 5))),
    ],
)
def test_ours_keep_the_contract(make, tmp_path):
    check_forecaster(make, reload=reloaded(tmp_path))


def test_the_base_rate_keeps_the_contract():
    check_forecaster(BaseRate)


def test_even_odds_keep_the_contract():
    check_forecaster(Uniform)


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


class Twice(BaseRate):
    def predict(self, activations):
        f = super().predict(activations)
        return Forecast(f.themes, f.steps, (*f.chains, f.chains[0]), np.column_stack([f.probs, 0 * f.probs[:, 0]]))


class Contradicts(BaseRate):
    def predict(self, activations):
        f = super().predict(activations)
        return Forecast(f.themes, f.steps, f.chains, np.eye(len(f.chains))[np.zeros(len(activations), dtype=int)])


class Stateful(BaseRate):
    """Its answer depends on which rows come together."""

    def predict(self, activations):
        f = super().predict(activations)
        tilt = 1 + 0.1 * (np.arange(len(activations)) >= 3)[:, None, None] * (activations[:1, :1, None] > 0)
        steps = f.steps**tilt
        return Forecast(f.themes, steps / steps.sum(-1, keepdims=True))


class Crowded(BaseRate):
    def predict(self, activations):
        return super().predict(activations if len(activations) else np.zeros((1, self._width)))


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
        (Stateful, "same row"),
        (Twice, "listed twice"),
        (Contradicts, "likelier than"),
        (Crowded, "no rows"),
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


def test_a_forecaster_that_forgets_on_disk_is_caught():
    with pytest.raises(ContractError, match="read back"):
        check_forecaster(LinearForecaster, reload=lambda f: LinearForecaster(penalty=1e-3).fit(np.eye(40)[:, :5], FAKE))


FAKE = Futures(("a", "b", "c", "never", "end"), np.zeros((40, 2, 3), dtype=np.int16))
