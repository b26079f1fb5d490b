"""The exact answers against enumeration of every document of a small grammar: written apart from the reading code."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forepath.errors import InputError, PromptError
from forepath.records import END
from forepath.worlds.grammar import Grammar
from forepath.worlds.posterior import log_prob, posterior

HORIZON = 4


@dataclass(frozen=True)
class Whole:
    """One enumerated document under one setting of the latents."""

    text: str
    prob: float
    spans: tuple[tuple[int, str], ...]
    """(end in the whole text, theme) of every segment."""
    latents: tuple[int, int, int, int]

    def future(self, cut: int) -> tuple[str, ...]:
        return (*(theme for stop, theme in self.spans if stop > cut), END)


def fillings(
    text: str, topic: object, hero: str | None, heroes: tuple[str, ...]
) -> Iterator[tuple[str, str | None, float]]:
    """Every way to fill the toy's slots, which has no slot twice in a template."""
    if "{hero}" in text:
        for name in heroes if hero is None else (hero,):
            share = 1 / len(heroes) if hero is None else 1.0
            yield text.replace("{hero}", name), name, share
    elif "{part}" in text:
        for part in topic.parts:  # type: ignore[attr-defined]
            yield text.replace("{part}", part), hero, 1 / len(topic.parts)  # type: ignore[attr-defined]
    else:
        yield text, hero, 1.0


def enumerate_documents(g: Grammar) -> list[Whole]:
    """Every document of the grammar with its probability, by following the process step by step."""
    content, heroes = g.content, g.content.lists["hero"]
    total = sum(k.weight for k in content.kinds.values())
    out: list[Whole] = []

    def body(k: int, z: tuple[int, int, int], topic: object, text: str, hero: str | None, s: int, p: int, paid: bool,
             prob: float, spans: tuple[tuple[int, str], ...]) -> None:  # fmt: skip
        course, kind = g.courses[k], content.kinds[g.kinds[k]]
        r, t, f = z
        name = course.themes[s]
        theme = content.themes[name]
        paid = paid or name == kind.payoff
        letter = list(content.tones.values())[t].letter
        odds = [4.0 if a == letter else 1.0 if a == "n" else 0.25 for a, _ in theme.templates]

        def sentence(text: str, hero: str | None, n: int, last: int | None, prob: float) -> None:
            allowed = [i for i in range(len(odds)) if i != last or len(odds) == 1]
            for i in allowed:
                share = odds[i] / sum(odds[j] for j in allowed)
                for words, hero_after, q in fillings(
                    theme.templates[i][1].replace("{thing}", topic.thing), topic, hero, heroes
                ):  # type: ignore[attr-defined]
                    written = text + theme.prefix + words
                    done = prob * share * q
                    stops = course.lengths[s, r, n - 1] / course.lengths[s, r, n - 1 :].sum()
                    if stops < 1:
                        sentence(written + theme.joiner, hero_after, n + 1, i, done * (1 - stops))
                    leave(written, hero_after, done * stops)

        def leave(text: str, hero: str | None, prob: float) -> None:
            now = (*spans, (len(text), name))
            for s_next, q in enumerate(course.move[p - 1, int(paid), s, r, t, f]):
                if q == 0:
                    continue
                if s_next == len(course.themes):
                    out.append(Whole(text, prob * q, now, (k, r, t, f)))
                    continue
                lists = "\n" in (theme.joiner, content.themes[course.themes[s_next]].joiner)
                blank = 1.0 if lists else kind.blank_prob
                for gap, share in (("\n\n", blank), (" ", 1 - blank)):
                    if share:
                        body(k, z, topic, text + gap, hero, s_next, p + 1, paid, prob * q * share, now)

        sentence(text, hero, 1, None, prob)

    for k, kind in enumerate(content.kinds.values()):
        for (r, persona), t, f in itertools.product(
            enumerate(content.personas.values()), range(len(g.tones)), range(2)
        ):
            titles = kind.flag_titles if f else kind.titles
            base = kind.weight / total / len(g.personas) / len(g.tones) * (kind.flag_prob if f else 1 - kind.flag_prob)
            for topic, title, author in itertools.product(content.topics[kind.topic_pool], titles, g.authors):
                mine = 0.8 / len(persona.authors) if author in persona.authors else 0.0
                for words, hero, q in fillings(title.replace("{thing}", topic.thing), topic, None, heroes):
                    head = base * q * (mine + 0.2 / len(g.authors)) / len(titles) / len(content.topics[kind.topic_pool])
                    for s, first in enumerate(g.courses[k].start[r, t, f]):
                        if first:
                            text = f"{words}\nby {author}\n\n"
                            body(k, (r, t, f), topic, text, hero, s, 1, False, head * first, ())
    return out


