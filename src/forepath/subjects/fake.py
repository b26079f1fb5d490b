"""The smallest subject: a walk over the alphabet that ends by chance. For tests, and to read as an example."""

from collections.abc import Iterator, Sequence

import numpy as np

from forepath.records import Intervention, Policy, Step
from forepath.subjects.interventions.outside import closed
from forepath.subjects.noise import uniforms


class FakeSubject:
    """Writes random letters "a" to "y" after any prompt and stops at "z", with odds of 1 in 26."""

    name = "fake"
    fingerprint = "fake-1"
    end_ids = frozenset({25})

    def stream(
        self,
        prompts: Sequence[str],
        *,
        seeds: Sequence[int],
        policy: Policy = Policy(),
        capture: Sequence[str] = (),
        intervention: Intervention | None = None,
    ) -> Iterator[Step]:
        """Row i depends on prompts[i] and seeds[i] only. Any capture site is the letter about to be written."""
        given = closed(intervention, prompts, policy, self.name)
        return self._write(given.prompts, seeds, given.policy, capture)

    def _write(
        self, prompts: Sequence[str], seeds: Sequence[int], policy: Policy, capture: Sequence[str]
    ) -> Iterator[Step]:
        keys = np.array([s + 1000003 * len(p) for s, p in zip(seeds, prompts, strict=True)], dtype=np.uint64)
        live = np.ones(len(prompts), dtype=bool)
        for n in range(policy.max_tokens):
            letters = (uniforms(keys, n) * 26).astype(int)
            read = {site: np.where(live, letters, np.nan)[:, None] for site in capture}
            tokens = tuple(int(t) if on else None for t, on in zip(letters, live, strict=True))
            live &= (letters != 25) & (n + 1 < policy.max_tokens)
            yield Step(tokens, tuple((~live).tolist()), read)
            if not live.any():
                return

    def decode(self, tokens: Sequence[int]) -> str:
        """Letters; the end token has none."""
        return "".join(chr(97 + t) for t in tokens if t != 25)
