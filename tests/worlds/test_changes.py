"""Changed grammars: the exact share of documents with a theme or a transition, against documents drawn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from forepath.errors import InputError
from forepath.worlds.changes import only, passage, presence, raised, without
from forepath.worlds.documents import document_grammar
from forepath.worlds.grammar import Grammar


def drawn(grammar, n=4000):
    return [d.chain for d in grammar.documents(5, n)]


def test_presence_and_passage_are_the_shares_among_drawn_documents():
    content = only(document_grammar().content, "recipe")
    grammar = Grammar(raised(content, "ingredients", "story", 4.0))
    chains = drawn(grammar)
    exact = presence(grammar)[0]
    error = np.sqrt(exact * (1 - exact) / len(chains)) + 1e-9
    found = np.array([np.mean([t in c for c in chains]) for t in grammar.themes])
    assert (np.abs(found - exact) < 4 * error).all()
    moves = np.mean([("ingredients", "story") in set(pairwise(c)) for c in chains])
    assert abs(moves - passage(grammar, "ingredients", "story")[0]) < 4 * np.sqrt(moves / len(chains))
    wrong = presence(Grammar(content))[0]
    assert (np.abs(found - wrong) > 4 * error).any(), "the oracle tells the grammars apart"


def test_a_document_that_returns_to_a_theme_has_it_once(toy):
    grammar = toy(most_segments=6)
    exact, chains = presence(grammar), {k: [] for k in grammar.kinds}
    for i in range(6000):
        d = grammar.sample(i)
        chains[d.latents.kind].append(d.chain)
    for k, kind in enumerate(grammar.kinds):
        for t, theme in enumerate(grammar.themes):
            share = np.mean([theme in c for c in chains[kind]])
            assert abs(share - exact[k, t]) < 4 * np.sqrt(0.25 / len(chains[kind])), (kind, theme)


def test_a_dropped_theme_is_gone_and_the_rest_is_there():
    content = document_grammar().content
    grammar = Grammar(without(content, "story"))
    share = presence(grammar)
    assert (share[:, grammar.themes.index("story")] == 0).all()
    assert share[0, grammar.themes.index("tip")] > presence(document_grammar())[0, grammar.themes.index("tip")]
    assert not any("story" in c for c in drawn(grammar, 500))


def test_a_raised_move_changes_the_odds_of_its_row_as_asked(toy):
    content = toy(most_segments=6).content
    before, after = (Grammar(c).courses[0] for c in (content, raised(content, "needs", "tale", 3.0)))
    needs, tale, steps = (before.index[t] for t in ("needs", "tale", "steps"))
    row = [c.move[1, 0, needs, 0, 0, 0] for c in (before, after)]
    ratio = [r[tale] / r[steps] for r in row]
    assert ratio[1] / ratio[0] == pytest.approx(3.0)
    np.testing.assert_allclose(before.move[:, :, tale], after.move[:, :, tale])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: without(c, "warning"), "comes by itself"),
        (lambda c: without(c, "sermon"), "no theme 'sermon'"),
        (lambda c: raised(c, "story", "agenda", 2.0), "a move that some kind has"),
        (lambda c: raised(c, "ingredients", "story", 0.0), "above 0"),
        (lambda c: only(c, "poem"), "no kind"),
    ],
)
def test_changes_that_cannot_be_made_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        change(document_grammar().content)
