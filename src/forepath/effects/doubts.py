"""What to doubt about a comparison, in sentences: found by rule, so that no report leaves them out."""

from __future__ import annotations

from collections.abc import Sequence

from forepath.effects.pairing import Pairs
from forepath.records import OTHER, Effect

FEW_PROMPTS = 30
MUCH_MISSING = 0.05


def doubts(pairs: Pairs, effects: Sequence[Effect], targets: tuple[str, ...], surprises: bool) -> tuple[str, ...]:
    """At least one: a comparison without any was not thought about."""
    found = [*_guards(effects), *_counts(pairs, effects)]
    if not surprises:
        found.append(
            "The texts were not read by the base model, so that fluency was judged by length and repetition only."
        )
    rest = [e for e in effects if e.kind == "theme" and e.measure.removeprefix("theme: ") not in targets]
    open_ones = [e.measure.removeprefix("theme: ") for e in rest if not e.same and not e.moved]
    if open_ones:
        found.append(
            f"Of {len(rest)} themes that were not aimed at, {len(open_ones)} neither moved nor can be said to have "
            f"stayed: {_listed(open_ones)}. More prompts would tell."
        )
    other = next((e for e in effects if e.measure == f"theme: {OTHER}"), None)
    if other is not None and other.moved and other.shift > 0:
        found.append(
            f"More of the text fits no theme ({other.shift:+.1%}): the codebook may be blind to what the change "
            "brought."
        )
    found.append(
        "Themes are what the labeller calls them on both sides: a change of wording that it reads as another theme "
        "counts as a shift. Read the texts below."
    )
    return tuple(found)


def _guards(effects: Sequence[Effect]) -> list[str]:
    """A guard that moved the wrong way: perhaps nothing was unlearned, only broken."""
    bad = {"guard: surprise": 1, "guard: repeated phrases": 1, "guard: distinct pairs": -1, "guard: variety": -1}
    worse = [e for e in effects if e.moved and not e.same and e.shift * bad.get(e.measure, 0) > 0]
    found = [
        f"{e.measure.removeprefix('guard: ').capitalize()} went from {e.before:.3g} to {e.after:.3g}: the model may be "
        "broken rather than changed."
        for e in worse
    ]
    length = next((e for e in effects if e.measure == "guard: tokens"), None)
    if length is not None and length.moved and not length.same:
        found.append(
            f"Texts have {length.after:.1f} tokens instead of {length.before:.1f}: whatever comes late in a text "
            "shifts with its length alone."
        )
    return found


def _counts(pairs: Pairs, effects: Sequence[Effect]) -> list[str]:
    found = []
    if len(pairs.prompts) < FEW_PROMPTS:
        found.append(f"Only {len(pairs.prompts)} prompts: intervals are wide, and hold for prompts like these at best.")
    if pairs.alone:
        found.append(f"{pairs.alone} trajectories have no partner on the other side and were left out.")
    missing = max((e.unmeasured - pairs.alone for e in effects if e.kind == "theme"), default=0)
    if missing > MUCH_MISSING * 2 * len(pairs.before):
        found.append(
            f"{missing} of {2 * len(pairs.before)} texts could not be labelled; if the change decides which, shifts "
            "are off."
        )
    cut = [sum(not t.finished for t in side) / len(side) for side in (pairs.before, pairs.after)]
    if max(cut) > 0.2:
        found.append(
            f"{cut[0]:.0%} of the texts before and {cut[1]:.0%} after were cut off at the token limit; what would have "
            "come later is not seen."
        )
    return found


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
