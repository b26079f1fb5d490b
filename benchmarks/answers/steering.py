"""Claim: `compare` gives steering of `library` a dose-response curve with its cost, worth many texts read by eye.

    python benchmarks/answers/steering.py [--prompts 60] [--samples 6] [--picture docs/steering.svg]

`library` is steered towards verse and towards dialogue, by a pair of prompts (ActAdd, Turner et al. 2023) and by the
difference of means of a few texts (CAA, Rimsky et al. 2024), at growing strength. Its texts go on from openings in
prose that it wrote itself. Verse is told by its lines, dialogue by quotation marks. Beside each shift: what the texts
cost the unsteered model, and the reader. A reader who counts k texts a side, before and after, decides by Fisher's
exact test; the table says how often 10 texts a side are enough, and how many decide in 80 of 100 cases. "Worth": how
many texts a side, read and counted, have the standard error of the report's paired shift.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from _written import table, written
from scipy.stats import fisher_exact

from forepath.effects.comparing import Rules, compare
from forepath.effects.fluency import surprises
from forepath.organisms import bundled
from forepath.records import Policy, Segment
from forepath.subjects.huggingface import load
from forepath.subjects.interventions import making
from forepath.subjects.sampling import sample
from forepath.themes.segmentation import blocks

SEED = 8500
MAX_TOKENS = 72
QUOTED = 0.25
"""Share of a block's letters between quotation marks that makes it dialogue."""
VERSE = (
    "O wind, that blows across the sea,\n  And bends the branches of the tree,\n  Come down, come down to me\n",
    "The stars are bright, the night is long,\n  And far away I hear a song\n  Of those who wait, of those who long\n",
    "My love is gone beyond the hill,\n  The brook is low, the wood is still,\n  And I must wait, and wait I will,\n",
    "Sing, little bird, thy song of May,\n  The golden hours will pass away,\n  And we shall fade as fades the day;\n",
)
DIALOGUE = (
    '"Where have you been?" said the boy.\n\n"In the garden," said she, "and you?"\n\n"At home," he answered.\n\n',
    '"Come in!" cried the old man. "What do you want?"\n\n"Nothing, sir," said I.\n\n"Then go!" he cried.\n\n',
    '"Is it true?" she asked.\n\n"Quite true," said the doctor, "I saw it."\n\n"Oh!" said she, "tell me more."\n\n',
    '"Who is there?" asked the king.\n\n"It is I," said the fox.\n\n"And what," said the king, "have you brought?"\n\n',
)
PROSE = (
    "The accounts of the year were in order, and the committee found that the cost of the new road had been less than\n"
    "was expected, so that a part of the sum could be kept for the repair of the bridge.\n",
    "The leaves of this plant are long and narrow, and they are found in low grounds near the river, where the soil\n"
    "is wet during the greater part of the year.\n",
    "In the spring of that year the army crossed the mountains and came into the plain, where it remained until the\n"
    "harvest had been gathered and the roads were dry.\n",
    "It has been shown that heat is produced when the two bodies are rubbed together, and that the quantity of it\n"
    "depends on the force with which they are pressed.\n",
)


class FormLabeller:
    """Verse, dialogue, or prose, by the form of each block; headings and lists count as `other`."""

    def label(self, trajectory):
        segments = (Segment(b.start, b.stop, self._form(trajectory.text[b.start : b.stop], b.kind))
                    for b in blocks(trajectory.text))  # fmt: skip
        return replace(trajectory, segments=tuple(segments))

    def _form(self, text, kind):
        if kind == "verse":
            return "verse"
        pieces = text.replace("“", '"').replace("”", '"').split('"')
        if kind == "turn" or sum(map(len, pieces[1::2])) >= QUOTED * len(text):
            return "dialogue"
        return "prose" if kind == "prose" else "other"


def openings(subject, n, seed):
    """Openings in prose of the model's own: 40 tokens, cut after a word."""
    labeller, found = FormLabeller(), []
    texts, _ = sample(subject, ["\n"], samples=4 * n, seed=seed, policy=Policy(max_tokens=40))
    for t in texts:
        text = t.text.strip().rsplit(" ", 1)[0]
        forms = {s.theme for s in labeller.label(replace(t, text=text)).segments}
        if forms == {"prose"} and len(text) > 80:
            found.append(text)
    if len(found) < n:
        raise SystemExit(f"only {len(found)} of {n} openings in prose; raise the number drawn")
    return found[:n]


def doses(given):
    """(target, method, coefficient, intervention)."""
    for target, texts in (("verse", VERSE), ("dialogue", DIALOGUE)):
        for c in given.actadd:
            yield target, "ActAdd", c, making.actadd(given.actadd_site, texts[0], PROSE[0], coefficient=c)
        for c in given.caa:
            yield (
                target,
                "CAA",
                c,
                making.add(given.caa_site, making.contrast(texts, PROSE, read="mean"), coefficient=c),
            )


