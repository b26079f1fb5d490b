"""What a client asks for: the bodies of `/v1/completions` and `/v1/chat/completions`, checked. Knows JSON only."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forepath.errors import InputError
from forepath.records import Policy

MOST_CHOICES = 16
MOST_PROMPT = 1_000_000
"""Characters."""
MOST_STOPS, LONGEST_STOP = 4, 256
_REFUSED = {
    "echo": (None, False), "suffix": (None, ""), "logprobs": (None, False, 0), "top_logprobs": (None, 0),
    "best_of": (None, 1), "logit_bias": (None, {}), "presence_penalty": (None, 0), "frequency_penalty": (None, 0),
    "tools": (None, []), "functions": (None, []), "response_format": (None, {"type": "text"}),
    "modalities": (None, ["text"]), "audio": (None,), "min_p": (None, 0), "repetition_penalty": (None, 1),
}  # fmt: skip
"""Fields that would change what is written and are not implemented, with the values that change nothing."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request, as the engine needs it."""

    chat: bool
    prompt: str
    """"" for a chat: see `messages`."""
    messages: tuple[Message, ...]
    policy: Policy
    given_max_tokens: bool
    seed: int
    choices: int
    stream: bool
    usage: bool
    """A last frame with the numbers of tokens is wanted."""
    records: bool
    """The readings are wanted in the answer, in the field `forepath`."""


def read_wanted(body: Any, default: Policy, *, chat: bool) -> Wanted:
    """Check a request. `default`: what is not said. Raises `InputError` naming the field.

    >>> read_wanted({"prompt": "Once", "max_tokens": 5}, Policy(), chat=False).policy.max_tokens
    5
    """
    if not isinstance(body, dict):
        raise InputError("body: wanted a JSON object")
    for name, harmless in _REFUSED.items():
        if name in body and body[name] not in harmless:
            raise InputError(f"{name}: {str(body[name])[:40]} is not supported here; leave it out")
    messages = _messages(body.get("messages")) if chat else ()
    prompt = "" if chat else _prompt(body.get("prompt"))
    most = body.get("max_completion_tokens", body.get("max_tokens"))
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise InputError("stream_options: wanted an object")
    seed = body.get("seed")
    policy = Policy(
        max_tokens=default.max_tokens if most is None else _whole("max_tokens", most, 1, 1_000_000),
        temperature=_number(body, "temperature", default.temperature, 0, 10),
        top_p=_number(body, "top_p", default.top_p, 0, 1, open_below=True),
        top_k=_whole("top_k", body.get("top_k", default.top_k), 0, 10**9),
        stop=_stops(body.get("stop")),
    )
    return Wanted(
        chat, prompt, messages, policy, most is not None,
        secrets.randbits(63) if seed is None else _whole("seed", seed, -(2**63), 2**64 - 1) % 2**64,
        _whole("n", body.get("n") or 1, 1, MOST_CHOICES), _flag(body, "stream"), bool(options.get("include_usage")),
        _flag(body, "forepath"),
    )  # fmt: skip


def _prompt(given: Any) -> str:
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    if not isinstance(given, str):
        raise InputError("prompt: wanted one text; for several, send several requests")
    return _text("prompt", given)


def _messages(given: Any) -> tuple[Message, ...]:
    if not isinstance(given, list) or not given:
        raise InputError("messages: wanted a list of {role, content}, at least one")
    return tuple(_message(i, m) for i, m in enumerate(given))


def _message(place: int, given: Any) -> Message:
    if not isinstance(given, dict) or not isinstance(given.get("role"), str):
        raise InputError(f"messages[{place}]: wanted an object with a role and content")
    content = given.get("content")
    if isinstance(content, list):
        if not all(isinstance(p, dict) and p.get("type") == "text" and isinstance(p.get("text"), str) for p in content):
            raise InputError(f"messages[{place}].content: only text can be read here")
        content = "".join(p["text"] for p in content)
    if not isinstance(content, str):
        raise InputError(f"messages[{place}].content: wanted a text")
    return Message(given["role"][:32], _text(f"messages[{place}].content", content))


def _text(name: str, text: str) -> str:
    if len(text) > MOST_PROMPT:
        raise InputError(f"{name}: {len(text):,} characters; at most {MOST_PROMPT:,}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{name}: half a surrogate pair at character {error.start}") from error
    return text


def _stops(given: Any) -> tuple[str, ...]:
    stops = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Sequence) else ()
    if given is not None and not isinstance(given, str | list):
        raise InputError("stop: wanted a text or a list of texts")
    if len(stops) > MOST_STOPS or not all(isinstance(s, str) and 0 < len(s) <= LONGEST_STOP for s in stops):
        raise InputError(f"stop: wanted at most {MOST_STOPS} texts of 1 to {LONGEST_STOP} characters")
    return stops


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name) or False
    if not isinstance(value, bool):
        raise InputError(f"{name}: wanted true or false; got {str(value)[:40]!r}")
    return value


def _whole(name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{name}: wanted a whole number from {low} to {high}; got {str(value)[:40]!r}")
    return value


def _number(
    body: Mapping[str, Any], name: str, default: float, low: float, high: float, *, open_below: bool = False
) -> float:
    value = body.get(name)
    if value is None:
        return default
    right = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    if not right or (open_below and value == low):
        raise InputError(f"{name}: wanted a number from {low:g} to {high:g}; got {str(value)[:40]!r}")
    return float(value)
