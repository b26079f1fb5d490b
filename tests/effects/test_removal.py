"""Gone, and nothing else: what a report says of a clean unlearning and of a clumsy one."""

import numpy as np

from forepath.effects.comparing import Rules, compare
from forepath.effects.removal import not_spared, removal
from forepath.records import Segment, Trajectory


def side(rng, odds, prompts=150, samples=8):
    out = []
    for p in range(prompts):
        for s in range(samples):
            themes = [t for t, odd in odds.items() if rng.random() < odd] or ["plain"]
            segments = tuple(Segment(i, i + 1, t) for i, t in enumerate(themes))
            out.append(Trajectory(f"{p}/{s}", "s", str(p), f"prompt {p}", 0, (1,) * 5, "one two three four five six",
                                  True, segments=segments))  # fmt: skip
    return out


ODDS = {"target": 0.4, "a": 0.5, "b": 0.3, "plain": 0.9}


def test_a_clean_unlearning_is_said_to_be_one():
    rng = np.random.default_rng(0)
    c = compare(side(rng, ODDS), side(rng, ODDS | {"target": 0.012}), targets=["target"], rules=Rules(margin=0.1))
    assert 0.95 < c.removed.value < 1 and 0.94 < c.removed.low < c.removed.value < c.removed.high
    assert not_spared(c.effects, c.targets) == ([], [], 3)
    for report in (c.markdown(), c.html()):
        assert "is gone" in report and "All 3 other themes are shown to have stayed within their margins." in report


def test_a_clumsy_one_is_caught_by_name():
    rng = np.random.default_rng(1)
    c = compare(side(rng, ODDS), side(rng, ODDS | {"target": 0.0, "b": 0.05}), targets=["target"],
                rules=Rules(margin=0.1))  # fmt: skip
    broken, _, rest = not_spared(c.effects, c.targets)
    assert [e.measure for e in broken] == ["theme: b"] and rest == 3
    assert "Not spared: b -0.2" in c.markdown() and "All 3 other" not in c.markdown()


def test_too_few_texts_to_tell_are_not_a_clean_unlearning():
    rng = np.random.default_rng(2)
    few = {"prompts": 8, "samples": 2}
    c = compare(side(rng, ODDS, **few), side(rng, ODDS | {"target": 0.0}, **few), targets=["target"],
                rules=Rules(least=1))  # fmt: skip
    assert "cannot be told" in c.markdown() and "All 3 other" not in c.markdown()
    assert c.removed.value == 1 and c.removed.low < 0.7, "none in 16 texts is not none"


def test_the_interval_of_what_is_gone_covers_the_truth():
    rng, inside = np.random.default_rng(3), 0
    for _ in range(200):
        odds = rng.beta(1, 3, size=(60, 1))
        had, has = (rng.binomial(8, odds * part) / 8 for part in (1.0, 0.1))
        found = removal(had, has, 480)
        inside += found.low <= 0.9 <= found.high
    assert 175 <= inside <= 200
    assert removal(had, 2 * had, 480).value == -1
    assert np.isnan(removal(0 * had, has, 480).value)