def read_by_eye(before, after, target, k=10, draws=400, rng=None):
    """(how often k texts a side decide, texts a side that decide in 80 of 100 cases) for one who counts."""
    rng = rng or np.random.default_rng(0)
    sides = [np.array([target in t.chain for t in side]) for side in (before, after)]
    rates = [s.mean() for s in sides]

    def power(n):
        hits = [rng.binomial(n, r, draws) for r in rates]
        seen = {}
        for a, b in zip(*hits, strict=True):
            if (a, b) not in seen:
                seen[a, b] = fisher_exact([[a, n - a], [b, n - b]])[1] <= 0.05
        return np.mean([seen[pair] for pair in zip(*hits, strict=True)])

    few = power(k)
    if abs(rates[1] - rates[0]) < 0.02:
        return few, float("inf")
    n = 5
    while power(n) < 0.8 and n < 3000:
        n = int(n * 1.15) + 1
    return few, n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=60)
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--actadd", type=float, nargs="*", default=[1.0, 2.0, 4.0, 8.0])
    parser.add_argument("--caa", type=float, nargs="*", default=[0.5, 1.0, 1.5, 2.0])
    parser.add_argument("--actadd-site", default="resid.1")
    parser.add_argument("--caa-site", default="resid.3")
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    subject = load(bundled.path("library"), device="cpu")
    prompts = openings(subject, given.prompts, given.seed)
    options = {"samples": given.samples, "max_tokens": MAX_TOKENS, "labeller": FormLabeller(), "seed": given.seed}
    before = written(subject, prompts, **options)
    nats = surprises(subject, before)
    rows, curves = [], {}
    for target, method, c, change in doses(given):
        after = written(subject, prompts, intervention=change, **options)
        found = compare(before, after, targets=[target], surprises=(nats, surprises(subject, after)),
                        rules=Rules(least=1))  # fmt: skip
        e, cost = found.of(f"theme: {target}"), found.of("guard: surprise")
        few, enough = read_by_eye(before, after, target)
        error = (e.high - e.low) / 2 / 1.96
        worth = (e.before * (1 - e.before) + e.after * (1 - e.after)) / error**2
        shift = f"{e.shift:+.3f} [{e.low:+.3f}, {e.high:+.3f}]"
        rows.append((target, method, f"{c:g}", f"{e.before:.3f} → {e.after:.3f}", shift, "moved" if e.moved else "–",
                     f"{cost.before:.2f} → {cost.after:.2f}", f"{few:.0%}",
                     "–" if enough == float("inf") else f"{enough}", f"{worth:.0f}"))  # fmt: skip
        curves.setdefault((target, method), [(0.0, e.before, e.before, e.before, cost.before)]).append(
            (c, e.after, e.before + e.low, e.before + e.high, cost.after)
        )
        print(f"# {target} by {method}, {c:g}", flush=True)
    print(f"\n{given.prompts} openings, {given.samples} texts of each on both sides ({len(before)} a side)\n")
    table(("towards", "by", "coefficient", "texts that hold it", "shift [95 %]", "report", "surprise, nats",
           "10 texts a side decide", "texts a side to decide", "worth texts a side"), rows)  # fmt: skip
    if given.picture:
        draw(curves, given.picture)


def draw(curves, path) -> None:
    """Share of texts with the target above, nats per token below, against the coefficient."""
    from matplotlib import rc_context

    from forepath.effects.pictures import MOVED, SAME, new_figure, write_figure

    figure = new_figure(7.2, 4.2)
    axes = figure.subplots(2, 2, sharex="col", sharey="row", height_ratios=(2, 1))
    for (target, method), points in curves.items():
        column = ("ActAdd", "CAA").index(method)
        x, y, low, high, cost = np.array(points).T
        colour, mark = (MOVED, "o") if target == "verse" else (SAME, "s")
        axes[0, column].fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
        axes[0, column].plot(x, y, mark + "-", color=colour, ms=4, label=target)
        axes[1, column].plot(x, cost, mark + "-", color=colour, ms=4)
        axes[0, column].set_title(method, fontsize=9)
        axes[1, column].set_xlabel("coefficient", fontsize=8)
    axes[0, 0].set_ylabel("texts that hold it", fontsize=8)
    axes[1, 0].set_ylabel("nats per token", fontsize=8)
    axes[0, 0].set_ylim(bottom=0)
    axes[0, 0].legend(fontsize=8, frameon=False)
    for a in axes.ravel():
        a.tick_params(labelsize=8)
        a.spines[["top", "right"]].set_visible(False)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "steering"}):
        write_figure(figure, path)


if __name__ == "__main__":
    main()
