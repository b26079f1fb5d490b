"""What text alone can tell: the words of prompts as vectors, for the rival that never sees the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

WIDEST = 1000


def text_features(known: Sequence[str], texts: Sequence[str]) -> np.ndarray:
    """(texts, width) TF-IDF of words and pairs of words, weighted on `known` texts only.

    Turned into the basis of the known texts: that loses nothing for a head with an L2 penalty (the representer theorem)
    as long as there are at most `WIDEST` of them, and is the best such approximation beyond.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    tool = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=1, token_pattern=r"(?u)\b\w+\b")
    counts = tool.fit_transform(known)
    gram = np.asarray((counts @ counts.T).todense())
    values, vectors = np.linalg.eigh(gram)
    kept = np.argsort(values)[::-1][:WIDEST]
    kept = kept[values[kept] > 1e-9 * values.max()]
    basis = vectors[:, kept] / np.sqrt(values[kept])
    features: np.ndarray = np.asarray(tool.transform(texts) @ counts.T @ basis)
    return features
