"""The labeller contract: every labeller of the package passes it, and each kind of bad one is caught for its reason."""

from dataclasses import replace

import pytest

from forepath.checks import check_labeller
from forepath.errors import ContractError, LabellerError
from forepath.records import Segment
from forepath.themes.codebook import Codebook, Theme
from forepath.themes.labelling import labeller_of

TEXTS = [
    "First stir the soup.\n\nThen we laughed at the joke.",
    "A joke. Another joke!",
    "Stir and stir.",
    "Nothing of the kind happened on Tuesday.",
]
PATTERNS = Codebook((Theme("cooking", patterns=("stir",)), Theme("joke", patterns=("joke", "laugh"))))
EXAMPLES = Codebook(
    (Theme("cooking", examples=("Stir the soup.",)), Theme("joke", examples=("We laughed at a joke.",)))
)


@pytest.mark.parametrize("codebook", [PATTERNS, EXAMPLES])
def test_the_labellers_of_the_package_pass(codebook):
    check_labeller(labeller_of(codebook, texts=TEXTS), TEXTS, themes=codebook.names)


class Whole:
    """Good: the whole text is one theme. The bad ones below change one thing each."""

    def label(self, trajectory):
        if not trajectory.text.strip():
            return replace(trajectory, segments=())
        return replace(trajectory, segments=self.segments(trajectory))

    def segments(self, trajectory):
        return (Segment(0, len(trajectory.text), self.theme(trajectory)),)

    def theme(self, trajectory):
        return "joke" if "joke" in trajectory.text else "cooking"


class ReadsThePrompt(Whole):
    def theme(self, trajectory):
        return "joke" if "different" in trajectory.prompt else "cooking"


class Remembers(Whole):
    seen = 0

    def theme(self, trajectory):
        self.seen += 1
        return ("joke", "cooking")[self.seen % 2]


class Invents(Whole):
    def theme(self, trajectory):
        return "poetry"


class SaysEnd(Whole):
    def theme(self, trajectory):
        return "end"


class NamesNothing(Whole):
    def theme(self, trajectory):
        return None


class Overlaps(Whole):
    def segments(self, trajectory):
        return (Segment(0, 5, "joke"), Segment(3, 8, "joke"))


class RunsOver(Whole):
    def segments(self, trajectory):
        return (Segment(0, len(trajectory.text) + 1, "joke"),)


class LabelsBlanks(Whole):
    def label(self, trajectory):
        return replace(trajectory, segments=(Segment(0, len(trajectory.text), "joke"),) * bool(trajectory.text))


class RewritesTheText(Whole):
    def label(self, trajectory):
        return replace(super().label(trajectory), text=trajectory.text.strip(".") + "!")


class Crashes(Whole):
    def theme(self, trajectory):
        raise KeyError("no such theme")


class NeverJudges(Whole):
    def theme(self, trajectory):
        raise LabellerError("I do not know")


class ManyDiffers(Whole):
    def label_many(self, trajectories):
        return [replace(t, segments=()) for t in trajectories]


class Undecided(Whole):
    """Good: what it cannot judge it says so."""

    def theme(self, trajectory):
        if "Tuesday" in trajectory.text:
            raise LabellerError("could be anything")
        return "joke"


@pytest.mark.parametrize("good", [Whole, Undecided])
def test_good_ones_pass(good):
    check_labeller(good(), TEXTS, themes=("joke", "cooking"))


@pytest.mark.parametrize(
    ("bad", "says"),
    [(ReadsThePrompt, "another prompt"), (Remembers, "the second time"), (Invents, "'poetry'; wanted one of joke"),
     (SaysEnd, "'end'"), (NamesNothing, "None"), (Overlaps, "in order"), (RunsOver, "within the text"),
     (LabelsBlanks, "wanted none"), (RewritesTheText, "only its segments"), (Crashes, "raised KeyError"),
     (NeverJudges, "none of 4 texts"), (ManyDiffers, "label_many")],
)  # fmt: skip
def test_each_bad_one_is_caught_for_its_reason(bad, says):
    with pytest.raises(ContractError, match=says):
        check_labeller(bad(), TEXTS, themes=("joke", "cooking"))


def test_one_text_is_no_check():
    with pytest.raises(ContractError, match="at least 2"):
        check_labeller(Whole(), TEXTS[:1])
