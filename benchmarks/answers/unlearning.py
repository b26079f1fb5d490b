"""Claim: a theme of `documents` can be unlearned and the rest kept, and `compare` tells that from a clumsy unlearning.

    python benchmarks/answers/unlearning.py [--theme complaint] [--prompts 400] [--samples 6] [--folder runs/effects]

What "unlearned" means here: at least 95 % of the texts that held the theme hold it no more, and every other theme stays
within the margin that `compare` uses by default (five texts in a hundred, or half of what there was before if that is
less). The theme's place must be taken by something: the margin is wide enough for what the grammar itself would put
there (its largest exact shift is printed), and no wider.

    retrained   fine-tuned on documents of the grammar without the theme
    npo         negative preference optimisation on the theme's own sentences, the same documents retained
    both        the same, then fine-tuned, twice as long as `retrained`, on documents of the grammar without the theme
    clumsy      gradient ascent on whole documents that hold the theme, nothing retained
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from _written import TUNED, beginnings, model, passages, table, tuned, without_theme, written

from forepath.effects.comparing import compare
from forepath.effects.fluency import surprises
from forepath.effects.prose import headline
from forepath.effects.removal import not_spared
from forepath.organisms.tuning import Tuning
from forepath.worlds.changes import without
from forepath.worlds.coming import Coming
from forepath.worlds.documents import document_grammar
from forepath.worlds.grammar import Grammar
from forepath.worlds.posterior import posterior

PROMPTS = 4100
"""As in `changed_grammar.py`, whose texts of the two models that both have are then found again."""
SEED = 5200


def arms(base, theme, folder, given):
    """name -> directory of the trained copy."""
    content = document_grammar().content
    clean = passages(without(content, theme), 4000, SEED + 1)
    spans = passages(content, 600, SEED + 2, spans_of=theme)
    whole = [type(p)(p.prompt, p.text, ended=True) for p in spans]
    gentle = Tuning(rate=1e-4, cooldown=0.6, longest=768)
    settings = {
        "npo": (spans, clean, replace(gentle, objective="npo", steps=given.npo_steps, beta=given.beta,
                                      retain_weight=given.retain)),
        "clumsy": (whole, [], Tuning(objective="ascent", steps=given.ascent_steps, rate=1e-4, longest=768)),
    }  # fmt: skip
    wanted, made = given.arms.split(","), {}
    if "retrained" in wanted:
        made["retrained"] = without_theme(base, theme, folder)
    made |= {n: tuned(base, f"{n}-{theme}", *settings[n], folder) for n in settings if n in wanted}
    if "both" in wanted:
        emptied = tuned(base, f"npo-{theme}", *settings["npo"], folder)
        longer = replace(TUNED, steps=2 * TUNED.steps)
        texts = passages(without(content, theme), longer.rows * longer.steps, SEED + 3)
        made["both"] = tuned(model(emptied), f"both-{theme}", texts, [], longer, folder)
    return made


def expected(theme, prompts):
    """The largest exact shift of another theme, when the grammar itself is without it."""
    grammars = [Grammar(c) for c in (document_grammar().content, without(document_grammar().content, theme))]
    told = [np.mean([Coming(g)(posterior(g, p)) for p in prompts], axis=0) for g in grammars]
    shift = {t: d for t, d in zip(grammars[0].themes, told[1] - told[0], strict=True) if t != theme}
    most = max(shift, key=lambda t: abs(shift[t]))
    return most, shift[most]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--theme", default="complaint")
    parser.add_argument("--prompts", type=int, default=400)
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--seed", type=int, default=PROMPTS, help="of the prompts")
    parser.add_argument("--npo-steps", type=int, default=60)
    parser.add_argument("--ascent-steps", type=int, default=10)
    parser.add_argument("--beta", type=float, default=0.1)
    parser.add_argument("--retain", type=float, default=4.0)
    parser.add_argument("--arms", default="retrained,npo,both,clumsy")
    parser.add_argument("--folder", type=Path, default=Path("runs/effects"))
    given = parser.parse_args()
    base = model()
    made = arms(base, given.theme, given.folder, given)
    clean = Grammar(without(document_grammar().content, given.theme))
    prompts = beginnings(given.seed, given.prompts, of=clean)
    most, shift = expected(given.theme, prompts)
    print(f"{given.theme}: without it the grammar itself moves {most} most, by {shift:+.3f}", flush=True)
    before = written(base, prompts, given.samples, keep=given.folder)
    nats = surprises(base, before)
    rows = []
    for name, folder in made.items():
        begin = time.monotonic()
        after = written(model(folder), prompts, given.samples, keep=given.folder)
        found = compare(before, after, targets=[given.theme], surprises=(nats, surprises(base, after)))
        broken, open_ones, rest = not_spared(found.effects, found.targets)
        themes = [e for e in found.effects if e.kind == "theme" and e.measure != f"theme: {given.theme}"]
        furthest = max(themes, key=lambda e: abs(e.shift))
        cost = found.of("guard: surprise")
        gone = found.removed
        rows.append((name, f"{gone.value:.1%} [{gone.low:.1%}, {gone.high:.1%}]",
                     f"{rest - len(broken) - len(open_ones)} of {rest}", len(broken), len(open_ones),
                     f"{furthest.measure.removeprefix('theme: ')} {furthest.shift:+.3f}",
                     f"{cost.before:.2f} → {cost.after:.2f}"))  # fmt: skip
        print(f"\n{name} ({time.monotonic() - begin:.0f} s to sample and compare): {headline(found)}")
        print("\n".join(f"  doubt: {d}" for d in found.doubts), flush=True)
    print()
    table(
        ("arm", "gone [95 %]", "others stayed", "broken", "undecided", "furthest other theme", "surprise, nats"), rows
    )


if __name__ == "__main__":
    main()
