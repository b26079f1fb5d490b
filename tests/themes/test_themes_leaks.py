"""Every leak is planted once and caught; a clean division gives none."""

from dataclasses import replace

import pytest

from forepath.themes.discovery import discover
from forepath.themes.leaks import find_leaks
from forepath.worlds.documents import document_grammar

GRAMMAR = document_grammar()
PROMPTS = [p.text for p in GRAMMAR.prompts(5, 40)]
FOLDS = ["test" if i % 4 == 0 else "train" for i in range(40)]
KNOWN = [d.text[d.header :] for d in GRAMMAR.documents(6, 60)]
TEST = [d.text[d.header :] for d in GRAMMAR.documents(7, 60)]


@pytest.fixture(scope="module")
def codebook():
    return discover(KNOWN, candidates=(12,))


def test_a_clean_division_has_no_leak(codebook):
    assert find_leaks(PROMPTS, FOLDS, codebook=codebook, known=KNOWN, test=TEST) == []


def test_a_prompt_in_two_folds_is_caught():
    leaks = find_leaks([*PROMPTS, PROMPTS[0]], [*FOLDS, "validation"])
    assert [(leak.kind, leak.where) for leak in leaks] == [("samples", (0,))]
    assert "letter for letter" in leaks[0].what
    assert find_leaks([*PROMPTS, PROMPTS[0]], [*FOLDS, "test"]) == []  # twice in one fold tells nobody anything


def test_a_near_duplicate_in_two_folds_is_caught():
    longest = max(range(40), key=lambda i: len(PROMPTS[i]) if FOLDS[i] == "test" else 0)
    twin = PROMPTS[longest].rstrip() + " Indeed."
    leaks = find_leaks([*PROMPTS, twin], [*FOLDS, "train"])
    assert [(leak.kind, leak.where) for leak in leaks] == [("prompts", (longest,))]
    assert find_leaks([*PROMPTS, twin], [*FOLDS, "train"], like=1.0) == []


def test_a_codebook_fitted_on_test_prompts_is_caught():
    leaky = discover(KNOWN + TEST, candidates=(12,))
    leaks = find_leaks(PROMPTS, FOLDS, codebook=leaky, known=KNOWN, test=TEST)
    assert [leak.kind for leak in leaks] == ["codebook"]
    assert leaks[0].where == ()


def test_what_a_user_wrote_was_fitted_on_nothing(codebook):
    written = replace(codebook, themes=tuple(replace(t, centroid=(), examples=(TEST[0],)) for t in codebook.themes))
    assert find_leaks(PROMPTS, FOLDS, codebook=written, known=KNOWN, test=TEST) == []
