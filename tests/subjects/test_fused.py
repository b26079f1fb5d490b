"""The fused step writes what the plain model would, and is never taken for a model that it is not."""

import itertools
import threading

import numpy as np
import pytest
import torch
from tiny_subjects import VOCAB, make, tiny_model, word_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from forepath.records import Intervention, Policy
from forepath.subjects import decoding, fused
from forepath.subjects.decoding import begin, probe
from forepath.subjects.huggingface import HuggingFaceSubject
from forepath.subjects.paged import PAGE, Paged
from forepath.subjects.sampling import sample
from forepath.subjects.slots import Slots

PROMPTS = ["w5 w6 w7", "w8 w9 w10 w11 w12 w13 w14", "w3", "w20 w21 w22 w23 w24"]
POLICY = Policy(max_tokens=24)
MANY = (0, 0, 0, 1, 2, 2)
FEW = (0, 2)
KEPT = {6: {3: [0, 5, 2, 3], PAGE + 2: [1, 0]}, 2: {3: [1, 0], PAGE + 2: [1]}, 1: {}}
"""Of so many rows: step -> those that stay from there on."""


def llama(seed=0, **changes):
    torch.manual_seed(seed)
    sizes = {"vocab_size": VOCAB, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2}
    config = LlamaConfig(**sizes | {"num_attention_heads": 4, "max_position_embeddings": 128} | changes)
    model = LlamaForCausalLM(config).eval()
    for name, p in model.named_parameters():
        torch.nn.init.normal_(p, mean=float("norm" in name), std=0.3)
    return model


@torch.inference_mode()
def worst(model, steps=PAGE + 5, owner=MANY):
    """Largest difference in log-probability from the model run plainly; prompts unequal, rows dropped and moved."""
    generator = torch.Generator().manual_seed(0)
    texts = [torch.randint(VOCAB, (n,), generator=generator) for n in (7, 2, 11)]
    logits, rows = begin(model, [t.tolist() for t in texts], owner, path="fused")
    written, found = [texts[p] for p in owner], logits[list(owner)]
    most = 0.0
    for step in range(steps):
        for text, mine in zip(written, found, strict=True):
            plain = model(input_ids=text[None]).logits[0, -1]
            most = max(most, (plain.log_softmax(-1) - mine.log_softmax(-1)).abs().max().item())
        tokens = torch.randint(VOCAB, (len(written),), generator=generator)
        written = [torch.cat([text, token[None]]) for text, token in zip(written, tokens, strict=True)]
        if kept := KEPT[len(owner)].get(step):
            rows.keep(torch.tensor(kept))
            written, tokens = [written[i] for i in kept], tokens[kept]
        found = rows.step(tokens)
    return most


KINDS = {
    "as many keys as queries": {},
    "queries share keys": {"num_key_value_heads": 2},
    "wide heads": {"head_dim": 10},
    "biases": {"attention_bias": True, "mlp_bias": True},
    "tied embeddings": {"tie_word_embeddings": True},
    "another rope": {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 500.0}},
}


@pytest.mark.parametrize("owner", [MANY, FEW, FEW[:1]], ids=["many", "few", "one"])
@pytest.mark.parametrize("kind", KINDS)
def test_odds_are_those_of_the_plain_model(kind, owner):
    model = llama(**KINDS[kind])
    assert probe(model, "fused") == ""
    assert worst(model, owner=owner) < 1e-3


def test_products_meet_few_numbers_of_rows_and_spare_rows_are_never_seen(monkeypatch):
    model, met, product = llama(), set(), fused._product

    def noted(x, *rest):
        met.add(len(x))
        return product(x, *rest)

    monkeypatch.setattr(fused, "_product", noted)
    monkeypatch.setattr(fused, "_ALIKE", 4)
    assert worst(model, 8) < 1e-3
    assert met == {8, 4}, "six rows filled up to eight; four as they are"
    monkeypatch.setattr(fused, "_filled", lambda rows, spare: torch.roll(torch.nn.functional.pad(
        rows, (0, 0) * (rows.ndim - 1) + (0, spare)), 1, 0) if spare else rows)  # fmt: skip
    assert worst(model, 2) > 1e-2


