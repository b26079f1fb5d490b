"""Entropies and unique reading, against enumeration of a small grammar and against planted faults."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from conftest import toy_content
from test_worlds_brute_force import enumerate_documents

from forepath.worlds.clashes import clashes
from forepath.worlds.documents import document_grammar
from forepath.worlds.entropy import joint_entropy, text_entropy
from forepath.worlds.grammar import Grammar
from forepath.worlds.lexicon.shapes import Theme
from forepath.worlds.posterior import log_prob


def nats(probs: list[float]) -> float:
    return -math.fsum(p * math.log(p) for p in probs)


@pytest.mark.parametrize(("segments", "sentences"), [(3, 1), (2, 2)])
def test_entropies_against_enumeration(toy: Callable[..., Grammar], segments: int, sentences: int) -> None:
    g = toy(most_segments=segments, most_sentences=sentences)
    documents = enumerate_documents(g)
    joint = nats([d.prob for d in documents])
    upper, latent = joint_entropy(g)
    assert upper == pytest.approx(joint, abs=1e-9)
    by_latents: dict[tuple[int, ...], float] = defaultdict(float)
    by_text: dict[str, float] = defaultdict(float)
    for d in documents:
        by_latents[d.latents] += d.prob
        by_text[d.text] += d.prob
    assert latent == pytest.approx(nats(list(by_latents.values())), abs=1e-9)
    truth = nats(list(by_text.values()))
    found = text_entropy(g, seed=0, n=400)
    assert found.lower <= truth <= found.upper
    assert found.low - 0.02 < truth < found.high + 0.02
    # The oracle can fail: a bent transition changes the entropy.
    bent, _ = joint_entropy(toy(most_segments=segments, most_sentences=sentences, bend=1.5))
    assert abs(bent - joint) > 1e-3


def test_large_grammar_within_its_bounds() -> None:
    g = document_grammar()
    found = text_entropy(g, seed=1, n=150)
    assert found.lower < found.low < found.estimate < found.high < found.upper
    assert found.high - found.low < 0.003 * found.estimate
    plain = np.array([-log_prob(g, d.text) for d in g.documents(2, 300)])
    assert abs(plain.mean() - found.estimate) < 4 * plain.std() / math.sqrt(len(plain))


def test_toy_reads_one_way_only(toy: Callable[..., Grammar]) -> None:
    assert clashes(toy()) == []


@pytest.mark.parametrize(
    ("theme", "said"),
    [
        (Theme("other", "", (("n", "Stir the egg{tail}."),)), "'steps' is 'other'"),
        (Theme("other", "", (("n", "Heat it. Then wait."),)), "'steps' extends 'other'"),
        (Theme("other", "", (("n", "Give {hero}{short} a hand."),)), "'other' is itself if a word goes on with 'a'"),
        (Theme("other", "", (("n", "Break\nhere."),)), "line break"),
    ],
)
def test_planted_clashes_are_found(theme: Theme, said: str) -> None:
    content = toy_content()
    lists = {**content.lists, "tail": ("plant", "shell", "plant pan"), "short": ("a", "")}
    g = Grammar(replace(content, lists=lists, themes={**content.themes, theme.name: theme}))
    assert any(said in clash for clash in clashes(g)), clashes(g)


def test_repeated_words_and_titles_are_found() -> None:
    content = toy_content()
    assert "list 'hero' repeats a word" in clashes(Grammar(replace(content, lists={"hero": ("Ann", "Ann")})))
    recipe = replace(content.kinds["recipe"], titles=("The {thing}", "The pie"))
    found = clashes(Grammar(replace(content, kinds={**content.kinds, "recipe": recipe})))
    assert any("titles of 'recipe': 'The pie'" in clash for clash in found)
