"""How near a model comes to the grammar it was trained on: its loss beside the exact one, its themes beside theirs.

The grammar's own -log P of a document is the least loss any model can have on average, so the two are compared on
the same documents. Themes: a model's continuations of prompts are read by the grammar's templates and set beside the
exact posterior. Does not know how the model was trained, nor writes cards (`cards`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from forepath.organisms.documents import TEST, encode, token_losses
from forepath.organisms.intervals import ratio_interval
from forepath.records import OTHER, UNKNOWN, Chain, Policy, Trajectory, futures_of
from forepath.worlds.posterior import log_prob, posterior
from forepath.worlds.recognise import TruthLabeller

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject
    from forepath.worlds.grammar import Grammar


@dataclass(frozen=True, slots=True)
class LossReport:
    """Loss of a model on held-out documents beside the exact -log P of the same documents."""

    documents: int
    tokens: int
    """Predicted, the end of each document included."""
    model: float
    """Nats per token."""
    exact: float
    """Nats per token: the grammar's own."""
    ratio: float
    """model / exact; 1 is perfect."""
    low: float
    """Lower end of the 95 % bootstrap interval of the ratio, over documents."""
    high: float


@dataclass(frozen=True, slots=True)
class ThemeReport:
    """Themes that a model writes beside the exact odds, by step (1 is the next theme)."""

    prompts: int
    samples: int
    """Continuations of each prompt."""
    unreadable: float
    """Share of continuations in which some sentence is no template's; what follows it counts as not observed."""
    cut_off: float
    """Share of continuations that did not end by themselves."""
    faithful: float
    """Share of the continuations that ended of which prompt and text together are a document of the grammar."""
    distance: tuple[float, ...]
    """Total variation between the model's themes and the exact odds, mean over prompts, by step."""
    sampling: tuple[float, ...]
    """What the same number of samples from the exact odds would show: the part of `distance` that is only chance."""
    pooled: tuple[float, ...]
    """Total variation after averaging over the prompts: chance is nearly gone, errors that cancel are too."""


def measure_loss(
    subject: HuggingFaceSubject, grammar: Grammar, *, documents: int = 1000, seed: int = TEST
) -> LossReport:
    """Score `documents` held-out documents, in the type the model was loaded in.

    A document longer than the model's context would be cut and is drawn anew: never seen in practice.
    """
    texts = [d.text for d in grammar.documents(seed, documents)]
    rows = encode(texts, subject.tokenizer, subject.context or 10**6)
    whole = [i for i, row in enumerate(rows) if row[-1] == subject.tokenizer.eos_token_id]
    model = np.array([float(losses.sum()) for losses in token_losses(subject.model, [rows[i] for i in whole])])
    exact = np.array([-log_prob(grammar, texts[i]) for i in whole])
    tokens = sum(len(rows[i]) - 1 for i in whole)
    low, high = ratio_interval(model, exact)
    total = float(model.sum()), float(exact.sum())
    return LossReport(len(whole), tokens, total[0] / tokens, total[1] / tokens, total[0] / total[1], low, high)


def measure_themes(
    subject: HuggingFaceSubject,
    grammar: Grammar,
    *,
    prompts: int = 64,
    samples: int = 32,
    horizon: int = 5,
    seed: int = TEST,
    max_tokens: int = 400,
    report: Callable[[int, int], None] | None = None,
) -> ThemeReport:
    """Continue held-out prompts and compare the themes of steps 1..`horizon` with the exact odds."""
    from forepath.subjects.sampling import sample

    texts = [p.text for p in grammar.prompts(seed, prompts)]
    written, _ = sample(subject, texts, samples=samples, seed=seed, policy=Policy(max_tokens=max_tokens), report=report)
    labeller = TruthLabeller(grammar)
    labelled = [labeller.label(t) for t in written]
    slips = sum(any(s.theme == OTHER for s in t.segments) for t in labelled)
    chains = [[_readable(t) for t in labelled if t.prompt_id == str(i)] for i in range(prompts)]
    ended = [t for t in written if t.finished]
    faithful = [bool(np.isfinite(log_prob(grammar, t.prompt + t.text))) for t in ended[:: max(1, len(ended) // 400)]]
    exact = np.stack([posterior(grammar, text).marginals(horizon) for text in texts])
    distance, chance, pooled = _distances(chains, exact, grammar.themes, np.random.default_rng(seed))
    return ThemeReport(
        prompts, samples, slips / len(written), 1 - len(ended) / len(written),
        float(np.mean(faithful)) if faithful else float("nan"), distance, chance, pooled,
    )  # fmt: skip


def _readable(trajectory: Trajectory) -> Chain:
    """The chain up to the first sentence that is no template's: from there on the grammar has no odds to compare."""
    whole = list(takewhile(lambda segment: segment.theme != OTHER, trajectory.segments))
    finished = trajectory.finished and len(whole) == len(trajectory.segments)
    return replace(trajectory, segments=tuple(whole), finished=finished).chain


def _distances(
    chains: Sequence[Sequence[Chain]], exact: np.ndarray, themes: tuple[str, ...], rng: np.random.Generator
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """(mean total variation, the same of exact samples of equal number, of the averages) by step.

    `exact` (prompts, horizon, themes). A prompt none of whose samples was observed at a step does not count there; a
    step that no prompt has is NaN.
    """
    distance: list[float] = []
    chance: list[float] = []
    pooled: list[float] = []
    for h in range(exact.shape[1]):
        shares, odds, by_chance = [], [], []
        for row, truth in zip(chains, exact[:, h], strict=True):
            seen = futures_of([list(row)], themes, h + 1).steps[0, :, h]
            counts = np.bincount(seen[seen != UNKNOWN], minlength=len(themes))
            if not counts.sum():
                continue
            shares.append(counts / counts.sum())
            odds.append(truth)
            drawn = rng.multinomial(counts.sum(), truth / truth.sum(), size=50) / counts.sum()
            by_chance.append(np.abs(drawn - truth).sum(axis=1).mean() / 2)
        if not shares:
            for column in (distance, chance, pooled):
                column.append(float("nan"))
            continue
        found, truths = np.array(shares), np.array(odds)
        distance.append(float(np.abs(found - truths).sum(axis=1).mean() / 2))
        chance.append(float(np.mean(by_chance)))
        pooled.append(float(np.abs(found.mean(axis=0) - truths.mean(axis=0)).sum() / 2))
    return tuple(distance), tuple(chance), tuple(pooled)
