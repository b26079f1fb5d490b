"""What a run's subject writes after some of its prompts, perhaps changed: sampled anew and read as the run reads."""

from __future__ import annotations

from collections.abc import Sequence

from forepath.apps.labelling import observed_chain
from forepath.apps.runs import OpenRun
from forepath.protocols import Labeller
from forepath.records import Chain, Intervention, Policy
from forepath.store import Prompt
from forepath.subjects.sampling import sample
from forepath.themes.labelling import label_all


def written_chains(
    base: OpenRun,
    labeller: Labeller,
    prompts: Sequence[Prompt],
    *,
    samples: int,
    policy: Policy | None = None,
    change: Intervention | None = None,
) -> tuple[list[list[Chain]], int]:
    """(the chains of each prompt's texts, tokens written). Seeds are the run's, so that its texts are their partners.

    A text that could not be labelled has an empty chain: nothing of it was observed.
    """
    settings, failed = base.settings, set[str]()
    texts, _ = sample(base.subject, [p.text for p in prompts], prompt_ids=[p.id for p in prompts], samples=samples,
                      seed=settings.seed, policy=policy or settings.policy, intervention=change)  # fmt: skip
    read, _ = label_all(texts, labeller, failed=lambda t, error: failed.add(t.id))
    chains: list[Chain] = [() if t.id in failed else observed_chain(t) for t in read]
    return [chains[i : i + samples] for i in range(0, len(chains), samples)], sum(len(t.tokens) for t in texts)
