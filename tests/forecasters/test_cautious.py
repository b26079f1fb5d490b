"""What is learned on groups left out within training is worth it on groups that are left out of it."""

import numpy as np
import pytest

from forepath.errors import InputError, UnfittedError
from forepath.forecasters.cautious import Cautious
from forepath.forecasters.linear import LinearForecaster
from forepath.records import Futures
from forepath.stats.losses import mean_loss

THEMES = (*(f"t{i}" for i in range(9)), "end")


def world(groups, *, own, seed=0):
    """40 prompts of each group. A third of what they write is the group's own theme if `own`, else x decides all."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((40 * len(groups), 6))
    kind = np.repeat(groups, 40)
    shared = (x[:, :1] > 0).astype(int) + 2 * (x[:, 1:2] > 0)
    mine = (rng.random((len(x), 8)) < 0.33) & own
    steps = np.where(mine, 4 + kind[:, None], shared)[..., None].astype(np.int16)
    return x, Futures(THEMES, steps), [str(k) for k in kind]


@pytest.mark.parametrize("own", [True, False])
def test_it_dares_as_much_as_new_groups_bear(own):
    x, futures, groups = world([0, 1, 2, 3], own=own)
    asked, after, _ = world([4], own=own, seed=1)
    made = Cautious(groups).fit(x, futures)
    plain = LinearForecaster(chains=False).fit(x, futures)
    ours, theirs = mean_loss(made.predict(asked), after), mean_loss(plain.predict(asked), after)
    if own:  # a third of it was never seen by anyone: the plain head calls it all but impossible
        assert ours < theirs - 0.5 and made.cautions[0].share >= 0.2
    else:
        assert abs(ours - theirs) < 0.05 and made.cautions[0].share <= 0.01


def test_rows_stand_alone_and_mistakes_are_named():
    x, futures, groups = world([0, 1], own=True)
    with pytest.raises(UnfittedError):
        Cautious(groups).predict(x)
    made = Cautious(groups).fit(x, futures)
    forecast = made.predict(x)
    assert np.allclose(forecast.steps.sum(-1), 1) and np.allclose(made.predict(x[3:4]).steps[0], forecast.steps[3])
    with pytest.raises(InputError):
        Cautious(groups[:-1]).fit(x, futures)
    with pytest.raises(InputError):
        Cautious(["one"] * len(x))


@pytest.mark.parametrize("honest", [True, False])
def test_hints_tell_apart_themes_that_no_training_prompt_wrote(honest):
    """A third of what a group writes is its own theme, and a score says which; or says it of another theme."""
    x, futures, groups = world([0, 1, 2, 3], own=True)
    asked, after, names = world([4], own=True, seed=1)
    rng = np.random.default_rng(2)

    def read(points, kinds):
        scores = 0.5 * rng.standard_normal((len(points), 10))
        scores[np.arange(len(points)), 4 + np.array([int(k) for k in kinds])] += 3.0
        return np.concatenate([points, scores if honest else rng.permuted(scores, axis=1)], axis=1)

    made = Cautious(groups, hints=True).fit(read(x, groups), futures)
    plain = Cautious(groups).fit(x, futures)
    told = made.predict(read(asked, names))
    ours, theirs = mean_loss(told, after), mean_loss(plain.predict(asked), after)
    print(honest, ours, theirs, made.cautions)
    if honest:
        assert ours < theirs - 0.1 and made.cautions[0].pull > 0
    else:
        assert ours < theirs + 0.1 and made.cautions[0].pull <= 0.5
    assert np.allclose(told.steps.sum(-1), 1)
    with pytest.raises(InputError, match="nothing is left to read"):
        Cautious(groups, hints=True).fit(x, futures)
