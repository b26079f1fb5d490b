"""A comparison finds the shift that was planted, at its exact size, and nothing where nothing was changed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from grammars import Pool, kinds_of

from forepath.effects.comparing import Rules, _weights, compare
from forepath.errors import InputError
from forepath.records import Segment, Trajectory
from forepath.stats.discoveries import fdr_adjusted
from forepath.worlds.changes import passage, presence, raised, without
from forepath.worlds.documents import document_grammar

CONTENT = document_grammar().content
FEWER = replace(CONTENT, kinds={k: CONTENT.kinds[k] for k in ("recipe", "review", "short_story")})
KINDS = len(FEWER.kinds)


@pytest.fixture(scope="module")
def base():
    return Pool(FEWER, 900, 0)


@pytest.fixture(scope="module")
def dropped():
    return Pool(without(FEWER, "story"), 500, 1)


def test_nothing_is_found_between_samples_of_one_grammar(base):
    """200 comparisons of a grammar with itself, seeds apart: one that finds anything makes a false discovery."""
    rng = np.random.default_rng(0)
    kinds = kinds_of(24, FEWER)
    found = [compare(*(base.side(kinds, 4, rng, texts=False) for _ in "ab")) for _ in range(200)]
    wrong = sum(bool(c.moved) for c in found)
    assert wrong <= 17, f"{wrong} of 200 with a false discovery; at most 5 % wanted (17: three standard errors above)"
    looked_at = np.mean([len(c.effects) for c in found])
    unadjusted = np.mean([sum(e.p <= 0.05 for e in c.effects) for c in found])
    assert looked_at > 60 and unadjusted > 1, "without the adjustment every comparison would find something"


def test_the_rate_is_that_of_all_measures_together():
    """4,000 null comparisons of 6 guards and 200 measures: one in twenty finds something, not two families' one in ten;
    and guards are found nearly as easily as if they stood alone."""
    rng = np.random.default_rng(5)
    guard = np.arange(206) < 6
    drawn = rng.uniform(size=(4000, 206))
    weights = _weights(guard, drawn[0])
    found = np.mean([(fdr_adjusted(p, weights=weights) <= 0.05).any() for p in drawn])
    assert 0.039 < found < 0.061, "0.05, three standard errors either way"
    apart = np.mean([any((fdr_adjusted(p[family]) <= 0.05).any() for family in (guard, ~guard)) for p in drawn])
    assert apart > 0.08, "the oracle would notice two families at the full rate each"
    broken = np.full(206, 0.5)
    broken[0] = 0.004
    assert fdr_adjusted(broken, weights=weights)[0] <= 0.05 < fdr_adjusted(broken)[0]


def test_a_dropped_theme_is_found_at_its_exact_size_and_what_stayed_is_said_to_stay(base, dropped):
    rng = np.random.default_rng(1)
    kinds = kinds_of(120, FEWER)
    c = compare(base.side(kinds, 6, rng), dropped.side(kinds, 6, rng), targets=["story"])
    law = [np.concatenate([presence(g) for g in p.grammars])[kinds].mean(0) for p in (base, dropped)]
    names = base.grammars[0].themes
    story = c.of("theme: story")
    assert story.moved and story.after == 0 and not story.same
    inside, false, themes = 0, 0, [e for e in c.effects if e.kind == "theme"]
    for e in themes:
        place = names.index(e.measure.removeprefix("theme: "))
        exact = law[1][place] - law[0][place]
        inside += e.low <= exact <= e.high
        assert not (e.same and abs(exact) > 0.05), f"{e.measure} is said to stay and moves by {exact:.3f}"
        false += e.moved and abs(exact) < 0.003
    assert inside >= 0.85 * len(themes) and false <= max(1, 0.1 * len(c.moved))
    assert c.specificity.value > 0.3 and c.specificity.low <= c.specificity.value <= c.specificity.high
    assert any(e.same for e in themes)
    assert all("story" in x.before.chain and "story" not in x.after.chain for x in c.examples) and len(c.examples) == 5


def test_a_raised_transition_is_found(base):
    rng = np.random.default_rng(2)
    kinds = kinds_of(150, FEWER)
    changed = Pool(raised(FEWER, "ingredients", "story", 6.0), 400, 3)
    c = compare(base.side(kinds, 5, rng, texts=False), changed.side(kinds, 5, rng, texts=False))
    move = c.of("transition: ingredients → story")
    law = [np.concatenate([passage(g, "ingredients", "story") for g in p.grammars])[kinds] for p in (base, changed)]
    exact = [odds.mean() for odds in law]
    assert move.moved and abs(move.shift - (exact[1] - exact[0])) < 1.5 * (move.high - move.low) / 2
    assert c.of("after: ingredients → story").moved
    assert not c.of("transition: features → rating").moved


def text(prompt, sample, *themes, finished=True, words="one two three four five"):
    segments = tuple(Segment(i, i + 1, t) for i, t in enumerate(themes))
    return Trajectory(
        f"{prompt}/{sample}", "s", prompt, f"prompt {prompt}", 0, (1,) * 5, words, finished, segments=segments
    )


def small(changed=(), prompts=12, samples=4, **options):
    rng = np.random.default_rng(0)
    sides = []
    for side in range(2):
        out = []
        for p in range(prompts):
            for s in range(samples):
                chain = ["a", "b"] if rng.random() < 0.5 else ["b", "a"]
                out.append(text(str(p), s, *(changed if side and changed else chain), **options))
        sides.append(out)
    return sides


def test_rows_are_the_promised_ones():
    before, after = small(["c", "b"], prompts=40)
    c = compare(before, after, rules=Rules(least=5))
    rows = c.to_json()["effects"]
    assert list(c.to_json()) == ["effects"]
    assert all(list(r) == ["measure", "shift", "low", "high", "q", "moved", "same", "n", "unmeasured"] for r in rows)
    assert json.loads(json.dumps(c.to_json(), allow_nan=False)) == c.to_json()
    assert c.of("theme: a").shift == -1 and c.of("theme: c").shift == 1 and c.of("theme: b").shift == 0
    assert c.of("theme: b").same and not c.of("theme: b").moved
    assert c.to_arrow().num_rows == len(c.to_pandas()) == len(rows)
    kinds = {e.kind for e in c.effects}
    assert kinds == {"theme", "segments", "transition", "after", "chain", "step", "guard"}
    with pytest.raises(KeyError, match="theme: a"):
        c.of("theme: z")


def test_measures_are_read_off_chains_as_said():
    before = [text("0", 0, "a", "b", "a", finished=False), text("1", 0, "b")]
    after = [text("0", 0, "a", "a", "b"), text("1", 0, "b", "a", "b", "a", finished=False)]
    c = compare(before, after, rules=Rules(least=1))
    assert (c.of("theme: a").before, c.of("theme: a").after) == (0.5, 1.0)
    assert c.of("segments: a").before == pytest.approx((2 / 3 + 0) / 2)
    assert c.of("segments: a").after == pytest.approx((1 / 2 + 1 / 2) / 2), "neighbours of one theme are one"
    assert (c.of("transition: b → a").before, c.of("transition: b → a").after) == (0.5, 0.5)
    assert c.of("after: b → a").unmeasured == 0 and c.of("after: b → end").n == 2
    assert (c.of("step 3: end").before, c.of("step 3: end").after) == (0.5, 0.5), "what has ended stays so"
    assert c.of("step 3: end").unmeasured == 0 and c.of("step 2: end").before == 0.5
    assert c.of("chain: a → b").after == 0.5
    assert c.of("guard: finished").before == 0.5
    cut = compare([text("0", 0, "a", finished=False)] * 1, [text("0", 0, "a", "b", "c")], rules=Rules(least=1))
    assert cut.of("step 2: b").unmeasured == 1 and cut.of("step 2: b").n == 0


def test_what_could_not_be_judged_is_counted_not_guessed():
    before, after = small()
    unlabelled = replace(after[0], segments=(Segment(0, 1, None),))
    c = compare(before, [unlabelled, *after[1:-1]], rules=Rules(least=5))
    assert c.alone == 1
    assert {e.unmeasured for e in c.effects if e.kind == "theme"} == {2}
    nan = type("Never", (), {"name": "never", "__call__": lambda self, t: float("nan")})()
    never = compare(before, after, measures=[nan]).of("measure: never")
    assert never.unmeasured == len(before) + len(after) and never.n == 0
    assert np.isnan(never.q) and not never.moved and not never.same
    row = next(
        r for r in compare(before, after, measures=[nan]).to_json()["effects"] if r["measure"] == "measure: never"
    )
    assert row["q"] is None and row["shift"] is None and row["n"] == 0


def test_groups_and_clusters():
    before, after = small(prompts=20)
    hit = {str(p) for p in range(10)}
    after = [text(t.prompt_id, t.id[-1], "c") if t.prompt_id in hit else t for t in after]
    groups = {str(p): "hit" if str(p) in hit else "spared" for p in range(20)}
    c = compare(before, after, groups=groups, rules=Rules(least=5))
    assert c.of("hit | theme: c").shift == 1 and c.of("hit | theme: c").n == 10
    assert c.of("spared | theme: a").moved is False
    assert "spared | theme: c" not in {e.measure for e in c.effects}
    wide = compare(before, after, clusters={str(p): str(p // 10) for p in range(20)}, rules=Rules(least=5))
    assert wide.of("theme: c").high - wide.of("theme: c").low > c.of("theme: c").high - c.of("theme: c").low
    with pytest.raises(InputError, match="none for prompt"):
        compare(before, after, groups={"0": "x"})


def test_a_broken_model_is_not_read_as_a_changed_one():
    before, _ = small(words="one two three four five six seven eight nine ten eleven twelve")
    _, after = small(words="no no no no no no no no no no no no")
    nats = tuple({t.id: base + 0.01 * (i % 7) for i, t in enumerate(before)} for base in (2.0, 5.0))
    c = compare(before, after, surprises=nats)
    broken = [d for d in c.doubts if "broken" in d]
    moved = {e.measure for e in c.guards if e.moved}
    assert moved >= {"guard: repeated phrases", "guard: distinct pairs", "guard: surprise"}
    assert len(broken) >= 3 and any("Surprise went from" in d for d in broken)
    assert not [d for d in compare(before, before).doubts if "broken" in d]


def test_a_target_that_is_no_theme_and_ids_that_do_not_pair_are_refused():
    before, after = small()
    with pytest.raises(InputError, match="no 'theme: z'"):
        compare(before, after, targets=["z"])
    with pytest.raises(InputError, match="in common"):
        compare(before, [replace(t, id=f"x{t.id}", prompt_id=f"x{t.prompt_id}") for t in after])
    with pytest.raises(InputError, match="not the same text"):
        compare(before, [replace(t, prompt="another") for t in after])
    with pytest.raises(InputError, match="different ids"):
        compare([*before, before[0]], after)
    with pytest.raises(InputError, match="margins"):
        Rules(margin=0)


def test_the_stricter_adjustment_finds_no_more(base, dropped):
    rng = np.random.default_rng(5)
    kinds = kinds_of(60, FEWER)
    sides = base.side(kinds, 4, rng, texts=False), dropped.side(kinds, 4, rng, texts=False)
    loose, strict = (compare(*sides, rules=Rules(dependent=d)) for d in (False, True))
    assert {e.measure for e in strict.moved} <= {e.measure for e in loose.moved}
    assert len(strict.moved) < len(loose.moved)
