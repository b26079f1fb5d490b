"""The contracts that plug-ins must pass, shipped so that their authors can run them: `check_subject`.

A check raises `ContractError` naming what was broken; passing returns nothing. Knows nothing of any implementation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forepath.errors import ContractError
from forepath.protocols import Subject
from forepath.records import Policy, Step


def check_subject(
    subject: Subject, prompts: Sequence[str], *, capture: Sequence[str] = (), max_tokens: int = 12
) -> None:
    """Run a subject on `prompts` (at least 2, different) and raise `ContractError` where it breaks its protocol.

    Checked: the same seeds give the same output; other seeds some other output; row i depends on prompts[i] and
    seeds[i] only; a finished row stays finished, writes None and reads NaN; live rows read finite activations of one
    width; nothing handed over is changed.
    """
    if len(set(prompts)) < 2:
        raise ContractError(f"check_subject needs at least 2 different prompts; got {list(prompts)}")
    policy = Policy(max_tokens=max_tokens)
    given, seeds = list(prompts), [11 + 7 * i for i in range(len(prompts))]
    steps = list(subject.stream(given, seeds=seeds, policy=policy, capture=capture))
    if given != list(prompts) or seeds != [11 + 7 * i for i in range(len(prompts))]:
        raise ContractError(f"{subject.name}: stream() changed the prompts or seeds it was given")
    if not isinstance(subject.fingerprint, str) or not subject.fingerprint:
        raise ContractError(
            f"{subject.name}: fingerprint must be a text that is not empty; got {subject.fingerprint!r}"
        )
    _check_steps(subject, steps, len(given), capture, max_tokens)
    written = _written(steps)
    if _written(subject.stream(given, seeds=seeds, policy=policy)) != written:
        raise ContractError(f"{subject.name}: the same prompts and seeds gave another output the second time")
    for i, prompt in enumerate(given):
        alone = _written(subject.stream([prompt], seeds=[seeds[i]], policy=policy))
        if alone[0] != written[i]:
            raise ContractError(
                f"{subject.name}: row {i} wrote {written[i]} in a batch of {len(given)} but {alone[0]} alone; "
                "row i must depend on prompts[i] and seeds[i] only"
            )
    others = [_written(subject.stream(given, seeds=[s + n for s in seeds], policy=policy)) for n in (1, 2, 3)]
    if all(other == written for other in others):
        raise ContractError(f"{subject.name}: four sets of seeds gave one output; seeds must matter")
    if not isinstance(subject.decode([t for t in written[0] if t is not None]), str):
        raise ContractError(f"{subject.name}: decode() must return a text")


def _written(steps: Any) -> list[list[int]]:
    rows = [step.tokens for step in steps]
    return [[t for t in row if t is not None] for row in zip(*rows, strict=True)]


def _check_steps(subject: Subject, steps: list[Step], rows: int, capture: Sequence[str], max_tokens: int) -> None:
    finished = [False] * rows
    if not 1 <= len(steps) <= max_tokens:
        raise ContractError(f"{subject.name}: {len(steps)} steps; wanted 1 to max_tokens={max_tokens}")
    for n, step in enumerate(steps):
        if len(step.tokens) != rows or len(step.ended) != rows:
            raise ContractError(f"{subject.name}: step {n} has {len(step.tokens)} tokens for {rows} prompts")
        if set(step.activations) != set(capture):
            raise ContractError(f"{subject.name}: step {n} captured {sorted(step.activations)}; wanted {list(capture)}")
        for i, token in enumerate(step.tokens):
            if (token is None) != finished[i]:
                raise ContractError(
                    f"{subject.name}: step {n}, row {i}, {'finished' if finished[i] else 'live'}: wrote {token}; a "
                    "finished row writes None, a live one an int"
                )
            if finished[i] and not step.ended[i]:
                raise ContractError(f"{subject.name}: step {n}: row {i} had finished and is live again")
        for site, values in step.activations.items():
            _check_activations(f"{subject.name}: step {n}, {site!r}", np.asarray(values), np.array(finished))
        finished = list(step.ended)
    if not all(finished):
        raise ContractError(f"{subject.name}: rows {np.flatnonzero(~np.array(finished)).tolist()} never finished")


def _check_activations(where: str, values: np.ndarray, finished: np.ndarray) -> None:
    if values.ndim != 2 or len(values) != len(finished):
        raise ContractError(f"{where}: activations of shape {values.shape}; wanted ({len(finished)}, width)")
    if not np.isfinite(values[~finished]).all():
        raise ContractError(f"{where}: activations of live rows must be finite")
    if not np.isnan(values[finished]).all():
        raise ContractError(f"{where}: activations of finished rows must be NaN")
