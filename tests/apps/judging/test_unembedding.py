"""Theme vectors: against a plain loop over texts, with a planted error."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch

from forepath.apps.judging import unembedding
from forepath.errors import InputError
from forepath.records import Futures
from forepath.themes.codebook import Theme

WORDS = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)


def case_of(tokens, steps, themes=("a", "b", "end")):
    """A case of prompts, some known, whose samples began with these tokens."""
    prompts = [SimpleNamespace(id=f"p{i}") for i in range(len(tokens))]
    table = pa.Table.from_pylist(
        [{"prompt_id": f"p{i}", "sample": s, "tokens": t} for i, row in enumerate(tokens) for s, t in enumerate(row)]
    )
    store = SimpleNamespace(shards=lambda _: [("all",)], table=lambda *_, **__: table)
    model = SimpleNamespace(get_output_embeddings=lambda: SimpleNamespace(weight=torch.tensor(WORDS)))
    subject = SimpleNamespace(model=model, anatomy=SimpleNamespace(norm=None))
    futures = Futures(themes, steps)
    return SimpleNamespace(
        trial=SimpleNamespace(store=store, subject=subject), known=np.array([0, 1, 3]),
        folds=SimpleNamespace(prompts=prompts, futures=futures),
        futures=lambda rows: Futures(themes, steps[rows]),
    )  # fmt: skip


def drawn():
    rng = np.random.default_rng(1)
    tokens = [[rng.integers(0, 20, size=rng.integers(1, 12)).tolist() for _ in range(5)] for _ in range(4)]
    steps = rng.integers(-1, 2, size=(4, 5, 2)).astype(np.int16)
    return tokens, steps


def by_hand(tokens, steps, h, theme, begun=unembedding.BEGUN):
    """Known prompts are 0, 1 and 3."""
    mine, every = [], []
    for i in (0, 1, 3):
        for s in range(5):
            words = [WORDS[t] for t in tokens[i][s][:begun]]
            every += words if steps[i, s, h] >= 0 else []
            mine += words if steps[i, s, h] == theme else []
    return np.mean(mine, axis=0) - np.mean(every, axis=0) if mine else np.zeros(4)


def test_a_theme_is_the_mean_of_the_tokens_that_begin_its_texts():
    tokens, steps = drawn()
    found = unembedding.theme_vectors(case_of(tokens, steps))
    assert found.shape == (2, 3, 4)
    for h in range(2):
        for theme in range(3):  # "end" was never written
            assert np.allclose(found[h, theme], by_hand(tokens, steps, h, theme), atol=1e-6)
    assert not np.allclose(found[0, 0], by_hand(tokens, steps, 0, 0, begun=2), atol=1e-3)  # the loop can tell


def test_what_an_unknown_prompt_wrote_changes_nothing():
    tokens, steps = drawn()
    before = unembedding.theme_vectors(case_of(tokens, steps))
    tokens[2], steps[2] = [[7] * 8] * 5, 0
    assert np.array_equal(unembedding.theme_vectors(case_of(tokens, steps)), before)
    tokens[1] = [[7] * 8] * 5
    assert not np.array_equal(unembedding.theme_vectors(case_of(tokens, steps)), before)


def test_a_theme_described_is_the_mean_of_what_begins_its_sentences(monkeypatch):
    tokens, steps = drawn()
    case = case_of(tokens, steps)
    spelled = {"one two.": [1, 2], "three": [3], "four five": [4, 5]}
    case.trial.subject.tokenizer = lambda text, **_: {"input_ids": spelled[text]}
    themes = (Theme("a", "not read", ("one two. three",)), Theme("b", "four five"))
    monkeypatch.setattr(unembedding, "read_codebook", lambda _: SimpleNamespace(themes=themes))
    points = np.random.default_rng(2).standard_normal((4, 4)).astype(np.float32)
    case.trial.store.arrays = lambda *_: points
    case.trial.subject.anatomy.norm = torch.nn.Identity()
    a, b = WORDS[[1, 2, 3]].mean(axis=0), WORDS[[4, 5]].mean(axis=0)
    by_hand = points @ np.stack([a - b, b - a, np.zeros(4)], axis=1) * [0.5, 0.5, 1]
    found = unembedding.described_scores(case, "resid.1")
    assert np.allclose(found, by_hand, atol=1e-6) and not np.allclose(found[:, ::-1], by_hand, atol=1e-3)


def test_a_model_without_the_parts_is_refused():
    tokens, steps = drawn()
    case = case_of(tokens, steps)
    with pytest.raises(InputError, match="final norm"):
        unembedding.normed(case, np.zeros((2, 4)))
    case.trial.subject.model.get_output_embeddings = lambda: None
    with pytest.raises(InputError, match="unembedding"):
        unembedding.theme_vectors(case)
