"""Texts as vectors, behind one door: `Embedder`. Knows nothing of themes.

TF-IDF with truncated SVD is always there and travels inside a codebook; sentence-transformers are an extra; any
function of texts (the subject's own mean activations, say) can be wrapped.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from forepath.errors import CodebookError, InputError, MissingExtraError
from forepath.themes.terms import Lexicon, terms

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the `model.safetensors` of sentence-transformers/all-MiniLM-L6-v2."""


class Embedder(Protocol):
    """Turns texts into vectors."""

    name: str
    """Changes whenever the vectors would."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) float32 rows of length 1, or 0 where nothing is known of the text. Row i depends on texts[i] only."""
        ...


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; rows of length 0 stay 0."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 1e-12, norms, 1.0), dtype=np.float32)


class TfidfEmbedder:
    """Sublinear TF-IDF over words and word pairs, projected on the leading directions of the training texts (LSA)."""

    def __init__(self, vocabulary: Sequence[str], idf: np.ndarray, components: np.ndarray) -> None:
        """`idf` (terms,); `components` (terms, d). Both are kept in half precision, so that saving changes nothing."""
        self.vocabulary = tuple(vocabulary)
        self.idf = np.asarray(idf, dtype=np.float16).astype(np.float32)
        self.components = np.asarray(components, dtype=np.float16).astype(np.float32)
        self._weighted = self.idf[:, None] * self.components
        self._lexicon = Lexicon(self.vocabulary)
        digest = hashlib.sha256("\n".join(self.vocabulary).encode())
        digest.update(self.idf.tobytes() + self.components.tobytes())
        self.name = f"tfidf-{digest.hexdigest()[:16]}"

    @classmethod
    def fit(cls, texts: Iterable[str], *, dimensions: int = 100, most_terms: int = 6000, seed: int = 0) -> Self:
        """Learn terms, weights and directions. A term counts if 3 texts have it and not more than 40 % of them."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.utils.extmath import randomized_svd

        texts = list(texts)
        least = 3 if len(texts) >= 50 else 1
        try:
            weigh = TfidfVectorizer(
                analyzer=terms,
                min_df=least,
                max_df=0.4 if least > 1 else 1.0,
                sublinear_tf=True,
                max_features=most_terms,
            )
            table = weigh.fit_transform(texts)
        except ValueError as error:
            raise InputError(
                f"{len(texts)} texts share no words to compare them by ({error}); give more or longer texts"
            ) from error
        d = min(dimensions, min(table.shape) - 1)
        components = randomized_svd(table, d, random_state=seed)[2].T if d >= 1 else np.eye(table.shape[1])
        return cls([str(t) for t in weigh.get_feature_names_out()], weigh.idf_, components)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        values: list[float] = []
        columns: list[int] = []
        ends = [0]
        for text in texts:
            counts: dict[int, int] = {}
            for term in terms(text):
                i = self._lexicon.numbers.get(term)
                if i is not None:
                    counts[i] = counts.get(i, 0) + 1
            columns += counts
            values += counts.values()
            ends.append(len(columns))
        if len(texts) == 1:  # a text being written: a table would cost more than it saves
            weights = np.array([1 + math.log(count) for count in values], dtype=np.float32)
            vector = weights @ self._weighted.take(columns, axis=0)
            length = math.sqrt(vector @ vector)
            return np.asarray(vector[None] / (length if length > 1e-12 else 1.0), dtype=np.float32)
        from scipy.sparse import csr_matrix

        table = csr_matrix(
            ((1 + np.log(np.asarray(values, dtype=np.float32))) * self.idf[columns], columns, ends),
            shape=(len(texts), len(self.vocabulary)),
        )
        return unit(np.asarray(table @ self.components))

    def nearness(self, vectors: np.ndarray) -> Callable[[str], list[float]]:
        """A function: text -> (n,) cosines to `vectors` (n, d) of length 1; for one sentence at a time."""
        return self._lexicon.nearness(self._weighted, vectors.T)

    def to_json(self) -> dict[str, Any]:
        """Plain data; arrays as base64 of little-endian half precision."""
        return {
            "kind": "tfidf",
            "terms": list(self.vocabulary),
            "idf": _packed(self.idf),
            "components": _packed(self.components),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Back from `to_json`. Raises `CodebookError` if the parts do not fit together."""
        try:
            vocabulary = [str(t) for t in data["terms"]]
            return cls(vocabulary, _unpacked(data["idf"]), _unpacked(data["components"]).reshape(len(vocabulary), -1))
        except (KeyError, TypeError, ValueError) as error:
            raise CodebookError(f"the codebook's embedder is damaged ({error}); discover the codebook anew") from error


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(values.astype("<f2").tobytes()).decode()


def _unpacked(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f2").astype(np.float32)


class CallableEmbedder:
    """Wraps a function of texts, such as a subject's mean activations over each text."""

    def __init__(self, function: Callable[[Sequence[str]], np.ndarray], name: str) -> None:
        """`function` maps n texts to (n, d); `name` must change whenever its vectors would (a fingerprint and site)."""
        self.function = function
        self.name = name

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.asarray(self.function(texts), dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            raise InputError(
                f"{self.name}: {len(texts)} texts came back as an array of shape {vectors.shape}; "
                "wanted (texts, d) of finite numbers"
            )
        return unit(vectors)


class SentenceEmbedder:
    """A sentence-transformers model by directory or id. Offline settings of the hub are honoured; no remote code."""

    def __init__(self, path_or_id: str, *, sha256: str | None = None, device: str | None = None) -> None:
        """`sha256`: what the directory's model.safetensors must hash to, else `CodebookError` (see `MINILM_SHA256`)."""
        weights = Path(path_or_id) / "model.safetensors"
        found = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else None
        if sha256 is not None and found != sha256:
            raise CodebookError(
                f"{weights}: sha256 is {found or 'not to be had (no such file)'}, wanted {sha256}; "
                "these are not the pinned weights: install them again, or drop the pin on purpose"
            )
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtraError("sentence-transformers", "sentence", "SentenceEmbedder") from error
        try:
            self._model = SentenceTransformer(
                path_or_id, device=device, trust_remote_code=False, model_kwargs={"use_safetensors": True}
            )
        except Exception as error:  # the hub's and the library's errors have no common root
            raise InputError(
                f"{path_or_id!r} cannot be loaded as a sentence-transformers model ({type(error).__name__}: {error}); "
                "give its directory, or an id that can be fetched, with safetensors weights"
            ) from error
        self.name = f"sentence-{(found or hashlib.sha256(path_or_id.encode()).hexdigest())[:16]}"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return unit(np.asarray(self._model.encode(list(texts), show_progress_bar=False)))
