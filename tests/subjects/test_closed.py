"""A model behind an endpoint, played by a stub on this machine."""

import json
import random
from dataclasses import replace

import pytest

from forepath.checks import check_subject
from forepath.effects.comparing import compare
from forepath.errors import InputError, InterventionError, SiteError, SubjectError
from forepath.records import Intervention, Policy, Segment
from forepath.subjects.asking import Endpoint
from forepath.subjects.closed import ClosedSubject
from forepath.subjects.interventions import making
from forepath.subjects.sampling import sample


def completion(text, reason="stop"):
    content = {"choices": [{"message": {"content": text}, "text": text, "finish_reason": reason}]}
    return 200, json.dumps(content | {"usage": {"prompt_tokens": 7, "completion_tokens": 3}}), {}


def writer(body):
    """A few words by prompt and seed; of war if it is told to."""
    turns = body.get("messages") or [{"content": body["prompt"]}]
    draw = random.Random(f"{[t['content'] for t in turns]} {body['seed']}")
    said = " ".join(draw.choices(["war"] if "hate" in turns[0]["content"] else ["rain", "food", "sun"], k=5))
    return completion(said, draw.choice(["stop", "length"]))


@pytest.fixture
def subject(stub):
    stub.answers = [writer]
    return ClosedSubject(Endpoint(stub.url, "secret", timeout=5, wait=0.01), "m")


def test_it_keeps_the_contract_of_subjects(subject):
    check_subject(subject, ["one", "two"], telling=[Intervention("prompt", "", {"prefix": "hate "})])


@pytest.mark.parametrize("chat", [True, False])
def test_what_is_asked_and_what_becomes_of_the_answer(stub, subject, chat):
    subject.chat = chat
    policy = Policy(max_tokens=9, temperature=0.5, top_p=0.9, stop=("\n",))
    stub.answers = [completion("It rains."), completion("It rains and", "length"), completion("", "length")]
    texts, _ = sample(subject, ["p"], samples=3, policy=policy)
    assert [(t.text, t.finished) for t in texts] == [("It rains.", True), ("It rains and", False), ("", False)]
    path, headers, body = stub.seen[0]
    assert (
        path.endswith("/chat/completions" if chat else "v1/completions") and headers["Authorization"] == "Bearer secret"
    )
    assert (body["max_tokens"], body["temperature"], body["top_p"], body["stop"]) == (9, 0.5, 0.9, ["\n"])
    assert len({s[2]["seed"] for s in stub.seen}) == 3
    assert (subject.endpoint.asked.requests, subject.endpoint.asked.prompt_tokens) == (3, 21)


def test_what_needs_the_inside_is_refused(stub, subject):
    with pytest.raises(SiteError, match=r"closed: resid\.1 cannot be read"):
        list(subject.stream(["p"], seeds=[1], capture=["resid.1"]))
    with pytest.raises(InterventionError, match="takes policy and prompt only"):
        list(subject.stream(["p"], seeds=[1], intervention=making.ablate("head:1.0")))
    subject.chat = False
    with pytest.raises(InputError, match="chat=True"):
        list(subject.stream(["p"], seeds=[1], intervention=Intervention("prompt", "", {"system": "be kind"})))
    assert not stub.seen


@pytest.mark.parametrize("body", ["[]", "{}", '{"choices": []}', "nonsense"])
def test_answers_of_another_form(stub, subject, body):
    stub.answers = [(200, body, {})]
    with pytest.raises(SubjectError, match="wanted an OpenAI-compatible"):
        list(subject.stream(["p"], seeds=[1]))


def test_a_system_turn_as_an_intervention_is_compared(subject):
    def themed(texts):
        names = ["war" if "war" in t.text else "peace" for t in texts]
        return [replace(t, segments=(Segment(0, len(t.text), n),)) for t, n in zip(texts, names, strict=True)]

    prompts = [f"prompt {i}" for i in range(12)]
    told = Intervention("prompt", "", {"system": "hate everyone"})
    before, _ = sample(subject, prompts, samples=3)
    after, _ = sample(subject, prompts, samples=3, intervention=told)
    found = compare(themed(before), themed(after))
    assert found.of("theme: war").moved and found.of("theme: war").shift == 1
