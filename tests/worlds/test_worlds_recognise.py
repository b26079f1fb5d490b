"""The truth labeller against the segments that the grammar wrote down as it wrote the text."""

from __future__ import annotations

from forepath.records import END, OTHER, Segment, Trajectory
from forepath.worlds.documents import document_grammar
from forepath.worlds.recognise import TruthLabeller


def test_true_segments_are_read_back() -> None:
    g = document_grammar()
    truth = TruthLabeller(g)
    for d in g.documents(20, 60):
        assert truth.segments(d.text[d.header :]) == d.segments
    wrong = [d for d in g.documents(20, 20) if truth.segments(d.text[d.header :].upper()) == d.segments]
    assert wrong == []


def test_labels_a_trajectory() -> None:
    g = document_grammar()
    prompt = next(iter(g.prompts(21, 1)))
    rest = prompt.document.text[len(prompt.text) :]
    labelled = TruthLabeller(g).label(Trajectory("a/0", "s", "a", prompt.text, 0, (), rest, True))
    assert labelled.chain == prompt.future and labelled.chain[-1] == END


def test_strange_and_cut_sentences() -> None:
    truth = TruthLabeller(document_grammar())
    step = "Heat the oven to 200 degrees and line a casserole with baking paper."
    colours = "Colourless green ideas sleep furiously."
    assert truth.segments(step) == (Segment(0, len(step), "instructions"),)
    found = truth.segments(f"{step} {colours}\n\n{step}")
    assert [s.theme for s in found] == ["instructions", OTHER, "instructions"]
    assert [f"{step} {colours}\n\n{step}"[s.start : s.stop] for s in found] == [step, colours, step]
    assert truth.segments(step[:30]) == (Segment(0, 30, "instructions"),)
    assert truth.segments("The") == (Segment(0, 3, None),)
    assert truth.segments("  \n ") == ()
