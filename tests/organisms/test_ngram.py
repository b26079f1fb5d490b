"""Kneser-Ney: a proper distribution, equal to a slow reading of the paper, better with more context."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from forepath.errors import InputError, UnfittedError
from forepath.organisms.ngram import KneserNey, _discounts

RNG = np.random.default_rng(0)


def text_of(length, vocabulary=12):
    """A third-order process: the next token depends on the sum of the last two, with noise."""
    tokens = [0, 1]
    for _ in range(length):
        sure = RNG.random() < 0.8
        tokens.append(int((tokens[-1] * 3 + tokens[-2]) % vocabulary if sure else RNG.integers(vocabulary)))
    return np.array(tokens)


def slow(tokens, order, vocabulary, context, word):
    """Chen and Goodman's formulas, spelled out with dictionaries."""
    grams = {n: Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)) for n in range(1, order + 1)}
    counts = {order: grams[order]}
    for n in range(1, order):
        before = defaultdict(set)
        for g in grams[n + 1]:
            before[g[1:]].add(g[0])
        counts[n] = {g: len(before[g]) for g in grams[n]}
    probability = 1 / vocabulary
    for n in range(1, order + 1):
        history = tuple(context[len(context) - n + 1 :]) if n > 1 else ()
        follow = {g[-1]: c for g, c in counts[n].items() if g[:-1] == history}
        total = sum(follow.values())
        if total == 0:
            break
        d = _discounts(np.array(list(counts[n].values())))
        taken = sum(d[min(c, 3)] for c in follow.values())
        c = follow.get(word, 0)
        probability = (c - d[min(c, 3)]) / total + taken / total * probability
    return probability


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one_in_every_context(order):
    model = KneserNey(order, 15).fit(text_of(400))
    for _ in range(20):
        context = RNG.integers(0, 15, 6)  # Also contexts and tokens that were never seen.
        total = sum(np.exp(-model.losses(np.append(context, w))[-1]) for w in range(15))
        assert total == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_equals_the_formulas(order):
    tokens = text_of(300)
    model = KneserNey(order, 12).fit(tokens)
    test = text_of(60)
    for i in range(order, len(test)):
        expected = slow(tokens.tolist(), order, 12, test[:i].tolist(), int(test[i]))
        assert np.exp(-model.losses(test[: i + 1])[-1]) == pytest.approx(expected, rel=1e-9)
    wrong = KneserNey(order, 12).fit(np.roll(tokens, 3)[: len(tokens) // 2])  # The oracle can fail.
    assert not np.allclose(wrong.losses(test), model.losses(test))


def test_more_context_is_better_where_the_process_has_it():
    train, test = text_of(5000), text_of(2000)
    losses = [KneserNey(n, 12).fit(train).losses(test).mean() for n in (1, 2, 3)]
    assert losses[2] < losses[1] - 0.5 and losses[1] <= losses[0] + 0.01


def test_errors():
    with pytest.raises(UnfittedError, match="call fit"):
        KneserNey(3, 5).losses(np.array([1]))
    with pytest.raises(InputError, match=r"each in \[0, 5\)"):
        KneserNey(3, 5).fit(np.array([1, 2, 5]))
    with pytest.raises(InputError, match="at least 1"):
        KneserNey(0, 5)
