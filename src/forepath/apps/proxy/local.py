"""A local subject as the server's model: prompts from messages, streams on the engine. Knows subjects, not HTTP."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from forepath.apps.proxy.answer import Answer
from forepath.apps.proxy.engine import Engine
from forepath.apps.proxy.frames import Head
from forepath.apps.proxy.telemetry import Asked
from forepath.apps.proxy.wanted import Message, Wanted
from forepath.apps.proxy.watching import Watcher
from forepath.errors import PromptError
from forepath.protocols import Subject
from forepath.records import Policy


class Local:
    """One subject behind the API."""

    def __init__(self, subject: Subject, engine: Engine, watcher: Watcher | None, policy: Policy) -> None:
        """`policy`: what a request that says nothing gets; the one the forecaster was fitted on, best of all."""
        self.subject, self.engine, self.watcher, self.policy = subject, engine, watcher, policy
        self.name = subject.name
        self._memory: dict[tuple[int, ...], str] = {}

    def prepare(self, wanted: Wanted) -> tuple[Subject, str, Wanted, int]:
        """(the subject to ask, its prompt, the request with max_tokens that fit, tokens of the prompt; 0 if unknown).

        Raises `PromptError` for a prompt that does not fit.
        """
        subject, prompt = self.subject, wanted.prompt
        if wanted.chat:
            subject, prompt = spoken(self.subject, wanted.messages)
        encode = getattr(subject, "encode", None)
        if encode is None:
            return subject, prompt, wanted, 0
        count, context = len(encode([prompt])[0]), getattr(subject, "context", None)
        most = wanted.policy.max_tokens
        if context is not None and count + most > context:
            if wanted.given_max_tokens or count >= context:
                raise PromptError(
                    f"the prompt has {count} tokens and {most} are to be written, but the context of {self.name} is "
                    f"{context}; shorten it or lower max_tokens"
                )
            wanted = replace(wanted, policy=replace(wanted.policy, max_tokens=context - count))
        return subject, prompt, wanted, count

    def begin(self, head: Head, subject: Subject, prompt: str, wanted: Wanted, asked: Asked) -> Answer:
        """Start writing. In the event loop; raises `BusyError`. `asked`: the request's span."""
        monitor = None if self.watcher is None else self.watcher.monitor
        doubts = () if monitor is None else monitor.doubts_about(subject, wanted.policy)
        answer = Answer(head, subject, wanted, prompt, self.watcher, doubts, self._memory, asked)
        capture = () if monitor is None or monitor.site is None else (monitor.site,)
        seeds = [(wanted.seed + i) % 2**64 for i in range(wanted.choices)]
        answer.stream = self.engine.begin(subject, prompt, seeds, wanted.policy, capture, answer.step, answer.over)
        return answer


def spoken(subject: Subject, messages: Sequence[Message]) -> tuple[Subject, str]:
    """(the subject to ask, the prompt) for a chat.

    With a chat template: one user's turn goes the way the runs went; more turns are rendered by the template. A subject
    without one is handed the texts of the turns, blank lines between them: it knows no roles.
    """
    if not getattr(subject, "chat", False):
        return subject, "\n\n".join(m.content for m in messages)
    if [m.role for m in messages] == ["user"]:
        return subject, messages[0].content
    tokenizer: Any = subject.tokenizer  # type: ignore[attr-defined]  # only Hugging Face subjects have chat
    turns = [{"role": m.role, "content": m.content} for m in messages]
    try:
        text = str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    except Exception as error:  # templates are programs of the model's makers: what they refuse, they say
        raise PromptError(f"the model's chat template refuses these messages ({error})") from error
    plain = copy.copy(subject)
    plain.chat = False  # type: ignore[attr-defined]
    begin = tokenizer.bos_token
    if begin and text.startswith(begin) and tokenizer("")["input_ids"]:
        text = text.removeprefix(begin)  # encoding puts it there again
    return plain, text