def chain_table(documents: list[Whole], prefix: str, horizon: int) -> tuple[float, dict[tuple[str, ...], float]]:
    """(P(prefix), P(chain of the horizon | prefix)) by adding up every document that begins so."""
    table: dict[tuple[str, ...], float] = defaultdict(float)
    for d in documents:
        if d.text.startswith(prefix):
            table[d.future(len(prefix))[:horizon]] += d.prob
    total = math.fsum(table.values())
    return total, {chain: p / total for chain, p in table.items()}


def worst_gap(g: Grammar, documents: list[Whole], prefixes: list[str]) -> float:
    """Largest difference between the belief and the enumeration: chains, every marginal, ln P(prefix)."""
    worst = 0.0
    for prefix in prefixes:
        total, table = chain_table(documents, prefix, HORIZON)
        belief = posterior(g, prefix)
        odds = belief.chains(HORIZON, most=10_000)
        found = dict(zip(odds.chains, odds.probs, strict=True))
        worst = max(worst, abs(belief.log_prefix - math.log(total)), odds.remainder)
        worst = max(worst, *(abs(found.get(c, 0.0) - table.get(c, 0.0)) for c in {*found, *table}))
        marginals = np.zeros((HORIZON, len(g.themes)))
        for chain, p in table.items():
            for h in range(HORIZON):
                marginals[h, g.themes.index(chain[min(h, len(chain) - 1)])] += p
        worst = max(worst, float(np.abs(marginals - belief.marginals(HORIZON)).max()))
        worst = max(worst, abs(belief.chain_prob(next(iter(table))) - next(iter(table.values()))))
    return worst


def some_prefixes(documents: list[Whole], n: int) -> list[str]:
    """Beginnings of documents cut anywhere, drawn evenly over documents rather than by their odds."""
    rng = Random(5)
    drawn = [rng.choice(documents).text for _ in range(n)]
    return ["", *(text[: rng.randint(1, len(text))] for text in drawn), drawn[0]]


SIZES = [(3, 1), (2, 2)]


@pytest.mark.parametrize(("segments", "sentences"), SIZES)
def test_posterior_is_the_enumerated_one(toy: Callable[..., Grammar], segments: int, sentences: int) -> None:
    g = toy(most_segments=segments, most_sentences=sentences)
    documents = enumerate_documents(g)
    assert math.fsum(d.prob for d in documents) == pytest.approx(1.0, abs=1e-12)
    prefixes = some_prefixes(documents, 20)
    assert worst_gap(g, documents, prefixes) < 1e-9
    # The oracle can fail: one transition of the grammar that reads is bent.
    bent = toy(most_segments=segments, most_sentences=sentences, bend=1.2)
    assert worst_gap(bent, documents, prefixes) > 1e-3


@pytest.mark.parametrize(("segments", "sentences"), SIZES)
def test_log_prob_is_a_distribution_over_documents(toy: Callable[..., Grammar], segments: int, sentences: int) -> None:
    g = toy(most_segments=segments, most_sentences=sentences)
    table: dict[str, float] = defaultdict(float)
    for d in enumerate_documents(g):
        table[d.text] += d.prob
    drawn = Random(0).sample(sorted(table), 300)
    assert np.allclose([log_prob(g, text) for text in drawn], [math.log(table[text]) for text in drawn], atol=1e-9)


def test_log_prob_sums_to_one(toy: Callable[..., Grammar]) -> None:
    g = toy(most_segments=2)
    assert sum(math.exp(log_prob(g, text)) for text in {d.text for d in enumerate_documents(g)}) == pytest.approx(1)
    assert log_prob(g, "The pie") == -math.inf
    assert log_prob(g, "Nothing like it") == -math.inf


