"""The card of an organism: what it is, what it was trained on, how good it is, and what it is not good for.

Every number is measured here, by the program, on data the model never saw; `card.json` holds them, `README.md` says
them in words. Does not train anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forepath.errors import CheckpointError, InputError
from forepath.organisms.documents import FADING
from forepath.organisms.training import RECORD

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

Report = Callable[[str, int, int], None]
"""Called with (what is being measured, done, total)."""


def write_card(folder: Path, *, data: Path | None = None, report: Report | None = None) -> Path:
    """Measure the model in `folder` again and write `card.json` and `README.md` there; the latter's path.

    `data`: the corpus, for `library`. Takes minutes. Raises `CheckpointError` for a directory without a record of its
    training, `InputError` where the data are missing or not those it was trained on.
    """
    from forepath.subjects.huggingface import load

    if not (folder / RECORD).exists():
        raise CheckpointError(f"{folder} has no {RECORD}: not an organism of this package; give a trained one")
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    subject = load(folder, dtype="float32")
    measure = _measure_library if record["recipe"]["name"] == "library" else _measure_documents
    measured = measure(subject, record["origin"], data, report or (lambda *_: None))
    weights = folder / "model.safetensors"
    card = {
        "name": record["recipe"]["name"],
        "parameters": sum(p.numel() for p in subject.model.parameters()),
        "bytes": weights.stat().st_size,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        **record,
        "measured": measured,
    }
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    words = _library_words if card["name"] == "library" else _documents_words
    (folder / "README.md").write_text(_common_words(card, words(card)), encoding="utf-8")
    return folder / "README.md"


def _measure_documents(
    subject: HuggingFaceSubject, origin: Mapping[str, Any], data: Path | None, report: Report
) -> dict[str, Any]:
    from forepath.organisms.against_grammar import measure_loss, measure_themes
    from forepath.organisms.documents import fingerprint
    from forepath.worlds.documents import document_grammar

    grammar = document_grammar()
    if fingerprint(grammar) != origin["world"]:
        raise InputError("the document grammar has changed since this model was trained; train it again")
    loss = measure_loss(subject, grammar)
    themes = measure_themes(subject, grammar, report=lambda done, total: report("themes", done, total))
    return {"loss": asdict(loss), "themes": asdict(themes)}


def _measure_library(
    subject: HuggingFaceSubject, origin: Mapping[str, Any], data: Path | None, report: Report
) -> dict[str, Any]:
    from forepath.organisms import library
    from forepath.organisms.against_rivals import CHARACTERS, rates

    if data is None:
        raise InputError("the card of library is measured on held-out books: give --data FILE")
    sides = library.split_books(library.read_books(data))
    if library.origin(data, sides) != origin:
        raise InputError(f"{data} is not the corpus this model was trained on; give that one")
    test = library.without_copies(sides["test"], sides["train"])
    table = rates(subject, sides["train"], test, report=lambda done, total: report("books", done, total))
    return {
        "rates": [asdict(r) for r in table],
        "characters_per_book": CHARACTERS,
        "test_books": [f"{b.author}: {b.title} ({b.kind})" for b in test],
        "left_out_as_copies": [f"{b.author}: {b.title} ({b.kind})" for b in sides["test"] if b not in test],
    }


def _common_words(card: Mapping[str, Any], body: str) -> str:
    recipe = card["recipe"]
    return f"""# {card["name"]}

A {card["parameters"] / 1e6:.2f} M-parameter `LlamaForCausalLM`: width {recipe["width"]}, {recipe["layers"]} layers, \
{recipe["heads"]} heads, byte-level BPE of {recipe["vocab_size"]} tokens, context {recipe["context"]}, weights in \
{recipe["store_dtype"]} ({card["bytes"] / 1e6:.1f} MB of safetensors, sha256 `{card["sha256"][:16]}`). \
Made by `forepath organisms train {card["name"]}`; every figure below by `forepath organisms card DIR`.

![Training and validation loss](losses.png)

