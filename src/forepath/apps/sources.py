"""Prompts that come with the package's models: fresh documents of the known world, and passages of held-out books."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from forepath.apps.prompts import prompt_of
from forepath.errors import InputError
from forepath.store import Prompt


def source_prompts(source: str, number: int, seed: int, data: Path | None = None) -> list[Prompt]:
    """`number` prompts of "documents" or of "library", which needs its corpus as `data`. Raises `InputError`."""
    if number < 1:
        raise InputError(f"asked for {number} prompts; ask for at least 1")
    if source == "documents":
        return world_prompts(source, number, seed)
    if source == "library":
        if data is None:
            raise InputError(
                "the prompts of library are passages of its held-out books: give the corpus with --data FILE"
            )
        return library_prompts(data, number, seed)
    raise InputError(f"no prompts of {source!r}; there are documents and library")


def world_prompts(world: str, number: int, seed: int) -> list[Prompt]:
    """Beginnings of `number` fresh documents of a known world; `extra` has kind and paraphrase. Raises `InputError`."""
    from forepath.worlds.documents import document_grammar

    if world != "documents":
        raise InputError(f"world {world!r}: the known world is 'documents'")
    grammar = document_grammar()
    return [prompt_of(p.text, {"kind": p.document.latents.kind, "paraphrase": grammar.paraphrase(p)})
            for p in grammar.prompts(seed, number)]  # fmt: skip


def library_prompts(data: Path, number: int, seed: int) -> list[Prompt]:
    """Passages of the books that `library` was tested on and never trained or tuned on; kind, author, title in `extra`.

    Books that share paragraphs with a training book are left out. Raises `InputError` if `data` is not the corpus the
    bundled model was trained on (then nobody could say which books are held out), or has too few passages.
    """
    from forepath.organisms import bundled, library

    folder = bundled.path("library")
    trained = json.loads((folder / "training.json").read_text(encoding="utf-8"))["origin"]["corpus_sha256"]
    books = library.read_books(data)
    found = hashlib.sha256(data.read_bytes()).hexdigest()
    if found != trained:
        raise InputError(
            f"{data} is not the corpus that the bundled library was trained on (sha256 {found[:12]}…, wanted "
            f"{trained[:12]}…), so that its held-out books are not known; give that corpus"
        )
    from transformers import PreTrainedTokenizerFast

    sides = library.split_books(books)
    held = library.without_copies(sides["test"], sides["train"])
    passages = library.prompts(held, PreTrainedTokenizerFast.from_pretrained(folder), number, seed)
    return [prompt_of(p.text, {"kind": p.kind, "author": p.author, "title": p.title}) for p in passages]
