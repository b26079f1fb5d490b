"""`documents`: a small model of the document grammar, whose futures are known exactly.

Every step of training sees freshly drawn documents, so there is nothing to memorise and the loss has a floor that is
known: the grammar's own -log P. Each document is a row of its own, from its first token on, as it will be read later.
How near the model comes to the floor is measured by `forepath.organisms.evaluation`, not here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from forepath.organisms.tokenizers import train_tokenizer
from forepath.organisms.training import IGNORE, Part, Recipe
from forepath.worlds.templates import PERSISTENT, Setting, Slot, Template, draw

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    from forepath.worlds.grammar import Grammar

RECIPE = Recipe(
    name="documents", vocab_size=2048, width=192, layers=4, heads=6, context=768, rows=20, steps=6500,
    muon_rate=0.01, adam_rate=0.001, weight_decay=0.1, embedding_spread=0.1, name_steps=200,
)  # fmt: skip
PART = 5
"""Documents that are padded to one length together."""
TOKENIZER_TEXTS = 10_000
NAME_TEXTS, OPENINGS, FADING = 64, 10, 3
"""Texts of names in a step that holds nothing else, sentences in each, and how much longer some are mixed in."""
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


class NameTexts:
    """Texts that are little but names said again: beginnings of sentences, each cut after its first name.

    In documents a name that was said before is one token in a hundred. A model that first sees thousands of other
    words learns never to look for it (`experiments/LOG.md`); one that begins on these texts learns to copy in a hundred
    steps, and keeps it.
    """

    def __init__(self, grammar: Grammar) -> None:
        written = [t for s in grammar.sentences.values() for t in s.templates]
        self._openings = [o for o in map(_up_to_name, written) if o is not None]
        self._topics = [t for pool in grammar.topics for t in pool]

    def sample(self, seed: str) -> str:
        """`OPENINGS` openings about one hero, one city and one topic."""
        rng = Random(seed)
        setting = Setting(rng.choice(self._topics))
        said = []
        for opening in rng.choices(self._openings, k=OPENINGS):
            text, setting = draw(opening, setting, rng)
            said.append(text)
        return ". ".join(said)


def _up_to_name(template: Template) -> Template | None:
    at = next((i for i, p in enumerate(template) if isinstance(p, Slot) and p.name in PERSISTENT), None)
    return None if at is None else template[: at + 1]


class DocumentBatches:
    """`recipe.rows` fresh documents a step, a function of (seed, step) alone; parts of similar length, little padding.

    The first `recipe.name_steps` steps hold `NAME_TEXTS` texts of names instead, and the next `FADING` times as many
    hold a part of them beside the documents. Padding stands behind a document, so under causal attention no real token
    ever sees it and no mask is needed.
    """

    def __init__(self, grammar: Grammar, tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> None:
        self._grammar, self._tokenizer, self._recipe = grammar, tokenizer, recipe
        self._names = NameTexts(grammar)

    def __call__(self, step: int) -> list[Part]:
        if step < self._recipe.name_steps:
            return self._names_part(step, NAME_TEXTS)
        fading = step < (1 + FADING) * self._recipe.name_steps
        return self._documents(step) + (self._names_part(step, NAME_TEXTS // 4) if fading else [])

    def _names_part(self, step: int, n: int) -> list[Part]:
        seeds = (f"names/{self._recipe.seed}/{step}/{i}" for i in range(n))
        return [pad(encode([self._names.sample(s) for s in seeds], self._tokenizer, self._recipe.context))]

    def _documents(self, step: int) -> list[Part]:
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
