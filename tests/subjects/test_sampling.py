"""Sampling works with any subject, and the contract catches subjects that break it."""

from dataclasses import replace

import pytest
from tiny_subjects import make

from forepath.checks import check_subject
from forepath.errors import ContractError, InputError, SiteError
from forepath.records import Policy
from forepath.subjects.fake import FakeSubject
from forepath.subjects.sampling import sample
from forepath.subjects.sites import parse_site

PROMPTS = ["one", "three", "fourteen"]


def test_a_fake_passes_the_contract():
    check_subject(FakeSubject(), PROMPTS, capture=["letter"])


class Unrepeatable(FakeSubject):
    calls = 0

    def stream(self, prompts, *, seeds, **options):
        self.calls += 1
        return super().stream(prompts, seeds=[s + self.calls for s in seeds], **options)


class Seedless(FakeSubject):
    def stream(self, prompts, *, seeds, **options):
        return super().stream(prompts, seeds=[0] * len(seeds), **options)


class Leaky(FakeSubject):
    def stream(self, prompts, *, seeds, **options):
        return super().stream(prompts, seeds=[s + len(prompts) for s in seeds], **options)


class Mutating(FakeSubject):
    def stream(self, prompts, *, seeds, **options):
        steps = list(super().stream(prompts, seeds=seeds, **options))
        prompts[0] = "changed"
        return iter(steps)


class Undead(FakeSubject):
    def stream(self, prompts, **options):
        for step in super().stream(prompts, **options):
            yield replace(step, tokens=tuple(0 if t is None else t for t in step.tokens))


class Zeroing(FakeSubject):
    def stream(self, prompts, **options):
        for step in super().stream(prompts, **options):
            for values in step.activations.values():
                values[values != values] = 0
            yield step


class Endless(FakeSubject):
    def stream(self, prompts, **options):
        for step in super().stream(prompts, **options):
            yield replace(step, ended=(False,) * len(prompts))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Unrepeatable, "second time"),
        (Seedless, "seeds must matter"),
        (Leaky, "alone; row i must depend"),
        (Mutating, "changed the prompts"),
        (Undead, "a finished row writes None"),
        (Zeroing, "finished rows must be NaN"),
        (Endless, "finished row writes None|never finished"),
    ],
)
def test_the_contract_catches_each_planted_fault(broken, message):
    with pytest.raises(ContractError, match=message):
        check_subject(broken(), PROMPTS, capture=["letter"], max_tokens=40)


def test_trajectories_are_whole_ordered_and_independent_of_the_chunks():
    fake = FakeSubject()
    told = []
    trajectories, captured = sample(
        fake, PROMPTS, prompt_ids=["a", "b", "c"], samples=7, seed=5, policy=Policy(max_tokens=30), capture=["letter"],
        max_rows=10, report=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert [t.id for t in trajectories] == [f"{p}/{s}" for p in "abc" for s in range(7)]
    assert told == [(7, 21), (14, 21), (21, 21)]
    assert captured["letter"].shape == (3, 1)
    assert {t.finished for t in trajectories} == {True, False}
    for t in trajectories:
        assert 25 not in t.tokens and t.text == fake.decode(t.tokens) and t.subject == "fake-1"
        assert t.finished == (len(t.tokens) < 30)
    again, _ = sample(
        fake, PROMPTS, prompt_ids=["a", "b", "c"], samples=7, seed=5, policy=Policy(max_tokens=30), max_rows=3
    )
    assert again == trajectories


def test_what_sampling_refuses():
    with pytest.raises(InputError, match="one id each"):
        sample(FakeSubject(), PROMPTS, prompt_ids=["a", "a", "b"])
    with pytest.raises(InputError, match="at least 1"):
        sample(FakeSubject(), PROMPTS, samples=0)


def test_stop_texts_end_the_writing_and_are_cut_off():
    subject = make("llama")
    prompts = ["w5 w6 w7", "w8"]
    free, _ = sample(subject, prompts, samples=6, policy=Policy(max_tokens=30))
    words = free[0].text.split()
    stop = f"{words[4]} {words[5]}"  # spans two tokens
    stopped, _ = sample(subject, prompts, samples=6, policy=Policy(max_tokens=30, stop=(stop,)))
    assert stopped[0].finished and stopped[0].text == free[0].text[: free[0].text.find(stop)]
    assert stopped[0].tokens == free[0].tokens[: len(stopped[0].tokens)] and len(stopped[0].tokens) == 6
    for a, b in zip(free, stopped, strict=True):
        assert stop not in b.text
        assert (a.tokens == b.tokens) == (stop not in a.text)


@pytest.mark.parametrize("name", ["resid", "resid.-1", "logits:norm", "resid.1@first", "resid.1@last0", "attn.1"])
def test_names_that_are_not_sites(name):
    with pytest.raises(SiteError, match="is not a site; wanted"):
        parse_site(name)
