"""Claim: after a LoRA fine-tune, a forecaster of the base model is read again with at most 10 % more cross-entropy.

    python benchmarks/answers/realignment.py [--prompts 360] [--samples 6] [--folder runs/effects]

A linear forecaster is fitted on what `documents` writes; then `documents` gets a LoRA adapter, and the forecaster is
read on the changed model's activations: as they are, turned back (orthogonal), mapped back (affine), and, as the limit,
fitted anew on samples of the changed model. The maps are fitted on prompts both models read: no samples, no labels. The
loss is on samples of the changed model after prompts that nothing was fitted on; 100 % is the base forecaster on the
base model, so that a change that makes the model easier or harder to foretell shows in every row.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from _written import beginnings, futures, model, passages, table, tuned, written

from forepath.effects.realigning import align, transfer
from forepath.forecasters.linear import LinearForecaster
from forepath.organisms.tuning import Tuning
from forepath.records import Futures
from forepath.subjects.interventions.making import adapter
from forepath.worlds.changes import only, raised
from forepath.worlds.documents import document_grammar

SEED = 6300
SITE = "resid.4"
HORIZON = 3


def fine_tunes(steps, seed):
    """name -> (documents, settings): what the adapter is trained on."""
    content = document_grammar().content
    plain = Tuning(rank=8, alpha=16.0, steps=steps, rate=1e-3, rows=16, longest=768)
    harsh = replace(plain, rank=16, rate=1e-2)
    return {
        "the same grammar": (passages(content, 16 * steps, seed), plain),
        "a move raised": (passages(raised(content, "facts", "decision", 8.0), 16 * steps, seed), plain),
        "recipes only": (passages(only(content, "recipe"), 16 * steps, seed), plain),
        "the same, harshly": (passages(content, 16 * steps, seed), harsh),
    }


def part(of: Futures, rows) -> Futures:
    return Futures(of.themes, of.steps[rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=360)
    parser.add_argument("--tested", type=int, default=120, help="of the prompts, to judge on")
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--shared", type=int, default=1200, help="more prompts that both models read, for the maps")
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", default="", help="one of the fine-tunes")
    parser.add_argument("--folder", type=Path, default=Path("runs/effects"))
    given = parser.parse_args()
    base = model()
    prompts = beginnings(given.seed, given.prompts)
    test, known = np.arange(given.tested), np.arange(given.tested, given.prompts)
    first = [prompts[i] for i in test]
    x = base.activations(prompts, [SITE])[SITE]
    own = futures(
        written(base, prompts, given.samples, max_tokens=given.max_tokens, keep=given.folder), given.samples, HORIZON
    )
    shared = [p for p in beginnings(given.seed + 70_000, given.shared) if p not in set(prompts)]
    old = np.concatenate([x[known], base.activations(shared, [SITE])[SITE]])
    forecaster = LinearForecaster(chains=False).fit(x[known], part(own, known))
    rows = []
    for name, (texts, tuning) in fine_tunes(given.steps, SEED + 1).items():
        if given.only and name != given.only:
            continue
        change = adapter(tuned(base, "lora-" + name.replace(" ", "-"), texts, [], tuning, given.folder))
        y = base.activations(prompts, [SITE], intervention=change)[SITE]
        moved = written(
            base, prompts, given.samples, max_tokens=given.max_tokens, intervention=change, keep=given.folder
        )
        new = futures(moved, given.samples, HORIZON)
        mine = np.concatenate([y[known], base.activations(shared, [SITE], intervention=change)[SITE]])
        seen, out, left = part(new, test), [], 0.0
        for kind in ("none", "orthogonal", "affine"):
            mapped = align(mine, old, kind)
            left = mapped.residual
            found = transfer(forecaster, mapped, (x[test], part(own, test)), (y[test], seen))
            out.append(f"{found.lost_after.value:+.1%} [{found.lost_after.low:+.1%}, {found.lost_after.high:+.1%}]")
        again = LinearForecaster(chains=False).fit(y[known], part(new, known))
        refit = transfer(again, align(y, y, "none"), (x[test], part(own, test)), (y[test], seen))
        limit = refit.after / found.base - 1
        apart = np.linalg.norm(y - x) / np.linalg.norm(x - x.mean(0))
        rows.append((name, f"{apart:.2f}", f"{left:.3f}", f"{found.base:.3f}", *out, f"{limit:+.1%}"))
        print(f"# {name}: {len(first)} test prompts done", flush=True)
    table(
        (
            "fine-tuned on",
            "moved by",
            "left by affine",
            "base loss, nats",
            "as it is",
            "orthogonal",
            "affine",
            "fitted anew",
        ),
        rows,
    )


if __name__ == "__main__":
    main()
