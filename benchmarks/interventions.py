"""Claim: an intervention costs at most 5 % of reading the prompts, and a map of every head takes under three minutes.

    python benchmarks/interventions.py [--model documents] [--prompts 200] [--repeats 7]

Reads the same prompts plainly, with a bare PyTorch hook that does the same by hand, and under each kind of
intervention; then ablates every head in turn. Times are of the processor (medians), so that other work on the machine
counts little. For the map a linear forecaster with random heads stands in for a fitted one: the cost is the same.

Result (`documents`, 60 prompts, one core shared with several other jobs, so that a few per cent are noise): the same
hook by hand +0.9 %, `ablate head:1.0` -0.7 %, `add resid.2` -2.9 %. `forepath sweep` of 24 heads on 100 prompts took
23.6 s of processor time, loading and drawing included.
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


def by_hand(subject, prompts, site):
    """What `ablate head:1.0` does, with nothing of ours around it."""
    module = subject.anatomy.blocks[0].self_attn.o_proj
    width = module.weight.shape[1] // subject.model.config.num_attention_heads

    def nought(_, args):
        value = args[0].clone()
        value[..., :width] = 0
        return (value,)

    handle = module.register_forward_pre_hook(nought)
    try:
        return subject.activations(prompts, [site])
    finally:
        handle.remove()


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
    given = parser.parse_args()
    subject = load(bundled.path(given.model) if given.model in bundled.names() else given.model, device="cpu")
    prompts = [p.text for p in document_grammar().prompts(9, given.prompts)]
    site = f"resid.{len(subject.anatomy.blocks)}"

    def plain():
        return subject.activations(prompts, [site])

    tokens = sum(map(len, subject.encode(prompts)))
    begin = time.process_time()
    plain()
    print(f"{given.prompts} prompts, {tokens} tokens, read in {time.process_time() - begin:.2f} s of processor time")
    print(
        f"{'the same hook by hand':<34} {dearer(plain, lambda: by_hand(subject, prompts, site), given.repeats):+6.1%}"
    )
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
