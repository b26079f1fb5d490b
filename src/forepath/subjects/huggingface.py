"""Any Hugging Face causal language model as a subject: loaded safely, read at sites, writing a step at a time.

Ties together the rest of the room. Knows nothing of themes, runs or forecasts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from forepath.errors import InputError, InterventionError, MemoryExhaustedError, PromptError, SiteError
from forepath.records import Intervention, Policy, Step
from forepath.subjects import checkpoint
from forepath.subjects.choosing import check_policy, choose
from forepath.subjects.decoding import Continuation, Way, begin, prefill, probe
from forepath.subjects.fused import FusedContinuation, why_not
from forepath.subjects.interventions.applying import Applied, Use
from forepath.subjects.interventions.outside import split
from forepath.subjects.interventions.touches import Touches
from forepath.subjects.loading import load_model, load_tokenizer
from forepath.subjects.noise import uniforms
from forepath.subjects.sharing import Sharing
from forepath.subjects.sites import Anatomy, Site
from forepath.subjects.threads import one_core, settle, settled

if TYPE_CHECKING:
    from forepath.subjects.joint import Joint

_ROWS = {"cpu": 256, "mps": 256, "cuda": 1024}
"""Rows alive at once by default: enough to fill the matrix products, few enough for memory."""
_READY = 4
"""Interventions kept ready: sampling asks for the same one again and again."""


def load(
    path_or_id: str | Path,
    *,
    device: str | None = None,
    dtype: str = "auto",
    device_map: str | Mapping[str, Any] | None = None,
    trust_remote_code: bool = False,
    chat: bool = False,
    capture_dtype: str = "float32",
    revision: str | None = None,
) -> HuggingFaceSubject:
    """Load a causal language model from a directory or a hub id, safetensors only.

    `device`: "cpu", "cuda", "mps" ...; by default the best there is. `dtype`: "auto" is that of the checkpoint.
    `device_map`: as in `transformers` (needs accelerate), instead of `device`. `chat`: hand prompts to the model as a
    user's turn, through the tokenizer's chat template. `capture_dtype`: see `HuggingFaceSubject`.
    Raises `CheckpointError` (before anything is loaded, where the files show it), `InputError` for a device or dtype
    that is not there, `MemoryExhaustedError`.
    """
    folder = checkpoint.resolve(path_or_id, revision=revision)
    checkpoint.check(folder, trust_remote_code=trust_remote_code)
    kind = dtype if dtype == "auto" else _dtype(dtype)
    tokenizer = load_tokenizer(folder, trust_remote_code=trust_remote_code)
    model = load_model(folder, dtype=kind, device=device, device_map=device_map, trust_remote_code=trust_remote_code)
    mark = checkpoint.fingerprint(folder, str(model.dtype), f"chat={chat}")
    return HuggingFaceSubject(
        model, tokenizer, name=folder.name, fingerprint=mark, chat=chat, capture_dtype=capture_dtype
    )


class HuggingFaceSubject:
    """A `transformers` causal language model and its tokenizer, as a `Subject`. Use `load` unless you hold both."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        fingerprint: str,
        chat: bool = False,
        capture_dtype: str = "float32",
    ) -> None:
        """`capture_dtype`: "float32", "float16" or "bfloat16"; the last is rounded so but held in NumPy's float32."""
        if chat and not getattr(tokenizer, "chat_template", None):
            raise InputError(f"chat=True, but the tokenizer of {name} has no chat template; leave chat out")
        if capture_dtype not in ("float32", "float16", "bfloat16"):
            raise InputError(f"capture_dtype must be float32, float16 or bfloat16; got {capture_dtype!r}")
        self.name = name
        self.fingerprint = fingerprint
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.chat = chat
        self.max_rows = _ROWS.get(model.device.type, 256)
        self.end_ids = _end_ids(model, tokenizer)
        config = model.config.get_text_config()
        self.context: int | None = getattr(config, "max_position_embeddings", None)
        """Most tokens of prompt and continuation together; None where the model states no limit."""
        self.weights = sum(p.numel() for p in model.parameters())
        """How many; a step of few of them is not shared among cores."""
        self._capture_dtype: torch.dtype = getattr(torch, capture_dtype)
        self._ready: dict[tuple[Intervention, ...], Applied] = {}
        self.alone = threading.RLock()  # whoever puts hooks on the model, or runs it while there may be some
        self.sharing = Sharing()  # fused steps of the model as it is, which run side by side, and other weights
        with torch.inference_mode():
            self.anatomy = Anatomy(model)
            self.not_shared = probe(model, "shared")
            self.not_fused = self.not_shared or probe(model, "fused")
        """Why prompts do not share their cache with their rows, and why a step is not the fused one (slower, equally
        right); "" if they do and it is. Captures of other sites than the stream, and interventions that are more than
        other weights, always take the model's own step, as does a model with hooks or replaced parts."""

    @property
    def cores(self) -> int:
        """How many batches may be written at once, each by a thread that has called `begin_worker`."""
        return 1 if self.not_fused else settled()

    def begin_worker(self, workers: int) -> None:
        """Make the calling thread one of `workers` that write at once: it gets its share of the cores."""
        settle(max(1, self.cores // workers))

    @property
    def sites(self) -> tuple[str, ...]:
        """What can be captured, without suffixes: `resid.0` ... `logits`."""
        return self.anatomy.modules

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of token ids written by this subject; end tokens and other special tokens have none."""
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True))

    def encode(self, prompts: Sequence[str], *, room: int = 0, system: str | None = None) -> list[list[int]]:
        """Token ids of prompts, special tokens included. Raises `PromptError` where one leaves no `room` tokens.

        `system`: a system turn before the prompt; raises `InterventionError` for a subject without chat.
        """
        if system is not None and not self.chat:
            raise InterventionError(f"{self.name} has no system turn: load it with chat=True, or give a prefix instead")
        encoded = []
        for position, prompt in enumerate(prompts):
            if self.chat:
                turn = [] if system is None else [{"role": "system", "content": system}]
                turn.append({"role": "user", "content": prompt})
                text = self.tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
                ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            else:
                ids = self.tokenizer(prompt, verbose=False)["input_ids"]
            if not ids and self.tokenizer.bos_token_id is not None:
                ids = [self.tokenizer.bos_token_id]
            if not ids:
                raise PromptError(
                    f"prompt {position + 1} ({prompt!r}) has no tokens, and {self.name} no token to begin with"
                )
            if self.context is not None and len(ids) + room > self.context:
                writing = f" and {room} to write" if room else ""
                raise PromptError(
                    f"prompt {position + 1} ({_beginning(prompt)}) has {len(ids)} tokens{writing}, but the context of "
                    f"{self.name} is {self.context}; shorten it" + (" or lower max_tokens" if room else "")
                )
            encoded.append(list(ids))
        return encoded

    def stream(
        self,
        prompts: Sequence[str],
        *,
        seeds: Sequence[int],
        policy: Policy = Policy(),
        capture: Sequence[str] = (),
        intervention: Intervention | None = None,
        capture_steps: int | None = None,
        touches: Touches | None = None,
    ) -> Iterator[Step]:
        """Write one output per prompt, a token per step. Row i depends on prompts[i] and seeds[i] only.

        That is exact up to floating-point near-ties: a matrix product may round differently in another batch. Written
        alone instead of in a batch, 0 of 64 trajectories of 128 tokens differed in float32, 23 of 64 in bfloat16 (the
        bundled `documents`; `benchmarks/sampling.py` measures it on any model). The same call on
        the same machine gives the same bits.
        Equal prompts side by side are read once. `capture_steps`: capture only in so many first steps (1 is the
        prompt); sites other than `@last` are read over the prompt and need it to be 1. `intervention` is in force for
        the prompt and for all that is written, and gone between two steps; `touches` counts what it changed, and a part
        of it that changed nothing by the last step raises `InterventionError`, as does one this model cannot take.
        Raises `PromptError`, `SiteError`, `InputError`, `MemoryExhaustedError`.
        """
        if len(prompts) != len(seeds):
            raise InputError(f"{len(prompts)} prompts but {len(seeds)} seeds; wanted one seed per prompt")
        given = split(intervention, prompts, policy)
        policy = given.policy
        check_policy(policy)
        sites = self.anatomy.parse(capture)
        wide = [name for name, site in sites.items() if site.last != 1]
        if wide and capture_steps != 1:
            raise SiteError(f"{', '.join(wide)}: read over a prompt, but a step is one position; pass capture_steps=1")
        encoded = self.encode(given.prompts, room=policy.max_tokens, system=given.system)
        change = Use(self._applied(given.inside), touches)
        plain = capture_steps == 1 or all(_left_by_fused(site) for site in sites.values())
        return self._write(encoded, np.array(seeds, dtype=np.uint64), policy, sites, capture_steps, change, plain)

    def joint(self) -> Joint | None:
        """For many requests that come at different times; None where rows cannot have slots of their own."""
        from forepath.subjects.joint import Joint

        if self.not_shared:
            return None
        joint = Joint(self, fused=not self.not_fused and not why_not(self.model))
        return None if joint.why_not() else joint

    def activations(
        self,
        prompts: Sequence[str],
        sites: Sequence[str],
        *,
        batch_tokens: int = 8192,
        intervention: Intervention | None = None,
        touches: Touches | None = None,
    ) -> dict[str, np.ndarray]:
        """{site: (prompts, width)} of the prompts alone, nothing written. Row i depends on prompts[i] only.

        Prompts of similar length are run together, at most `batch_tokens` tokens (padding counted) at a time.
        `intervention` and `touches` as in `stream`; one that acts only on what is written raises `InterventionError`.
        """
        settled()
        parsed = self.anatomy.parse(sites)
        given = split(intervention, prompts, Policy())
        change = Use(self._applied(given.inside), touches)
        encoded = self.encode(given.prompts, system=given.system)
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
        out: dict[str, np.ndarray] = {}
        while order:
            longest = len(encoded[order[-1]])
            order, batch = _split_tail(order, max(1, batch_tokens // longest))
            with self.alone, torch.inference_mode(), self._memory(f"batch_tokens={batch_tokens // 2}"):
                with change.reading([encoded[i] for i in batch]), self.anatomy.reading(parsed.values()) as found:
                    logits, lengths = prefill(self.model, [encoded[i] for i in batch])
                read = self.read(parsed, found, logits, lengths)
            for name, values in read.items():
                whole = out.setdefault(name, np.empty((len(encoded), values.shape[1]), values.dtype))
                whole[batch] = values
        change.finish(wrote=True)
        return out

    def next_token_logits(self, prompts: Sequence[str]) -> np.ndarray:
        """(prompts, vocab) logits of the first token after each prompt."""
        return self.activations(prompts, ["logits"])["logits"]

    def _write(
        self,
        prompts: list[list[int]],
        seeds: np.ndarray,
        policy: Policy,
        sites: Mapping[str, Site],
        capture_steps: int | None,
        change: Use,
        plain: bool,
    ) -> Iterator[Step]:
        if not prompts:
            return
        settled()
        lengths = np.array([len(p) for p in prompts])
        size, half = len(prompts), max(1, len(prompts) // 2)
        advice = f"{half} rows at a time (max_rows={half})"
        texts: list[list[int]] = [[] for _ in prompts]
        rows = np.arange(size)  # which row of the output each row of the batch is
        read: Mapping[str, np.ndarray]
        logits, batch, read = self._begin(prompts, sites, advice, change, plain)
        fused = batch if isinstance(batch, FusedContinuation) else None
        modules, ones = frozenset(site.module for site in sites.values()), torch.ones(size, dtype=torch.long)
        for step in range(policy.max_tokens):
            with torch.inference_mode(), one_core(self.weights * len(rows)):
                tokens = choose(logits, uniforms(seeds[rows], step), policy).to(self.model.device)
            written = tokens.tolist()
            ended = np.array([self.ends(texts[r], t, policy) for r, t in zip(rows, written, strict=True)])
            ended |= step + 1 == policy.max_tokens
            if ended.all():
                change.finish(wrote=step > 0 or policy.max_tokens == 1)
            yield _step(size, rows, written, ended, read)
            if ended.all():
                return
            capturing = sites if capture_steps is None or step + 1 < capture_steps else {}
            if fused is not None:
                fused.wanted = modules if capturing else frozenset()
            kept = _close_ranks(ended) if ended.any() else None
            rows = rows if kept is None else rows[kept]
            with (
                self.sharing.reading() if fused is not None and not change.some else self.alone,
                torch.inference_mode(),
                one_core(self.weights * len(rows)),
                self._memory(advice),
                change.writing(lengths[rows], step, seeds[rows], fused=fused is not None),
                nullcontext(fused.found) if fused is not None else self.anatomy.reading(capturing.values()) as found,
            ):
                if kept is not None:
                    index = torch.from_numpy(kept).to(self.model.device)
                    tokens = tokens[index]
                    batch.keep(index)
                logits = batch.step(tokens)
                if len(rows) == size and fused is not None:
                    read = Unread(capturing, partial(self.read, found=dict(found), logits=logits, lengths=ones))
                else:
                    read = self.read(capturing, found, logits, ones[: len(rows)])

    def _begin(
        self, prompts: list[list[int]], sites: Mapping[str, Site], advice: str, change: Use, plain: bool
    ) -> tuple[torch.Tensor, Continuation, dict[str, np.ndarray]]:
        """(logits of each row's first token, the rows' continuation, activations): neighbours alike are read once."""
        heads = [i for i, p in enumerate(prompts) if i == 0 or p != prompts[i - 1]]
        prompt_of = np.repeat(np.arange(len(heads)), np.diff([*heads, len(prompts)]))
        unique = [prompts[i] for i in heads]
        with self.alone, torch.inference_mode(), self._memory(advice):
            fused = plain and not self.not_fused and not why_not(self.model) and change.fused
            path: Way = "expanded" if self.not_shared else "fused" if fused else "shared"
            with change.reading(unique), self.anatomy.reading(sites.values()) as found:
                logits, batch = begin(self.model, unique, prompt_of.tolist(), path=path)
            read = self.read(sites, found, logits, torch.tensor([len(p) for p in unique]))
            return logits[prompt_of], batch, {name: values[prompt_of] for name, values in read.items()}

    def ends(self, text: list[int], token: int, policy: Policy) -> bool:
        """Whether a row is finished by this token, which is appended to its text where stop texts need it."""
        if token in self.end_ids:
            return True
        if not policy.stop:
            return False
        text.append(token)
        decoded = self.decode(text)
        return any(stop in decoded for stop in policy.stop)

    def read(
        self, sites: Mapping[str, Site], found: Mapping[str, torch.Tensor], logits: torch.Tensor, lengths: torch.Tensor
    ) -> dict[str, np.ndarray]:
        """{site: (rows, width)} from what its modules left in `found`, as it is captured."""
        read = {}
        for name, site in sites.items():
            if site.module == "logits" and site.last == 1:
                values = logits
            else:
                values = self.anatomy.finish(found[site.module], site, lengths)
            values = values if values.dtype == self._capture_dtype else values.to(self._capture_dtype)
            values = values.float() if values.dtype == torch.bfloat16 else values
            read[name] = (values if values.is_cpu else values.cpu()).numpy()
        return read

    def _applied(self, parts: tuple[Intervention, ...]) -> Applied | None:
        if not parts:
            return None
        if parts not in self._ready:
            while len(self._ready) >= _READY:
                del self._ready[next(iter(self._ready))]
            self._ready[parts] = Applied(self, parts)
        return self._ready[parts]

    @contextmanager
    def _memory(self, advice: str) -> Iterator[None]:
        """Turn running out of memory into an error that says what to try."""
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            exhausted = isinstance(error, MemoryError | torch.OutOfMemoryError)
            if not exhausted and "not enough memory" not in str(error) and "can't allocate memory" not in str(error):
                raise
            raise MemoryExhaustedError(f"{self.name} ran out of memory on {self.model.device}; try {advice}") from error


class Unread(Mapping[str, np.ndarray]):
    """Activations of a step, read from their tensors when they are asked for: a monitor looks at few of them."""

    def __init__(self, sites: Mapping[str, Site], read: Callable[[dict[str, Site]], dict[str, np.ndarray]]) -> None:
        self._sites, self._read = sites, read
        self._known: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._known:
            site = self._sites[name]
            with torch.inference_mode() if site.norm else nullcontext():
                self._known |= self._read({name: site})
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sites)

    def __len__(self) -> int:
        return len(self._sites)


def _step(size: int, rows: np.ndarray, written: list[int], ended: np.ndarray, read: Mapping[str, np.ndarray]) -> Step:
    tokens: list[int | None] = [None] * size
    done = [True] * size
    for row, token, end in zip(rows.tolist(), written, ended.tolist(), strict=True):
        tokens[row] = token
        done[row] = end
    if len(rows) == size:  # none is finished: the rows are in their places
        return Step(tuple(tokens), tuple(done), read)
    whole = {}
    for name, values in read.items():
        whole[name] = np.full((size, values.shape[1]), np.nan, values.dtype)
        whole[name][rows] = values
    return Step(tuple(tokens), tuple(done), whole)


def _left_by_fused(site: Site) -> bool:
    """Whether a fused step leaves what this site reads."""
    return site.last == 1 and (site.module == "logits" or site.module.startswith("resid."))


def _close_ranks(ended: np.ndarray) -> np.ndarray:
    """Which rows to keep, in which order: the last ones move into the gaps, so that few are moved.

    >>> _close_ranks(np.array([False, True, False, False])).tolist()
    [0, 3, 2]
    """
    live = int((~ended).sum())
    index = np.arange(live)
    index[ended[:live]] = live + np.flatnonzero(~ended[live:])
    return index


def _split_tail(order: list[int], size: int) -> tuple[list[int], list[int]]:
    return order[:-size], order[-size:]


def _end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends a text, by the model's two configs and by the tokenizer."""
    ends: set[int] = set()
    generation = getattr(model, "generation_config", None)
    for owner in (model.config, generation, tokenizer):
        value = getattr(owner, "eos_token_id", None)
        ends |= set() if value is None else {value} if isinstance(value, int) else set(value)
    return frozenset(ends)


def _dtype(name: str) -> torch.dtype:
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype):
        raise InputError(f"dtype must be 'auto', 'float32', 'bfloat16' or 'float16'; got {name!r}")
    return dtype


def _beginning(prompt: str) -> str:
    return repr(prompt if len(prompt) <= 40 else prompt[:39] + "…")
