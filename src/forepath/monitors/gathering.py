"""Activations in the middle of texts, each with what was written after it: what a monitor's forecaster learns from.

The subject writes; wherever a monitor would read (the prompt's end, each finished sentence, and every n tokens), the
activation is kept, and afterwards the chain of themes of the rest of that text. One text gives one future per place, so
that places of one prompt must never be on two sides of a split: `prompt_of` says which belong together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from forepath.errors import InputError, LabellerError
from forepath.monitors.listening import MARKS, Heard, Listener
from forepath.protocols import Labeller, Subject
from forepath.records import END, Chain, Futures, Policy, Segment, Trajectory, futures_of
from forepath.subjects.noise import trajectory_seed
from forepath.subjects.spelling import Spelling


@dataclass(frozen=True, slots=True)
class Places:
    """Places in texts where a monitor would read, all arrays by place."""

    activations: np.ndarray
    """(places, width)"""
    prompt_of: np.ndarray
    """(places,) index of the prompt."""
    text_of: np.ndarray
    """(places,) index of the text; texts of one prompt are different samples."""
    tokens: np.ndarray
    """(places,) tokens that had been read."""
    reasons: np.ndarray
    """(places,) "prompt", "sentence" (the end of one, whatever comes) or "tokens" (within one)."""
    before: tuple[str | None, ...]
    """(places,) the theme heard last."""
    heard: tuple[Chain, ...]
    """(places,) themes heard so far, repeats collapsed."""
    blank: np.ndarray
    """(places,) whether a blank line stands just before, as it does at the end of many prompts."""
    chains: tuple[Chain, ...]
    """(places,) what was then written: step 1 is the theme being written next, even if it is the theme before."""
    texts: tuple[str, ...]
    """(texts,) all that was written."""
    at: np.ndarray
    """(places,) characters of its text that had been read."""
    lengths: dict[str, list[int]]
    """Theme -> tokens of each of its segments."""
    unjudged: int
    """Texts the labeller could not judge: left out and counted."""

    def futures(self, themes: Sequence[str], horizon: int, chosen: np.ndarray | None = None) -> Futures:
        """The futures of all places, or those where `chosen` (places,) is true: one sample each."""
        kept = range(len(self.chains)) if chosen is None else np.flatnonzero(chosen)
        return futures_of([[self.chains[i]] for i in kept], tuple(themes), horizon)

    def transitions(self, themes: Sequence[str], chosen: np.ndarray) -> np.ndarray:
        """(themes + 1, themes) int: how often a sentence had each theme after each theme before, at the places where
        `chosen` (places,) is true and a sentence begins; the last row is for no theme before."""
        index = {theme: i for i, theme in enumerate(themes)}
        counts = np.zeros((len(index) + 1, len(index)), dtype=int)
        for i in np.flatnonzero(chosen & (self.reasons != "tokens")):
            if self.chains[i]:
                counts[index.get(self.before[i] or "", -1), index[self.chains[i][0]]] += 1
        return counts

    def mean_lengths(self, themes: Sequence[str]) -> np.ndarray:
        """(themes,) mean tokens of a segment; that of all where a theme was never written; 0 for the end."""
        every = [n for lengths in self.lengths.values() for n in lengths] or [0]
        means = [float(np.mean(self.lengths.get(theme) or every)) for theme in themes]
        return np.array([0.0 if theme == END else m for theme, m in zip(themes, means, strict=True)])


def gather(
    subject: Subject,
    prompts: Sequence[str],
    labeller: Labeller,
    *,
    site: str,
    prompt_ids: Sequence[str] | None = None,
    samples: int = 1,
    seed: int = 0,
    policy: Policy = Policy(),
    every: int = 0,
    max_rows: int = 64,
    report: Callable[[int, int], None] | None = None,
) -> Places:
    """Let the subject write `samples` texts after each prompt and keep what a monitor at `site` would have seen.

    The texts are those of `sample` with the same seed. Raises `SiteError`, `PromptError` as the subject does.
    """
    ids = [str(i) for i in range(len(prompts))] if prompt_ids is None else list(prompt_ids)
    if len(ids) != len(prompts) or samples < 1 or max_rows < 1:
        raise InputError(f"{len(ids)} ids for {len(prompts)} prompts, {samples} samples, {max_rows} rows at a time")
    rows = [(p, s) for p in range(len(prompts)) for s in range(samples)]
    texts: list[_Text] = []
    for begin in range(0, len(rows), max_rows):
        some = rows[begin : begin + max_rows]
        seeds = [trajectory_seed(seed, ids[p], s) for p, s in some]
        texts += _write(subject, [prompts[p] for p, _ in some], seeds, policy, site, labeller, every)
        if report is not None:
            report(len(texts), len(rows))
    return _together(rows, texts, labeller)


class _Text:
    """One text as it is written, with the places read so far."""

    def __init__(self, labeller: Labeller, decode: Callable[[Sequence[int]], str], every: int) -> None:
        self.listener, self.spelling, self.every = Listener(labeller), Spelling(decode), every
        self.places: list[tuple[np.ndarray, int, int, str, str | None, Chain]] = []
        self.ends: list[int] = []
        self.finished = False
        self._theme: str | None = None
        self._chain: Chain = ()

    def add(self, token: int, activation: np.ndarray) -> None:
        count, at = len(self.ends), len(self.listener.text)
        heard = self.listener.feed(self.spelling.add(token))
        self.ends.append(len(self.listener.text))
        self._keep("prompt" if count == 0 else "sentence" if heard else "tokens", heard, activation, count, at)

    def end(self, activation: np.ndarray) -> None:
        """The end was drawn here."""
        self.finished = True
        heard = self.listener.finish(ended=True)
        if heard or not self.ends:
            self._keep("sentence" if self.ends else "prompt", heard, activation, len(self.ends),
                       len(self.listener.text))  # fmt: skip

    def _keep(self, reason: str, heard: Sequence[Heard], activation: np.ndarray, count: int, at: int) -> None:
        for one in heard:
            self._theme = one.theme
            if one.theme is not None and self._chain[-1:] != (one.theme,):
                self._chain = (*self._chain, one.theme)
        if reason != "tokens" or (self.every and count - self.places[-1][1] >= self.every):
            self.places.append((activation.copy(), count, at, reason, self._theme, self._chain))


def _write(
    subject: Subject, prompts: list[str], seeds: list[int], policy: Policy, site: str, labeller: Labeller, every: int
) -> list[_Text]:
    ends: frozenset[int] = getattr(subject, "end_ids", frozenset())
    texts = [_Text(labeller, subject.decode, every) for _ in prompts]
    for step in subject.stream(prompts, seeds=seeds, policy=policy, capture=[site]):
        read = step.activations[site]
        for i, token in enumerate(step.tokens):
            if token in ends:
                texts[i].end(read[i])
            elif token is not None:
                texts[i].add(token, read[i])
                texts[i].finished = step.ended[i] and len(texts[i].ends) < policy.max_tokens
    return texts


def _together(rows: list[tuple[int, int]], texts: list[_Text], labeller: Labeller) -> Places:
    activations, prompt_of, text_of, tokens, reasons, before, heard, blank, chains, at = ([] for _ in range(10))
    lengths: dict[str, list[int]] = {}
    unjudged = 0
    for number, ((prompt, _), text) in enumerate(zip(rows, texts, strict=True)):
        whole = text.listener.text
        try:
            segments = labeller.label(Trajectory("", "", "", "", 0, (), whole, text.finished)).segments
        except LabellerError:
            unjudged += 1
            continue
        known = _observed(segments, whole, text.finished)
        for s in known:
            count = bisect_right(text.ends, s.stop - 1) - bisect_right(text.ends, s.start) + 1
            lengths.setdefault(s.theme or "", []).append(count)
        for activation, count, place, reason, theme, chain in text.places:
            activations.append(activation)
            prompt_of.append(prompt)
            text_of.append(number)
            tokens.append(count)
            reasons.append(reason)
            before.append(theme)
            heard.append(chain)
            blank.append(whole[:place].endswith("\n\n"))
            chains.append(_rest(known, place, text.finished))
            at.append(place)
    return Places(
        np.array(activations), np.array(prompt_of), np.array(text_of), np.array(tokens), np.array(reasons),
        tuple(before), tuple(heard), np.array(blank), tuple(chains), tuple(t.listener.text for t in texts),
        np.array(at), lengths, unjudged,
    )  # fmt: skip


def _observed(segments: Sequence[Segment], text: str, finished: bool) -> Sequence[Segment]:
    """Without a last segment that was cut off before its first sentence ended: too little to name it."""
    if segments and not finished and MARKS.isdisjoint(text[segments[-1].start : segments[-1].stop]):
        return segments[:-1]
    return segments


def _rest(segments: Sequence[Segment], place: int, finished: bool) -> Chain:
    """The chain of what stands after `place`, a segment that it cuts included.

    >>> _rest([Segment(0, 9, "a"), Segment(10, 20, "b"), Segment(21, 30, "b")], 9, True)
    ('b', 'end')
    """
    themes = [s.theme for s in segments if s.stop > place and s.theme is not None]
    kept = [t for i, t in enumerate(themes) if i == 0 or t != themes[i - 1]]
    return (*kept, END) if finished else tuple(kept)
