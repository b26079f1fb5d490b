"""Interventions that any subject can take, an endpoint too: other prompts, another sampling policy.

Knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from forepath.errors import InterventionError
from forepath.records import Intervention, Policy
from forepath.subjects.interventions.making import OUTSIDE, check


@dataclass(frozen=True, slots=True)
class Outside:
    """What a subject is to be given instead."""

    prompts: tuple[str, ...]
    policy: Policy
    system: str | None
    """A system turn; None: as without the intervention."""
    inside: tuple[Intervention, ...]
    """The parts that only a subject whose inside is open can take."""


def split(intervention: Intervention | None, prompts: Sequence[str], policy: Policy) -> Outside:
    """Apply the parts of kind "prompt" and "policy", in order. Raises `InterventionError` for an unknown kind."""
    given, system, inside = list(prompts), None, []
    for part in () if intervention is None else check(intervention):
        if part.kind == "prompt":
            system = part.params.get("system", system)
            given = [f"{part.params.get('prefix', '')}{p}{part.params.get('suffix', '')}" for p in given]
        elif part.kind == "policy":
            changed: dict[str, Any] = {k: tuple(v) if k == "stop" else v for k, v in part.params.items()}
            policy = replace(policy, **changed)
        else:
            inside.append(part)
    return Outside(tuple(given), policy, system, tuple(inside))


def closed(intervention: Intervention | None, prompts: Sequence[str], policy: Policy, name: str) -> Outside:
    """`split` for a subject whose inside cannot be reached. Raises `InterventionError` for any other kind of part."""
    outside = split(intervention, prompts, policy)
    if outside.inside:
        kinds = ", ".join(sorted({p.kind for p in outside.inside}))
        raise InterventionError(
            f"{name} cannot be changed inside: given was {kinds}; a closed "
            f"subject takes {' and '.join(sorted(OUTSIDE))} only; load the model itself to change more"
        )
    return outside
