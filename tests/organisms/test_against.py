"""The measurements of models: right on cases worked by hand, and on a model that is exactly its grammar."""

import numpy as np
import pytest
import torch
from toys import TINY, TINY_LIBRARY, books

from forepath.organisms import against_grammar, against_rivals, library
from forepath.organisms.documents import documents_tokenizer
from forepath.organisms.training import build
from forepath.subjects.huggingface import HuggingFaceSubject
from forepath.worlds.documents import document_grammar

GRAMMAR = document_grammar()
BOOKS = books(titles=6)


@pytest.fixture(scope="module")
def reader():
    tokenizer = library.library_tokenizer(BOOKS, TINY_LIBRARY)
    return HuggingFaceSubject(build(TINY_LIBRARY, 0), tokenizer, name="toy", fingerprint="f")


def test_exact_samples_are_as_far_as_chance_says():
    rng = np.random.default_rng(0)
    themes = ("a", "b", "c", "end")
    exact = rng.dirichlet(np.ones(4), size=(60, 1))
    chains = [[(themes[i],) for i in rng.choice(4, size=24, p=p[0])] for p in exact]
    (far,), (chance,), (pooled,) = against_grammar._distances(chains, exact, themes, rng)
    assert far == pytest.approx(chance, abs=0.02) and pooled < 0.05 < chance
    (wrong,), _, (shifted,) = against_grammar._distances(chains, np.roll(exact, 1, axis=2), themes, rng)
    assert wrong > chance + 0.1  # A forecast of other themes is caught.
    biased = [[("a",)] * 24 for _ in chains]
    assert against_grammar._distances(biased, exact, themes, rng)[2][0] > 0.4 > shifted


def test_end_absorbs_and_what_was_cut_off_does_not_count():
    exact = np.array([[[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]])
    chains = [[("a", "end"), ("a",), ("a",), ("a", "a")]]
    far, _, _ = against_grammar._distances(chains, exact, ("a", "end"), np.random.default_rng(0))
    assert far == (0.0, 0.0, 0.0)


def test_an_untrained_model_is_far_from_its_grammar():
    subject = HuggingFaceSubject(build(TINY, 0), documents_tokenizer(GRAMMAR, TINY), name="untrained", fingerprint="f")
    loss = against_grammar.measure_loss(subject, GRAMMAR, documents=12)
    assert loss.model == pytest.approx(np.log(TINY.vocab_size), rel=0.1)
    assert 0.1 < loss.exact < 0.6 and loss.low < loss.ratio < loss.high
    themes = against_grammar.measure_themes(subject, GRAMMAR, prompts=2, samples=2, max_tokens=20)
    assert themes.unreadable == 1.0 and np.isnan(themes.distance[0])


def test_windows_score_each_token_once_with_the_context_they_promise(reader):
    ids = np.array(reader.tokenizer(BOOKS[0].text)["input_ids"])[:200]
    found = against_rivals.window_losses(reader, ids, rows=2)
    half = TINY_LIBRARY.context // 2
    assert len(found) == len(ids) - 1 and np.isfinite(found).all()
    for i in (0, 1, half, 2 * half - 1, 2 * half, 3 * half, len(found) - 1):
        start = max(0, i // half - 1) * half
        piece = torch.from_numpy(ids[start : i + 2])
        with torch.inference_mode():
            logits = reader.model(input_ids=piece[None, :-1]).logits[0, -1]
        assert found[i] == pytest.approx(float(torch.nn.functional.cross_entropy(logits, piece[-1])), rel=1e-3)


def test_the_table_of_rates(reader):
    table = against_rivals.rates(reader, BOOKS[:9], BOOKS[9:], characters=2000)
    rate = {r.method: r.bits_per_byte for r in table}
    assert set(rate) == {"toy", "kneser_ney_5", "gzip_9", "xz_9e"}
    assert rate["kneser_ney_5"] < rate["gzip_9"] < 8 and rate["kneser_ney_5"] < rate["toy"]  # The toy is untrained.
    assert [r.bits_per_byte for r in table] == sorted(r.bits_per_byte for r in table)
    assert all(r.low <= r.bits_per_byte <= r.high and r.books == 3 for r in table)
