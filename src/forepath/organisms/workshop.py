"""Where organisms are made: one call from a name to a finished model directory, and one from there to its card.

Knows which recipe, data and measurements belong to which name; how to train and how to measure is told elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forepath.errors import InputError
from forepath.organisms import documents, library
from forepath.organisms.training import RECORD, Batches, Progress, Recipe, save_model, train

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

RECIPES = {r.name: r for r in (documents.RECIPE, library.RECIPE)}
"""Name -> recipe of every organism that can be trained."""


def train_organism(
    name: str,
    out: Path,
    *,
    data: Path | None = None,
    device: str | None = None,
    seed: int | None = None,
    recipe: Recipe | None = None,
    compile: bool = False,
    report: Callable[[Progress], None] | None = None,
) -> Path:
    """Train `name` in `out`, or go on where a killed training stopped; the directory of the finished model.

    `data`: the corpus of `library`; `documents` needs none. `seed`: instead of the recipe's. `recipe`: instead of the
    name's own, for trials. `compile`: with torch.compile, about 1.4 times as fast on a CPU after a minute's
    compilation; needs a C++ compiler. Raises `InputError` for an unknown name or a missing corpus, `TrainingError` if
    `out` holds a training of another recipe.
    """
    recipe = recipe or RECIPES.get(name)
    if recipe is None:
        raise InputError(f"no organism is called {name!r}; there are: {', '.join(sorted(RECIPES))}")
    recipe = recipe if seed is None else replace(recipe, seed=seed)
    prepare = _prepare_library if recipe.name == "library" else _prepare_documents
    tokenizer, batches, validate, origin = prepare(recipe, data)
    end_id = int(tokenizer.eos_token_id)
    model = train(recipe, batches, out, end_id=end_id, validate=validate, device=device, compile=compile, report=report)
    folder = out / "model"
    save_model(model, tokenizer, folder, dtype=recipe.store_dtype)
    finish(recipe, origin, folder, out / "losses.jsonl")
    return folder


def finish(recipe: Recipe, origin: dict[str, Any], folder: Path, log: Path) -> None:
    """Write the record of a finished training and the picture of its losses beside the weights."""
    from forepath.organisms.curves import plot_losses

    record = json.dumps({"recipe": asdict(recipe), "origin": origin}, indent=2)
    (folder / RECORD).write_text(record + "\n", encoding="utf-8")
    plot_losses(log, folder / "losses.png")


_Prepared = tuple["PreTrainedTokenizerFast", Batches, "Callable[[LlamaForCausalLM], float]", dict[str, Any]]
"""Tokenizer, training data, validation loss, and what the data was, for the record."""


def _prepare_documents(recipe: Recipe, data: Path | None) -> _Prepared:
    from forepath.worlds.documents import document_grammar

    grammar = document_grammar()
    tokenizer = documents.documents_tokenizer(grammar, recipe)
    validate = documents.validation_loss(grammar, tokenizer, context=recipe.context)
    batches = documents.DocumentBatches(grammar, tokenizer, recipe)
    return tokenizer, batches, validate, {"world": documents.fingerprint(grammar)}


def _prepare_library(recipe: Recipe, data: Path | None) -> _Prepared:
    if data is None:
        raise InputError("library is trained on a corpus: give --data FILE (gzip of JSON lines)")
    sides = library.split_books(library.read_books(data))
    tokenizer = library.library_tokenizer(sides["train"], recipe)
    validate = library.validation_loss(sides["validation"], tokenizer, width=recipe.context)
    batches = library.BookBatches(sides["train"], tokenizer, recipe)
    return tokenizer, batches, validate, library.origin(data, sides)
