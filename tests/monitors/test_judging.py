"""Places in the middle of texts, forecasters fitted there, and what rules were worth."""

from dataclasses import replace

import numpy as np
import pytest
from monitor_toys import THEMES, Writer, pattern_codebook, wander

from forepath.errors import ForecastError, LabellerError
from forepath.forecasters.linear import LinearForecaster
from forepath.monitors.fitting import compare_at_places, fit_mid_text, losses
from forepath.monitors.gathering import gather
from forepath.monitors.judging import Followed, follow_all, score_rule
from forepath.monitors.monitor import Monitor, OffPath
from forepath.monitors.readings import Alarm
from forepath.monitors.rules import parse_rule
from forepath.monitors.threshold import calibrated
from forepath.records import Policy
from forepath.subjects.noise import trajectory_seed
from forepath.themes.labelling import PatternLabeller

NAMES = (*THEMES, "other", "end")
LABELLER = PatternLabeller(pattern_codebook())
POLICY = Policy(max_tokens=2000)
PROMPTS = [f"p{i}" for i in range(60)]


@pytest.fixture(scope="module")
def places():
    return gather(Writer(wander), PROMPTS, LABELLER, site="site", samples=3, policy=POLICY, every=11, max_rows=50)


def test_places_are_where_a_monitor_reads_and_hold_what_was_written_next(places):
    for text in range(0, 180, 7):
        seed = trajectory_seed(0, str(text // 3), text % 3)
        themes, mine = wander("", seed), places.text_of == text
        boundaries = [c for c, r in zip(np.array(places.chains, object)[mine], places.reasons[mine], strict=True)
                      if r != "tokens"]  # fmt: skip
        assert boundaries == [(*themes[k:], "end") for k in range(len(themes) + 1)]
        within = mine & (places.reasons == "tokens")
        assert within.any() and all(places.chains[i][0] in themes for i in np.flatnonzero(within))
    assert (places.prompt_of == places.text_of // 3).all() and places.unjudged == 0


def test_the_texts_are_those_that_sampling_writes(places):
    from forepath.subjects.sampling import sample

    sampled, _ = sample(Writer(wander), PROMPTS, prompt_ids=[str(i) for i in range(60)], samples=3, policy=POLICY)
    assert [t.text for t in sampled] == list(places.texts)


def test_mean_lengths_are_in_tokens(places):
    lengths = places.mean_lengths(NAMES)
    assert all(20 < n < 45 for n in lengths[:3]) and lengths[-1] == 0


def test_a_text_that_cannot_be_judged_is_counted():
    class Broken:
        def label(self, trajectory):
            if "soup" in trajectory.text:
                raise LabellerError("no")
            return LABELLER.label(trajectory)

    places = gather(Writer(wander), PROMPTS[:20], Broken(), site="site", policy=POLICY)
    assert 0 < places.unjudged < 20 and len(set(places.text_of)) == 20 - places.unjudged


def split(seed: int = 0):
    fold = np.random.default_rng(seed).permutation(np.repeat([0, 1, 2], 20))
    return fold == 0, fold == 1, fold == 2


def test_a_mid_text_forecaster_beats_its_rivals_in_the_middle_and_a_leak_would_be_seen(places):
    train, validation, test = split()
    fitted = fit_mid_text(places, train, validation, NAMES, 2)
    rows = compare_at_places(places, test, train | validation, NAMES, {"mid": (fitted, places.activations)})
    found = {(r.forecaster, r.where): r for r in rows}
    where = "sentence after a blank line"
    assert found["mid", where].nats.high < found["theme before", where].nats.low
    assert found["theme before", where].nats.high < found["base rate", where].nats.value
    assert sum(r.places for r in rows if r.forecaster == "mid") == test[places.prompt_of].sum()


def test_a_forecaster_of_prompt_ends_that_does_not_carry_over_is_shown_up(places):
    """At the prompt's end this one knows everything; in the middle of a text the sign is turned."""
    train, validation, test = split()
    turned = replace(places, activations=places.activations * np.where(places.reasons == "prompt", 1, -1)[:, None])
    ends = (places.reasons == "prompt") & ~test[places.prompt_of]
    at_prompts = LinearForecaster().fit(turned.activations[ends], places.futures(NAMES, 2, ends))
    mid = fit_mid_text(turned, train, validation, NAMES, 2)
    rivals = {"prompt ends": (at_prompts, turned.activations), "mid": (mid, turned.activations)}
    rows = compare_at_places(turned, test, train, NAMES, rivals)
    found = {(r.forecaster, r.where): r.nats for r in rows}
    where = "sentence after a blank line"
    assert found["prompt ends", where].low > found["base rate", where].high > found["mid", where].high


def test_no_places_on_a_side_is_refused(places):
    none = np.zeros(60, dtype=bool)
    with pytest.raises(ForecastError, match="0 places"):
        fit_mid_text(places, none, ~none, NAMES, 2)


def test_losses_are_minus_log_odds_of_what_came(places):
    steps = np.full((1, 1, 5), 0.2)
    assert np.allclose(losses(steps, places.futures(NAMES, 1, np.arange(len(places.chains)) == 3)), -np.log(0.2))


@pytest.fixture(scope="module")
def watching(places):
    train, validation, _ = split()
    fitted = fit_mid_text(places, train, validation, NAMES, 2)
    rules = [parse_rule("P(war within 2) > 0.5"), parse_rule("P(end next) > 0.5")]
    return Monitor(fitted, LABELLER, themes=NAMES, site="site", horizon=2, rules=rules, off_path=OffPath(0.05))


def test_rules_are_scored_against_what_was_then_written(watching):
    found = follow_all(watching, Writer(wander), PROMPTS, seeds=range(900, 960), policy=POLICY)
    war, end = (score_rule(rule, found) for rule in watching.rules)
    assert war.occurrences == sum(t == "war" for f in found for t, _ in f.themes)
    assert war.precision > 0.7 and war.recall > 0.7 and war.lead > 10, "two themes ahead is a paragraph's warning"
    assert (end.occurrences, end.foreseen) == (60, 0), "nothing but its drawing tells of the end here"
    assert all(f.themes[-1][0] == "end" for f in found)


def test_a_monitor_alone_gives_the_same_as_followed_together(watching):
    together = follow_all(watching, Writer(wander), PROMPTS[:5], seeds=range(5), policy=POLICY)
    alone = [follow_all(watching, Writer(wander), [PROMPTS[i]], seeds=[i], policy=POLICY)[0] for i in range(5)]
    assert [f.themes for f in together] == [f.themes for f in alone]
    assert [f.highest for f in together] == [f.highest for f in alone]


def conversation(raised: list[tuple[int, bool]], sentences, *, finished: bool = True) -> Followed:
    rule = "P(war within 2) > 0.5"
    alarms = tuple((None, Alarm("watch", rule, on, t, 0.6, 0.5)) for t, on in raised)
    themes = tuple((name, begin) for name, begin, _ in sentences) + ((("end", 99),) if finished else ())
    return Followed(alarms, themes, tuple(sentences), 99, finished, 1.0)


def test_scores_by_hand():
    rule = parse_rule("P(war within 2) > 0.5")
    line = [("food", 0, 10), ("rain", 10, 20), ("war", 20, 30), ("food", 30, 40)]
    hit = conversation([(10, True)], line)
    early = conversation([(0, True), (10, False)], line)
    cut = conversation([(30, True)], line, finished=False)
    score = score_rule(rule, [hit, early, cut])
    assert (score.raised, score.true, score.false, score.unjudged) == (3, 1, 1, 1)
    assert (score.occurrences, score.foreseen, score.lead) == (3, 1, 10.0)
    assert score.false_per_conversation == pytest.approx(1 / 3) and score.precision == 0.5
    while_written = ("war", conversation([(30, True)], line).alarms[0][1])
    score = score_rule(rule, [replace(hit, alarms=(while_written,))])
    assert (score.raised, score.late, score.true, score.foreseen) == (1, 1, 0, 0), "that was no forecast"
    none = score_rule(rule, [conversation([], [("food", 0, 10)])])
    assert np.isnan([none.precision, none.recall, none.lead]).all()


def test_the_calibrated_limit_holds_for_a_learned_forecaster(watching):
    """Fitted where activations say more, it is too sure of itself; the limit from other conversations does not mind."""
    seeds, noisy = list(range(2000, 2600)), Writer(wander, noise=1.5)
    found = follow_all(watching, noisy, [f"q{i}" for i in seeds], seeds=seeds, policy=POLICY, max_rows=200)
    highest = np.array([f.highest for f in found])
    assert (highest >= 20).mean() > 0.08, "the plain limit does not hold here"
    rng, rates = np.random.default_rng(0), []
    for _ in range(200):
        order = rng.permutation(600)
        limit = calibrated(highest[order[:300]], 0.05)
        rates.append((highest[order[300:]] > limit).mean())
    assert 0.02 < np.mean(rates) < 0.06
