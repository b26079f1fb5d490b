"""The large document grammar: what it writes, how fast, and that its exact answers fit what it goes on to write."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from conftest import toy_content

from forepath.errors import InputError, PromptError
from forepath.records import END
from forepath.worlds import course
from forepath.worlds.documents import document_grammar
from forepath.worlds.grammar import Document, Grammar, Prompt
from forepath.worlds.lexicon.shapes import Theme
from forepath.worlds.posterior import log_prob, posterior
from forepath.worlds.recognise import wide_sentences
from forepath.worlds.templates import Slot


@pytest.fixture(scope="module")
def large() -> Grammar:
    return document_grammar()


def test_documents_are_what_they_say(large: Grammar) -> None:
    for d in large.documents(3, 200):
        body = d.text[d.header :]
        assert d.text[: d.header].count("\n") == 3 and d.text[: d.header].endswith("\n\n")
        assert d.segments[0].start == 0 and d.segments[-1].stop == len(body)
        for s, after in zip(d.segments, d.segments[1:], strict=False):
            assert body[s.stop : after.start] in (" ", "\n\n")
            assert s.theme != after.theme
        for s in d.segments:
            assert s.theme is not None
            sentences = large.sentences[s.theme]
            assert body[s.start : s.stop].startswith(sentences.theme.prefix)
            assert ("\n" in body[s.start : s.stop]) <= sentences.is_list
        assert d.chain == (*(s.theme for s in d.segments), END)


def test_a_document_depends_on_its_seed_only(large: Grammar) -> None:
    few, many = list(large.documents(5, 3)), list(large.documents(5, 10))
    assert few == many[:3]
    assert len({d.text for d in many}) == 10
    assert [p.text for p in large.prompts(5, 2)] == [p.text for p in islice(large.prompts(5, 9), 2)]


def test_the_process_is_the_one_the_bundled_model_learnt(large: Grammar) -> None:
    """Fails when words or odds change: the `documents` organism must then be trained anew, and this line renewed."""
    text = "\0".join(d.text for d in large.documents(0, 500))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "cd5213ebf2b8196a"


def test_thousands_of_sentences_in_every_theme(large: Grammar) -> None:
    """Distinct ones: `clashes` finds no two fillings that write the same sentence."""
    counts: Counter[str] = Counter()
    for theme, template in wide_sentences(large):
        counts[theme.name] += math.prod(len(p.words) for p in template if isinstance(p, Slot))
    assert len(counts) == len(large.themes) - 1 >= 24
    assert min(counts.values()) > 5000


def test_thousand_documents_a_second(large: Grammar) -> None:
    list(large.documents(6, 500))
    start = time.process_time()
    list(large.documents(7, 1000))
    assert 1000 / (time.process_time() - start) >= 1500


def test_prompts_stop_at_a_blank_line_and_leave_something(large: Grammar) -> None:
    seen = set()
    for p in large.prompts(8, 100):
        assert p.text.endswith("\n\n") and p.document.text.startswith(p.text)
        done = [s for s in p.document.segments if s.stop <= len(p.text) - p.document.header]
        seen.add(len(done))
        assert p.future == p.document.chain[len(done) :] and len(p.future) >= 2
    assert seen == {0, 1, 2}


def test_a_paraphrase_says_the_same_in_other_words(large: Grammar) -> None:
    kinds, words = [], []
    for p in large.prompts(9, 100):
        other = large.paraphrase(p)
        assert other != p.text and other.split("\nby ")[1].split("\n")[0] == p.text.split("\nby ")[1].split("\n")[0]
        assert other.count("\n\n") == p.text.count("\n\n")
        kinds.append(large.kinds.index(p.document.latents.kind))
        words.append([posterior(large, text).latents()["kind"][kinds[-1]] for text in (p.text, other)])
    told = np.array(words)
    assert (told > 0.5).mean(axis=0).min() > 0.9, "the kind is as plain as it was"
    swapped = [posterior(large, large.paraphrase(p)).latents()["kind"][k]
               for p, k in zip(large.prompts(9, 20), np.roll(kinds[:20], 1), strict=True)]  # fmt: skip
    assert np.mean(np.array(swapped) > 0.5) < 0.5, "and another's prompt tells another kind"


def test_every_document_is_read_and_its_chain_is_possible(large: Grammar) -> None:
    for d in large.documents(9, 60):
        assert -2000 < log_prob(large, d.text) < 0
        assert posterior(large, d.text[: d.header]).chain_prob(d.chain) > 0
        assert posterior(large, d.text).log_complete > -np.inf


def test_beliefs_are_quick(large: Grammar) -> None:
    prompts = list(large.prompts(10, 20))
    start = time.process_time()
    for p in prompts:
        posterior(large, p.text).next_theme()
    assert (time.process_time() - start) / len(prompts) < 0.05


def test_next_characters_add_up(large: Grammar) -> None:
    """P(prefix) is the sum over every next character and over stopping here, wherever the large grammar is cut."""
    letters = sorted({c for d in large.documents(11, 1000) for c in d.text})
    for i, d in enumerate(large.documents(12, 2)):
        cut = 40 + (i * 977) % 300
        belief = posterior(large, d.text[:cut])
        parts = [math.exp(belief.log_complete - belief.log_prefix)]
        for letter in letters:
            try:
                parts.append(math.exp(posterior(large, d.text[:cut] + letter).log_prefix - belief.log_prefix))
            except PromptError:
                continue
        assert math.fsum(parts) == pytest.approx(1.0, abs=1e-9)


def surprise(reader: Grammar, prompts: list[Prompt], horizon: int) -> list[tuple[float, float]]:
    """By step: how far what came is from the odds, in standard errors: (in nats, of the worst theme)."""
    end = len(reader.themes) - 1
    marginals = np.stack([posterior(reader, p.text).marginals(horizon) for p in prompts])
    out = []
    for h in range(horizon):
        odds = marginals[:, h]
        came = [reader.themes.index(p.future[h]) if h < len(p.future) else end for p in prompts]
        logs = np.log(np.where(odds > 0, odds, 1.0))
        gap = logs[np.arange(len(came)), came] - (odds * logs).sum(axis=1)
        spread = (odds * logs**2).sum(axis=1) - (odds * logs).sum(axis=1) ** 2
        missed = (np.eye(end + 1)[came] - odds).sum(axis=0)
        variance = (odds * (1 - odds)).sum(axis=0)
        worst = np.abs(missed[variance > 5]) / np.sqrt(variance[variance > 5])
        out.append((abs(float(gap.sum() / math.sqrt(spread.sum()))), float(worst.max())))
    return out


def test_futures_fit_the_odds(large: Grammar, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = list(large.prompts(13, 300))
    for nats, theme in surprise(large, prompts, 4):
        assert nats < 3.5 and theme < 4
    # The oracle can fail: the reader believes in longer documents and in no cues.
    monkeypatch.setattr(course, "END_FIRST", course.END_FIRST - 2)
    monkeypatch.setattr(course, "PAYOFF_BONUS", 0.0)
    bent = surprise(Grammar(large.content), prompts, 4)
    assert max(theme for _, theme in bent) > 4


def test_cues_and_habits_reach_far(large: Grammar) -> None:
    """A cue in the title pays about four segments on, and a persona's closing theme comes last."""
    documents = list(large.documents(14, 3000))
    payoff = {k: kind.payoff for k, kind in large.content.kinds.items()}
    cued = [d for d in documents if d.latents.flag and len(d.segments) >= 5]
    plain = [d for d in documents if not d.latents.flag and len(d.segments) >= 5]

    def paid(ds: list[Document]) -> float:
        return float(np.mean([payoff[d.latents.kind] in d.chain[3:5] for d in ds]))

    assert paid(cued) > 0.75 and paid(plain) < 0.1
    closing = {name: p.closing for name, p in large.content.personas.items()}
    assert np.mean([d.chain[-2] == closing[d.latents.persona] for d in documents]) > 0.3