def test_latents_match_enumeration(toy: Callable[..., Grammar]) -> None:
    g = toy()
    documents = enumerate_documents(g)
    for prefix in some_prefixes(documents, 8):
        joint = np.zeros((len(g.kinds), len(g.personas), len(g.tones), 2))
        for d in documents:
            if d.text.startswith(prefix):
                joint[d.latents] += d.prob
        joint /= joint.sum()
        latents = posterior(g, prefix).latents()
        for axis, name in enumerate(("kind", "persona", "tone", "flag")):
            others = tuple(i for i in range(4) if i != axis)
            assert np.allclose(latents[name], joint.sum(axis=others), atol=1e-10)


def test_payoff_across_four_segments(toy: Callable[..., Grammar]) -> None:
    """The cue in the title raises its theme four segments later, and not before: seen from the title alone."""
    g = toy(most_segments=6)
    cue, plain = (posterior(g, f"The pie{tail}\nby Max\n\n- ").marginals(6) for tail in (" for Ann", ""))
    care = g.themes.index("care")
    assert cue[1, care] < 0.02 and cue[2, care] < 0.02
    assert cue[3, care] > 10 * plain[3, care]


def chi_square(counts: Counter[str], probs: dict[str, float], n: int) -> tuple[float, int]:
    """Pearson's statistic and degrees of freedom; texts expected less than 10 times are put together."""
    rare = [t for t, p in probs.items() if p * n < 10]
    cells = [(counts[t], p * n) for t, p in probs.items() if p * n >= 10]
    cells.append((sum(counts[t] for t in rare), n * sum(probs[t] for t in rare)))
    return sum((seen - due) ** 2 / due for seen, due in cells), len(cells) - 1


def test_samples_follow_the_enumeration(toy: Callable[..., Grammar]) -> None:
    g, n = toy(most_segments=2), 20_000
    probs: dict[str, float] = defaultdict(float)
    for d in enumerate_documents(g):
        probs[d.text] += d.prob
    counts = Counter(d.text for d in g.documents(7, n))
    assert not set(counts) - set(probs)
    statistic, freedom = chi_square(counts, probs, n)
    assert statistic < freedom + 4 * math.sqrt(2 * freedom)
    bent = Counter(d.text for d in toy(most_segments=2, bend=1.5).documents(7, n))
    statistic, freedom = chi_square(bent, probs, n)
    assert statistic > freedom + 4 * math.sqrt(2 * freedom)


TOY_CACHE: dict[str, Grammar] = {}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_prefixes_cut_anywhere(seed: int, data: st.DataObject) -> None:
    """P(prefix) falls as it grows, and is the sum over every next character and over stopping here."""
    from conftest import toy_content

    g = TOY_CACHE.setdefault("toy", Grammar(toy_content(most_segments=5, most_sentences=3)))
    text = g.sample(seed).text
    cut = data.draw(st.integers(0, len(text)))
    belief = posterior(g, text[:cut])
    assert belief.marginals(3).sum(axis=1) == pytest.approx(np.ones(3))
    assert sum(p.sum() for p in belief.latents().values()) == pytest.approx(4.0)
    if cut < len(text):
        assert posterior(g, text[: cut + 1]).log_prefix <= belief.log_prefix + 1e-12
    parts = [math.exp(belief.log_complete)]
    for letter in sorted(set("ABHIMOSTJ abcdefghijklmnopqrstuvwxyz.,!-\n")):
        try:
            parts.append(math.exp(posterior(g, text[:cut] + letter).log_prefix))
        except PromptError:
            continue
    assert math.fsum(parts) == pytest.approx(math.exp(belief.log_prefix), rel=1e-9)


def test_errors_say_where_and_what(toy: Callable[..., Grammar]) -> None:
    g = toy()
    with pytest.raises(PromptError, match=r"at character 9: 'The pie\\nb' fits, 'xy' cannot follow"):
        posterior(g, "The pie\nbxy")
    belief = posterior(g, "The pie")
    with pytest.raises(InputError, match="horizon of 0"):
        belief.marginals(0)
    with pytest.raises(InputError, match="horizon of 0"):
        belief.chains(0)
    with pytest.raises(InputError, match="nonsense"):
        belief.chain_prob(("nonsense",))
