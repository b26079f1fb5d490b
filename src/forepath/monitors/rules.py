"""What the user wants to be told: rules such as `P(legal threat within 3) > 0.3 then pause`.

    rule    = "P(" themes horizon ")" (">" | "<") number ["until" number] ["then" action {"," action}]
    themes  = theme {"|" theme}          any of these
    horizon = "within" steps | "next"    "next" is "within 1"
    action  = "notify" | "webhook" | "pause" | "stop" | "ask"

A rule is raised when its probability passes the limit and over when it comes back past `until`, so that it does not
flicker: by default a fifth of the way back to where nothing is expected. Every rule is logged. Knows numbers and names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from forepath.errors import InputError
from forepath.monitors.hazards import Outlook, chance_of_any
from forepath.monitors.readings import Alarm

ACTIONS = ("notify", "webhook", "pause", "stop", "ask")
BACK = 0.2
"""How far back, as a share of the way, the default `until` lies."""
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)"
_RULE = re.compile(
    rf"\s*P\s*\((?P<themes>.+?)\s+(?:within\s+(?P<within>\d+)|(?P<next>next))\s*\)\s*(?P<sign>[<>])\s*"
    rf"(?P<limit>{_NUMBER})(?:\s+until\s+(?P<until>{_NUMBER}))?(?:\s+then\s+(?P<actions>[\w\s,]+?))?\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to watch for. Build it with `parse_rule` or `Rule.from_json`."""

    themes: tuple[str, ...]
    """Any of these."""
    within: int
    """Themes ahead that count, at least 1."""
    limit: float
    """In (0, 1)."""
    until: float
    """Where the alarm is over: at most `limit` for a rule with ">", at least for "<"."""
    above: bool = True
    """ ">": raised above the limit; else "<"."""
    actions: tuple[str, ...] = ()
    """Of `ACTIONS`."""

    def __post_init__(self) -> None:
        ends = (self.until <= self.limit) if self.above else (self.until >= self.limit)
        wrong = [
            text
            for bad, text in (
                (not self.themes or not all(t.strip() for t in self.themes), "names no theme"),
                (self.within < 1, f"looks {self.within} themes ahead; at least 1"),
                (not 0 < self.limit < 1, f"has the limit {self.limit}; it lies between 0 and 1"),
                (not (0 <= self.until <= 1 and ends), f"ends at {self.until}, on the wrong side of {self.limit}"),
                (set(self.actions) - set(ACTIONS), f"wants {', '.join(self.actions)}; there are {', '.join(ACTIONS)}"),
            )
            if bad
        ]
        if wrong:
            raise InputError(f"a rule {'; '.join(wrong)}: write it like 'P(legal threat within 3) > 0.3 then pause'")

    def __str__(self) -> str:
        horizon = "next" if self.within == 1 else f"within {self.within}"
        text = f"P({' | '.join(self.themes)} {horizon}) {'>' if self.above else '<'} {self.limit:g}"
        text += "" if self.until == _back(self.limit, self.above) else f" until {self.until:g}"
        return text + (f" then {', '.join(self.actions)}" if self.actions else "")

    def to_json(self) -> dict[str, Any]:
        """Plain data, read back by `from_json`."""
        return {"themes": list(self.themes), "within": self.within, "above" if self.above else "below": self.limit,
                "until": self.until, "actions": list(self.actions)}  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rule:
        """From `{"themes": […], "within": 3, "above": 0.3}` (or "below"), optionally "until" and "actions", or the text
        form under "rule". Raises `InputError`.
        """
        try:
            if set(data) == {"rule"}:
                return parse_rule(data["rule"])
            unknown = sorted(set(data) - {"themes", "within", "above", "below", "until", "actions"})
            above = "above" in data
            if unknown or above == ("below" in data) or isinstance(data["themes"], str):
                raise ValueError(f"unknown key {unknown[0]}" if unknown else "give themes as a list; above or below")
            limit = float(data["above"] if above else data["below"])
            until = float(data.get("until", _back(limit, above)))
            themes, actions = tuple(map(str, data["themes"])), tuple(map(str, data.get("actions", ())))
            return cls(themes, int(data["within"]), limit, until, above, actions)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f'the rule {str(data)[:120]} cannot be read ({error}); wanted {{"themes": […], "within": 3, "above": '
                '0.3} or {"rule": "P(… within 3) > 0.3"}'
            ) from error