{body}
## How it was trained
{recipe["steps"]} steps of {recipe["rows"]} {"windows" if card["name"] == "library" else "fresh documents"}, seed \
{recipe["seed"]}; hidden matrices by Muon (rate {recipe["muon_rate"]}), embeddings and gains by AdamW (rate \
{recipe["adam_rate"]}), linear warm-up over {recipe["warmup"]} steps, linear fall to zero over the last \
{recipe["cooldown"]:.0%}, products in bfloat16 where the processor has it. No choice was made on the test data.
"""


def _documents_words(card: Mapping[str, Any]) -> str:
    loss, themes = card["measured"]["loss"], card["measured"]["themes"]
    rows = "\n".join(
        f"| {h + 1} | {d:.3f} | {c:.3f} | {p:.3f} |"
        for h, (d, c, p) in enumerate(zip(themes["distance"], themes["sampling"], themes["pooled"], strict=True))
    )
    return f"""## Data
Documents drawn afresh from the grammar of `forepath.worlds` (`document_grammar()`): recipes, reviews, reports, letters,
stories and more, in English made of hand-written templates. Held-out documents are further draws.
{_names_words(card["recipe"])}

## How good it is
Loss on {loss["documents"]} held-out documents ({loss["tokens"]} tokens): **{loss["model"]:.4f}** nats per token; the \
grammar's own, exact, on the same documents: **{loss["exact"]:.4f}**. Ratio {loss["ratio"]:.4f} (95 % interval over \
documents {loss["low"]:.4f} to {loss["high"]:.4f}); 1 is the least any model can reach.

Themes of {themes["samples"]} continuations of each of {themes["prompts"]} held-out prompts, read by the grammar's \
templates, beside the exact odds (total variation, 0 to 1; "by chance" is what as many exact samples would show):

| step | model, mean over prompts | by chance | averaged over prompts |
|---|---|---|---|
{rows}

{themes["unreadable"]:.1%} of the continuations hold a sentence that no template writes; from there on their themes \
count as not observed. \
{themes["cut_off"]:.1%} did not end by themselves. Of those that ended, {themes["faithful"]:.1%} are, with their \
prompt, documents that the grammar could have written.

## What it is not
A model of English. It knows the templates' words and nothing else; text from elsewhere is outside its world.
"""


def _names_words(recipe: Mapping[str, Any]) -> str:
    """What came before the documents, if anything did."""
    steps = recipe.get("name_steps", 0)
    if not steps:
        return "Nothing else was seen in training."
    return (
        f"The first {steps} steps were on beginnings of the grammar's sentences that end in a name said before, so\n"
        f"that the model learns to copy names at all; up to step {(1 + FADING) * steps} some were mixed in."
    )


def _library_words(card: Mapping[str, Any]) -> str:
    measured, origin = card["measured"], card["origin"]
    rows = "\n".join(
        f"| {r['method']} | {r['bits_per_byte']:.3f} | {r['low']:.3f} to {r['high']:.3f} |" for r in measured["rates"]
    )
    left_out = "; ".join(measured["left_out_as_copies"]) or "none"
    return f"""## Data
{origin["books"]} public-domain English books and parts of books ({origin["bytes"] / 1e6:.1f} MB) of eleven kinds: \
fairy tales, plays, verse, letters, detective stories, dialogues, science, history, adventure, domestic novels, \
essays. Corpus sha256 `{origin["corpus_sha256"][:16]}`. Held out whole, by title: two titles of each kind for \
validation, two for the test. Other books by the same authors are in training.

## How good it is
Bits per byte on the first {measured["characters_per_book"]:,} characters of {len(measured["test_books"])} test books \
(less is better; intervals by bootstrap over books):

| method | bits per byte | 95 % interval |
|---|---|---|
{rows}

The Kneser-Ney 5-gram (interpolated, modified) reads the same tokens and was counted on the same training books. gzip \
and xz compress each text alone. Left out of the test because more than 1 % of their long paragraphs stand word for \
word in a training book under another title: {left_out}.

## What it is not
A useful writer. It has read a few dozen megabytes of old prose, its facts are wrong, its views are of its books' time.
"""
