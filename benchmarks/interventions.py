"""Claim: an intervention costs at most 5 % of reading the prompts, and a map of every head takes under three minutes.

    python benchmarks/interventions.py [--model documents] [--prompts 200] [--repeats 7]

Reads the same prompts plainly, with a bare PyTorch hook that does the same by hand, and under each kind of
intervention; then ablates every head in turn. Times are of the processor (medians), so that other work on the machine
counts little. For the map a linear forecaster with random heads stands in for a fitted one: the cost is the same.

nnsight and TransformerLens stand beside it where they are installed (`_peers.py` says how); `--peers` prints only that.

Result (`documents`, 60 prompts, one core shared with other jobs, so that a few per cent are noise; three runs): in
batches the hook by hand +0.3 to +1.3 %, forepath +0.2 to +0.6 %, nnsight 0.8.1 +1.3 %, TransformerLens 4.3 +33.9 %;
one prompt at a time by hand -1.7 to +2.9 %, forepath +2.3 to +3.4 %, nnsight +5.2 %, TransformerLens +57.2 %. The map
of 24 heads on 200 prompts: 31 s of processor time (`foresight.py`).
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np


def dearer(plain, changed, repeats):
    """How much more processor time `changed` takes than `plain`: the median of pairs run one after the other."""
    ratios = []
    for _ in range(repeats + 1):  # the first pair warms up
        times = []
        for act in (plain, changed):
            begin = time.process_time()
            act()
            times.append(time.process_time() - begin)
        ratios.append(times[1] / times[0])
    return statistics.median(ratios[1:]) - 1


def beside_peers(subject, make, prompts, repeats):
    """Lines: what one ablated head costs beside plain `transformers`, by hand, by us, and by those installed."""
    import torch
    from _peers import batches_of, by_hand, lens_reader, nnsight_reader, our_reader, plainly

    ways = {
        "the same hook by hand": lambda batches: by_hand(subject, batches),
        "forepath": our_reader(subject),
        "nnsight": nnsight_reader(subject),
        "TransformerLens": lens_reader(make),
    }
    sizes = {f"{len(prompts)} prompts": batches_of(subject, prompts),
             "one at a time": [b for p in prompts[:25] for b in batches_of(subject, [p])]}  # fmt: skip
    for name, way in ways.items():
        if way is None:
            yield f"{name:<24} not installed"
            continue
        costs = []
        for batches in sizes.values():
            same = all(
                torch.allclose(a, b, atol=1e-3) for a, b in zip(way(batches), by_hand(subject, batches), strict=True)
            )
            if not same:
                raise SystemExit(f"{name} gives other logits than the hook by hand")
            cost = dearer(lambda b=batches: plainly(subject, b), lambda b=batches, w=way: w(b), repeats)
            costs.append(f"{cost:+7.1%}")
        yield f"{name:<24} " + "   ".join(f"{n}: {c}" for n, c in zip(sizes, costs, strict=True))


def main() -> None:
    from forepath.effects.sweeping import every_head, sweep
    from forepath.forecasters.linear import LinearForecaster
    from forepath.organisms import bundled
    from forepath.records import END, Futures, Policy
    from forepath.subjects.huggingface import load
    from forepath.subjects.interventions import making
    from forepath.subjects.sampling import sample
    from forepath.worlds.documents import document_grammar

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="documents")
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--peers", action="store_true", help="only what stands beside peers")
    given = parser.parse_args()

    def make():
        return load(bundled.path(given.model) if given.model in bundled.names() else given.model, device="cpu")

    subject = make()
    prompts = [p.text for p in document_grammar().prompts(9, given.prompts)]
    site = f"resid.{len(subject.anatomy.blocks)}"

    def plain():
        return subject.activations(prompts, [site])

    tokens = sum(map(len, subject.encode(prompts)))
    begin = time.process_time()
    plain()
    print(f"{given.prompts} prompts, {tokens} tokens, read in {time.process_time() - begin:.2f} s of processor time")
    print("\nOne head set to zero, beside plain transformers reading the same batches:")
    for line in beside_peers(subject, make, prompts, given.repeats):
        print(line, flush=True)
    if given.peers:
        return
    print("\nEach kind of change, beside reading without it:")
    width = subject.model.config.hidden_size
    for change in (
        making.ablate("head:1.0"),
        making.ablate("mlp:2"),
        making.add("resid.2", np.ones(width)),
        making.project_out("resid.2", [np.ones(width)]),
        making.quantise(8),
    ):
        more = dearer(plain, lambda c=change: subject.activations(prompts, [site], intervention=c), given.repeats)
        print(f"{making.describe(change):<34} {more:+6.1%}")
    drawn = np.random.default_rng(0).integers(0, 20, size=(len(prompts), 8, 3)).astype(np.int16)
    themes = (*(f"t{i}" for i in range(39)), END)
    forecaster = LinearForecaster(chains=False, penalty=1.0)
    forecaster.fit(subject.activations(prompts, [site])[site], Futures(themes, drawn))
    begin = time.process_time()
    heads = every_head(subject)
    sweep(subject, forecaster, site, prompts, heads)
    print(f"{len(heads)} heads, foretold: {time.process_time() - begin:.1f} s of processor time")
    begin = time.process_time()
    few = prompts[:8]
    sample(subject, few, samples=8, policy=Policy(max_tokens=128), intervention=heads[0])
    cost = (time.process_time() - begin) * len(prompts) / len(few) * len(heads)
    print(f"sampled instead, 8 texts of 128 tokens a prompt: about {cost / 60:.0f} min of processor time")


if __name__ == "__main__":
    main()
