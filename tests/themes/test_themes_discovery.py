"""Discovery on documents whose themes and boundaries are known; they are used to judge, never to choose."""

from dataclasses import replace

import numpy as np
import pytest

from forepath.errors import InputError
from forepath.records import Segment, Trajectory
from forepath.themes.audit import audit, truth_agreement
from forepath.themes.codebook import Codebook
from forepath.themes.discovery import discover
from forepath.themes.embeddings import CallableEmbedder
from forepath.themes.labelling import label_all, labeller_of
from forepath.worlds.documents import document_grammar


def drawn(seed, n):
    """(trajectories of whole document bodies, their true segments)."""
    documents = list(document_grammar().documents(seed, n))
    bodies = [d.text[d.header :] for d in documents]
    trajectories = [Trajectory(f"{i}/0", "grammar", str(i), "", 0, (), b, True) for i, b in enumerate(bodies)]
    return trajectories, [d.segments for d in documents]


@pytest.fixture(scope="module")
def codebook():
    return discover([t.text for t in drawn(1, 600)[0]])


@pytest.fixture(scope="module")
def judged(codebook):
    trajectories, truth = drawn(2, 250)
    labelled, failures = label_all(trajectories, labeller_of(codebook))
    return labelled, truth, audit(codebook, labelled, failures=failures, truth=truth)


def test_themes_and_boundaries_agree_with_the_truth(judged):
    labelled, _, checks = judged
    assert len(labelled) == 250 and checks.failures == 0
    assert checks.truth.ami >= 0.85
    assert checks.truth.boundaries.pk <= 0.10
    assert checks.truth.boundaries.pk < min(checks.truth.no_boundary.pk, checks.truth.every_sentence.pk) / 3
    assert checks.share_of_other < 0.05


def test_the_judgement_can_fail(judged):
    """Planted bugs: labels of the wrong trajectory, and boundaries moved by a few characters."""
    labelled, truth, _ = judged
    themes = [s.theme for t in labelled for s in t.segments]
    shuffled = iter(np.random.default_rng(0).permutation(themes).tolist())
    wrong = [replace(t, segments=tuple(replace(s, theme=next(shuffled)) for s in t.segments)) for t in labelled]
    assert abs(truth_agreement(wrong, truth).ami) < 0.05
    moved = [[Segment(s.start + 40, s.stop + 40, s.theme) for s in segments] for segments in truth]
    assert truth_agreement(labelled, moved).boundaries.pk > 0.10


def test_the_audit_can_be_printed_and_saved(judged, codebook):
    import json

    checks = judged[2]
    assert any("AMI" in line for line in checks.lines())
    assert json.loads(json.dumps(checks.to_json()))["truth"]["boundaries"]["pk"] == checks.truth.boundaries.pk
    assert 0.6 < checks.stability <= 1
    assert checks.codebook == codebook.id


def test_a_codebook_is_closed_named_and_saved(codebook, tmp_path):
    assert codebook.names[-2:] == ("other", "end")
    assert len(set(codebook.names)) == len(codebook.names) == len(codebook.themes) + 2
    assert all(t.examples and t.description for t in codebook.themes)
    assert sum(t.share for t in codebook.themes) == pytest.approx(1 - codebook.checks["dropped_share"], abs=0.01)
    codebook.save(tmp_path / "codebook.json")
    again = Codebook.load(tmp_path / "codebook.json")
    given = drawn(3, 20)[0]
    assert again.id == codebook.id
    assert label_all(given, labeller_of(again)) == label_all(given, labeller_of(codebook))


def test_what_is_unlike_every_theme_is_other(codebook):
    labelled = labeller_of(codebook).label(Trajectory("x", "", "", "", 0, (), "Qwx zzkv brrt. Ploo xq.", False))
    assert labelled.chain == ("other",)


def test_the_same_texts_and_seed_give_the_same_codebook():
    texts = [t.text for t in drawn(5, 60)[0]]
    assert discover(texts, seed=4).to_json() == discover(texts, seed=4).to_json()


def test_another_embedder_leaves_its_name():
    def letters(texts):
        return np.array([[t.count(c) + 0.1 for c in "aeiou "] for t in texts])

    tool = CallableEmbedder(letters, "letters")
    codebook = discover([t.text for t in drawn(5, 60)[0]], embedder=tool, candidates=(3, 5))
    assert codebook.embedder == {"kind": "named", "name": "letters"}
    assert label_all(drawn(6, 5)[0], labeller_of(codebook, embedder=tool))[1] == 0


def test_too_little_to_discover():
    with pytest.raises(InputError, match="3 segments are too few"):
        discover(["one", "two", "three", " "])
    with pytest.raises(InputError, match="1 different"):
        discover(["the same text"] * 40)
