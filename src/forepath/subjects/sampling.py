"""Many continuations of many prompts, as trajectories: `sample`.

Works with any `Subject`: knows nothing of models. Rows go to the subject a fixed number at a time, whole prompts
together where they fit, so that the prompt is read once for all of its rows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from forepath.errors import InputError
from forepath.protocols import Subject
from forepath.records import Intervention, Policy, Trajectory
from forepath.subjects.interventions.outside import split
from forepath.subjects.noise import trajectory_seed

DEFAULT_ROWS = 256
"""Rows alive at once, for a subject that does not say (`max_rows`)."""


def sample(
    subject: Subject,
    prompts: Sequence[str],
    *,
    prompt_ids: Sequence[str] | None = None,
    samples: int = 1,
    seed: int = 0,
    policy: Policy = Policy(),
    capture: Sequence[str] = (),
    intervention: Intervention | None = None,
    touches: Any = None,
    max_rows: int | None = None,
    report: Callable[[int, int], None] | None = None,
) -> tuple[list[Trajectory], dict[str, np.ndarray]]:
    """(`samples` trajectories of each prompt, in order; {site: (prompts, width)} activations of the prompts).

    A trajectory is decided by the subject, its prompt's text and id, its number and `seed`: not by the other prompts,
    and by `max_rows` (rows alive at once: it bounds the memory) only through floating-point near-ties. `prompt_ids`
    are "0", "1", ... by default. `report(done, total)` is called as trajectories are finished. `intervention` is in
    force while the subject reads and writes; `touches` (`interventions.touches.Touches`) counts what it changed, for
    subjects that count.
    """
    ids = [str(i) for i in range(len(prompts))] if prompt_ids is None else list(prompt_ids)
    if len(ids) != len(prompts) or len(set(ids)) != len(ids):
        raise InputError(f"{len(prompts)} prompts and {len(set(ids))} different ids of {len(ids)}; wanted one id each")
    if samples < 1 or (max_rows is not None and max_rows < 1):
        raise InputError(f"samples and max_rows must be at least 1; got {samples} and {max_rows}")
    policy = split(intervention, (), policy).policy  # a subject may change it again: that changes nothing
    alive = max_rows or int(getattr(subject, "max_rows", DEFAULT_ROWS))
    rows = [(p, s) for p in range(len(prompts)) for s in range(samples)]
    out: list[Trajectory] = []
    captured: dict[str, np.ndarray] = {}
    for chunk in _chunks(rows, samples, alive):
        seeds = [trajectory_seed(seed, ids[p], s) for p, s in chunk]
        extra = {"intervention": intervention} | ({} if touches is None else {"touches": touches})
        texts, activations = _run(subject, [prompts[p] for p, _ in chunk], seeds, policy, capture, extra)
        for (p, s), row_seed, (tokens, ended) in zip(chunk, seeds, texts, strict=True):
            written, text, finished = _finish(subject, tokens, ended, policy)
            out.append(
                Trajectory(f"{ids[p]}/{s}", subject.fingerprint, ids[p], prompts[p], row_seed, written, text, finished,
                           intervention)
            )  # fmt: skip
        for site, values in activations.items():
            whole = captured.setdefault(site, np.full((len(prompts), values.shape[1]), np.nan, values.dtype))
            whole[[p for p, _ in chunk]] = values
        if report is not None:
            report(len(out), len(rows))
    return out, captured


def _chunks(rows: list[tuple[int, int]], samples: int, alive: int) -> list[list[tuple[int, int]]]:
    """Consecutive rows, at most `alive` at a time; prompts are split only where one alone does not fit.

    >>> [len(c) for c in _chunks([(p, s) for p in range(3) for s in range(4)], 4, 9)]
    [8, 4]
    """
    if samples <= alive:
        size = alive // samples * samples
        return [rows[i : i + size] for i in range(0, len(rows), size)]
    of_prompt = [rows[i : i + samples] for i in range(0, len(rows), samples)]
    return [mine[i : i + alive] for mine in of_prompt for i in range(0, samples, alive)]


def _run(
    subject: Subject,
    prompts: list[str],
    seeds: list[int],
    policy: Policy,
    capture: Sequence[str],
    extra: dict[str, Any],
) -> tuple[list[tuple[list[int], bool]], dict[str, np.ndarray]]:
    """([(tokens, ended before it was cut off) of each row], activations of the first step)."""
    # A subject may offer to spare itself the captures after the prompt; the protocol does not ask for it.
    spare = "capture_steps" in inspect.signature(subject.stream).parameters
    extra = extra | ({"capture_steps": 1} if spare else {})
    tokens: list[list[int]] = [[] for _ in prompts]
    activations: dict[str, np.ndarray] = {}
    for n, step in enumerate(subject.stream(prompts, seeds=seeds, policy=policy, capture=capture, **extra)):
        for row, token in zip(tokens, step.tokens, strict=True):
            if token is not None:
                row.append(token)
        if n == 0:
            activations = dict(step.activations)
    return [(row, len(row) < policy.max_tokens) for row in tokens], activations


def _finish(subject: Subject, tokens: list[int], ended: bool, policy: Policy) -> tuple[tuple[int, ...], str, bool]:
    """(tokens without the end token, text without the stop text, whether the subject ended by itself)."""
    if tokens and tokens[-1] in getattr(subject, "end_ids", ()):
        tokens, ended = tokens[:-1], True
    text = subject.decode(tokens)
    stops = [text.find(stop) for stop in policy.stop if stop in text]
    return tuple(tokens), text[: min(stops)] if stops else text, ended or bool(stops)
