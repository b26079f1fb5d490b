"""A model behind an OpenAI-compatible endpoint: it writes, and nothing inside it can be read or changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from forepath.errors import InputError, SiteError
from forepath.records import Intervention, Policy, Step
from forepath.subjects.asking import Endpoint
from forepath.subjects.interventions.outside import closed

END = 0
"""The token that says that the model ended by itself."""
FILLER = 1
"""The token of no text, where a text that was cut off has fewer characters than tokens."""


@dataclass
class ClosedSubject:
    """Writes by asking `endpoint` for one completion per row, with the row's seed.

    Interventions of kind "prompt" and "policy" only. Equal seeds give equal texts only if the endpoint honours seeds.
    Its tokens are not the model's: each is a piece of the text, numbered as it came, so that texts and odds of themes
    can be compared and tokens cannot. `chat`: hand the prompt over as a user's turn (a system turn needs that).
    """

    endpoint: Endpoint
    model: str
    chat: bool = True

    def __post_init__(self) -> None:
        self.name = self.model
        mark = json.dumps([self.endpoint.url, self.model, self.chat])
        self.fingerprint = f"endpoint-{hashlib.sha256(mark.encode()).hexdigest()[:16]}"
        """Of the address and the model's name: what is behind them may change without a sign."""
        self.end_ids = frozenset({END})
        self._pieces, self._numbers = ["", ""], {"": FILLER}

    def stream(
        self,
        prompts: Sequence[str],
        *,
        seeds: Sequence[int],
        policy: Policy = Policy(),
        capture: Sequence[str] = (),
        intervention: Intervention | None = None,
    ) -> Iterator[Step]:
        """One output per prompt. Raises `SiteError` if anything is to be read, `InterventionError` for what needs the
        inside, `SubjectError` where an answer is missing, `InputError` if the endpoint is down.
        """
        if capture:
            raise SiteError(
                f"{self.name} is closed: {', '.join(capture)} cannot be read; load the model itself for that"
            )
        given = closed(intervention, prompts, policy, self.name)
        if given.system is not None and not self.chat:
            raise InputError("a system turn needs chat=True: a plain completion has no turns")
        return self._write(given.prompts, seeds, given.policy, given.system)

    def _write(
        self, prompts: Sequence[str], seeds: Sequence[int], policy: Policy, system: str | None
    ) -> Iterator[Step]:
        rows = [self._row(p, s, policy, system) for p, s in zip(prompts, seeds, strict=True)]
        for n in range(max(map(len, rows), default=0)):
            tokens = tuple(row[n] if n < len(row) else None for row in rows)
            yield Step(tokens, tuple(n + 1 >= len(row) for row in rows))

    def _row(self, prompt: str, seed: int, policy: Policy, system: str | None) -> list[int]:
        """The pieces of one completion: as many as tokens were allowed if it was cut off, else fewer and `END`."""
        question: dict[str, Any] = {
            "model": self.model, "seed": seed % 2**31, "max_tokens": policy.max_tokens,
            "temperature": policy.temperature, "top_p": policy.top_p,
        }  # fmt: skip
        if policy.top_k:
            question["top_k"] = policy.top_k
        if policy.stop:
            question["stop"] = list(policy.stop)
        if self.chat:
            turns = [] if system is None else [{"role": "system", "content": system}]
            question["messages"] = [*turns, {"role": "user", "content": prompt}]
            answer = self.endpoint.ask("chat/completions", question)
        else:
            answer = self.endpoint.ask("completions", {**question, "prompt": prompt})
        try:
            choice = answer["choices"][0]
            text = str((choice["message"]["content"] if self.chat else choice["text"]) or "")
            ended = choice.get("finish_reason") == "stop"
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise self.endpoint.strange(answer) from error
        if ended and policy.max_tokens > 1:
            return [*self._cut(text, policy.max_tokens - 1), END]
        return self._cut(text, policy.max_tokens, every=True)

    def _cut(self, text: str, most: int, *, every: bool = False) -> list[int]:
        """`text` in at most `most` pieces of about equal length; `every`: in just as many, the last ones empty."""
        size = max(1, -(-len(text) // most))
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        pieces += [""] * (most - len(pieces) if every else 0)
        return [self._number(piece) for piece in pieces]

    def _number(self, piece: str) -> int:
        if piece not in self._numbers:
            self._numbers[piece] = len(self._pieces)
            self._pieces.append(piece)
        return self._numbers[piece]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens that this very object wrote."""
        return "".join(self._pieces[t] for t in tokens)