def test_the_oracle_sees_a_wrong_scale_and_a_wrong_row(monkeypatch):
    model = llama()
    turn = fused._turn
    monkeypatch.setattr(fused, "_turn", lambda x, cos, sin: turn(x, cos * 1.1, sin))
    assert worst(model, 4) > 1e-2
    assert "odds differ" in probe(model, "fused")
    monkeypatch.undo()
    for memory, owner in ((Paged, MANY), (Slots, FEW)):
        keep, attend = memory.keep, memory.attend
        monkeypatch.setattr(memory, "keep", lambda self, index, keep=keep: keep(self, index.sort().values))
        assert worst(model, 6, owner) > 1e-2
        monkeypatch.undo()
        monkeypatch.setattr(memory, "attend", lambda *given, attend=attend: attend(*given) * 1.1)
        assert worst(model, 4, owner) > 1e-2
        assert "odds differ" in probe(model, "fused")
        monkeypatch.undo()


@pytest.mark.parametrize(("product", "owner"), [("_product_and", MANY), ("_plain_and", FEW), ("_plain_and", FEW[:1])])
def test_a_wrong_product_of_many_rows_or_of_few_is_seen_before_the_step_is_used(product, owner, monkeypatch):
    model, right = llama(), getattr(fused, product)
    monkeypatch.setattr(fused, product, lambda then, x, linear, other: right(then, x, linear, other * 1.1))
    assert worst(model, 4, owner) > 1e-2
    assert "odds differ" in probe(model, "fused")


@pytest.mark.parametrize("owner", [MANY, FEW, FEW[:1]], ids=["many", "few", "one"])
def test_half_the_bits_move_the_odds_by_little(owner):
    model = llama().to(torch.bfloat16)
    assert probe(model, "fused") == ""
    assert worst(model, owner=owner) < 0.5


def test_few_rows_have_a_copy_of_a_short_prompt(monkeypatch):
    """A long one is too much to hold twice."""
    model = llama()
    for most, owner, memory in ((11, FEW, Slots), (10, FEW, Paged), (11, MANY, Paged)):
        monkeypatch.setattr(decoding, "COPIED", most)
        assert worst(model, owner=owner) < 1e-3
        prompts = [[1] * 7, [2] * 2, [3] * 11]
        _, rows = begin(model, prompts, list(owner), path="fused")
        assert type(rows._cache) is memory


def test_rows_keep_the_products_they_began_with(monkeypatch):
    """Else a text's odds would round otherwise once most others have ended."""
    model, used = llama(), []
    for name in ("_product", "_plain"):
        real = getattr(fused, name)
        monkeypatch.setattr(fused, name, lambda *given, real=real, name=name: used.append(name) or real(*given))
    _, rows = begin(model, [[1, 2, 3]], [0] * (fused.FEW + 1), path="fused")
    rows.keep(torch.tensor([0]))
    rows.step(torch.tensor([4]))
    assert set(used) == {"_product"}
    used.clear()
    _, rows = begin(model, [[1, 2, 3]], [0] * fused.FEW, path="fused")
    rows.step(torch.tensor([4] * fused.FEW))
    assert set(used) == {"_plain"}
    used.clear()
    _, rows = begin(model.to(torch.bfloat16), [[1, 2, 3]], [0], path="fused")
    rows.step(torch.tensor([4]))
    assert set(used) == {"_product"} and type(rows._cache) is Paged, "with half the bits nothing is gained"


@pytest.mark.parametrize("alone", [1, 2, 3])
def test_what_is_wrong_of_one_number_of_rows_only_is_seen(alone, monkeypatch):
    model, name = llama(), "_plain_and" if alone <= fused.FEW else "_product_and"
    right = getattr(fused, name)
    monkeypatch.setattr(
        fused, name, lambda then, x, linear, other: right(then, x, linear, other * (1.1 if len(x) == alone else 1))
    )
    assert "odds differ" in probe(model, "fused")


def hooked(model):
    model.model.layers[1].mlp.register_forward_hook(lambda module, args, output: output * 2)


def hooked_before(model):
    model.model.norm.register_forward_pre_hook(lambda module, args: None)


def wrapped(model):
    forward = model.lm_head.forward
    model.lm_head.forward = lambda x: forward(x)


class Adapted(torch.nn.Linear):
    pass


def replaced(model):
    model.model.layers[0].self_attn.q_proj = Adapted(24, 24, bias=False)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (hooked, "layers.1.mlp has a hook"),
        (hooked_before, "model.norm has a hook"),
        (wrapped, "lm_head has a hook or another forward"),
        (replaced, "q_proj is a Adapted"),
        (lambda m: m.double(), "float64"),
        (lambda m: m.lm_head.to(torch.bfloat16), "not all float32"),
    ],
)
def test_a_changed_model_does_not_take_the_fused_step(change, reason):
    model = llama()
    assert fused.why_not(model) == ""
    change(model)
    assert reason in fused.why_not(model)


