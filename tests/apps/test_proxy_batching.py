"""Continuous batching behind the server: streams share steps, and each is what it would have been alone."""

import threading

import pytest

from forepath.apps.proxy.engine import Engine
from forepath.errors import PromptError
from forepath.records import Policy
from forepath.subjects.joint import Joint

PROMPTS = ["w3 w4", "w5 w6 w9 w8 w12", "w9", "w2 w3 w4 w10 w11 w12 w13", "w8 w9 w10", "w40 w41"]


@pytest.fixture(scope="module")
def subject(tiny):
    from forepath.subjects.huggingface import load

    return load(tiny, device="cpu")


def run(engine, subject, asked):
    """What came of each (prompt, seed, max_tokens): its tokens, or its error."""
    found, done = {}, threading.Barrier(len(asked) + 1)
    for i, (prompt, seed, most) in enumerate(asked):
        said = found[i] = []

        def over(error, said=said):
            said.append(error) if error else None
            threading.Thread(target=done.wait).start()

        def step(step, said=said):
            said.extend(step.tokens)
            return 0

        engine.begin(subject, prompt, [seed], Policy(max_tokens=most), (), step, over)
    done.wait(60)
    return found


@pytest.fixture
def engine():
    made = Engine(most_streams=8)
    yield made
    made.close()


def test_the_engine_shares_steps_and_an_error_is_of_its_own_stream(engine, subject):
    asked = [(p, i, 12) for i, p in enumerate(PROMPTS)]
    found = run(engine, subject, [*asked, ("w3 " * 60, 0, 20)])
    for i, (prompt, seed, most) in enumerate(asked):
        own = [s.tokens[0] for s in subject.stream([prompt], seeds=[seed], policy=Policy(max_tokens=most))]
        assert found[i] == own
    assert isinstance(found[len(asked)][0], PromptError)
    ((_, joint),) = engine._joints.values()
    assert joint.rows == 0


def test_a_step_that_fails_is_told_to_those_in_it_and_the_next_are_written(engine, subject, monkeypatch):
    right = Joint._advance
    asked = [(p, i, 12) for i, p in enumerate(PROMPTS)]
    asked = [a for a in asked if len(list(subject.stream([a[0]], seeds=[a[1]], policy=Policy(max_tokens=12)))) > 2]
    assert len(asked) > 1
    monkeypatch.setattr(Joint, "_advance", lambda self, begun: 1 / 0 if begun else right(self, begun))
    found = run(engine, subject, asked)
    assert all(isinstance(said[-1], ZeroDivisionError) for said in found.values())
    monkeypatch.setattr(Joint, "_advance", right)
    own = [s.tokens[0] for s in subject.stream(["w9"], seeds=[3], policy=Policy(max_tokens=6))]
    assert run(engine, subject, [("w9", 3, 6)]) == {0: own}


def test_a_prompt_for_which_there_is_no_room_is_told_so_and_the_next_are_written(engine, subject, monkeypatch):
    from forepath.subjects import slots

    right, asked = slots.Slots._resize, []

    def full(self):
        asked.append(1)
        if len(asked) == 1:
            raise MemoryError
        right(self)

    own = [s.tokens[0] for s in subject.stream(["w9"], seeds=[3], policy=Policy(max_tokens=6))]
    assert run(engine, subject, [("w9", 3, 6)]) == {0: own}
    monkeypatch.setattr(slots.Slots, "_resize", full)
    assert isinstance(run(engine, subject, [("w9", 3, 6)])[0][-1], MemoryError)
    assert run(engine, subject, [("w9", 3, 6)]) == {0: own}
