"""Forecasters of prompts: a reader turns texts into arrays, any forecaster does the rest. The door of text-only rivals.

So that a rival gets the same head, the same penalties tried and the same prompts as what it is compared with. A reader
is fitted on training prompts only, inside `TextForecaster.fit`: there is no way to hand it others by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from forepath.errors import InputError, PromptError, UnfittedError
from forepath.protocols import Forecaster
from forepath.records import Forecast, Futures

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

WIDEST = 1000
"""Most features of `TfidfReader`."""


class Reader(Protocol):
    """Turns prompts into arrays."""

    name: str

    def fit(self, prompts: Sequence[str]) -> Self:
        """Learn what there is to learn, from training prompts."""
        ...

    def read(self, prompts: Sequence[str]) -> np.ndarray:
        """(prompts, width), finite. Row i depends on prompts[i] only. Raises `UnfittedError` if `fit` was needed."""
        ...


class TextForecaster:
    """A reader and a forecaster, in one.

    >>> from forepath.forecasters.linear import LinearForecaster
    >>> futures = Futures(("a", "end"), np.array([[[0]] * 8, [[1]] * 8] * 10, dtype=np.int16))
    >>> rival = TextForecaster(TfidfReader(), LinearForecaster("none", penalty=0.01))
    >>> rival = rival.fit(["a cake", "an end"] * 10, futures)
    >>> rival.predict(["some cake", "the end"]).steps[:, 0].round(1).tolist()
    [[0.9, 0.1], [0.1, 0.9]]
    """

    def __init__(self, reader: Reader, forecaster: Forecaster) -> None:
        self.reader, self.forecaster = reader, forecaster
        self._fitted = False

    def fit(self, prompts: Sequence[str], futures: Futures) -> Self:
        """Texts and the futures of the same prompts. Raises `PromptError`, `ActivationError`."""
        texts, futures = checked_texts(prompts, futures)
        self.forecaster.fit(self.reader.fit(texts).read(texts), futures)
        self._fitted = True
        return self

    def predict(self, prompts: Sequence[str]) -> Forecast:
        """Row i depends on prompts[i] only. Raises `UnfittedError` before `fit`, `PromptError`."""
        if not self._fitted:
            raise UnfittedError("this TextForecaster has not seen any futures: call fit(prompts, futures) first")
        return self.forecaster.predict(self.reader.read(checked_prompts(prompts)))


def checked_prompts(prompts: Sequence[str]) -> list[str]:
    """The same as a list. Raises `PromptError` for a bare text or for what is no text."""
    if isinstance(prompts, str):
        raise PromptError("one bare text where a list of prompts was wanted; put it in a list")
    wrong = [i for i, prompt in enumerate(prompts) if not isinstance(prompt, str)]
    if wrong:
        raise PromptError(f"prompt {wrong[0]} is a {type(prompts[wrong[0]]).__name__}; wanted texts")
    return list(prompts)


def checked_texts(prompts: Sequence[str], futures: Futures) -> tuple[list[str], Futures]:
    """`checked_prompts`, as many as `futures` has and at least one, both in alphabetical order of the prompts.

    So that every rounding of a reader that reads many at once is the same whatever the order given.
    """
    texts = checked_prompts(prompts)
    if len(texts) != len(futures.steps) or not texts:
        raise PromptError(
            f"{len(texts)} prompts for the futures of {len(futures.steps)}; wanted as many, and at least one"
        )
    order = sorted(range(len(texts)), key=lambda i: (texts[i], futures.steps[i].tobytes()))
    return [texts[i] for i in order], replace(futures, steps=futures.steps[order])


def _vectoriser(terms: list[str] | None) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", vocabulary=terms)


class TfidfReader:
    """TF-IDF of words and pairs of words, in the basis of the training prompts.

    That loses nothing for a head with an L2 penalty (the representer theorem) while there are at most `WIDEST` training
    prompts, and is the best such approximation beyond.
    """

    name = "tfidf"

    def __init__(self) -> None:
        self._tool: Any = None
        self._turn = np.zeros((0, 0))

    def fit(self, prompts: Sequence[str]) -> Self:
        """Raises `InputError` if the prompts have no words at all."""
        tool = _vectoriser(None)
        try:
            counts = tool.fit_transform(prompts)
        except ValueError as error:
            raise InputError(f"the {len(prompts)} prompts have no words to read ({error})") from error
        gram = np.asarray((counts @ counts.T).todense())
        values, vectors = np.linalg.eigh(gram)
        kept = np.argsort(values)[::-1][:WIDEST]
        kept = kept[values[kept] > 1e-9 * values.max()]
        self._tool, self._turn = tool, np.asarray(counts.T @ (vectors[:, kept] / np.sqrt(values[kept])))
        return self

    def parts(self) -> tuple[list[str], dict[str, np.ndarray]]:
        """(terms, numbers) that make it up, for `of`. Raises `UnfittedError`."""
        if self._tool is None:
            raise UnfittedError("this TfidfReader has not seen any prompts: there is nothing to keep")
        return self._tool.get_feature_names_out().tolist(), {"idf": self._tool.idf_, "turn": self._turn}

    @classmethod
    def of(cls, terms: Sequence[str], numbers: Mapping[str, np.ndarray]) -> Self:
        """Back from `parts`."""
        reader = cls()
        reader._tool, reader._turn = _vectoriser(list(terms)), numbers["turn"]
        reader._tool.idf_ = numbers["idf"]
        return reader

    def read(self, prompts: Sequence[str]) -> np.ndarray:
        """(prompts, at most `WIDEST`)"""
        if self._tool is None:
            raise UnfittedError("this TfidfReader has not seen any prompts: call fit(prompts) first")
        if not len(prompts):
            return np.zeros((0, self._turn.shape[1]))
        return np.asarray(self._tool.transform(prompts) @ self._turn)


class EmbeddingReader:
    """Anything with `embed(texts) -> (texts, d)`: a sentence embedding, for one. Nothing is fitted."""

    def __init__(self, embedder: Any) -> None:
        self.embedder = embedder
        self.name = str(getattr(embedder, "name", type(embedder).__name__))

    def fit(self, prompts: Sequence[str]) -> Self:
        """Nothing to learn."""
        return self

    def read(self, prompts: Sequence[str]) -> np.ndarray:
        """(prompts, d). Raises `InputError` if the embedder gives anything else."""
        found = np.asarray(self.embedder.embed(list(prompts)), dtype=np.float64)
        if found.ndim != 2 or len(found) != len(prompts):
            raise InputError(f"{self.name}: {len(prompts)} prompts came back as {found.shape}; wanted (prompts, d)")
        return found


class SubjectReader:
    """The activations of a subject at one site: what a forecaster of activations sees, behind the door of texts."""

    def __init__(self, subject: HuggingFaceSubject, site: str, known: Mapping[str, np.ndarray] | None = None) -> None:
        """`known`: (width,) of prompts that were read there before."""
        self.subject, self.site, self.known = subject, site, known or {}
        self.name = f"{subject.name}@{site}"

    def fit(self, prompts: Sequence[str]) -> Self:
        """Nothing to learn."""
        return self

    def read(self, prompts: Sequence[str]) -> np.ndarray:
        """(prompts, width). Raises `SiteError`, `PromptError`."""
        if not len(prompts):
            return self.read(["."])[:0]
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self.known]
        found = dict(zip(new, self.subject.activations(new, [self.site])[self.site], strict=True)) if new else {}
        return np.stack([found[p] if p in found else self.known[p] for p in prompts]).astype(np.float64)