def test_title_alone_leaves_doubt(large: Grammar) -> None:
    """The posterior is informative but not degenerate."""
    for d in large.documents(15, 20):
        title = posterior(large, d.text[: d.text.index("\n")])
        assert title.latents()["persona"].max() < 0.5
        header = posterior(large, d.text[: d.header])
        assert 0.5 < header.latents()["persona"].max() < 0.95
        assert header.entropy(3) > 0.3


def test_long_documents_do_not_underflow() -> None:
    content = toy_content(most_segments=12, most_sentences=4)
    babble = Theme("tale", "", (("n", " ".join(["Say {word}"] * 25) + "."),))
    words = tuple(f"{i:03}" for i in range(500))
    g = Grammar(replace(content, lists={**content.lists, "word": words}, themes={**content.themes, "tale": babble}))
    text = max((d.text for d in g.documents(0, 50)), key=lambda text: text.count("Say"))
    assert -np.inf < log_prob(g, text) < -800  # exp(-800) is no float
    belief = posterior(g, text)
    assert belief.next_theme().sum() == pytest.approx(1.0)
    middle = text[: len(text) // 2]
    assert log_prob(g, text) < posterior(g, middle).log_prefix


def test_unusable_content_is_refused() -> None:
    content = toy_content()
    with pytest.raises(InputError, match="'nothing', which is no word list"):
        Grammar(replace(content, themes={**content.themes, "x": Theme("x", "", (("n", "Say {nothing}."),))}))
    with pytest.raises(InputError, match=r"names the themes \['hole'\], which the content lacks"):
        Grammar(replace(content, kinds={"a": replace(content.kinds["recipe"], moves={"hole": {"tale": 1.0}})}))
    with pytest.raises(InputError, match="from 'food', which has none"):
        Grammar(replace(content, topics={}))
    with pytest.raises(InputError, match="2 times, and there are only 1"):
        Grammar(replace(content, themes={**content.themes, "x": Theme("x", "", (("n", "{part} and {part}"),))}))
