"""Claim: what an edit of `documents` will shift can be foretold from activations, for a fraction of what samples cost.

    python benchmarks/answers/foresight.py [--prompts 150] [--samples 8] [--margin 0.05]

Every head of the model set to zero, and steering vectors at two strengths (the mean of sentences of a theme minus the
mean of all). For each, the shift of the next theme is foretold (a linear forecaster of the unchanged model, read on the
changed activations) and sampled, on prompts the forecaster was not fitted on. Then the same decision by both, for each
theme of each edit: did it move by more than the margin, or stay within it (`effects.deciding`)? Foresight decides what
it is sure of by the error it had on half of the edits; the other half is decided.
"""

from __future__ import annotations

import argparse
import time
from itertools import product

import numpy as np
from _written import beginnings, futures, model, table, written

from forepath.effects.deciding import OPEN, decide
from forepath.effects.foreseeing import agreement, foresee, sampled_shift
from forepath.effects.sweeping import every_head, sweep
from forepath.forecasters.linear import LinearForecaster
from forepath.records import Futures
from forepath.subjects.interventions import making
from forepath.worlds.documents import document_grammar

SEED = 7400
SITES = ("resid.4", "logits")
STEERED = ("story", "instructions", "complaint", "results", "plan", "quote")
MAX_TOKENS = 24
"""Enough for the first sentence, which has the next theme."""


