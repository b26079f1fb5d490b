"""What the benchmarks of effects share: documents of a grammar, what the bundled model writes after their beginnings,
and the true themes of that, read by the grammar's own templates."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from forepath.organisms import bundled
from forepath.organisms.passages import Passage
from forepath.organisms.tuning import Tuning, tune
from forepath.records import OTHER, Policy, Trajectory, futures_of
from forepath.subjects.huggingface import load
from forepath.subjects.sampling import sample
from forepath.worlds.changes import without
from forepath.worlds.documents import document_grammar
from forepath.worlds.grammar import Grammar
from forepath.worlds.recognise import TruthLabeller

MAX_TOKENS = 400


def model(path=None):
    """The bundled `documents`, or a directory; on the CPU."""
    return load(path or bundled.path("documents"), device="cpu")


def beginnings(seed, n, *, of=None, cuts=None) -> list[str]:
    """`n` prompts of the grammar `of`; with `cuts=0` titles only."""
    grammar, found, more = of or document_grammar(), [], 0
    while len(found) < n:
        drawn = [p for p in grammar.prompts(seed + 1000 * more, 2 * n)]
        found += [p.text for p in drawn if cuts is None or len(p.document.chain) - len(p.future) <= cuts]
        more += 1
    return found[:n]


def passages(content, n, seed, *, spans_of=None) -> list[Passage]:
    """Whole documents with their ends; only the segments of `spans_of` count, where given."""
    out, grammar = [], Grammar(content)
    for i in range(50 * n):
        d = grammar.sample(f"{seed}/{i}")
        if spans_of and spans_of not in d.chain:
            continue
        spans = tuple((s.start, s.stop) for s in d.segments if s.theme == spans_of) if spans_of else ()
        out.append(Passage(d.text[: d.header], d.text[d.header :], spans, ended=True))
        if len(out) == n:
            return out
    raise SystemExit(f"only {len(out)} of {n} documents were found")


TUNED = Tuning(steps=180, rate=5e-4, rows=16, longest=768, cooldown=0.8)
"""How `documents` is fine-tuned on a changed grammar."""


def without_theme(subject, theme, folder):
    """Fine-tuned on documents of the grammar without a theme."""
    texts = passages(without(document_grammar().content, theme), TUNED.rows * TUNED.steps, 4102)
    return tuned(subject, f"without-{theme}", texts, [], TUNED, folder)


def tuned(subject, name, target, retain, tuning: Tuning, folder: Path):
    """The directory of a trained copy; trained once, then found again under its name and settings."""
    out = folder / name
    mark = json.dumps([asdict(tuning), len(target), len(retain)], sort_keys=True)
    if not (out / "made.json").exists() or (out / "made.json").read_text() != mark:
        shutil.rmtree(out, ignore_errors=True)
        begin = time.monotonic()
        tune(subject, target, retain, out, tuning)
        print(f"# {name}: {tuning.steps} steps in {time.monotonic() - begin:.0f} s", flush=True)
        (out / "made.json").write_text(mark)
    return out / ("adapter" if tuning.rank else "model")


def written(subject, prompts, samples, *, seed=0, max_tokens=MAX_TOKENS, labeller=None, keep=None, **options):
    """Labelled continuations; a last segment that was cut off too early to be named is left out.

    `keep`: a folder where they are kept, so that a benchmark that was stopped goes on, and others share its texts.
    """
    labeller, texts, kept = labeller or TruthLabeller(document_grammar()), None, None
    if keep is not None:
        mark = json.dumps([subject.fingerprint, prompts, samples, seed, max_tokens])
        change = options["intervention"].fingerprint if options.get("intervention") else ""
        kept = keep / "written" / f"{hashlib.sha256((mark + change).encode()).hexdigest()[:16]}.json"
        if kept.exists():
            texts = [Trajectory(**{**row, "tokens": tuple(row["tokens"])}) for row in json.loads(kept.read_text())]
    if texts is None:
        policy = Policy(max_tokens=max_tokens)
        texts, _ = sample(subject, prompts, samples=samples, seed=seed, policy=policy, **options)
        if kept is not None:
            names = ("id", "subject", "prompt_id", "prompt", "seed", "tokens", "text", "finished")
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps([{n: getattr(t, n) for n in names} for t in texts]))
    labelled = (labeller.label(t) for t in texts)
    return [replace(t, segments=t.segments[:-1]) if t.segments and t.segments[-1].theme is None else t
            for t in labelled]  # fmt: skip


def futures(trajectories, samples, horizon=3):
    """The chains of what was written, prompts in order of coming."""
    chains = [t.chain for t in trajectories]
    themes = (*list(document_grammar().themes)[:-1], OTHER, "end")
    return futures_of([chains[i : i + samples] for i in range(0, len(chains), samples)], themes, horizon)


def share(trajectories, theme) -> float:
    """Of the texts that hold the theme."""
    return float(np.mean([theme in t.chain for t in trajectories]))


def table(head, rows) -> None:
    """Print Markdown."""
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(c) for c in row) + " |")
    print(flush=True)
