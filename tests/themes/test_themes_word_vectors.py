"""The text rival's features: exact where texts are few, the strongest directions where they are many."""

import tracemalloc

import numpy as np
import pytest

from forepath.themes.word_vectors import word_vectors

NOUNS = ["cake", "train", "storm", "letter", "garden", "river", "king", "engine", "violin", "market"]
VERBS = ["breaks", "arrives", "sings", "waits", "burns", "turns", "sleeps"]


def texts(n, seed=0):
    rng = np.random.default_rng(seed)
    return [
        " ".join(f"the {rng.choice(NOUNS)}{rng.integers(40)} {rng.choice(VERBS)}" for _ in range(6)) for _ in range(n)
    ]


def tfidf(known, asked):
    from sklearn.feature_extraction.text import TfidfVectorizer

    tool = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b").fit(known)
    return tool.transform(known).toarray(), tool.transform(asked).toarray()


def test_few_texts_lose_nothing():
    """Dot products with known texts, which is all that a head with an L2 penalty can use, are those of TF-IDF."""
    known, asked = texts(60), texts(20, seed=1)
    ours, theirs = word_vectors(known, known), word_vectors(known, asked)
    a, b = tfidf(known, asked)
    assert np.allclose(ours @ ours.T, a @ a.T, atol=1e-6)
    assert np.allclose(theirs @ ours.T, b @ a.T, atol=1e-6)


def test_many_texts_keep_their_strongest_directions():
    known, asked = texts(300), texts(50, seed=1)
    a, b = tfidf(known, asked)
    _, _, directions = np.linalg.svd(a, full_matrices=False)
    best = b @ directions[:40].T
    ours = word_vectors(known, asked, widest=40)
    assert ours.shape == (50, 40)
    kept = np.linalg.norm(ours) ** 2 / np.linalg.norm(best) ** 2
    assert 0.97 < kept < 1.03
    some = b @ np.linalg.qr(np.random.default_rng(0).standard_normal((b.shape[1], 40)))[0]
    assert np.linalg.norm(some) ** 2 / np.linalg.norm(best) ** 2 < 0.3  # the oracle can fail


def test_rows_do_not_depend_on_the_others():
    known, asked = texts(80), texts(600, seed=1)
    assert np.allclose(word_vectors(known, asked)[577], word_vectors(known, asked[577:578])[0], atol=1e-9)


def test_no_texts():
    assert word_vectors(texts(5), []).shape == (0, 5)


@pytest.mark.parametrize("n", [3000])
def test_no_matrix_of_texts_by_texts(n):
    known = texts(n)
    tracemalloc.start()
    word_vectors(known, known[:10], widest=50)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < n * n * 8 / 2
