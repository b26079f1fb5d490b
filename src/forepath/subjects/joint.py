"""Continuous batching: texts that began at different times share their steps, and come and go between two of them.

`Joint.add` takes a request (a prompt, a seed for each of its texts, a policy), `step` writes a token of each text of
the requests named. A text's random numbers are a function of its seed and its own step, its slot of the cache is its
own: what it says does not depend on who else is there, up to floating-point near-ties (a product of more rows may round
differently, as in `HuggingFaceSubject.stream`). Knows nothing of threads, queues or time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import DynamicCache

from forepath.records import Policy, Step
from forepath.subjects.choosing import check_policy, choose
from forepath.subjects.decoding import TOLERANCE, prefill
from forepath.subjects.fused import FEW
from forepath.subjects.noise import uniforms
from forepath.subjects.sites import Site
from forepath.subjects.slots import Company, FusedSlots, Row, SlotsContinuation, slot
from forepath.subjects.threads import LITTLE_BESIDE, one_core

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

PREFILL = 2048
"""Tokens of new prompts, padding counted, read before one step of those that write already; one prompt at least."""

Read = dict[str, np.ndarray]


@dataclass(eq=False)
class Request:
    """Texts after one prompt, in one policy."""

    prompt: list[int]
    seeds: np.ndarray
    """(texts,) uint64"""
    policy: Policy
    sites: Mapping[str, Site]
    step: int = 0
    """Tokens that its texts have written."""
    live: list[int] = field(default_factory=list)
    """Texts that are not over."""
    pending: dict[int, int] = field(default_factory=dict)
    """Text -> the token it wrote last, not yet read."""
    parked: dict[int, Row] = field(default_factory=dict)
    """Text -> its slot, while it is left out of the steps."""
    words: list[list[int]] = field(default_factory=list)
    """Tokens of each text, where stop texts ask for them."""


class Joint:
    """Made by `HuggingFaceSubject.joint`; for one thread."""

    def __init__(self, subject: HuggingFaceSubject, *, fused: bool) -> None:
        self._subject, self._fused = subject, fused
        model = subject.model
        self._company: Company = FusedSlots(model) if fused else SlotsContinuation(model, self._hooks)
        self._rows: list[tuple[Request, int]] = []
        """(request, text) of each slot."""

    @property
    def rows(self) -> int:
        """Texts that share the next step."""
        return len(self._rows)

    def why_not(self) -> str:
        """Why rows of unequal length would not be this model's own; "" if they are.

        Runs a few tokens of rows that are put beside one another in turn, more of them than `FEW`, and compares their
        odds with those of the model run plainly. Call it before anything is added.
        """
        model, slots = self._subject.model, self._company.slots
        vocab = model.config.get_text_config().vocab_size
        texts = torch.arange(1, 14, device=model.device).view(1, 13) % vocab
        lengths, places, got = (3, 7, *[5] * (FEW - 1)), [], []
        with self._subject.alone, torch.inference_mode():
            for length in lengths:
                cache: Any = DynamicCache()
                prefill(model, [texts[0, :length].tolist()], cache)
                slots.put([slot(cache, 0, length)])
                places.append(slots.lengths)
                tokens = texts[0, slots.lengths]
                with self._company.reading(frozenset()):
                    got.append(self._company.step(tokens))
            whole = model(input_ids=texts).logits[0]
            slots.keep(torch.zeros(0, dtype=torch.long, device=model.device))
        reference, found = whole[torch.cat(places)], torch.cat(got)
        apart = (reference.float().softmax(-1) - found.float().softmax(-1)).abs().sum(-1).mean().item() / 2
        if not apart <= TOLERANCE.get(reference.dtype, 0.05):
            return f"its odds differ from those of the model run plainly (total variation {apart:.2g})"
        return ""

    def add(
        self, subject: HuggingFaceSubject, prompt: str, seeds: Sequence[int], policy: Policy, capture: Sequence[str]
    ) -> Request:
        """A request to be written from the next step on. `subject`: this one, or a copy that only encodes otherwise.

        Raises `InputError`, `PromptError`, `SiteError`.
        """
        check_policy(policy)
        (ids,) = subject.encode([prompt], room=policy.max_tokens)
        sites = self._subject.anatomy.parse(capture)
        texts = range(len(seeds))
        return Request(
            ids, np.array(seeds, dtype=np.uint64), policy, sites, live=list(texts), words=[[] for _ in texts]
        )

    def leave(self, request: Request) -> None:
        """The request is over, or wanted no longer."""
        with torch.inference_mode():
            self._keep([r is not request for r, _ in self._rows])

    def step(self, requests: Sequence[Request]) -> dict[Request, Step]:
        """A token of each text of these requests; the others wait. New ones beyond `PREFILL` wait for the next step.

        A request whose texts are all over has left.
        """
        with torch.inference_mode():
            return self._step(requests)

    # --- parts of a step ---------------------------------------------------------------------------------------------

    def _step(self, requests: Sequence[Request]) -> dict[Request, Step]:
        self._park(set(requests))
        begun = [r for r in requests if r.step and r.live]
        new = _first([r for r in requests if not r.step and r.live])
        logits, read = self._advance(begun)
        opened = self._open(new)
        everything = list(self._rows)
        if opened is not None:
            logits = opened[0] if logits is None else torch.cat([logits, opened[0]])
        if logits is None:
            return {}
        tokens = self._choose(logits, everything)
        return self._told(everything, tokens, {**read, **(opened[1] if opened else {})})

    def _park(self, wanted: set[Request]) -> None:
        """Take out of their slots the texts that wait; put back those that do no longer."""
        slots = self._company.slots
        stay = [r in wanted for r, _ in self._rows]
        for i, (request, text) in enumerate(self._rows):
            if not stay[i]:
                request.parked[text] = slots.take(i)
        self._keep(stay)
        back = [(r, t) for r in wanted for t in list(r.parked)]
        if back:
            slots.put([r.parked.pop(t) for r, t in back])
            self._rows += back

    def _advance(self, begun: list[Request]) -> tuple[torch.Tensor | None, dict[Request, Read]]:
        """((rows, vocab) logits, activations) after every text's last token."""
        if not self._rows:
            return None, {}
        device = self._subject.model.device
        tokens = torch.tensor([request.pending[text] for request, text in self._rows], device=device)
        sites = {name: site for request in begun for name, site in request.sites.items()}
        modules = frozenset(site.module for site in sites.values())
        alone = self._subject.sharing.reading() if self._fused else self._subject.alone
        with alone, self._cores(self._rows), self._company.reading(modules) as found:
            logits = self._company.step(tokens)
        read = self._subject.read(sites, found, logits, torch.ones(len(self._rows), dtype=torch.long)) if sites else {}
        places: dict[Request, list[int]] = {request: [] for request in begun}
        for i, (request, _) in enumerate(self._rows):
            places[request].append(i)
        return logits, {r: {name: read[name][places[r]] for name in r.sites} for r in begun}

    def _open(self, new: list[Request]) -> tuple[torch.Tensor, dict[Request, Read]] | None:
        """The same of new requests, whose prompts are read and whose texts get slots."""
        if not new:
            return None
        subject, cache = self._subject, DynamicCache()
        sites = {name: site for request in new for name, site in request.sites.items()}
        with subject.alone, subject.anatomy.reading(sites.values()) as found:
            logits, lengths = prefill(subject.model, [r.prompt for r in new], cache)
            read = subject.read(sites, found, logits, lengths)
        rows: list[Row] = []
        for i, request in enumerate(new):
            rows += [slot(cache, i, len(request.prompt))] * len(request.live)
        self._company.slots.put(rows)
        self._rows += [(request, text) for request in new for text in request.live]
        of = torch.tensor([i for i, request in enumerate(new) for _ in request.live], device=logits.device)
        return logits[of], {
            r: {name: np.repeat(read[name][i : i + 1], len(r.live), axis=0) for name in r.sites}
            for i, r in enumerate(new)
        }

    def _choose(self, logits: torch.Tensor, rows: list[tuple[Request, int]]) -> list[int]:
        """(rows,) tokens; texts of one policy are drawn at once."""
        alike: dict[tuple[float, float, int], list[int]] = {}
        for i, (request, _) in enumerate(rows):
            policy = request.policy
            alike.setdefault((policy.temperature, policy.top_p, policy.top_k), []).append(i)
        numbers = uniforms(np.array([r.seeds[t] for r, t in rows]), np.array([r.step for r, _ in rows]))
        out = [0] * len(rows)
        with self._cores(rows):
            for members in alike.values():
                chosen = logits if len(members) == len(rows) else logits[torch.tensor(members, device=logits.device)]
                tokens = choose(chosen, numbers[members], rows[members[0]][0].policy).tolist()
                for i, token in zip(members, tokens, strict=True):
                    out[i] = token
        return out

    def _told(
        self, rows: list[tuple[Request, int]], tokens: list[int], read: dict[Request, Read]
    ) -> dict[Request, Step]:
        """The steps, as `Subject.stream` tells them; texts that are over leave their slots."""
        wrote: dict[Request, dict[int, int]] = {}
        over = []
        for (request, text), token in zip(rows, tokens, strict=True):
            wrote.setdefault(request, {})[text] = token
            ends = self._subject.ends(request.words[text], token, request.policy)
            over.append(ends or request.step + 1 == request.policy.max_tokens)
        finished = {(id(r), t) for (r, t), done in zip(rows, over, strict=True) if done}
        steps = {}
        for request, mine in wrote.items():
            size = len(request.seeds)
            ended = tuple(t not in mine or (id(request), t) in finished for t in range(size))
            steps[request] = Step(tuple(mine.get(t) for t in range(size)), ended, _placed(read[request], mine, size))
            request.step += 1
            request.pending = mine
            request.live = [t for t in request.live if not ended[t]]
        self._keep([not done for done in over])
        return steps

    def _keep(self, stay: list[bool]) -> None:
        """Drop the other rows; the last ones move into the gaps."""
        if all(stay):
            return
        kept = [i for i, s in enumerate(stay) if s]
        moved = iter([i for i in kept[::-1] if i >= len(kept)])
        index = [i if stay[i] else next(moved) for i in range(len(kept))]
        self._company.slots.keep(torch.tensor(index, dtype=torch.long, device=self._company.slots.lengths.device))
        self._rows = [self._rows[i] for i in index]

    def _cores(self, rows: Sequence[object]) -> AbstractContextManager[None]:
        return one_core(self._subject.weights * len(rows), LITTLE_BESIDE)

    def _hooks(self, modules: frozenset[str]) -> object:
        return self._subject.anatomy.reading([Site(m, False, 1) for m in modules])


def _first(new: list[Request]) -> list[Request]:
    """As many new requests as may be read at once, in order."""
    taken: list[Request] = []
    for request in new:
        longest = max(len(r.prompt) for r in (*taken, request))
        if taken and longest * (len(taken) + 1) > PREFILL:
            break
        taken.append(request)
    return taken


def _placed(read: Read, mine: dict[int, int], size: int) -> Read:
    """Activations of the texts that wrote, in their places; NaN for those that are over."""
    if len(mine) == size and list(mine) == sorted(mine):
        return read
    out = {}
    for name, values in read.items():
        out[name] = np.full((size, values.shape[1]), np.nan, values.dtype)
        out[name][list(mine)] = values
    return out
