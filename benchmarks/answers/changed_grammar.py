"""Claim: after the grammar is changed and `documents` fine-tuned on it, `compare` finds that change and nothing else.

    python benchmarks/answers/changed_grammar.py [--prompts 400] [--samples 6] [--folder runs/effects]

Two changes: a theme is dropped (`complaint`), a move is raised (`facts → decision`, eightfold). For each, `documents`
is fine-tuned on documents of the changed grammar, and once, as a control, for as many steps on documents of the
unchanged one: a fine-tune alone also brings the model nearer to its grammar. Both sides continue the same prompts under
the same seeds. Beside each measured shift stands the exact one, of the two grammars after the same prompts.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from _written import TUNED, beginnings, model, passages, table, tuned, without_theme, written

from forepath.effects.comparing import compare
from forepath.worlds.changes import raised, without
from forepath.worlds.coming import Coming, ComingMove
from forepath.worlds.documents import document_grammar
from forepath.worlds.grammar import Grammar
from forepath.worlds.posterior import posterior

MOVE = ("facts", "decision")
SEED = 4100
NONE = 0.003
"""An exact shift by less counts as none, when false discoveries are counted."""


def exact(grammars, prompts):
    """((themes,) shift of P(theme comes), shift of P(the move comes)) after the same prompts."""
    beliefs = [[posterior(g, p) for p in prompts] for g in grammars]
    told = [np.mean([Coming(g)(b) for b in of], axis=0) for g, of in zip(grammars, beliefs, strict=True)]
    moves = [np.mean([ComingMove(g, *MOVE)(b) for b in of]) for g, of in zip(grammars, beliefs, strict=True)]
    return told[1] - told[0], moves[1] - moves[0]


def report(title, found, names, shift, move):
    """A table of what moved, in truth or by the report, and the counts of what was right and wrong."""
    themes = {e.measure.removeprefix("theme: "): e for e in found.effects if e.kind == "theme"}
    rows, inside, false, missed, wrong_same = [], [], [], [], []
    for name, e in themes.items():
        if name not in names:
            continue
        true = float(shift[names.index(name)])
        inside.append(e.low <= true <= e.high)
        false += [name] if e.moved and abs(true) < NONE else []
        missed += [name] if not e.moved and abs(true) > e.margin else []
        wrong_same += [name] if e.same and abs(true) > e.margin else []
        if e.moved or abs(true) > 0.01:
            measured, verdict = f"{e.shift:+.3f} [{e.low:+.3f}, {e.high:+.3f}]", "moved" if e.moved else "same"
            verdict = verdict if e.moved or e.same else "–"
            rows.append((abs(true), name, f"{e.before:.3f}", f"{true:+.3f}", measured, verdict))
    print(f"### {title}\n")
    table(("theme", "before", "exact shift", "measured [95 %]", "verdict"), [r[1:] for r in sorted(rows, reverse=True)])
    label = f"transition: {MOVE[0]} → {MOVE[1]}"
    for e in found.effects:
        if e.measure == label:
            print(f"{label}: exact {move:+.3f}, measured {e.shift:+.3f} [{e.low:+.3f}, {e.high:+.3f}], "
                  f"{'moved' if e.moved else 'same' if e.same else 'not decided'}")  # fmt: skip
    others = [e.measure for e in found.moved if e.kind != "theme"]
    surprise = [e for e in found.guards if e.measure in ("guard: tokens", "guard: finished")]
    print(f"{sum(inside)} of {len(inside)} exact shifts lie inside their 95 % interval; "
          f"moved: {sum(e.moved for e in themes.values())} themes, of which with an exact shift below {NONE}: {false}; "
          f"exact shift above the margin, and not found: {missed}; said to have stayed, wrongly: {wrong_same}; "
          f"other measures that moved: {len(others)} of {len(found.effects) - len(themes)}")  # fmt: skip
    print("guards: " + "; ".join(f"{e.measure} {e.before:.3g} → {e.after:.3g}" for e in surprise), flush=True)
    print()


def nulls(texts, samples, times, prompts=60):
    """The base model against itself: the samples of each prompt divided by chance, `times` over, on other prompts."""
    rng, of = np.random.default_rng(SEED), {}
    for t in texts:
        of.setdefault(t.prompt_id, []).append(t)
    found, raw, looked, half = 0, [], [], samples // 2
    for _ in range(times):
        sides = [], []
        for name in rng.choice(sorted(of), prompts, replace=False):
            order = rng.permutation(samples)
            for side, chosen in zip(sides, (order[:half], order[half : 2 * half]), strict=True):
                side += [replace(of[name][i], id=f"{name}/{k}") for k, i in enumerate(chosen)]
        effects = compare(*sides).effects
        found += any(e.moved for e in effects)
        raw.append(np.mean([e.p <= 0.05 for e in effects]))
        looked.append(len(effects))
    print(f"the base model against itself, other seeds: {found} of {times} comparisons found something ({prompts} "
          f"prompts, {half} texts a side, {np.mean(looked):.0f} measures, of which {np.mean(raw):.1%} have a p-value "
          "below 0.05)\n", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=400)
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--nulls", type=int, default=200, help="comparisons of the base model with itself")
    parser.add_argument("--drop", default="complaint")
    parser.add_argument("--folder", type=Path, default=Path("runs/effects"))
    given = parser.parse_args()
    content = document_grammar().content
    changed = {
        f"dropped: {given.drop}": without(content, given.drop),
        f"raised: {' → '.join(MOVE)}": raised(content, *MOVE, 8.0),
    }
    base = model()
    count = TUNED.rows * TUNED.steps
    dropped, lifted = changed
    make = {
        "control": lambda: tuned(base, "control", passages(content, count, SEED + 1), [], TUNED, given.folder),
        dropped: lambda: without_theme(base, given.drop, given.folder),
        lifted: lambda: tuned(base, "raised", passages(changed[lifted], count, SEED + 3), [], TUNED, given.folder),
    }
    # Prompts that all three grammars can have written.
    prompts = beginnings(SEED, given.prompts, of=Grammar(changed[dropped]))
    before = {"base": written(base, prompts, given.samples, keep=given.folder)}
    before["control"] = written(model(make["control"]()), prompts, given.samples, keep=given.folder)
    nulls(before["base"], given.samples, given.nulls)
    names = document_grammar().themes
    nothing = np.zeros(len(names))
    report("fine-tuned on the same grammar, against the base model", compare(before["base"], before["control"]),
           names, nothing, 0.0)  # fmt: skip
    for name, other in changed.items():
        after = written(model(make[name]()), prompts, given.samples, keep=given.folder)
        shift, move = exact((document_grammar(), Grammar(other)), prompts)
        for against in ("control", "base"):
            report(f"{name}, against the {against}", compare(before[against], after), names, shift, move)


if __name__ == "__main__":
    main()
