"""How many nats a document of a grammar holds: exact bounds by dynamic programming, and the value within 0.1 %.

Knows tokens not at all: divide by the tokens of a document to get the limit of a language model's loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forepath.worlds.belief import entropy
from forepath.worlds.course import Course
from forepath.worlds.grammar import Grammar
from forepath.worlds.posterior import posterior
from forepath.worlds.templates import PERSISTENT, Slot, Template


@dataclass(frozen=True, slots=True)
class TextEntropy:
    """The entropy of one document, nats, the end included."""

    lower: float
    """H(X | Z), exact."""
    upper: float
    """H(X, Z), exact."""
    estimate: float
    """H(X): `upper` less the mean entropy of the latents given the text."""
    low: float
    """Lower end of the 95 % interval of `estimate`, over `documents` drawn."""
    high: float
    documents: int
    characters: float
    """Mean length of those documents."""

    @property
    def per_character(self) -> float:
        """Nats per character: mean entropy over mean length, the rate of documents written one after another."""
        return self.estimate / self.characters


def text_entropy(grammar: Grammar, seed: int, n: int) -> TextEntropy:
    """The entropy of a document X, from exact bounds and `n` documents drawn with `seed`.

    Let Z = (kind, persona, tone, flag) be the latents. Then H(X | Z) <= H(X) <= H(X, Z): the first because
    conditioning cannot raise entropy, the second because H(X, Z) = H(X) + H(Z | X) and H(Z | X) >= 0. The bounds are
    H(Z) apart. Both are exact sums over the draws that make a document, because the draws can be read back from the
    text given Z, so that (X, Z) and (draws, Z) determine one another; `forepath.worlds.clashes` shows that they can.
    The same identity gives the estimate H(X) = H(X, Z) - E[H(Z | X)], whose second term is the mean of exact
    posterior entropies of at most H(Z): far less scattered than the mean of -ln P(X), and equally unbiased.
    """
    upper, latent = joint_entropy(grammar)
    documents = list(grammar.documents(seed, n))
    left = np.array([_latents_left(grammar, d.text) for d in documents])
    margin = 1.96 * float(left.std(ddof=1)) / n**0.5
    estimate = upper - float(left.mean())
    length = float(np.mean([len(d.text) for d in documents]))
    return TextEntropy(upper - latent, upper, estimate, estimate - margin, estimate + margin, n, length)


def _latents_left(grammar: Grammar, text: str) -> float:
    """Entropy of the latents given the whole document, nats."""
    odds = np.stack(posterior(grammar, text).ended)
    return entropy(odds / odds.sum())


def joint_entropy(grammar: Grammar) -> tuple[float, float]:
    """(H(all draws of a document, latents), H(latents)), nats, exact: the chain rule, draw by draw."""
    latent = entropy(grammar.kind_prior)
    draws = 0.0
    for k, share in enumerate(grammar.kind_prior):
        latent += share * entropy(grammar.courses[k].prior)
        draws += share * (_header(grammar, k) + _body(grammar, k) + _persistent(grammar, k))
    return float(latent + draws), float(latent)


def _entropies(odds: np.ndarray) -> np.ndarray:
    """Entropy along the last axis."""
    return -np.asarray((odds * np.log(np.where(odds > 0, odds, 1.0))).sum(axis=-1))


def _words(grammar: Grammar, k: int, template: Template) -> float:
    """Entropy of the words of the slots that are drawn anew, mean over the topics of kind k."""
    total = 0.0
    seen: dict[str, int] = {}
    for slot in template:
        if not isinstance(slot, Slot) or slot.name in ("thing", *PERSISTENT):
            continue
        before = seen.get(slot.name, 0)
        sizes = [len(t.parts) for t in grammar.topics[k]] if slot.name == "part" else [len(slot.words)]
        total += float(np.mean([np.log(size - before) for size in sizes]))
        seen[slot.name] = before + 1
    return total


def _header(grammar: Grammar, k: int) -> float:
    total = float(np.log(len(grammar.topics[k])) + _entropies(grammar.author_odds).mean())
    for f, titles in enumerate(grammar.titles[k]):
        words = np.log(len(titles)) + np.mean([_words(grammar, k, t) for t in titles])
        total += float(grammar.courses[k].prior[..., f].sum() * words)
    return total


def _first(course: Course) -> np.ndarray:
    """(P, 2, S, R, T, F) mass of the first segment."""
    now = np.zeros((course.move.shape[0], 2, len(course.themes), *course.prior.shape))
    now[0, 0] = np.moveaxis(course.prior[..., None] * course.start, -1, 0)
    return course.settle(now)


def _body(grammar: Grammar, k: int) -> float:
    course = grammar.courses[k]
    segments = np.stack([_segment(grammar, k, s) for s in range(len(course.themes))])
    gaps = np.zeros((len(course.themes), len(course.themes) + 1))
    for a, before in enumerate(course.themes):
        for b, after in enumerate(course.themes):
            blank = grammar.blank_odds(k, before, after)
            gaps[a, b] = entropy(np.array([blank, 1 - blank]))
    now, total = _first(course), float(_entropies(course.start).ravel() @ course.prior.ravel())
    moves = _entropies(course.move) + np.einsum("pqsrtfn,sn->pqsrtf", course.move, gaps) + segments[..., None]
    for _ in range(course.move.shape[0]):
        total += float((now * moves).sum())
        now, _ended = course.advance(now)
    return total


def _segment(grammar: Grammar, k: int, s: int) -> np.ndarray:
    """(R, T) entropy of the number of sentences, their templates and fresh words, for theme s of kind k."""
    course = grammar.courses[k]
    sentences = grammar.sentences[course.themes[s]]
    words = np.array([_words(grammar, k, t) for t in sentences.templates])
    each = _entropies(sentences.odds)
    lengths = course.lengths[s]
    survive = lengths[:, ::-1].cumsum(axis=1)[:, ::-1]
    total = np.tile(_entropies(lengths)[:, None], (1, len(grammar.tones)))
    odds, template = sentences.odds[:, -1], each[:, -1]
    for n in range(lengths.shape[1]):
        total += survive[:, n, None] * (template + odds @ words)
        template = (odds * each[:, :-1]).sum(axis=1)
        odds = np.einsum("ti,tij->tj", odds, sentences.odds[:, :-1])
    return total


def _persistent(grammar: Grammar, k: int) -> float:
    """Each persistent slot costs the logarithm of its words once, if the document mentions it at all."""
    total = 0.0
    for name in PERSISTENT:
        if name in grammar.content.lists:
            total += np.log(len(grammar.content.lists[name])) * (1 - _unmentioned(grammar, k, name))
    return float(total)


def _clean(templates: tuple[Template, ...], name: str) -> np.ndarray:
    """(templates,) 1 where the slot does not occur."""
    return np.array([not any(isinstance(p, Slot) and p.name == name for p in t) for t in templates], dtype=float)


def _unmentioned(grammar: Grammar, k: int, name: str) -> float:
    """P(no sentence of a document of kind k mentions the slot): the chain with every mention taken out."""
    course = grammar.courses[k]
    quiet = np.zeros((len(course.themes), len(grammar.personas), len(grammar.tones)))
    for s, theme in enumerate(course.themes):
        sentences = grammar.sentences[theme]
        clean = _clean(sentences.templates, name)
        odds = sentences.odds[:, -1] * clean
        for n in range(course.lengths.shape[-1]):
            quiet[s] += np.outer(course.lengths[s, :, n], odds.sum(axis=1))
            odds = np.einsum("ti,tij->tj", odds, sentences.odds[:, :-1]) * clean
    title = np.array([_clean(titles, name).mean() for titles in grammar.titles[k]])
    now, total = _first(course) * title, 0.0
    for _ in range(course.move.shape[0]):
        now, ended = course.advance(now * quiet[..., None])
        total += float(ended.sum())
    return total
