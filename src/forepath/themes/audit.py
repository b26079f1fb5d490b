"""The checks a codebook needs before its chains are believed: stability, label noise, `other`, and truth where known.

Knows nothing of how labels were made: labelled trajectories in, an `Audit` out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from forepath.errors import InputError
from forepath.records import OTHER, Futures, Segment, Trajectory
from forepath.themes.boundaries import BoundaryScores, score_boundaries, starts
from forepath.themes.codebook import Codebook
from forepath.themes.sentences import sentences

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class RoundAgreement:
    """How far two rounds of samples of the same prompts agree at one step: the noise no forecast can beat."""

    step: int
    """1 is the next theme."""
    same_likeliest: float
    """Share of prompts whose most frequent theme is the same in both rounds (ties: first by index), in [0, 1]."""
    total_variation: float
    """Mean distance of the two rounds' frequencies, in [0, 1]; 0 is equal."""
    prompts: int
    """Prompts observed in both rounds: the others could not be judged."""


@dataclass(frozen=True, slots=True)
class TruthAgreement:
    """Labels against the known themes and boundaries."""

    ami: float
    """Adjusted mutual information of true themes and of the labels that hold most of each true segment, at most 1."""
    boundaries: BoundaryScores
    no_boundary: BoundaryScores
    """Baseline: each text one segment."""
    every_sentence: BoundaryScores
    """Baseline: each sentence one segment."""
    segments: int
    """True segments judged."""
    unjudged: int
    """True segments whose theme is not known (None) or is none (`other`): in the boundaries, not in the AMI."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything to print beside a codebook. NaN or empty: could not be judged."""

    codebook: str
    themes: int
    stability: float
    """Mean adjusted Rand index of clusterings of resampled texts, at most 1; NaN if a user wrote the codebook."""
    share_of_other: float
    """Share of the labelled characters, in [0, 1]."""
    failures: int
    """Trajectories that could not be labelled."""
    rounds: tuple[RoundAgreement, ...] = ()
    truth: TruthAgreement | None = None
    cost: Mapping[str, int] = field(default_factory=dict)
    """What the labeller counted, by kind: requests, tokens, retries, answers outside the codebook; empty if nothing."""

    def to_json(self) -> dict[str, Any]:
        """Plain data; NaN becomes null."""
        data: dict[str, Any] = _plain(asdict(self))
        return data

    def lines(self) -> list[str]:
        """The checks as text, one line each."""
        out = [
            f"codebook {self.codebook}: {self.themes} themes, other, end",
            f"stability (bootstrap ARI)   {_shown(self.stability)}",
            f"share of other              {_shown(self.share_of_other)}",
            f"could not be labelled       {self.failures}",
        ]
        if self.cost:
            told = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in self.cost.items())
            out.append(f"labelling took              {told}")
        for r in self.rounds:
            out.append(
                f"two rounds, step {r.step}          {_shown(r.same_likeliest)} same likeliest theme, total variation "
                f"{_shown(r.total_variation)} ({r.prompts} prompts)"
            )
        if self.truth is not None:
            t = self.truth
            out.append(f"AMI with the true themes    {_shown(t.ami)} ({t.segments} segments, {t.unjudged} not judged)")
            for name, b in (("found", t.boundaries), ("none", t.no_boundary), ("every sentence", t.every_sentence)):
                out.append(
                    f"boundaries: {name:<15} Pk {_shown(b.pk)}  WindowDiff {_shown(b.window_diff)}  F1 {_shown(b.f1)}"
                )
        return out


def audit(
    codebook: Codebook,
    labelled: Iterable[Trajectory],
    *,
    failures: int = 0,
    rounds: tuple[Futures, Futures] | None = None,
    truth: Sequence[Sequence[Segment]] | None = None,
    cost: Mapping[str, int] | None = None,
) -> Audit:
    """All checks there is material for.

    `labelled` is gone through once, unless there is a truth. `rounds`: the futures of two independent rounds of samples
    of the same prompts. `truth`: for each of `labelled` its true segments. `cost`: what the labeller counted.
    """
    if truth is not None:
        labelled = list(labelled)
    stability = codebook.checks.get("stability", {})
    chosen = codebook.checks.get("clusters")
    return Audit(
        codebook.id,
        len(codebook.themes),
        float(stability.get(str(chosen), NAN)),
        share_of_other(labelled),
        failures,
        round_agreement(*rounds) if rounds else (),
        truth_agreement(list(labelled), truth) if truth is not None else None,
        cost or {},
    )


def share_of_other(labelled: Iterable[Trajectory]) -> float:
    """Share of the characters in segments that are `other`; NaN if there are none."""
    sizes: Counter[bool] = Counter()
    for t in labelled:
        for s in t.segments:
            sizes[s.theme == OTHER] += s.stop - s.start
    return sizes[True] / sizes.total() if sizes.total() else NAN


def round_agreement(first: Futures, second: Futures) -> tuple[RoundAgreement, ...]:
    """One row per step, from two independent rounds of samples of the same prompts: usually 10 each.

    Raises `InputError` if their prompts, horizon or themes differ.
    """
    if first.themes != second.themes or first.steps.shape[::2] != second.steps.shape[::2]:
        raise InputError(
            f"the rounds have {first.steps.shape} and {second.steps.shape} (prompts, samples, horizon) or other names; "
            "sample the same prompts twice and index both with one codebook"
        )
    a, seen_a = first.frequencies()
    b, seen_b = second.frequencies()
    out = []
    for h in range(a.shape[1]):
        both = (seen_a[:, h] > 0) & (seen_b[:, h] > 0)
        x, y = a[both, h], b[both, h]
        judged = bool(both.any())
        same = float(np.mean(x.argmax(axis=1) == y.argmax(axis=1))) if judged else NAN
        distance = float(np.mean(np.abs(x - y).sum(axis=1) / 2)) if judged else NAN
        out.append(RoundAgreement(h + 1, same, distance, int(both.sum())))
    return tuple(out)


def truth_agreement(labelled: Sequence[Trajectory], truth: Sequence[Sequence[Segment]]) -> TruthAgreement:
    """Labels and boundaries against the truth, beside the two baselines that know nothing."""
    from sklearn.metrics import adjusted_mutual_info_score

    true_themes: list[str] = []
    given: list[str] = []
    unjudged = 0
    for t, segments in zip(labelled, truth, strict=True):
        for s in segments:
            if s.theme in (None, OTHER):
                unjudged += 1
                continue
            true_themes.append(s.theme)
            given.append(held_by(t.segments, s))
    lengths = [len(t.text) for t in labelled]
    places = [starts(s) for s in truth]
    every = [[a for a, _ in sentences(t.text)[1:]] for t in labelled]
    return TruthAgreement(
        float(adjusted_mutual_info_score(true_themes, given)) if true_themes else NAN,
        score_boundaries(places, [starts(t.segments) for t in labelled], lengths),
        score_boundaries(places, [[] for _ in labelled], lengths),
        score_boundaries(places, every, lengths),
        len(true_themes),
        unjudged,
    )


def held_by(segments: Sequence[Segment], true: Segment) -> str:
    """The theme that holds most characters of a true segment; `other` if none holds any."""
    held: Counter[str] = Counter()
    for s in segments:
        overlap = min(s.stop, true.stop) - max(s.start, true.start)
        if overlap > 0 and s.theme is not None:
            held[s.theme] += overlap
    return held.most_common(1)[0][0] if held else OTHER


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and value != value else value


def _shown(value: float) -> str:
    return "could not be judged" if value != value else f"{value:.3f}"