@pytest.mark.parametrize("act", ["gelu", "relu"])
def test_another_activation_is_refused(act):
    assert "act_fn" in probe(llama(hidden_act=act), "fused")


@pytest.mark.parametrize(("kind", "reason"), [("gpt2", "GPT2LMHeadModel"), ("mistral", "sliding|Mistral|differ")])
def test_other_architectures_are_refused(kind, reason):
    import re

    subject = make(kind)
    assert re.search(reason, subject.not_fused), subject.not_fused


def test_a_hook_on_every_module_is_seen():
    model = llama()
    handle = torch.nn.modules.module.register_module_forward_hook(lambda *args: None)
    try:
        assert "all modules" in fused.why_not(model)
    finally:
        handle.remove()


@pytest.fixture
def paths(monkeypatch):
    """The names of the continuations begun."""
    from forepath.subjects import huggingface

    taken, real = [], huggingface.begin

    def noting(*args, path):
        taken.append(path)
        return real(*args, path=path)

    monkeypatch.setattr(huggingface, "begin", noting)
    return taken


def test_the_three_paths_write_the_same(paths):
    subject = make("llama")
    assert subject.not_fused == subject.not_shared == ""
    results = []
    for attribute in (None, "not_fused", "not_shared"):
        if attribute:
            setattr(subject, attribute, "not wanted")
        trajectories, _ = sample(subject, PROMPTS, samples=9, policy=POLICY, capture=["resid.2@mean", "logits"])
        results.append([t.tokens for t in trajectories])
    assert paths == ["fused", "shared", "expanded"]
    assert results[0] == results[1] == results[2]
    assert len({len(t) for t in results[0]}) > 3, "rows should end at different steps for this to test dropping"


def test_what_acts_inside_the_model_takes_the_models_own_step(paths):
    subject = make("llama")
    options = {"seeds": [1] * 4, "policy": Policy(max_tokens=3)}
    list(subject.stream(PROMPTS, **options))
    list(subject.stream(PROMPTS, **options, capture=["resid.1"]))
    list(subject.stream(PROMPTS, **options, capture=["mlp_out.1"]))
    list(subject.stream(PROMPTS, **options, capture=["mlp_out.1"], capture_steps=1))
    ablation = Intervention("ablate", "mlp_out.2", {"how": "zero"})
    list(subject.stream(PROMPTS, **options, intervention=ablation))
    handle = subject.model.model.layers[0].register_forward_hook(lambda *args: None)
    list(subject.stream(PROMPTS, **options))
    handle.remove()
    list(subject.stream(PROMPTS, **options))
    assert paths == ["fused", "fused", "shared", "fused", "shared", "shared", "fused"]


def test_changed_weights_are_read_where_they_lie():
    model = tiny_model("llama")
    subject = HuggingFaceSubject(model, word_tokenizer(), name="x", fingerprint="x")
    before, _ = sample(subject, PROMPTS, samples=4, policy=POLICY)
    with torch.no_grad():
        model.model.layers[1].self_attn.v_proj.weight.mul_(-1)
    after, _ = sample(subject, PROMPTS, samples=4, policy=POLICY)
    subject.not_fused = "not wanted"
    expected, _ = sample(subject, PROMPTS, samples=4, policy=POLICY)
    assert [t.tokens for t in after] == [t.tokens for t in expected] != [t.tokens for t in before]


@pytest.mark.parametrize("rows", [1, 2, 3, 12])
def test_the_same_call_gives_the_same_bits(rows):
    subject, held = make("llama"), []
    options = {"seeds": range(rows), "policy": Policy(max_tokens=50), "capture": ["logits"]}
    calls = []
    for turn in range(4):
        held.append([bytearray(24 * n + 8 * turn) for n in range(500)])  # memory lies elsewhere each time
        calls.append([s.activations["logits"].tobytes() for s in subject.stream((PROMPTS * 3)[:rows], **options)])
    assert calls[0] == calls[1] == calls[2] == calls[3]
    assert len(calls[0]) > 4


