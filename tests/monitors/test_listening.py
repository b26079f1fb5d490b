"""Themes heard while a text is written: the same as afterwards where nothing later can change them."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from monitor_toys import THEMES, pattern_codebook, sentence, wander

from forepath.errors import LabellerError
from forepath.monitors.listening import Listener
from forepath.records import Trajectory
from forepath.subjects.spelling import Spelling, apart
from forepath.themes.labelling import PatternLabeller


def hear(text: str, labeller, cuts: list[int], *, ended: bool = True):
    listener, heard = Listener(labeller), []
    for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True):
        heard += listener.feed(text[a:b])
    assert listener.text == text
    return heard + listener.finish(ended=ended)


def written(seed: int, gap: str = "\n\n") -> str:
    rng = np.random.default_rng(seed)
    return gap.join(sentence(theme, rng) for theme in wander("", seed))


@given(st.integers(0, 500), st.lists(st.integers(0, 400), max_size=60))
def test_paragraphs_heard_in_any_pieces_are_those_of_the_whole_text(seed, cuts):
    labeller, text = PatternLabeller(pattern_codebook()), written(seed)
    cuts = sorted(min(c, len(text)) for c in cuts)
    whole = labeller.label(Trajectory("", "", "", "", 0, (), text, True)).segments
    heard = hear(text, labeller, cuts)
    assert [(h.start, h.stop, h.theme) for h in heard] == [(s.start, s.stop, s.theme) for s in whole]


def test_sentences_are_heard_one_by_one_by_a_labeller_of_sentences():
    labeller = by_words()
    heard = hear("The rain was wet. The army lost the war. Rain, and a wet umbrella.", labeller, [5, 20, 30])
    assert [h.theme for h in heard] == ["rain", "war", "rain"]


def by_words():
    """A labeller by nearness: how many words of each theme a sentence has."""
    from forepath.themes.codebook import Decoding
    from forepath.themes.embeddings import CallableEmbedder
    from forepath.themes.labelling import NearestLabeller

    def counts(texts):
        return np.array([[sum(t.lower().count(w) for w in words) for words in THEMES.values()] for t in texts], float)

    return NearestLabeller(
        tuple(THEMES), np.eye(3), range(3), CallableEmbedder(counts, "words"), Decoding(30, 0.4, 0.0)
    )


def test_nothing_is_heard_before_it_is_finished():
    listener = Listener(PatternLabeller(pattern_codebook()))
    assert listener.feed("The soup was hot") == [] and listener.feed(".") == [] and listener.feed("\n\n") == []
    assert [h.theme for h in listener.feed("The")] == ["food"]


def test_abbreviations_and_numbers_finish_nothing():
    listener = Listener(by_words())
    pieces = ["The army", " of", " Dr", ".", " Lee", " ate", " 2", ".", "5", " g", " of", " salt", ".", " It"]
    assert [len(listener.feed(piece)) for piece in pieces] == [0] * 13 + [1]


@pytest.mark.parametrize(("ended", "themes"), [(True, ["rain", "war"]), (False, ["rain"])])
def test_the_last_words_of_a_text_that_was_cut_off_are_not_named(ended, themes):
    text = "The rain was wet.\n\nThe army of the"
    assert [h.theme for h in hear(text, PatternLabeller(pattern_codebook()), [], ended=ended)] == themes


def test_what_a_labeller_cannot_judge_is_none_and_the_text_goes_on():
    class Broken:
        def label(self, trajectory):
            if "war" in trajectory.text:
                raise LabellerError("no answer")
            return PatternLabeller(pattern_codebook()).label(trajectory)

    text = "The rain.\n\nThe war.\n\nThe soup."
    assert [h.theme for h in hear(text, Broken(), [])] == ["rain", None, "food"]


def test_the_cost_does_not_grow_with_the_text():
    class Counting:
        most = 0

        def label(self, trajectory):
            Counting.most = max(Counting.most, len(trajectory.text))
            return PatternLabeller(pattern_codebook()).label(trajectory)

    hear("\n\n".join(written(i) for i in range(60)), Counting(), list(range(1, 5000, 7)))
    assert Counting.most < 60


@given(st.text(max_size=30), st.booleans())
def test_spelling_gives_back_every_text(text, apart):
    spelling = Spelling(lambda tokens: bytes(tokens).decode(errors="replace"), apart=apart)
    assert "".join(spelling.add(t) for t in text.encode()) + spelling.finish() == text


@given(st.binary(max_size=40))
@example(b"\x80" * 7 + b"\xc2\x00\x80")  # a damaged lead byte, a whole character, a byte that would fit the former
def test_tokens_spelled_apart_are_spelled_as_before(data):
    plain, quick = (Spelling(lambda tokens: bytes(tokens).decode(errors="replace"), apart=a) for a in (False, True))
    assert [plain.add(t) for t in data] == [quick.add(t) for t in data] and plain.finish() == quick.finish()


def test_byte_level_tokens_are_spelled_apart_and_no_others():
    from types import SimpleNamespace

    from tokenizers import decoders

    def subject(decoder, tidies):
        tool = SimpleNamespace(backend_tokenizer=SimpleNamespace(decoder=decoder), clean_up_tokenization_spaces=tidies)
        return SimpleNamespace(tokenizer=tool, decode=len)

    assert apart(subject(decoders.ByteLevel(), False))
    assert not apart(subject(decoders.ByteLevel(), True)) and not apart(subject(decoders.Metaspace(), False))
    assert not apart(subject(None, False)) and not apart(SimpleNamespace(decode=len))


def test_spelling_says_damaged_bytes_in_the_end_and_does_not_wait_for_ever():
    spelling = Spelling(lambda tokens: bytes(tokens).decode(errors="replace"))
    assert spelling.add(0xC3) == "" and spelling.finish() == "�"


@given(st.integers(0, 10_000), st.integers(1, 12))
def test_a_sentence_is_labelled_as_decoding_the_block_so_far_would(seed, sentences):
    from forepath.monitors.listening import further
    from forepath.themes.codebook import Decoding
    from forepath.themes.decoding import decode

    rng, decoding, best = np.random.default_rng(seed), Decoding(20.0, 0.2, 0.3), None
    rows = rng.random((sentences, 5))
    for n in range(sentences):
        best = further(best, rows[n], decoding)
        assert best.index(max(best)) == decode(rows[: n + 1], np.zeros(n + 1, dtype=int), decoding)[-1]
