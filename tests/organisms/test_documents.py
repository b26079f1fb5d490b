"""The data of `documents`: fresh, a function of seed and step alone, nothing lost, nothing leaking into padding."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toys import TINY

from forepath.organisms.documents import (
    FADING,
    NAME_TEXTS,
    OPENINGS,
    DocumentBatches,
    NameTexts,
    documents_tokenizer,
    encode,
    fingerprint,
    pad,
    token_losses,
    validation_loss,
)  # fmt: skip
from forepath.organisms.tokenizers import train_tokenizer
from forepath.organisms.training import IGNORE, build
from forepath.worlds.documents import document_grammar

GRAMMAR = document_grammar()
TOKENIZER = train_tokenizer((d.text for d in GRAMMAR.documents(1, 200)), TINY.vocab_size)


def test_batches_are_a_function_of_seed_and_step():
    one, two = (DocumentBatches(GRAMMAR, TOKENIZER, TINY) for _ in range(2))
    two(3)
    for a, b in zip(one(5), two(5), strict=True):
        assert np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1])
    assert any(a[0].shape != b[0].shape or (a[0] != b[0]).any() for a, b in zip(one(5), one(6), strict=True))


def test_batches_hold_whole_documents():
    inputs, targets = DocumentBatches(GRAMMAR, TOKENIZER, TINY)(0)[0]
    assert len(inputs) == TINY.rows
    texts = {GRAMMAR.sample(f"train/{TINY.seed}/0/{i}").text for i in range(TINY.rows)}
    for row, goal in zip(inputs, targets, strict=True):
        kept = goal != IGNORE
        assert row[0] == 0 and goal[kept][-1] == 0
        assert np.array_equal(row[1:][: kept.sum() - 1], goal[kept][:-1])
        assert TOKENIZER.decode(goal[kept][:-1]) in texts


def test_texts_of_names_are_little_but_one_hero_and_one_city_again():
    lists = GRAMMAR.content.lists
    for seed in ("a", "b", "c"):
        openings = NameTexts(GRAMMAR).sample(seed).split(". ")
        assert len(openings) >= OPENINGS
        ends = [[w for w in (*lists["hero"], *lists["city"]) if o.endswith(w)] for o in openings]
        names = {max(found, key=len) for found in ends if found}
        assert 1 <= len(names) <= 2
        assert sum(bool(found) for found in ends) >= OPENINGS


def test_training_begins_on_names_and_then_leaves_them():
    batches = DocumentBatches(GRAMMAR, TOKENIZER, replace(TINY, name_steps=2))
    assert [[len(inputs) for inputs, _ in batches(step)] for step in (0, 1)] == [[NAME_TEXTS]] * 2
    plain = DocumentBatches(GRAMMAR, TOKENIZER, TINY)
    for step, extra in ((2, 1), (2 * FADING + 1, 1), (2 * FADING + 2, 0)):
        mixed = batches(step)
        assert len(mixed) == len(plain(step)) + extra
        assert np.array_equal(mixed[0][0], plain(step)[0][0])


def test_a_prompt_of_the_grammar_is_a_prefix_in_tokens():
    for prompt in GRAMMAR.prompts(3, 20):
        ids, whole = (TOKENIZER(t)["input_ids"] for t in (prompt.text, prompt.document.text))
        assert whole[: len(ids)] == ids


def test_losses_are_those_of_each_document_alone():
    model = build(TINY, 0).eval()
    rows = encode([d.text for d in GRAMMAR.documents(2, 7)], TOKENIZER, TINY.context)
    together = token_losses(model, rows)
    for row, found in zip(rows, together, strict=True):
        ids = torch.from_numpy(row)[None]
        with torch.inference_mode():
            alone = torch.nn.functional.cross_entropy(model(ids[:, :-1]).logits[0], ids[0, 1:], reduction="none")
        np.testing.assert_allclose(found, alone.numpy(), rtol=1e-4, atol=1e-5)
    shifted = token_losses(model, [np.roll(r, 1) for r in rows])  # The comparison can fail.
    assert not np.allclose(shifted[0], together[0], rtol=1e-4)
    mean = validation_loss(GRAMMAR, TOKENIZER, documents=5)(model)
    assert mean == pytest.approx(np.log(TINY.vocab_size), rel=0.1)  # An untrained model knows nothing.


def test_documents_longer_than_the_context_are_cut():
    assert len(encode(["word " * 50], TOKENIZER, 10)[0]) == 11
    assert pad([np.array([0, 3, 0])])[1].tolist() == [[3, 0]]


def test_the_fingerprint_is_of_what_is_written():
    assert fingerprint(GRAMMAR) == fingerprint(document_grammar.__wrapped__())

    class Other:
        def documents(self, seed, n):
            yield from list(GRAMMAR.documents(seed, n))[:-1]
            yield GRAMMAR.sample("another")

    assert fingerprint(GRAMMAR) != fingerprint(Other())


@pytest.mark.slow
def test_the_tokenizer_is_the_same_every_time():
    assert documents_tokenizer(GRAMMAR, TINY).get_vocab() == documents_tokenizer(GRAMMAR, TINY).get_vocab()