@pytest.mark.parametrize("prompts", [["w3 w4"], ["w3 w4", "w5 w6 w7"], ["w3 w4", "w5 w6 w7", "w5 w6 w7"]])
def test_activations_of_a_fused_step_are_those_the_hooks_read(prompts):
    """Reading them changes neither the path nor a single token."""
    subject = make()
    assert not subject.not_fused
    sites = ["resid.0", "resid.2", "resid.3:norm", "logits"]
    run = {"seeds": [1, 2, 3][: len(prompts)], "policy": Policy(max_tokens=12)}
    plain = [step.tokens for step in subject.stream(prompts, **run)]
    steps = list(subject.stream(prompts, capture=sites, **run))
    assert [step.tokens for step in steps] == plain
    hooked = subject.stream(prompts, capture=[*sites, "mlp_out.1"], **run)  # no fused step leaves this one
    for ours, theirs in zip(steps, hooked, strict=True):
        assert ours.tokens == theirs.tokens
        for site in sites:
            np.testing.assert_allclose(ours.activations[site], theirs.activations[site], atol=2e-3)


class Counted(HuggingFaceSubject):
    """Four cores, whatever the machine; how many batches were being written at once, at most."""

    cores = 4
    meeting = None  # a barrier at which the first two batches wait for one another

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.turns = itertools.count()

    def stream(self, *args, **kwargs):
        self.alive = getattr(self, "alive", 0) + 1
        self.most = max(getattr(self, "most", 0), self.alive)
        if self.meeting is not None and next(self.turns) < self.meeting.parties:
            self.meeting.wait(30)
        yield from super().stream(*args, **kwargs)
        self.alive -= 1


def test_batches_written_at_once_are_the_ones_written_in_turn():
    """Captures put hooks on the model while another thread may be reading it."""
    made = [kind(llama(), word_tokenizer(), name="t", fingerprint="f") for kind in (HuggingFaceSubject, Counted)]
    prompts = [" ".join(f"w{3 + (i * j) % 20}" for j in range(1 + i % 5)) for i in range(24)]
    results = []
    threads, made[1].meeting = torch.get_num_threads(), threading.Barrier(2)
    for subject in made:
        subject.max_rows = 4
        done = []
        results.append(
            sample(subject, prompts, samples=2, policy=POLICY, capture=("resid.1", "logits"),
                   report=lambda n, total, done=done: done.append((n, total)))
        )  # fmt: skip
        assert done == [(4 * n, 48) for n in range(1, 13)]
    (plain, read), (together, read_together) = results
    assert made[1].most > 1
    assert [t.tokens for t in plain] == [t.tokens for t in together]
    assert [(t.prompt, t.id[-1]) for t in together] == [(p, s) for p in prompts for s in "01"]
    for site, values in read.items():
        np.testing.assert_array_equal(values, read_together[site])
    assert torch.get_num_threads() == threads


def test_a_bound_on_the_rows_is_one_for_all_threads():
    subject = Counted(llama(), word_tokenizer(), name="t", fingerprint="f")
    sample(subject, PROMPTS, samples=2, policy=Policy(max_tokens=3), max_rows=2)
    assert subject.most == 1


def test_an_error_in_one_of_many_batches_is_raised_and_the_rest_is_not_begun():
    class Torn(Counted):
        asked = 0

        def stream(self, prompts, **kwargs):
            self.asked += 1
            if self.asked == 3:
                raise OSError("torn")
            return super().stream(prompts, **kwargs)

    subject = Torn(llama(), word_tokenizer(), name="t", fingerprint="f")
    subject.max_rows = 2
    with pytest.raises(OSError, match="torn"):
        sample(subject, [f"w{i} w{i}" for i in range(3, 99)], samples=2, policy=POLICY)
    assert subject.asked < 96


def test_activations_read_later_are_those_of_their_step():
    subject = make("llama")
    assert not subject.not_fused
    options = {"seeds": [4], "policy": Policy(max_tokens=9), "capture": ["resid.2", "logits"]}
    at_once = [{k: v.copy() for k, v in s.activations.items()} for s in subject.stream(["w3 w4"], **options)]
    later = list(subject.stream(["w3 w4"], **options))
    assert len(later) == len(at_once) > 4 and len(later[3].activations) == 2
    for step, wanted in zip(later, at_once, strict=True):
        assert set(step.activations) == set(wanted)
        assert all(np.array_equal(step.activations[k], v) for k, v in wanted.items())
    assert not np.array_equal(at_once[2]["resid.2"], at_once[3]["resid.2"])
