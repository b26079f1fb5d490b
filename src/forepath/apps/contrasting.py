"""Two prompts, or one prompt and two models: sampled anew, read by one codebook, and handed to `effects.compare`.

Between two runs the unit is a prompt; here it is a text: what is found holds for these prompts and says nothing of
others. The two sides have seeds of their own, so that a pair of texts shares no luck.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from forepath.apps.comparing import intervention_of
from forepath.apps.labelling import observed
from forepath.apps.monitoring import run_labeller
from forepath.apps.runs import OpenRun
from forepath.effects.comparing import Rules, compare
from forepath.effects.comparison import Comparison
from forepath.effects.doubts import FEW_PROMPTS
from forepath.errors import InputError, MismatchError
from forepath.records import Segment, Trajectory
from forepath.subjects.sampling import sample
from forepath.themes.labelling import label_all

CAVEAT = (
    "These are texts of one prompt on each side: the intervals say how sure the shift between these two is, and "
    "nothing of prompts or models in general."
)


def compare_prompts(
    before: tuple[OpenRun, str],
    after: tuple[OpenRun, str],
    *,
    samples: int = 64,
    seed: int = 0,
    rules: Rules = Rules(),
    turn: Callable[[OpenRun], AbstractContextManager[None]] = lambda run: nullcontext(),
) -> Comparison:
    """What is written after the one prompt and not after the other: `samples` texts of each, under each run's policy
    and, where it was made by one, its intervention.

    `turn`: have a run's subject to oneself while it writes. Raises `MismatchError` unless both runs are read by one
    codebook, `InputError` for fewer than 30 samples, `PromptError` for a prompt that does not fit.
    """
    if before[0].codebook.id != after[0].codebook.id:
        raise MismatchError(
            f"{before[0].path} is read by codebook {before[0].codebook.id}, {after[0].path} by {after[0].codebook.id}: "
            "the same name may mean two things; make one of them with `run --codebook`"
        )
    if samples < FEW_PROMPTS:
        raise InputError(f"{samples} samples of each prompt; at least {FEW_PROMPTS} are needed to say anything")
    sides = [_written(run, prompt, side, samples, seed, turn)
             for side, (run, prompt) in (("before", before), ("after", after))]  # fmt: skip
    found = compare(*sides, rules=rules)
    return replace(found, doubts=(CAVEAT, *found.doubts))


def _written(
    run: OpenRun, prompt: str, side: str, samples: int, seed: int,
    turn: Callable[[OpenRun], AbstractContextManager[None]],
) -> list[Trajectory]:  # fmt: skip
    """Labelled texts as if each were of a prompt of its own."""
    with turn(run):
        texts, _ = sample(
            run.subject, [prompt], prompt_ids=[side], samples=samples, seed=seed, policy=run.settings.policy,
            intervention=intervention_of(run),
        )  # fmt: skip
    failed: set[str] = set()
    read, _ = label_all(texts, run_labeller(run), failed=lambda t, error: failed.add(t.id))
    read = [replace(t, segments=(Segment(0, len(t.text)),)) if t.id in failed else observed(t) for t in read]
    return [replace(t, id=f"{i}/0", prompt_id=str(i), prompt="") for i, t in enumerate(read)]
