"""`documents`: a small model of the document grammar, whose futures are known exactly.

Every step of training sees freshly drawn documents, so there is nothing to memorise and the loss has a floor that is
known: the grammar's own -log P. Each document is a row of its own, from its first token on, as it will be read later.
How near the model comes to the floor is measured by `forepath.organisms.evaluation`, not here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from forepath.organisms.tokenizers import train_tokenizer
from forepath.organisms.training import IGNORE, Part, Recipe

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    from forepath.worlds.grammar import Grammar

RECIPE = Recipe(
    name="documents", vocab_size=2048, width=192, layers=4, heads=6, context=768, rows=20, steps=3200,
    muon_rate=0.01, adam_rate=0.0015, weight_decay=0.1, embedding_spread=0.1,
)  # fmt: skip
PART = 5
"""Documents that are padded to one length together."""
TOKENIZER_TEXTS = 10_000
VALIDATION, TEST = 1_000_001, 1_000_002
"""Seeds of `Grammar.documents` whose documents are never trained on (training draws from seeds of another form)."""


def documents_tokenizer(grammar: Grammar, recipe: Recipe = RECIPE) -> PreTrainedTokenizerFast:
    """The tokenizer of `TOKENIZER_TEXTS` drawn documents."""
    seeds = (f"tokenizer/{recipe.seed}/{i}" for i in range(TOKENIZER_TEXTS))
    return train_tokenizer((grammar.sample(s).text for s in seeds), recipe.vocab_size)


def fingerprint(grammar: Grammar) -> str:
    """sha256 of the first hundred documents: changes with any word or odds that a model could have learnt."""
    texts = "\0".join(d.text for d in grammar.documents(0, 100))
    return hashlib.sha256(texts.encode()).hexdigest()


def encode(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast, context: int) -> list[np.ndarray]:
    """Token ids of whole documents, `<|end|>` on both sides, cut after `context` targets; int64."""
    rows = tokenizer(list(texts))["input_ids"]
    return [np.array([*ids, tokenizer.eos_token_id][: context + 1], dtype=np.int64) for ids in rows]


def pad(documents: Sequence[np.ndarray]) -> Part:
    """(inputs, targets) of documents side by side, targets IGNORE beyond each one's end.

    >>> inputs, targets = pad([np.array([0, 5, 6, 0]), np.array([0, 7, 0])])
    >>> inputs.tolist(), targets.tolist()
    ([[0, 5, 6], [0, 7, 0]], [[5, 6, 0], [7, 0, -100]])
    """
    width = max(len(d) for d in documents) - 1
    inputs = np.zeros((len(documents), width), dtype=np.int64)
    targets = np.full((len(documents), width), IGNORE, dtype=np.int64)
    for row, document in enumerate(documents):
        inputs[row, : len(document) - 1] = document[:-1]
        targets[row, : len(document) - 1] = document[1:]
    return inputs, targets


class DocumentBatches:
    """`recipe.rows` fresh documents a step, a function of (seed, step) alone; parts of similar length, little padding.

    Padding stands behind a document, so under causal attention no real token ever sees it and no mask is needed.
    """

    def __init__(self, grammar: Grammar, tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> None:
        self._grammar, self._tokenizer, self._recipe = grammar, tokenizer, recipe

    def __call__(self, step: int) -> list[Part]:
        recipe = self._recipe
        seeds = (f"train/{recipe.seed}/{step}/{i}" for i in range(recipe.rows))
        rows = encode([self._grammar.sample(s).text for s in seeds], self._tokenizer, recipe.context)
        rows.sort(key=len)
        return [pad(rows[i : i + PART]) for i in range(0, len(rows), PART)]


def token_losses(model: LlamaForCausalLM, documents: Sequence[np.ndarray]) -> list[np.ndarray]:
    """-log P of every token after the first, given those before it, of each document: nats, float32."""
    import torch

    losses: list[np.ndarray] = [np.empty(0)] * len(documents)
    order = sorted(range(len(documents)), key=lambda i: len(documents[i]))
    with torch.inference_mode():
        for part in (order[i : i + PART] for i in range(0, len(order), PART)):
            inputs, targets = (torch.from_numpy(a).to(model.device) for a in pad([documents[i] for i in part]))
            logits = model(input_ids=inputs).logits.float()
            found = torch.nn.functional.cross_entropy(
                logits.transpose(1, 2), targets, ignore_index=IGNORE, reduction="none"
            )
            for row, i in enumerate(part):
                losses[i] = found[row, : len(documents[i]) - 1].cpu().numpy()
    return losses


def validation_loss(
    grammar: Grammar, tokenizer: PreTrainedTokenizerFast, *, documents: int = 200, context: int = RECIPE.context
) -> Callable[[LlamaForCausalLM], float]:
    """A function model -> mean nats per token on held-out documents."""
    rows = encode([d.text for d in grammar.documents(VALIDATION, documents)], tokenizer, context)
    return lambda model: float(np.concatenate(token_losses(model, rows)).mean())