def steering(strengths):
    """Vectors at `resid.2` towards sentences of a theme."""
    grammar, rng = document_grammar(), np.random.default_rng(SEED)
    said = {}
    for d in grammar.documents(SEED + 2, 1500):
        for s in d.segments:
            said.setdefault(s.theme, []).append(d.text[d.header :][s.start : s.stop])
    every = [t for texts in said.values() for t in texts[:3]]
    told = [making.contrast([str(t) for t in rng.choice(said[theme], 30, replace=False)], every, read="mean")
            for theme in STEERED]  # fmt: skip
    return [making.add("resid.2", direction, coefficient=c) for direction in told for c in strengths]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=150)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--fitted", type=int, default=400, help="other prompts, that the forecaster is fitted on")
    parser.add_argument("--fit-samples", type=int, default=16)
    parser.add_argument("--margin", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--edits", type=int, default=0, help="only so many, for a trial")
    given = parser.parse_args()
    subject = model()
    prompts = beginnings(given.seed, given.prompts)
    known = [p for p in beginnings(given.seed + 50_000, given.fitted) if p not in set(prompts)]
    begin = time.process_time()
    seen = futures(written(subject, known, given.fit_samples, max_tokens=MAX_TOKENS), given.fit_samples, 1)
    read = subject.activations(known, list(SITES))
    forecasters = {site: LinearForecaster(chains=False).fit(read[site], seen) for site in SITES}
    fitting = time.process_time() - begin
    edits = [*every_head(subject), *steering((0.5, 1.5))]
    edits = edits[:: max(1, len(edits) // given.edits)] if given.edits else edits
    old = futures(written(subject, prompts, given.samples, max_tokens=MAX_TOKENS), given.samples, 1)
    x = subject.activations(prompts, list(SITES))
    foretold, sampled, errors, halves, differences = {site: [] for site in SITES}, [], [], ([], []), []
    cost = np.zeros(2)
    for edit in edits:
        begin = time.process_time()
        y = subject.activations(prompts, list(SITES), intervention=edit)
        for site in SITES:
            foretold[site].append(foresee(forecasters[site], x[site], y[site]).shift[0])
        middle = time.process_time()
        after = written(subject, prompts, given.samples, max_tokens=MAX_TOKENS, intervention=edit)
        cost += middle - begin, time.process_time() - middle
        new = futures(after, given.samples, 1)
        shift, se = sampled_shift(old, new)
        sampled.append(shift[0])
        errors.append(se[0])
        for half, kept in zip(halves, (slice(0, None, 2), slice(1, None, 2)), strict=True):
            sides = [Futures(f.themes, f.steps[:, kept]) for f in (old, new)]
            half.append(sampled_shift(*sides)[0][0])
        differences.append((new.frequencies()[0] - old.frequencies()[0])[:, 0])
    kept = np.abs(np.array(sampled)).max(axis=0) > 0  # themes that no edit gave or took are not judged
    drawn, se, *split = (np.array(a)[:, kept] for a in (sampled, errors, *halves))
    told = {site: np.array(rows)[:, kept] for site, rows in foretold.items()}
    names = [t for t, k in zip(seen.themes, kept, strict=True) if k]
    heads = sum(e.kind == "ablate" for e in edits)
    parts = {"heads set to zero": slice(0, heads), "steering vectors": slice(heads, None), "all": slice(None)}
    rows = []
    for site, (label, part) in product(SITES, parts.items()):
        guess = told[site][part]
        if len(guess) < 3:
            continue
        a = agreement(guess, drawn[part], se[part], given.samples, halves=(split[0][part], split[1][part]))
        rows.append((site, label, len(guess), interval(a.rank), f"{a.ceiling:.2f}", interval(a.slope),
                     f"{a.error:.4f} (at most {a.error_high:.4f})", f"{a.samples:.1f}"))  # fmt: skip
    print(f"{len(names)} themes, {given.prompts} prompts, {given.samples} samples of each on both sides\n")
    table(
        ("read at", "edits", "n", "rank correlation [95 %]", "ceiling", "slope [95 %]", "error", "worth samples"), rows
    )
    for site in SITES:
        print(f"Read at {site}. ", end="")
        deciding(told[site], drawn, se, np.array(differences)[:, :, kept], names, given)
    each = cost / len(edits)
    print(f"processor time an edit: {each[0]:.2f} s foretold, {each[1]:.2f} s sampled ({each[1] / each[0]:.0f} times); "
          f"once, to fit the forecaster: {fitting:.0f} s")  # fmt: skip
    many = beginnings(given.seed, 200)
    begin, clock = time.process_time(), time.monotonic()
    sweep(subject, forecasters[SITES[0]], SITES[0], many, every_head(subject))
    spent, waited = time.process_time() - begin, time.monotonic() - clock
    print(f"the map of 24 heads on 200 prompts: {spent:.1f} s of processor time, {waited:.1f} s by the clock; sampled: "
          f"{each[1] * 24 * 200 / given.prompts:.0f} s")  # fmt: skip


def interval(e) -> str:
    return f"{e.value:.2f} [{e.low:.2f}, {e.high:.2f}]"


def deciding(told, drawn, se, differences, names, given) -> None:
    """The same decisions by samples alone and with foresight, prompts one after the other."""
    even, odd = slice(0, None, 2), slice(1, None, 2)
    error = agreement(told[even], drawn[even], se[even], given.samples).error_high
    rng, totals = np.random.default_rng(0), {"samples alone": [], "foresight first": []}
    apart = wrong = 0
    for guess, values, shift in zip(told[odd], differences[odd], drawn[odd], strict=True):
        order = rng.permutation(given.prompts)
        alone, both = (
            decide(lambda i, v=values, o=order: v[o[i]], names, margin=given.margin, most=given.prompts,
                   foretold=g, error=error)
            for g in (None, guess)
        )  # fmt: skip
        for name, found in zip(totals, (alone, both), strict=True):
            totals[name].append((found.prompts, sum(v.says == OPEN for v in found.verdicts)))
        sure = [(v.says == "moved", abs(s)) for v, s in zip(both.verdicts, shift, strict=True) if v.by == "foresight"]
        apart += len(sure)
        wrong += sum(moved != (s > given.margin) for moved, s in sure)
    rows = [(name, f"{2 * given.samples * np.mean([p for p, _ in seen]):.0f}", f"{np.mean([o for _, o in seen]):.1f}")
            for name, seen in totals.items()]  # fmt: skip
    print(f"Decided for {len(told[odd])} edits x {len(names)} themes (moved, or within {given.margin:g}); foresight's "
          f"error on the other half at most {error:.4f}; {apart} decided by foresight, of which the samples of all "
          f"{given.prompts} prompts say otherwise in {wrong}\n")  # fmt: skip
    table(("by", "texts sampled an edit", "themes left open an edit"), rows)


if __name__ == "__main__":
    main()
