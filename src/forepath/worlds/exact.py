"""The exact forecast: what a perfect forecaster of a grammar's own documents would say, as a `Forecast` record.

Knows neither models nor codebooks; its themes are the grammar's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from forepath.records import Chain, Forecast
from forepath.worlds.grammar import Grammar
from forepath.worlds.posterior import posterior


def exact_forecast(grammar: Grammar, prompts: Sequence[str], horizon: int, chains: int = 0) -> Forecast:
    """Exact odds of every theme at steps 1..horizon, and of the `chains` likeliest chains over all prompts.

    Raises PromptError for a prompt that no document begins with, InputError for a horizon below 1.

    >>> from forepath.worlds.documents import document_grammar
    >>> title = "How to make lemon cake\\nby Helen Sorensen\\n\\n- "
    >>> forecast = exact_forecast(document_grammar(), [title], horizon=2, chains=1)
    >>> forecast.chains, forecast.steps.shape
    ((('ingredients', 'instructions'),), (1, 2, 45))
    """
    beliefs = [posterior(grammar, prompt) for prompt in prompts]
    total: Counter[Chain] = Counter()
    for belief in beliefs:
        odds = belief.chains(horizon, most=chains)
        total.update(dict(zip(odds.chains, odds.probs.tolist(), strict=True)))
    likeliest = tuple(chain for chain, _ in total.most_common(chains))
    return Forecast(
        grammar.themes,
        np.stack([b.marginals(horizon) for b in beliefs]),
        likeliest,
        np.array([[b.chain_prob(chain) for chain in likeliest] for b in beliefs]),
    )
