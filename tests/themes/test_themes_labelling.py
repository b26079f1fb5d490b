"""Labellers: patterns, examples, and what becomes of failures."""

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from forepath.errors import CodebookError, LabellerError
from forepath.records import Segment, Trajectory
from forepath.themes.audit import held_by
from forepath.themes.codebook import Codebook, Decoding
from forepath.themes.decoding import decode
from forepath.themes.embeddings import CallableEmbedder
from forepath.themes.labelling import PatternLabeller, label_all, labeller_of
from forepath.worlds.documents import document_grammar


def written(text, finished=True, name="p/0"):
    return Trajectory(name, "s", "p", "the prompt is never read: stars stars", 0, (), text, finished)


def book(*themes, **more):
    return Codebook.from_json({"version": 1, "themes": list(themes), **more})


PATTERNS = book(
    {"name": "rating", "patterns": [r"\bstars?\b", r"out of (ten|10)"]},
    {"name": "steps", "patterns": ["stir", "heat"]},
)


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        ("Five STARS, nine out of ten.\n\nStir and heat it, by the stars.", ("rating", "steps", "end")),
        ("Stir the star.", ("rating", "end")),  # of equals the first
        ("Nothing here.\n\nStir.", ("other", "steps", "end")),
        ("Stir.\n\nHeat.", ("steps", "end")),
        ("", ("end",)),
    ],
)
def test_a_segment_takes_the_theme_whose_patterns_match_most(text, chain):
    assert labeller_of(PATTERNS).label(written(text)).chain == chain


def test_patterns_are_needed_for_a_pattern_labeller():
    with pytest.raises(CodebookError, match="'a' has no patterns"):
        PatternLabeller(book({"name": "a"}))


EXAMPLES = book(
    {"name": "rating", "examples": ["Five stars out of ten.", "My score is two stars."]},
    {"name": "steps", "description": "Stir the soup, heat the oven and bake."},
)


def test_examples_and_descriptions_draw_the_nearest():
    tool = labeller_of(EXAMPLES)
    labelled = tool.label(written("I give it nine stars.\n\nNow heat the soup and stir. Bake it.\n\nQuite unlike."))
    assert [s.theme for s in labelled.segments] == ["rating", "steps", "other"]
    assert labelled.chain == ("rating", "steps", "other", "end")


MIXED = book(
    {"name": "rating", "patterns": [r"\bstars?\b"]},
    {"name": "steps", "description": "Stir the soup, heat the oven and bake."},
    {"name": "weather", "examples": ["It rains, the wind is cold.", "A cold wet wind."]},
)


def test_what_no_pattern_matches_goes_to_the_nearest_theme_without_patterns():
    text = "Heat the soup, bake stars.\n\nHeat the soup. Stir and bake it.\n\nCold rain, wet wind.\n\nQuite unlike."
    labelled = labeller_of(MIXED).label(written(text))
    assert [s.theme for s in labelled.segments] == ["rating", "steps", "weather", "other"]
    patterns_alone = book({"name": "rating", "patterns": [r"\bstars?\b"]})
    assert [s.theme for s in labeller_of(patterns_alone).label(written(text)).segments] == ["rating"] + ["other"] * 3


def test_boundaries_are_found_within_a_block():
    text = "Heat the oven. Stir the soup and bake. My score is five stars. Two stars out of ten."
    labelled = labeller_of(EXAMPLES).label(written(text))
    assert [(text[s.start : s.stop][:4], s.theme) for s in labelled.segments] == [("Heat", "steps"), ("My s", "rating")]


def test_batches_change_nothing():
    texts = ["Five stars.", "", "Bake. Stars out of ten.\n\nHeat it.", "  \n", "Zzz."]
    given = [written(t, name=f"p/{i}") for i, t in enumerate(texts)]
    for codebook in (EXAMPLES, PATTERNS, MIXED):
        tool = labeller_of(codebook)
        assert label_all(given, tool) == ([tool.label(t) for t in given], 0)


