"""What is still to come, exactly: against the law of whole documents, and against documents drawn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from forepath.errors import InputError
from forepath.worlds.changes import only, passage, presence
from forepath.worlds.coming import Coming, ComingMove
from forepath.worlds.documents import document_grammar
from forepath.worlds.grammar import Grammar
from forepath.worlds.posterior import posterior


def test_before_the_first_character_it_is_the_law_of_whole_documents():
    """Two ways to one number: forwards from the start (`changes`), backwards from the end (here)."""
    grammar = document_grammar()
    nothing_read = posterior(grammar, "")
    np.testing.assert_allclose(Coming(grammar)(nothing_read), grammar.kind_prior @ presence(grammar), atol=1e-9)
    for move in (("features", "complaint"), ("results", "conclusion")):
        exact = grammar.kind_prior @ passage(grammar, *move)
        assert ComingMove(grammar, *move)(nothing_read) == pytest.approx(exact, abs=1e-9) and exact > 0.01


def test_after_prompts_it_is_the_share_of_what_did_follow():
    grammar = Grammar(only(document_grammar().content, "recipe"))
    prompts = list(grammar.prompts(3, 1500))
    coming, moves = Coming(grammar), ComingMove(grammar, "story", "ingredients")
    beliefs = [posterior(grammar, p.text) for p in prompts]
    told = np.array([coming(b) for b in beliefs])
    came = np.array([[t in p.future for t in grammar.themes] for p in prompts])
    error = np.sqrt((told * (1 - told)).sum(0)) / len(prompts) + 1e-9
    assert (np.abs(came.mean(0) - told.mean(0)) < 4 * error).all()
    inside = np.array([moves(b) for b in beliefs])
    crossed = np.array([("story", "ingredients") in set(pairwise(p.future)) for p in prompts])
    assert abs(crossed.mean() - inside.mean()) < 4 * np.sqrt((inside * (1 - inside)).sum()) / len(prompts)
    whole = grammar.kind_prior @ presence(grammar)
    assert (np.abs(came.mean(0) - whole) > 4 * error).any(), "what was read before counts"


def test_a_move_between_kinds_is_refused():
    with pytest.raises(InputError, match="no kind has both"):
        ComingMove(document_grammar(), "ingredients", "agenda")
