"""The embedders and their cache."""

import hashlib
import sys
import types

import numpy as np
import pytest

from forepath.errors import CodebookError, InputError, MissingExtraError
from forepath.themes.cache import CachedEmbedder
from forepath.themes.embeddings import CallableEmbedder, SentenceEmbedder, TfidfEmbedder

TEXTS = [f"{a} {b} {c}." for a in ("Stir", "Heat", "Bake") for b in ("the soup", "a cake") for c in ("now", "7 times")]


class Counting:
    """A fake embedder that counts the texts it reads."""

    name = "counting"

    def __init__(self):
        self.read = []

    def embed(self, texts):
        self.read += texts
        return np.array([[len(t), 1.0] for t in texts], dtype=np.float32).reshape(-1, 2)


def test_tfidf_travels_as_json_without_change():
    tool = TfidfEmbedder.fit(TEXTS, dimensions=5)
    again = TfidfEmbedder.from_json(tool.to_json())
    assert again.name == tool.name
    assert np.array_equal(again.embed(TEXTS), tool.embed(TEXTS))
    assert TfidfEmbedder.fit(TEXTS[:-1], dimensions=5).name != tool.name


def test_rows_are_unit_or_zero_and_do_not_depend_on_the_batch():
    tool = TfidfEmbedder.fit(TEXTS, dimensions=5)
    rows = tool.embed([*TEXTS, "zzz", ""])
    assert np.allclose(np.linalg.norm(rows, axis=1), [1.0] * len(TEXTS) + [0.0, 0.0], atol=1e-5)
    assert np.allclose(tool.embed([TEXTS[3]])[0], rows[3], atol=1e-6)
    assert tool.embed([]).shape == (0, 5)


def test_tfidf_matches_its_definition():
    """Against scikit-learn's own TF-IDF and a dense product."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    from forepath.themes.terms import terms

    tool = TfidfEmbedder.fit(TEXTS, dimensions=5)
    weigh = TfidfVectorizer(analyzer=terms, vocabulary=tool.vocabulary, sublinear_tf=True)
    rows = weigh.fit(TEXTS).transform(TEXTS).toarray() @ tool.components
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert np.allclose(rows, tool.embed(TEXTS), atol=2e-3)  # weights are kept in half precision
    assert not np.allclose(rows[::-1], tool.embed(TEXTS), atol=2e-3)


def test_texts_without_words_and_damaged_json():
    with pytest.raises(InputError, match="share no words"):
        TfidfEmbedder.fit(["...", "!!"])
    data = TfidfEmbedder.fit(TEXTS).to_json()
    for damage in ({"terms": data["terms"][1:]}, {"idf": "§"}, {"components": 3}):
        with pytest.raises(CodebookError, match="damaged"):
            TfidfEmbedder.from_json(data | damage).embed(TEXTS)


def test_cache_reads_each_text_once_across_processes(tmp_path):
    inner = Counting()
    cached = CachedEmbedder(inner, tmp_path)
    first = cached.embed(["a", "bb", "a"])
    assert inner.read == ["a", "bb"]
    assert first[:, 0].tolist() == [1, 2, 1]
    later = Counting()
    again = CachedEmbedder(later, tmp_path)
    assert np.array_equal(again.embed(["bb", "ccc", "a"])[:, 0], [2, 3, 1])
    assert later.read == ["ccc"]
    assert again.embed([]).shape == (0, 2)
    other = Counting()
    other.name = "another"
    CachedEmbedder(other, tmp_path).embed(["a"])
    assert other.read == ["a"]
    assert not list(tmp_path.rglob("*.part"))


def test_callable_is_checked():
    mean = CallableEmbedder(lambda texts: np.full((len(texts), 3), 2.0), "subject@resid.1")
    assert np.allclose(mean.embed(["a", "b"]), 3**-0.5)
    for wrong in (np.zeros(3), np.zeros((5, 3)), np.full((2, 3), np.nan)):
        with pytest.raises(InputError, match="finite"):
            CallableEmbedder(lambda texts, wrong=wrong: wrong, "x").embed(["a", "b"])


def test_sentence_embedder_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"forepath\[sentence\]"):
        SentenceEmbedder("somewhere")


def test_sentence_embedder_checks_the_pin(monkeypatch, tmp_path):
    fake = types.ModuleType("sentence_transformers")

    class Model:
        def __init__(self, path, **options):
            assert options["trust_remote_code"] is False

        def encode(self, texts, **_options):
            return np.array([[len(t), 1.0] for t in texts])

    fake.SentenceTransformer = Model
    monkeypatch.setitem(sys.modules, "sentence_transformers", fake)
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    right = hashlib.sha256(b"weights").hexdigest()
    tool = SentenceEmbedder(str(tmp_path), sha256=right)
    assert np.allclose(np.linalg.norm(tool.embed(["a", "bcd"]), axis=1), 1)
    with pytest.raises(CodebookError, match="not the pinned weights"):
        SentenceEmbedder(str(tmp_path), sha256="0" * 64)
    with pytest.raises(CodebookError, match="no such file"):
        SentenceEmbedder("sentence-transformers/all-MiniLM-L6-v2", sha256=right)