def test_a_named_embedder_must_be_brought():
    data = {"version": 1, "themes": [{"name": "a", "centroid": [1.0, 0.0]}, {"name": "b", "centroid": [0.0, 1.0]}]}
    codebook = Codebook.from_json(data | {"embedder": {"kind": "named", "name": "lengths"}})

    def lengths(texts):
        return np.array([[len(t) < 6, len(t) >= 6] for t in texts], dtype=float).reshape(-1, 2)

    tool = labeller_of(codebook, embedder=CallableEmbedder(lengths, "lengths"))
    assert tool.label(written("Short\n\nRather long")).chain == ("a", "b", "end")
    for wrong in (None, CallableEmbedder(lengths, "other")):
        with pytest.raises(CodebookError, match="'lengths'"):
            labeller_of(codebook, embedder=wrong)
    with pytest.raises(CodebookError, match="numbers"):
        labeller_of(codebook, embedder=CallableEmbedder(lambda t: np.ones((len(t), 3)), "lengths"))


def test_training_texts_teach_what_is_other():
    """With five themes of 44 in the codebook, much of the rest is `other`; without training texts far less is."""
    documents = list(document_grammar().documents(8, 260))
    bodies = [d.text[d.header :] for d in documents]
    known = ("rating", "thanks", "warning", "story", "tip")
    met = [(s.theme, body[s.start : s.stop]) for d, body in zip(documents, bodies, strict=True) for s in d.segments]
    codebook = book(*({"name": k, "examples": [text for theme, text in met if theme == k][:10]} for k in known))

    def rates(tool):
        labelled, _ = label_all([written(b) for b in bodies[200:]], tool)
        names = [
            (held_by(t.segments, s), s.theme)
            for t, d in zip(labelled, documents[200:], strict=True)
            for s in d.segments
        ]
        right = [given == true for given, true in names if true in known]
        left_out = [given == "other" for given, true in names if true not in known]
        return np.mean(right), np.mean(left_out)

    right, left_out = rates(labeller_of(codebook, texts=bodies[:200]))
    assert right > 0.8
    assert left_out > 0.4
    assert rates(labeller_of(codebook))[1] < left_out / 2


class Moody:
    """Cannot judge texts with a question mark."""

    def label(self, trajectory):
        if "?" in trajectory.text:
            raise LabellerError("asked")
        return replace(trajectory, segments=(Segment(0, len(trajectory.text), "plan"),))


def test_failures_are_counted_and_left_out():
    given = [written(t, name=t) for t in ("a", "b?", "c")]
    told = []
    labelled, failures = label_all(given, Moody(), lambda done, total: told.append((done, total)))
    assert [t.id for t in labelled] == ["a", "c"]
    assert failures == 1
    assert told[-1] == (3, 3)


def slowly(scores, stay, move):
    """The likeliest path by trying every one."""
    n, k = scores.shape

    def value(path):
        return scores[range(n), path].sum() + sum(stay if a == b else move for a, b in pairwise(path))

    return max(product(range(k), repeat=n), key=value)


def test_decoding_is_the_likeliest_path_of_each_block():
    rng = np.random.default_rng(3)
    setting = Decoding(sharpness=6.0, switch=0.2, floor=0.3)
    smoothed = 0
    for _ in range(60):
        cosines = rng.uniform(-0.2, 1, (5, 2))
        scores = np.concatenate([cosines, np.full((5, 1), 0.3)], axis=1) * 6
        stay, move = np.log(0.8), np.log(0.2 / 2)
        expected = (*slowly(scores[:4], stay, move), int(scores[4].argmax()))
        assert tuple(decode(cosines, [0, 0, 0, 0, 7], setting)) == expected
        smoothed += expected != tuple(scores.argmax(axis=1))
    assert smoothed > 10  # the penalty does decide
