"""The few sentences at the top of a judgement: what a reader must not miss, asked for or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forepath.apps.judging.cells import cell, interval
from forepath.apps.judging.keeping import number


def headline(data: Mapping[str, Any]) -> list[str]:
    """The few sentences at the top; a leak is the first of them."""
    rows = {(r["forecaster"], r["step"]): r for r in data["rows"]}
    main = rows[data["main"], 1]
    lines = [f"LEAK ({leak['kind']}): {leak['what']}." for leak in data["leaks"]]
    if lines:
        lines.append("Nothing below can be trusted on the prompts named above; it was judged because you allowed it.")
    loss = interval(main["cross_entropy"], main["low"], main["high"])
    lines.append(
        f"{data['main']} forecasts the next theme of {data['subject']} with {loss} nats on {main['n_prompts']} prompts "
        f"it never saw: {cell(main['explained'], 2)} of what there is to explain, worth {cell(main['k_star'], 1)} "
        "shrunk samples."
    )
    for side, what in (("better", "better than"), ("worse", "worse than"), ("not told apart", "not told apart from")):
        names = [r["other"] for r in data["tests"] if (r["one"], r["step"], r["verdict"]) == (data["main"], 1, side)]
        if names:
            lines.append(f"It is {what} {', '.join(names)}.")
    return lines + _unasked(data, rows)


def _unasked(data: Mapping[str, Any], rows: Mapping[tuple[str, int], Mapping[str, Any]]) -> list[str]:
    """What must be said, asked for or not: the best rival that reads text only, next-token logits, failing controls."""
    tests = {(r["one"], r["other"]): r for r in data["tests"] if r["step"] == 1}
    kinds = {name: about["kind"] for name, about in data["about"].items()}
    texts = {n: number(rows[n, 1]["cross_entropy"]) for n, kind in kinds.items() if kind == "text" and (n, 1) in rows}
    lines = []
    if texts:
        best = min(texts, key=texts.__getitem__)
        test = tests[data["main"], best]
        gain, high, low = (-100 * number(test[part]) / texts[best] for part in ("difference", "low", "high"))
        lines.append(
            f"Its cross-entropy is lower by {gain:.0f} % [{low:.0f}, {high:.0f}] than that of the best rival that "
            f"reads the text only ({best})."
        )
    beside = tests.get((data["main"], "logits"), {}).get("verdict")
    if beside in ("worse", "not told apart"):
        how = "do better" if beside == "worse" else "are not told apart from it"
        lines.append(f"The next-token logits {how} under the same head: what is read here need not be a plan.")
    if tests.get(("shuffled", "base_rate"), {}).get("verdict") == "better":
        lines.append("WARNING: `shuffled` beats the base rate, which it cannot do honestly: something leaks.")
    return lines
