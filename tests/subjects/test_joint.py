"""Texts that share their steps are those each would have been alone, whoever comes, goes, waits or fails beside it."""

import numpy as np
import pytest
import torch
from tiny_subjects import make

from forepath.records import Policy
from forepath.subjects import fused as fused_step
from forepath.subjects import slots as slots_room
from forepath.subjects.joint import Joint, Request, _first

POLICIES = [Policy(max_tokens=14), Policy(max_tokens=9, temperature=0.6), Policy(max_tokens=20, top_k=5, stop=("w7",))]
PROMPTS = ["w3 w4", "w5 w6 w9 w8 w12", "w9", "w2 w3 w4 w10 w11 w12 w13", "w8 w9 w10", "w40 w41"]
SITE = "resid.2"


def alone(subject):
    return [list(subject.stream([p] * 2, seeds=[i, 50 + i], policy=POLICIES[i % 3], capture=[SITE]))
            for i, p in enumerate(PROMPTS)]  # fmt: skip


def together(subject, joint, chance=0.7, seed=0):
    """One request more every third step; each asks for a step only sometimes."""
    rng = np.random.default_rng(seed)
    waiting, live, told, widest = list(range(len(PROMPTS))), {}, {i: [] for i in range(len(PROMPTS))}, 0
    for number in range(500):
        if waiting and number % 3 == 0:
            i = waiting.pop(0)
            live[i] = joint.add(subject, PROMPTS[i], [i, 50 + i], POLICIES[i % 3], [SITE])
        asking = {r: i for i, r in live.items() if rng.random() < chance}
        for request, step in joint.step(list(asking)).items():
            told[asking[request]].append(step)
        widest = max(widest, joint.rows)
        live = {i: r for i, r in live.items() if r.live}
        if not waiting and not live:
            break
    assert joint.rows == 0 and widest > 3
    return [told[i] for i in range(len(PROMPTS))]


def same(one, other):
    """Tokens and ends equal, activations near."""
    for mine, theirs in zip(one, other, strict=True):
        if [(s.tokens, s.ended) for s in mine] != [(s.tokens, s.ended) for s in theirs]:
            return False
        for a, b in zip(mine, theirs, strict=True):
            if not np.allclose(a.activations[SITE], b.activations[SITE], atol=1e-4, equal_nan=True):
                return False
    return True


@pytest.mark.parametrize(("kind", "fused"), [("llama", True), ("llama", False), ("gpt2", False), ("gpt_neox", False)])
def test_a_text_does_not_depend_on_who_is_there(kind, fused):
    subject = make(kind)
    assert subject.joint() is not None
    assert same(together(subject, Joint(subject, fused=fused)), alone(subject))


def test_the_oracle_sees_rows_that_are_mixed_up(monkeypatch):
    subject = make("llama")
    joint = subject.joint()
    right = slots_room.Slots.keep
    monkeypatch.setattr(slots_room.Slots, "keep", lambda self, index: right(self, index.flip(0)))
    assert not same(together(subject, joint), alone(subject))


@pytest.mark.parametrize("fused", [True, False])
def test_what_is_not_the_model_s_own_is_refused(monkeypatch, fused):
    subject = make("llama")
    assert Joint(subject, fused=fused).why_not() == ""
    right = slots_room.Slots.attend
    monkeypatch.setattr(slots_room.Slots, "attend", lambda self, n, q, k, v: right(self, n, 3 * q, k, v))
    assert "differ" in Joint(subject, fused=fused).why_not() and subject.joint() is None


@pytest.mark.parametrize("product", ["_product_and", "_plain_and"])
def test_a_wrong_product_of_many_rows_or_of_few_is_seen(monkeypatch, product):
    subject, right = make("llama"), getattr(fused_step, product)
    monkeypatch.setattr(fused_step, product, lambda then, x, linear, other: right(then, x, linear, 1.1 * other))
    assert "differ" in Joint(subject, fused=True).why_not()
    assert Joint(subject, fused=False).why_not() == ""


def test_which_products_a_step_takes_hangs_on_its_rows(monkeypatch):
    subject, used = make("llama"), []
    joint = subject.joint()
    for name in ("_product", "_plain"):
        real = getattr(fused_step, name)
        monkeypatch.setattr(fused_step, name, lambda *given, real=real, name=name: used.append(name) or real(*given))
    requests, kinds = [], []
    for number in range(fused_step.FEW + 1):
        requests.append(joint.add(subject, PROMPTS[1], [number], Policy(max_tokens=30), []))
        joint.step(requests)
        used.clear()
        joint.step(requests)
        kinds.append(set(used))
    assert kinds == [{"_plain"}] * fused_step.FEW + [{"_product"}]
    joint.leave(requests[0])
    used.clear()
    joint.step(requests[1:])
    assert set(used) == {"_plain"}


def test_a_long_row_is_given_room_for_a_sixteenth_more():
    """Room is made seldom, and little of it stands empty."""
    memory = slots_room.Slots()
    memory.put([([torch.ones(1, 2000, 2)], [torch.ones(1, 2000, 2)], 2000)])
    rooms = []
    for _ in range(1000):
        memory.advance()
        rooms.append(memory._keys[0].shape[2])
    assert len(set(rooms)) < 10
    assert all(length < room <= 1.07 * length for length, room in zip(range(2001, 3001), rooms, strict=True))


def test_architectures_whose_attention_cannot_be_ours_have_none():
    assert make("bloom").joint() is None


def test_a_slot_is_given_back_and_room_shrinks():
    memory = slots_room.Slots()
    rows = [([torch.ones(2, n, 3)], [torch.ones(2, n, 3)], n) for n in (5, 200, 7)]
    memory.put(rows)
    assert memory._keys[0].shape[2] >= 201
    kept = memory.take(2)
    memory.keep(torch.tensor([0, 2]))
    assert memory.lengths.tolist() == [5, 7] and memory._keys[0].shape[2] == slots_room.ROOM
    assert kept[2] == 7 and torch.equal(kept[0][0], torch.ones(2, 7, 3))
    memory.keep(torch.zeros(0, dtype=torch.long))
    memory.put([kept])
    assert memory.lengths.tolist() == [7] and torch.equal(memory.take(0)[0][0], kept[0][0])


def test_long_prompts_wait_for_the_next_step():
    new = [Request([1] * n, np.zeros(1, np.uint64), Policy(), {}) for n in (1500, 400, 10)]
    assert [len(_first(new)), len(_first(new[1:])), len(_first(new[::-1]))] == [1, 2, 2]


@pytest.mark.parametrize("fused", [True, False])
def test_several_positions_keep_their_width_where_only_the_last_is_left(fused):
    subject = make("llama")
    joint = Joint(subject, fused=fused)
    request = joint.add(subject, PROMPTS[1], [0], POLICIES[0], [f"{SITE}@last4", SITE])
    first, second = (joint.step([request])[request].activations for _ in range(2))
    several, last = second[f"{SITE}@last4"], second[SITE]
    assert first[f"{SITE}@last4"].shape == several.shape == (1, 4 * last.shape[1])
    np.testing.assert_array_equal(several[:, -last.shape[1] :], last)
