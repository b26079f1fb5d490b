"""The data of `library`: books held out whole, every token read once an epoch, copies found, passages that end well."""

from pathlib import Path

import numpy as np
import pytest
from toys import TINY_LIBRARY, books, write_corpus

from forepath.errors import InputError
from forepath.organisms import library

CORPUS = Path(__file__).parents[2].parent / "shared/data/gutenberg.jsonl.gz"
BOOKS = books()
TOKENIZER = library.library_tokenizer(BOOKS, TINY_LIBRARY)


def test_a_corpus_is_read_back(tmp_path):
    assert library.read_books(write_corpus(tmp_path / "c.jsonl.gz", BOOKS)) == BOOKS
    with pytest.raises(InputError, match="--data FILE"):
        library.read_books(tmp_path / "absent")
    (tmp_path / "text").write_text("not a gzip")
    with pytest.raises(InputError, match="is not a gzip of JSON lines"):
        library.read_books(tmp_path / "text")


def test_books_are_held_out_whole():
    sides = library.split_books([*BOOKS, BOOKS[0]])
    titles = {side: {b.title for b in found} for side, found in sides.items()}
    assert sum(map(len, sides.values())) == len(BOOKS) + 1
    assert not titles["train"] & titles["test"] and not titles["validation"] & (titles["train"] | titles["test"])
    for side in ("test", "validation"):
        assert [sum(t.startswith(k) for t in titles[side]) for k in ("tale", "letter")] == [2, 2]


def test_every_token_is_read_once_an_epoch():
    batches = library.BookBatches(BOOKS, TOKENIZER, TINY_LIBRARY)
    width = TINY_LIBRARY.context
    numbered = batches.tokens = np.arange(len(batches.tokens), dtype=np.int32)
    steps = (len(numbered) - 1 - width) // width // TINY_LIBRARY.rows
    seen = np.concatenate([t.ravel() for s in range(steps) for _, t in batches(s)])
    assert len(set(seen.tolist())) == len(seen) >= len(numbered) - 2 * width - TINY_LIBRARY.rows * width
    inputs, targets = batches(0)[0]
    assert np.array_equal(inputs + 1, targets)
    assert np.array_equal(batches(2)[0][0], batches(2)[0][0])
    again = np.concatenate([t.ravel() for s in range(steps, 2 * steps) for _, t in batches(s)])
    assert not np.array_equal(seen, again)  # A fresh order each epoch.


def test_a_second_edition_under_another_title_is_found():
    other = library.Book("tale", "Author 0", "The same tale, illustrated", BOOKS[0].text)
    assert library.without_copies([other, BOOKS[1]], [BOOKS[0], *BOOKS[2:]]) == [BOOKS[1]]


def test_passages_end_at_a_paragraph_and_fit():
    found = library.prompts(BOOKS, TOKENIZER, 40, seed=3)
    assert found == library.prompts(BOOKS, TOKENIZER, 40, seed=3) != library.prompts(BOOKS, TOKENIZER, 40, seed=4)
    assert len({p.text for p in found}) == 40 and [p.kind for p in found[:4]] == ["letter", "tale"] * 2
    texts = {b.title: b.text for b in BOOKS}
    for p in found:
        assert p.text.endswith(".\n\n") and p.text in texts[p.title]
        ids = TOKENIZER(p.text)["input_ids"]
        assert len(ids) <= 100
        assert not texts[p.title].endswith(p.text)
    with pytest.raises(InputError, match="these books have"):
        library.prompts(BOOKS[:1], TOKENIZER, 1000)


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here; the package carries the checkpoint")
def test_the_real_corpus_has_copies_and_they_are_left_out():
    sides = library.split_books(library.read_books(CORPUS))
    assert {k: len(v) for k, v in sides.items()} == {"train": 212, "validation": 22, "test": 22}
    left = {b.title for b in sides["test"]} - {b.title for b in library.without_copies(sides["test"], sides["train"])}
    assert "Adventures of Sherlock HolmesIllustrated" in left and len(left) == 2
