"""Many continuations of many prompts, as trajectories: `sample`.

Works with any `Subject`: knows nothing of models. Rows go to the subject a fixed number at a time, whole prompts
together where they fit, so that the prompt is read once for all of its rows; prompts of like length together, so that
little is padded. A subject that says it can (`cores`) writes several such chunks at once, each in a thread of its own:
for a small model that is faster than dividing every operation. The longest go first, lest one core wait for another.
"""

from __future__ import annotations

import hashlib
import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from forepath.errors import InputError
from forepath.protocols import Subject
from forepath.records import Intervention, Policy, Trajectory
from forepath.subjects.interventions.outside import split
from forepath.subjects.noise import trajectory_seed

DEFAULT_ROWS = 256
"""Rows written together, for a subject that does not say (`max_rows`)."""

_Row = tuple[int, int]
"""(prompt, sample)"""
_Written = tuple[list[tuple[list[int], bool]], dict[str, np.ndarray]]
"""([(tokens, ended before it was cut off) of each row], activations of the first step)"""


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
    and by `max_rows` (rows alive at once: it bounds the memory, and nothing else is then written beside them) only
    through floating-point near-ties. `prompt_ids` are hashes of the texts by default (a text that comes again gets a
    number), so that a prompt has the same continuations wherever it stands. `report(done, total)` is called as
    trajectories are finished. `intervention` is in force while the subject reads and writes; `touches`
    (`interventions.touches.Touches`) counts what it changed, for subjects that count.
    """
    ids = _ids(prompts) if prompt_ids is None else list(prompt_ids)
    if len(ids) != len(prompts) or len(set(ids)) != len(ids):
        raise InputError(f"{len(prompts)} prompts and {len(set(ids))} different ids of {len(ids)}; wanted one id each")
    if samples < 1 or (max_rows is not None and max_rows < 1):
        raise InputError(f"samples and max_rows must be at least 1; got {samples} and {max_rows}")
    policy = split(intervention, (), policy).policy  # a subject may change it again: that changes nothing
    alive = max_rows or int(getattr(subject, "max_rows", DEFAULT_ROWS))
    order = sorted(range(len(prompts)), key=lambda p: -len(prompts[p]))
    chunks = _chunks([(p, s) for p in order for s in range(samples)], samples, alive)
    seeds = {(p, s): trajectory_seed(seed, ids[p], s) for p in order for s in range(samples)}
    extra = {"intervention": intervention} | ({} if touches is None else {"touches": touches})

    def write(chunk: list[_Row]) -> _Written:
        return _run(subject, [prompts[p] for p, _ in chunk], [seeds[r] for r in chunk], policy, capture, extra)

    cores = 1 if max_rows or intervention is not None else int(getattr(subject, "cores", 1))
    out: dict[_Row, Trajectory] = {}
    captured: dict[str, np.ndarray] = {}
    for chunk, (texts, activations) in zip(chunks, _in_order(write, chunks, subject, cores), strict=True):
        for (p, s), (tokens, ended) in zip(chunk, texts, strict=True):
            written, text, finished = _finish(subject, tokens, ended, policy)
            out[p, s] = Trajectory(f"{ids[p]}/{s}", subject.fingerprint, ids[p], prompts[p], seeds[p, s], written, text,
                                   finished, intervention)  # fmt: skip
        for site, values in activations.items():
            whole = captured.setdefault(site, np.full((len(prompts), values.shape[1]), np.nan, values.dtype))
            whole[[p for p, _ in chunk]] = values
        if report is not None:
            report(len(out), len(seeds))
    return [out[row] for row in sorted(out)], captured


def _ids(prompts: Sequence[str]) -> list[str]:
    """A hash of each text; one that comes again gets a number.

    >>> _ids(["a", "b", "a"]) == [*_ids(["a"]), *_ids(["b"]), _ids(["a"])[0] + "-2"]
    True
    """
    hashes = [hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:16] for prompt in prompts]
    times: Counter[str] = Counter()
    out = []
    for mark in hashes:
        times[mark] += 1
        out.append(mark if times[mark] == 1 else f"{mark}-{times[mark]}")
    return out


def _in_order(
    write: Callable[[list[_Row]], _Written], chunks: list[list[_Row]], subject: Subject, cores: int
) -> Iterator[_Written]:
    """What was written of each chunk, in order; as many at once as the subject has cores for."""
    workers = min(cores, len(chunks))
    if workers < 2:
        yield from map(write, chunks)
        return
    begin: Callable[[], None] = partial(subject.begin_worker, workers)  # type: ignore[attr-defined]
    pool = ThreadPoolExecutor(workers, initializer=begin)
    try:
        yield from pool.map(write, chunks)
    finally:
        pool.shutdown(cancel_futures=True)


def _chunks(rows: list[_Row], samples: int, alive: int) -> list[list[_Row]]:
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
) -> _Written:
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
