"""What a run is asked to do: plain data, checked at the door, frozen in the run's manifest."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from typing import Any

from forepath.errors import InputError, PromptError, RunError
from forepath.records import Policy
from forepath.store import Prompt, Run

FOLDS = ("train", "validation", "test")
EACH_TIME = {"trust_remote_code", "allow_unseen"}
"""Settings that are leave given for one call, and never written down."""
DEVICE_MAPS = ("auto", "balanced", "balanced_low_0", "sequential")
DTYPES = ("float32", "float16", "bfloat16")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides the result of a run. Two runs with equal settings and prompts are equal to the bit."""

    subject: str
    """A bundled name ("documents", "library"), a local directory, or a hub id."""
    samples: int = 32
    """Continuations per prompt, at least 2."""
    policy: Policy = Policy()
    seed: int = 0
    horizon: int = 3
    """Steps forecast, at least 1."""
    prompts_per_item: int = 32
    """Prompts sampled together: the unit of work that a kill can lose."""
    max_rows: int = 0
    """Continuations alive at once: bounds the peak memory; 0 leaves it to the subject."""
    sites: tuple[str, ...] = ()
    """Capture sites to try; empty: the residual stream after every block."""
    normalise: str = "standardise"
    """"none", "standardise" or "layernorm"."""
    codebook: str | None = None
    """A codebook file; None discovers one on the training prompts."""
    embedder: str = "tfidf"
    """How texts are compared: "tfidf"; "sentence:PATH_OR_ID", a sentence-transformers model; "subject" or
    "subject:SITE", the subject's own mean activations (default: the middle of its residual streams)."""
    labeller: str = "codebook"
    """"codebook": by its patterns, centroids or examples; "endpoint": a language model chooses from the codebook."""
    endpoint: str | None = None
    """Of the endpoint labeller: an OpenAI-compatible address such as "http://localhost:8000/v1"."""
    endpoint_model: str | None = None
    """The name of the model there. A key is read from the environment (`FOREPATH_ENDPOINT_KEY`), never stored."""
    world: str | None = None
    """"documents" if the prompts come from that grammar: adds the exact answer and the labels' agreement with truth."""
    group: str | None = None
    """A column of the prompts (author, thread …): prompts of equal value are all in one fold. None: each by itself."""
    test_share: float = 0.25
    validation_share: float = 0.15
    device: str | None = None
    device_map: str | None = None
    """Instead of `device`, for a model that one device cannot hold: "auto" or another word of `transformers`."""
    dtype: str = "auto"
    capture_dtype: str = "float32"
    """Of the activations kept in the run: "float32", or half the room: "bfloat16" (3 digits), "float16" (to 65,504)."""
    revision: str | None = None
    """Branch, tag or commit of a hub id; what it is when the run begins is pinned in the manifest."""
    chat: bool = False
    """Hand each prompt to the model as a user's turn, through the tokenizer's chat template."""
    trust_remote_code: bool = False
    """Let the model run code of its own. Like the next, given each time and never kept in a run."""
    allow_unseen: bool = False
    """Go on where test prompts are followed by a theme that no training prompt was followed by."""

    def __post_init__(self) -> None:
        wrong = [
            message
            for ok, message in (
                (self.samples >= 2, f"samples is {self.samples}; a distribution needs at least 2 samples a prompt"),
                (self.horizon >= 1, f"horizon is {self.horizon}; forecast at least 1 step"),
                (self.prompts_per_item >= 1, f"prompts_per_item is {self.prompts_per_item}; at least 1"),
                (0 <= self.seed < 2**32, f"seed is {self.seed}; it lies in [0, 2**32)"),
                (
                    not self.sites or any(s != "logits" for s in self.sites),
                    f"sites are {', '.join(self.sites)}; give one besides the logits, which are a baseline",
                ),
                (self.max_rows >= 0, f"max_rows is {self.max_rows}; at least 1, or 0 to leave it to the subject"),
                (self.policy.max_tokens >= 1, f"max_tokens is {self.policy.max_tokens}; write at least 1 token"),
                (
                    0 <= self.policy.temperature < math.inf,
                    f"temperature is {self.policy.temperature}; 0 is greedy, 1 plain",
                ),
                (0 < self.policy.top_p <= 1, f"top_p is {self.policy.top_p}; it lies in (0, 1]"),
                (self.policy.top_k >= 0, f"top_k is {self.policy.top_k}; 0 means no limit"),
                (
                    self.normalise in ("none", "standardise", "layernorm"),
                    f"normalise is {self.normalise!r}; choose none, standardise or layernorm",
                ),
                (
                    self.device_map in (None, *DEVICE_MAPS),
                    f"device_map is {self.device_map!r}; choose {', '.join(DEVICE_MAPS)}",
                ),
                (not (self.device and self.device_map), "device and device_map are both given; give one of them"),
                (self.dtype in ("auto", *DTYPES), f"dtype is {self.dtype!r}; choose auto, {', '.join(DTYPES)}"),
                (
                    self.capture_dtype in DTYPES,
                    f"capture_dtype is {self.capture_dtype!r}; choose {', '.join(DTYPES)}",
                ),
                (
                    re.fullmatch(r"tfidf|sentence:.+|subject(:.+)?", self.embedder) is not None,
                    f"embedder is {self.embedder!r}; choose tfidf, sentence:PATH_OR_ID, subject or subject:SITE",
                ),
                (
                    self.labeller in ("codebook", "endpoint"),
                    f"labeller is {self.labeller!r}; choose codebook or endpoint",
                ),
                (
                    self.labeller != "endpoint" or bool(self.endpoint and self.endpoint_model),
                    "labeller is endpoint, so give endpoint=URL (such as http://localhost:8000/v1) and "
                    "endpoint_model=NAME too",
                ),
                (self.world in (None, "documents"), f"world is {self.world!r}; the known world is 'documents'"),
                (
                    self.test_share > 0 and self.validation_share > 0 and self.test_share + self.validation_share < 1,
                    f"test_share {self.test_share} and validation_share {self.validation_share} leave no training",
                ),
            )
            if not ok
        ]
        if wrong:
            raise InputError("; ".join(wrong))

    def to_json(self) -> dict[str, Any]:
        """Plain data for the manifest, without what is given each time."""
        return {k: v for k, v in asdict(self).items() if k not in EACH_TIME}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Settings:
        """Back from a manifest; keys this version does not know are refused by name."""
        known = {f.name for f in fields(cls)} - EACH_TIME
        unknown = sorted(set(data) - known)
        if unknown:
            raise InputError(
                f"the manifest has settings this forepath does not know: {', '.join(unknown)}; upgrade forepath to the "
                "one that wrote the run"
            )
        values = dict(data)
        values["policy"] = Policy(**{**data["policy"], "stop": tuple(data["policy"]["stop"])})
        values["sites"] = tuple(data["sites"])
        return cls(**values)

    def fold_of(self, prompt: Prompt) -> str:
        """ "train", "validation" or "test", by a hash of the prompt, or of its value of `group`: it never changes.

        Raises `PromptError` for a prompt without that column.

        >>> prompts = [Prompt(str(i), "", {"book": i // 10}) for i in range(2000)]
        >>> 0.22 < sum(Settings("documents").fold_of(p) == "test" for p in prompts) / 2000 < 0.28
        True
        >>> len({Settings("documents", group="book").fold_of(p) for p in prompts[:10]})
        1
        """
        key = prompt.id if self.group is None else f"{self.group}:{self.group_of(prompt)}"
        place = int.from_bytes(hashlib.sha256(f"fold:{key}".encode()).digest()[:8], "big") / 2**64
        if place < self.test_share:
            return "test"
        return "validation" if place < self.test_share + self.validation_share else "train"

    def group_of(self, prompt: Prompt) -> str:
        """What the prompt shares with others of its fold: its value of `group`, else its id. Raises `PromptError`."""
        if self.group is None:
            return prompt.id
        if prompt.extra.get(self.group) in (None, ""):
            raise PromptError(
                f"the prompt {prompt.text[:60]!r} has no {self.group!r} to group it by; its columns are "
                f"{', '.join(prompt.extra) or 'none'}: fill it in, or name another with --group"
            )
        return json.dumps(prompt.extra[self.group], sort_keys=True)


