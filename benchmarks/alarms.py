"""How often the off-path alarm is false, and how soon it is right.

Claim: with the exact forecast of the document grammar, at most the nominal share of conversations raises a false
alarm; with a learned forecast that is measured, and the calibrated limit holds. Prints the share of documents in which
evidence reached 1 / rate, with its exact 95 % interval (Clopper & Pearson 1934), and how many themes after a planted
deviation the alarm came. The documents are drawn by the grammar's writer and forecast from their titles by its reader,
which are separate code.

    python benchmarks/alarms.py [--documents N] [--deviations N] [--run DIR] [--conversations N]

With --run, `forepath monitor DIR` must have been done: its forecasters then follow fresh texts of the run's model after
fresh prompts of the grammar.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.stats import beta

from forepath.monitors.evidence import Capital
from forepath.monitors.threshold import calibrated, ville
from forepath.records import END
from forepath.worlds.belief import Belief
from forepath.worlds.documents import document_grammar
from forepath.worlds.posterior import posterior

RATES = (0.01, 0.05)


def interval(hits: int, runs: int) -> str:
    low = beta.ppf(0.025, hits, runs - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, runs - hits) if hits < runs else 1.0
    return f"{100 * hits / runs:.2f} % [{100 * low:.2f}, {100 * high:.2f}] ({hits} of {runs})"


def evidence_along(belief: Belief, chain: tuple[str, ...]) -> np.ndarray:
    """(len(chain),) e-values after each theme."""
    index = {theme: i for i, theme in enumerate(belief.themes)}
    evidence, out = Capital(), []
    for row, theme in zip(belief.along(chain), chain, strict=True):
        out.append(evidence.bet(row.tolist(), index[theme]))
    return np.array(out)


def false_alarms(documents: int) -> None:
    grammar, highest, themes = document_grammar(), [], 0
    for document in grammar.documents(8, documents):
        belief = posterior(grammar, document.text[: document.header])
        highest.append(evidence_along(belief, document.chain).max())
        themes += len(document.chain)
    print(f"exact forecast, {documents} documents of the grammar, {themes / documents:.1f} themes each:")
    for rate in RATES:
        print(f"  nominal {100 * rate:g} %: {interval(int((np.array(highest) >= ville(rate)).sum()), documents)}")


def deviations(documents: int, share: float, rng: np.random.Generator) -> None:
    """After the first theme, each next theme is drawn evenly among the possible ones with odds `share`."""
    grammar, delays, missed, hits = document_grammar(), [], 0, 0
    for document in grammar.documents(9, documents):
        belief, chain = posterior(grammar, document.text[: document.header]), document.chain[:1]
        while chain[-1] != END and len(chain) < 12:
            odds = belief.after(chain)
            possible = (odds > 0) & (np.array(belief.themes) != END)
            even = possible / possible.sum() if possible.any() else odds
            mixed = (1 - share) * odds + share * even
            chain = (*chain, belief.themes[int(rng.choice(len(odds), p=mixed / mixed.sum()))])
        values = evidence_along(belief, chain)
        reached = np.flatnonzero(values >= ville(0.05))
        hits += len(reached) > 0
        missed += len(reached) == 0
        if len(reached):
            delays.append(int(reached[0]))
    quartiles = np.quantile(delays, [0.25, 0.5, 0.75]).tolist() if delays else [float("nan")] * 3
    print(f"  {100 * share:g} % of themes drawn evenly: alarm at 5 % in {interval(hits, documents)}; themes to the "
          f"alarm, median {quartiles[1]:g} (quartiles {quartiles[0]:g}, {quartiles[2]:g})")  # fmt: skip


def learned(folder: str, conversations: int) -> None:
    from forepath.apps.monitoring import SOURCES, open_monitor
    from forepath.apps.runs import open_run
    from forepath.monitors.judging import follow_all

    run = open_run(folder)
    prompts = [p.text for p in document_grammar().prompts(4242, conversations)]
    halves = np.random.default_rng(0).permutation(conversations) < conversations // 2
    for source in SOURCES:
        monitor = open_monitor(run, source=source, limit="ville", guarded=False, every=0)
        found = follow_all(monitor, run.subject, prompts, seeds=list(range(conversations)),
                           policy=run.settings.policy, max_rows=96)  # fmt: skip
        highest = np.array([f.highest for f in found])
        print(f"learned forecast, {source}: {conversations} fresh conversations")
        for rate in RATES:
            limit = calibrated(highest[halves], rate)
            rest = highest[~halves]
            plain, kept = int((highest >= ville(rate)).sum()), int((rest > limit).sum())
            print(f"  nominal {100 * rate:g} %: at 1 / rate {interval(plain, conversations)}; calibrated on one half "
                  f"(limit {limit:.3g}), {interval(kept, len(rest))} of the other")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--deviations", type=int, default=400)
    parser.add_argument("--run")
    parser.add_argument("--conversations", type=int, default=400)
    asked = parser.parse_args()
    if asked.documents:
        false_alarms(asked.documents)
    if asked.deviations:
        print("planted deviations, exact forecast:")
        for share in (0.25, 0.5, 1.0):
            deviations(asked.deviations, share, np.random.default_rng(1))
    if asked.run:
        learned(asked.run, asked.conversations)


if __name__ == "__main__":
    main()
