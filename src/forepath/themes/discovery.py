"""Finds the themes of many texts: clusters of segments, their number chosen by stability, named by their words.

Never sees a truth or a label. Knows nothing of trajectories: texts in, a `Codebook` out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from forepath.errors import InputError
from forepath.records import END, OTHER
from forepath.themes.calibration import calibrate
from forepath.themes.codebook import Codebook, Theme
from forepath.themes.embeddings import Embedder, TfidfEmbedder, unit
from forepath.themes.segmentation import blocks, segment
from forepath.themes.terms import words

CANDIDATES = (4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 56, 64)
"""Numbers of themes tried. None is tried that would leave fewer than `LEAST_MEMBERS` segments a theme on average."""
LEAST_MEMBERS = 15
LEAST_SHARE = 0.003
"""A smaller cluster is no theme: its segments become `other`."""
STABILITY_SEGMENTS = 2500
"""Segments on which stability is measured: more change it little and cost time."""
RESAMPLES = 4
STABILITY_STARTS = 5
"""Of each clustering of a subset: with one, the curve shows how often k-means fails, not how steady the themes are."""
STARTS = 12
MEDOIDS = 3
LONGEST_EXAMPLE = 300


def discover(
    texts: Sequence[str],
    *,
    embedder: Embedder | None = None,
    candidates: Sequence[int] = CANDIDATES,
    most_segments: int = 6000,
    seed: int = 0,
) -> Codebook:
    """A codebook of the themes of `texts` (continuations without their prompts).

    Spherical k-means over segment embeddings. Of `candidates`, the number of themes is the one whose clusterings of
    random 70 % subsets agree best on all segments (mean pairwise adjusted Rand index; Ben-Hur et al. 2002), or the
    smallest within one standard error of it. `embedder` defaults to TF-IDF + SVD fitted here, which travels inside
    the codebook; any other must be brought to `labeller_of`.
    Deterministic given `seed`. Raises `InputError` for fewer than 2 x `LEAST_MEMBERS` segments.
    """
    rng = np.random.default_rng(seed)
    texts = _some([t for t in texts if t.strip()], most_segments, rng)
    segments = [t[s.start : s.stop] for t in texts for s in segment(t)]
    if len(segments) < 2 * LEAST_MEMBERS:
        raise InputError(
            f"{len(segments)} segments are too few to find themes in, at least {2 * LEAST_MEMBERS} are needed: "
            "sample more texts, or bring a codebook"
        )
    tool = TfidfEmbedder.fit(segments, seed=seed) if embedder is None else embedder
    # Cut again, now that long blocks can be searched for change points: few texts have any.
    segments = [t[s.start : s.stop] for t in texts for s in segment(t, tool.embed)]
    vectors = unit(tool.embed(segments))
    different = len(np.unique(vectors.round(4), axis=0))
    if different < 4:
        raise InputError(
            f"{len(segments)} segments, but only {different} different ones: bring more varied texts, or a codebook"
        )
    most = min(len(segments) // LEAST_MEMBERS, different // 2)
    # The same subsets for every number: what differs is the number.
    stability = {k: agreement(vectors, k, np.random.default_rng([seed, 1])) for k in candidates if 2 <= k <= most}
    k = steadiest(stability)
    labels, centroids = cluster(vectors, k, seed=seed, starts=STARTS)
    sizes = np.bincount(labels, minlength=k)
    kept = [int(c) for c in np.flatnonzero(sizes >= max(2, LEAST_SHARE * len(segments)))]
    names = theme_names(segments, labels, kept)
    themes = tuple(
        Theme(
            names[c][0],
            ", ".join(names[c][1]),
            _medoids(segments, vectors @ centroids[c], labels == c),
            centroid=tuple(round(float(v), 5) for v in centroids[c]),
            share=round(float(sizes[c] / len(segments)), 4),
        )
        for c in kept
    )
    decoding = calibrate(texts, lambda pieces: tool.embed(pieces) @ centroids[kept].T, seed=seed)
    checks = {
        "texts": len(texts),
        "segments": len(segments),
        "clusters": k,
        "stability": {str(n): round(mean, 4) for n, (mean, _) in stability.items()},
        "dropped_share": round(float(1 - sizes[kept].sum() / len(segments)), 4),
    }
    return Codebook(themes, described(tool), decoding, checks)


def described(embedder: Embedder) -> dict[str, Any]:
    """What a codebook keeps of its embedder: all of a TF-IDF one, the name of any other."""
    return embedder.to_json() if isinstance(embedder, TfidfEmbedder) else {"kind": "named", "name": embedder.name}


def cluster(vectors: np.ndarray, k: int, *, seed: int, starts: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """((n,) labels, (k, d) unit centroids) of spherical k-means: by cosine, on (n, d) unit rows; the best of `starts`.

    On unit rows Euclidean k-means has the cosine objective but for the length of the centroids.
    """
    from sklearn.cluster import KMeans

    centroids = unit(KMeans(k, n_init=starts, random_state=seed).fit(vectors).cluster_centers_)
    return (vectors @ centroids.T).argmax(axis=1), centroids


def steadiest(stability: Mapping[int, tuple[float, float]]) -> int:
    """The smallest number of themes whose stability (mean, standard error) is within one error of the best: that of
    their difference.

    >>> steadiest({2: (0.5, 0.01), 4: (0.79, 0.02), 8: (0.8, 0.02)})
    4
    """
    if not stability:
        return 2
    best, error = max(stability.values())
    return min(k for k, (value, own) in stability.items() if value >= best - float(np.hypot(error, own)))


def agreement(vectors: np.ndarray, k: int, rng: np.random.Generator) -> tuple[float, float]:
    """Stability of k clusters, in [-1, 1]: mean pairwise adjusted Rand index over clusterings of 70 % subsets.

    With its standard error, counting the subsets as independent and not their pairs.
    """
    from sklearn.metrics import adjusted_rand_score

    if len(vectors) > STABILITY_SEGMENTS:
        vectors = vectors[rng.choice(len(vectors), STABILITY_SEGMENTS, replace=False)]
    labellings = []
    for _ in range(RESAMPLES):
        chosen = rng.choice(len(vectors), int(0.7 * len(vectors)), replace=False)
        _, centroids = cluster(vectors[chosen], k, seed=int(rng.integers(2**31)), starts=STABILITY_STARTS)
        labellings.append((vectors @ centroids.T).argmax(axis=1))
    pairs = [adjusted_rand_score(a, b) for a, b in combinations(labellings, 2)]
    return float(np.mean(pairs)), float(np.std(pairs) / np.sqrt(RESAMPLES))


def theme_names(
    segments: Sequence[str], labels: np.ndarray, kept: Sequence[int], most: int = 8
) -> dict[int, tuple[str, list[str]]]:
    """Cluster -> (a name of two words that no other has, its `most` telling words).

    Words are ranked by class-based TF-IDF (Grootendorst 2022): share in the class x log(1 + mean class size / total).
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    counts: dict[int, Counter[str]] = {c: Counter() for c in kept}
    total: Counter[str] = Counter()
    for text, label in zip(segments, labels, strict=True):
        told = Counter(w for w in words(text) if len(w) > 2 and w not in ENGLISH_STOP_WORDS)
        total += told
        if int(label) in counts:
            counts[int(label)] += told
    mean_size = sum(total.values()) / max(len(counts), 1)
    out: dict[int, tuple[str, list[str]]] = {}
    taken = {OTHER, END}
    for c, told in counts.items():
        size = max(told.total(), 1)
        weight = {w: n / size * np.log1p(mean_size / total[w]) for w, n in told.items()}
        ranked = sorted(weight, key=lambda w: (-weight[w], w))[:most]
        options = ["-".join(pair) for pair in combinations(ranked, 2)] or ranked
        name = next((o for o in options if o not in taken), f"theme-{c}")
        taken.add(name)
        out[c] = (name, ranked)
    return out


def _some(texts: list[str], most_segments: int, rng: np.random.Generator) -> list[str]:
    """Texts in random order until they hold `most_segments` segments."""
    chosen, held = [], 0
    for i in rng.permutation(len(texts)):
        if held >= most_segments:
            break
        chosen.append(texts[i])
        held += len(blocks(texts[i]))
    return chosen


def _medoids(segments: Sequence[str], cosines: np.ndarray, members: np.ndarray) -> tuple[str, ...]:
    """The different members nearest to their centroid, shortened."""
    nearest = sorted((int(i) for i in np.flatnonzero(members)), key=lambda i: -cosines[i])
    return tuple(dict.fromkeys(segments[i][:LONGEST_EXAMPLE] for i in nearest))[:MEDOIDS]