def settings_in(store: Run) -> Settings:
    """The settings of a run. Raises `RunError` for a run that holds none."""
    if "settings" not in store.config:
        raise RunError(f"{store.path} holds no settings: it was not written by `forepath run`")
    return Settings.from_json(store.config["settings"])


def settings_of(pairs: Sequence[str], *, max_tokens: int | None = None, **values: Any) -> Settings:
    """Settings from `KEY=VALUE` texts on top of `values`; keys of the policy are given by their own name.

    Raises `InputError` for a key there is not (naming the nearest) or a value of the wrong type.

    >>> settings_of(["temperature=0.7", "horizon=4", "sites=resid.1,resid.2"], subject="documents").sites
    ('resid.1', 'resid.2')
    >>> settings_of(['stop=["\\\\n\\\\n", "a, b"]'], subject="documents").policy.stop
    ('\\n\\n', 'a, b')
    """
    policy: dict[str, Any] = {} if max_tokens is None else {"max_tokens": max_tokens}
    policy_fields = {f.name: f.default for f in fields(Policy)}
    own_fields = {f.name: f.default for f in fields(Settings) if f.name != "policy"}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        known = {**policy_fields, **own_fields}
        if not equals or key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"
            raise InputError(f"--set {pair}: wanted KEY=VALUE with a known key{hint}")
        (policy if key in policy_fields else values)[key] = _parse(key, text, known[key])
    return Settings(**values, policy=Policy(**policy))


def _parse(key: str, text: str, default: Any) -> Any:
    """`text` as the type of the setting's default."""
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise InputError(f"--set {key}={text}: wanted true or false")
        return text.lower() == "true"
    if isinstance(default, tuple):
        return _parse_list(key, text)
    if isinstance(default, int | float):
        try:
            return type(default)(text)
        except ValueError as error:
            raise InputError(f"--set {key}={text}: wanted a number like {default}") from error
    return text


def _parse_list(key: str, text: str) -> tuple[str, ...]:
    """Texts with commas between them, or a JSON list of texts: the only way to write a comma or a line break."""
    if not text.lstrip().startswith("["):
        return tuple(part for part in text.split(",") if part)
    try:
        parts = json.loads(text)
    except ValueError as error:
        raise InputError(
            f'--set {key}={text}: not a JSON list ({error}); wanted one like ["\\n\\n", ", then"]'
        ) from error
    if not all(isinstance(part, str) and part for part in parts):
        raise InputError(f'--set {key}={text}: wanted a JSON list of texts that are not empty, like ["\\n\\n"]')
    return tuple(parts)
