"""Prompts for the bundled models: only of books held out, and only where it is known which these are."""

import gzip
import hashlib
import json
import shutil

import pytest

from forepath.apps.sources import library_prompts, source_prompts
from forepath.errors import InputError
from forepath.organisms import bundled, library


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """A corpus of ten titles in each of two kinds, and a `library` that says it was trained on it."""
    rows = [
        {"kind": kind, "author": f"{kind} author {i}", "title": f"{kind} {i}",
         "text": "\n\n".join(f"Paragraph {p} of the {kind} book {i}, which nobody else wrote." for p in range(60))}
        for kind in ("plays", "letters") for i in range(10)
    ]  # fmt: skip
    data = tmp_path / "corpus.jsonl.gz"
    data.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    folder = tmp_path / "library"
    shutil.copytree(bundled.path("library"), folder, ignore=shutil.ignore_patterns("*.safetensors", "*.png"))
    origin = {"corpus_sha256": hashlib.sha256(data.read_bytes()).hexdigest()}
    (folder / "training.json").write_text(json.dumps({"origin": origin}))
    monkeypatch.setattr(bundled, "path", lambda name: folder)
    return data


def test_prompts_are_of_test_books_only_and_say_which(corpus):
    sides = library.split_books(library.read_books(corpus))
    drawn = library_prompts(corpus, 8, seed=1)
    assert len({p.id for p in drawn}) == 8
    assert {p.extra["title"] for p in drawn} <= {b.title for b in sides["test"]}
    assert {p.extra["kind"] for p in drawn} == {"plays", "letters"} and all(p.extra["author"] for p in drawn)
    assert library_prompts(corpus, 8, seed=1) == drawn != library_prompts(corpus, 8, seed=2)


def test_a_book_that_shares_paragraphs_with_training_is_left_out(corpus, monkeypatch):
    monkeypatch.setattr(library, "without_copies", lambda books, train: [b for b in books if b.kind == "plays"])
    assert {p.extra["kind"] for p in library_prompts(corpus, 2, seed=1)} == {"plays"}


def test_another_corpus_is_refused(corpus):
    corpus.write_bytes(gzip.compress(gzip.decompress(corpus.read_bytes()) + b"\n"))
    with pytest.raises(InputError, match="not the corpus"):
        library_prompts(corpus, 2, seed=1)


@pytest.mark.parametrize(
    ("source", "number", "says"),
    [("library", 3, "--data FILE"), ("mars", 3, "documents and library"), ("documents", 0, "at least 1")],
)
def test_what_cannot_be_is_said(source, number, says):
    with pytest.raises(InputError, match=says):
        source_prompts(source, number, seed=0)
