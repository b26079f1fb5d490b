"""What alarms were worth: precision, recall and lead time of rules, and how surely a text stays on the path.

A conversation is followed to its end; what was forecast on the way is then held against what was written. What the text
was too short to decide is counted, never guessed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from forepath.monitors.monitor import Monitor
from forepath.monitors.readings import Alarm
from forepath.monitors.row import Row
from forepath.monitors.rules import Rule
from forepath.protocols import Subject
from forepath.records import END, Policy


@dataclass(frozen=True, slots=True)
class Followed:
    """A conversation that was followed to its end."""

    alarms: tuple[tuple[str | None, Alarm], ...]
    """Raised or over, in order, each with the theme that had been heard last."""
    themes: tuple[tuple[str, int], ...]
    """(theme, token at which it began) of every theme heard, in order; `end` last if the text ended by itself."""
    sentences: tuple[tuple[str | None, int, int], ...]
    """(theme, token at which it began, tokens after which it was finished) of every sentence."""
    tokens: int
    finished: bool
    highest: float
    """Largest evidence against the forecast."""


def follow_all(
    monitor: Monitor,
    subject: Subject,
    prompts: Sequence[str],
    *,
    seeds: Sequence[int],
    policy: Policy = Policy(),
    max_rows: int = 64,
    report: Callable[[int, int], None] | None = None,
) -> list[Followed]:
    """Follow one text per prompt to its end, whatever the rules ask for: `max_rows` at a time."""
    out: list[Followed] = []
    for begin in range(0, len(prompts), max_rows):
        some, their = prompts[begin : begin + max_rows], seeds[begin : begin + max_rows]
        out += _follow(monitor, subject, some, their, policy)
        if report is not None:
            report(len(out), len(prompts))
    return out


def _follow(
    monitor: Monitor, subject: Subject, prompts: Sequence[str], seeds: Sequence[int], policy: Policy
) -> list[Followed]:
    rows = monitor.rows(subject, prompts, policy)
    capture = () if monitor.site is None else (monitor.site,)
    for step in subject.stream(prompts, seeds=seeds, policy=policy, capture=capture):
        for row in rows:
            row.take(step)
    return [followed(row) for row in rows]


def followed(row: Row) -> Followed:
    """What a row that is over has seen."""
    follower = row.follower
    ends = follower.ends
    sentences = [(h.theme, bisect_right(ends, h.start), bisect_right(ends, h.stop - 1) + 1) for h in follower.heard]
    themes: list[tuple[str, int]] = []
    for theme, token, _ in sentences:
        if theme is not None and (not themes or themes[-1][0] != theme):
            themes.append((theme, token))
    if row.ended:
        themes.append((END, follower.tokens))
    return Followed(tuple(row.alarms), tuple(themes), tuple(sentences), follower.tokens, row.ended,
                    follower.highest_evidence)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleScore:
    """How good one rule was. NaN: nothing to judge by."""

    rule: str
    raised: int
    """Times the rule was raised."""
    true: int
    """Of these, a theme of the rule was then written within its horizon."""
    false: int
    late: int
    """A theme of the rule was being written already: neither true nor false."""
    unjudged: int
    """The text was cut off before the horizon was over."""
    precision: float
    """true / (true + false)"""
    occurrences: int
    """Times a theme of the rule began."""
    foreseen: int
    """Of these, the rule stood raised by the time its first token was drawn."""
    recall: float
    """foreseen / occurrences"""
    lead: float
    """Median tokens from raising the rule to the theme's first token, of those foreseen; 0: as it was drawn."""
    lead_low: float
    """Lower quartile."""
    lead_high: float
    """Upper quartile."""
    false_per_conversation: float


def score_rule(rule: Rule, conversations: Sequence[Followed]) -> RuleScore:
    """Hold every alarm of `rule`, in every conversation, against what was then written."""
    verdicts: list[bool | None] = []
    late = 0
    leads: list[int] = []
    occurrences = 0
    for one in conversations:
        told = [(theme, a) for theme, a in one.alarms if a.kind == "watch" and a.rule == str(rule)]
        alarms = [a for _, a in told]
        early = [a for theme, a in told if a.raised and theme not in rule.themes]
        late += sum(a.raised for a in alarms) - len(early)
        verdicts += [_came(rule, one, a.token) for a in early]
        for theme, token in one.themes:
            if theme in rule.themes:
                occurrences += 1
                standing = [a for a in alarms if a.token <= token]
                if standing and standing[-1].raised:
                    leads.append(token - standing[-1].token)
    true, false = verdicts.count(True), verdicts.count(False)
    nan = float("nan")
    low, middle, high = np.quantile(leads, [0.25, 0.5, 0.75]).tolist() if leads else (nan, nan, nan)
    precision = true / (true + false) if true + false else nan
    return RuleScore(
        str(rule), len(verdicts) + late, true, false, late, verdicts.count(None), precision, occurrences,
        len(leads), len(leads) / occurrences if occurrences else nan, middle, low, high,
        false / len(conversations) if conversations else nan,
    )  # fmt: skip


def _came(rule: Rule, one: Followed, token: int) -> bool | None:
    """Whether a theme of the rule was among the next `within` themes written from `token` on, a sentence that was then
    being written included.
    """
    ahead: list[str] = []
    for theme, _, stops in one.sentences:
        if stops > token and theme is not None and ahead[-1:] != [theme]:
            ahead.append(theme)
    if one.finished:
        ahead.append(END)
    if set(rule.themes) & set(ahead[: rule.within]):
        return True
    return False if one.finished or len(ahead) >= rule.within else None