def parse_rule(text: str) -> Rule:
    """Read a rule from its text. Raises `InputError` saying how one is written.

    >>> parse_rule("P(legal threat | insult within 3) > 30 % until 0.1 then notify, stop")
    Rule(themes=('legal threat', 'insult'), within=3, limit=0.3, until=0.1, above=True, actions=('notify', 'stop'))
    >>> str(parse_rule("P(end next) < .5"))
    'P(end next) < 0.5'
    """
    match = _RULE.fullmatch(text) if isinstance(text, str) and len(text) < 1000 else None
    if match is None:
        raise InputError(
            f"{str(text)[:120]!r} is no rule; write 'P(theme within 3) > 0.3', optionally followed by 'until 0.2' and "
            f"'then {', '.join(ACTIONS)}'"
        )
    above, limit = match["sign"] == ">", _share(match["limit"])
    until = _share(match["until"]) if match["until"] else _back(limit, above)
    actions = tuple(a.strip().lower() for a in match["actions"].split(",")) if match["actions"] else ()
    themes = tuple(t.strip() for t in match["themes"].split("|"))
    return Rule(themes, int(match["within"] or 1), limit, until, above, actions)


def bind(rule: Rule, themes: Sequence[str], horizon: int) -> tuple[int, ...]:
    """The indices of a rule's themes. Raises `InputError` for a theme that is not there, naming the nearest, or a
    horizon longer than the forecast's.
    """
    index = {t.casefold(): i for i, t in enumerate(themes)}
    found = []
    for theme in rule.themes:
        if theme.casefold() not in index:
            near = get_close_matches(theme.casefold(), index, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(themes)}"
            raise InputError(f"rule '{rule}': no theme {theme!r} is forecast; {hint}")
        found.append(index[theme.casefold()])
    if rule.within > horizon:
        raise InputError(f"rule '{rule}' looks {rule.within} themes ahead, the forecast {horizon}; ask for fewer")
    return tuple(found)


class Watch:
    """A rule being watched in one text: raised or not."""

    def __init__(self, rule: Rule, themes: Sequence[str], horizon: int) -> None:
        """Raises `InputError` as `bind` does."""
        self.rule = rule
        self._wanted = bind(rule, themes, horizon)
        self.raised = False

    def update(self, outlook: Outlook, token: int) -> Alarm | None:
        """An alarm if the rule is raised or over now. Raises `InputError` where the forecast looks less far ahead."""
        within = self.rule.within
        if outlook.horizon < within:
            raise InputError(
                f"rule '{self.rule}' looks {within} themes ahead, this forecaster {outlook.horizon}; "
                "ask for fewer, or fit one with a longer horizon"
            )
        links = outlook.links[: within - 1] if within > 1 else ()
        chance = float(chance_of_any(outlook.first, links, self._wanted)[-1])
        limit = self.rule.until if self.raised else self.rule.limit
        passed = chance > limit if self.rule.above else chance < limit
        if passed == self.raised:
            return None
        self.raised = passed
        return Alarm("watch", str(self.rule), passed, token, chance, limit, self.rule.actions if passed else ())


def _share(text: str) -> float:
    number = text.replace(" ", "")
    return float(number[:-1]) / 100 if number.endswith("%") else float(number)


def _back(limit: float, above: bool) -> float:
    return limit * (1 - BACK) if above else limit + (1 - limit) * BACK
