"""Labellers: cut a trajectory's continuation into segments and name them from a codebook.

By nearness to centroids or examples, or by patterns. Knows nothing of models, runs, or how a codebook came to be. The
prompt is never read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import cast

import numpy as np

from forepath.errors import CodebookError, LabellerError
from forepath.protocols import Labeller
from forepath.records import OTHER, Segment, Trajectory
from forepath.themes.calibration import calibrate
from forepath.themes.codebook import Codebook, Decoding, Theme
from forepath.themes.decoding import decode
from forepath.themes.embeddings import Embedder, TfidfEmbedder
from forepath.themes.patterns import compiled, count
from forepath.themes.segmentation import blocks, segment, units_of

Told = Callable[[int, int], None]
"""Called with (done, total) as labelling goes on."""
Failed = Callable[[Trajectory, LabellerError], None]
"""Called with each trajectory that could not be judged, and why."""
BATCH = 256
"""Trajectories embedded at once."""
MOST_TEXTS = 3000
"""Training texts read: more change little and cost time."""


class NearestLabeller:
    """Names each sentence after the nearest vectors and smooths within blocks: see `decoding`."""

    def __init__(
        self, names: Sequence[str], vectors: np.ndarray, owner: Sequence[int], embedder: Embedder, decoding: Decoding
    ) -> None:
        """`vectors` (m, d) unit rows; `owner` (m,) the index into `names` of the theme each stands for."""
        self.names = (*names, OTHER)
        self.vectors = vectors
        self.embedder = embedder
        self.decoding = decoding
        order = np.argsort(np.asarray(owner), kind="stable")
        self._vectors = vectors[order]
        self._firsts = np.searchsorted(np.asarray(owner)[order], np.arange(len(names)))

    def label(self, trajectory: Trajectory) -> Trajectory:
        return self.label_many([trajectory])[0]

    def label_many(self, trajectories: Sequence[Trajectory]) -> list[Trajectory]:
        """As `label`, for many at once: far quicker."""
        spans: list[tuple[int, int]] = []
        pieces: list[str] = []
        numbers: list[int] = []
        ends = []
        n = -1
        for t in trajectories:
            for block in blocks(t.text):
                n += 1
                units = units_of(t.text, block)
                spans += units
                pieces += [t.text[a:b] for a, b in units]
                numbers += [n] * len(units)
            ends.append(len(spans))
        labels = decode(self.cosines(pieces), numbers, self.decoding) if pieces else np.zeros(0, dtype=np.int64)
        out, begin = [], 0
        for t, end in zip(trajectories, ends, strict=True):
            out.append(replace(t, segments=self._merged(spans[begin:end], numbers[begin:end], labels[begin:end])))
            begin = end
        return out

    def cosines(self, texts: Sequence[str]) -> np.ndarray:
        """(n, themes): to the nearest vector of each theme."""
        near = self.embedder.embed(texts) @ self._vectors.T
        if len(self._firsts) == len(self._vectors):  # one vector each
            return np.asarray(near)
        return np.asarray(np.maximum.reduceat(near, self._firsts, axis=1))

    def cosines_of(self, text: str) -> list[float]:
        """(themes,): `cosines` of one text."""
        return self._near(text)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "_near"}  # which cannot be copied

    @cached_property
    def _near(self) -> Callable[[str], list[float]]:
        own = type(self.embedder) is TfidfEmbedder and type(self).cosines is NearestLabeller.cosines
        if own and len(self._firsts) == len(self._vectors):
            return cast(TfidfEmbedder, self.embedder).nearness(self._vectors)
        return lambda text: list(map(float, self.cosines([text])[0]))

    def names_of(self, texts: Sequence[str]) -> list[str]:
        """The theme of each text as a whole, or `other`."""
        return [self.names[i] for i in decode(self.cosines(texts), range(len(texts)), self.decoding)]

    def _merged(
        self, spans: Sequence[tuple[int, int]], numbers: Sequence[int], labels: np.ndarray
    ) -> tuple[Segment, ...]:
        """Neighbouring sentences of one block and theme, as one segment."""
        out: list[Segment] = []
        last = (-1, -1)
        for (a, b), number, label in zip(spans, numbers, labels, strict=True):
            if last == (number, int(label)):
                out[-1] = replace(out[-1], stop=b)
            else:
                out.append(Segment(a, b, self.names[int(label)]))
            last = (number, int(label))
        return tuple(out)


class PatternLabeller:
    """Each structural segment takes the theme whose patterns match it most often; the first of equals.

    What no pattern matches goes to the nearest of the themes without patterns, if the codebook has such; else `other`.
    """

    def __init__(self, codebook: Codebook, nearest: NearestLabeller | None = None) -> None:
        """`nearest` knows the themes without patterns. Raises `CodebookError` if there are such and it is not given."""
        self.themes = [
            (theme.name, tuple(compiled(p, f"theme {theme.name!r}") for p in theme.patterns))
            for theme in codebook.themes
            if theme.patterns
        ]
        self.nearest = nearest
        bare = [theme.name for theme in codebook.themes if not theme.patterns]
        if bare and nearest is None:
            raise CodebookError(f"theme {bare[0]!r} has no patterns; give it some, or use `labeller_of`")

    def label(self, trajectory: Trajectory) -> Trajectory:
        return self.label_many([trajectory])[0]

    def label_many(self, trajectories: Sequence[Trajectory]) -> list[Trajectory]:
        """As `label`, for many at once: far quicker if themes without patterns must be told apart."""
        cut = [segment(t.text) for t in trajectories]
        pieces = [t.text[s.start : s.stop] for t, found in zip(trajectories, cut, strict=True) for s in found]
        themes = [self._theme(piece) for piece in pieces]
        left = [i for i, theme in enumerate(themes) if theme == OTHER]
        if self.nearest is not None and left:
            for i, theme in zip(left, self.nearest.names_of([pieces[i] for i in left]), strict=True):
                themes[i] = theme
        named = iter(themes)
        return [
            replace(t, segments=tuple(replace(s, theme=next(named)) for s in found))
            for t, found in zip(trajectories, cut, strict=True)
        ]

    def _theme(self, text: str) -> str:
        counts = [count(patterns, text) for _, patterns in self.themes]
        return self.themes[int(np.argmax(counts))][0] if max(counts) else OTHER


def labeller_of(codebook: Codebook, *, texts: Sequence[str] = (), embedder: Embedder | None = None) -> Labeller:
    """The labeller a codebook asks for: patterns first; then its centroids, or the nearest example or description.

    `embedder` must be brought if the codebook was discovered with one that does not travel inside it. For examples it
    defaults to TF-IDF + SVD fitted on `texts` and the examples. `texts` are training texts: they say which words are
    rare, and how unlike every theme a text must be to be `other`. The same texts give the same labels.
    Raises `CodebookError` if the embedder is missing or another one.
    """
    bare = [theme for theme in codebook.themes if not theme.patterns]
    nearest = _nearest(codebook, bare, texts, embedder) if bare else None
    if nearest is not None and len(bare) == len(codebook.themes):
        return nearest
    return PatternLabeller(codebook, nearest)


def _nearest(
    codebook: Codebook, themes: Sequence[Theme], texts: Sequence[str], embedder: Embedder | None
) -> NearestLabeller:
    names = [theme.name for theme in themes]
    if any(theme.centroid for theme in themes):
        tool = _embedder_of(codebook, embedder)
        lengths = {len(theme.centroid) for theme in themes}
        width = tool.embed(["width"]).shape[1]
        if lengths != {width}:
            raise CodebookError(f"centroids have {sorted(lengths)} numbers, the embedder {width}; discover it anew")
        centroids = np.asarray([theme.centroid for theme in themes], dtype=np.float32)
        return NearestLabeller(names, centroids, range(len(names)), tool, codebook.decoding or Decoding())
    owned = [
        (i, text)
        for i, theme in enumerate(themes)
        for text in (*theme.examples, theme.description or (theme.name if not theme.examples else ""))
        if text.strip()
    ]
    tool = embedder or _fitted([text for _, text in owned], texts)
    vectors, owners = tool.embed([t for _, t in owned]), [i for i, _ in owned]
    labeller = NearestLabeller(names, vectors, owners, tool, codebook.decoding or Decoding())
    if codebook.decoding is None and texts:
        labeller.decoding = calibrate(texts[:MOST_TEXTS], labeller.cosines)
    return labeller


def _fitted(examples: Sequence[str], texts: Sequence[str]) -> Embedder:
    pieces = [t[s.start : s.stop] for t in texts[:MOST_TEXTS] for s in segment(t)]
    # Without training texts the directions are all there are: examples are few, and none of them may be squeezed out.
    return TfidfEmbedder.fit([*pieces, *examples], dimensions=100 if pieces else 1000)


def _embedder_of(codebook: Codebook, embedder: Embedder | None) -> Embedder:
    if codebook.embedder.get("kind") == "tfidf":
        return TfidfEmbedder.from_json(codebook.embedder)
    wanted = codebook.embedder.get("name")
    if embedder is None or embedder.name != wanted:
        raise CodebookError(
            f"the codebook's centroids live in the embedder {wanted!r}; given was "
            f"{embedder.name if embedder else None!r}: bring that embedder, or discover the codebook anew"
        )
    return embedder


def label_all(
    trajectories: Sequence[Trajectory], labeller: Labeller, report: Told | None = None, failed: Failed | None = None
) -> tuple[list[Trajectory], int]:
    """(those the labeller could judge, in order; the number of those it could not, which are left out).

    A text without any segment (empty or white space) is judged: its chain is ("end",), or () if it was cut off.
    """
    many = getattr(labeller, "label_many", None)
    out: list[Trajectory] = []
    failures = 0
    for begin in range(0, len(trajectories), BATCH):
        batch = trajectories[begin : begin + BATCH]
        if many is not None:
            out += many(batch)
        else:
            for trajectory in batch:
                try:
                    out.append(labeller.label(trajectory))
                except LabellerError as error:
                    failures += 1
                    if failed is not None:
                        failed(trajectory, error)
        if report is not None:
            report(min(begin + BATCH, len(trajectories)), len(trajectories))
    return out, failures
