"""An intervention is data, does what a hand-made change does, is counted, and can be undone."""

import itertools
import json
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from tiny_subjects import make, tiny_model, word_tokenizer

from forepath.errors import InputError, InterventionError
from forepath.records import Intervention, Policy
from forepath.subjects.fake import FakeSubject
from forepath.subjects.huggingface import HuggingFaceSubject
from forepath.subjects.interventions import making
from forepath.subjects.interventions.touches import Touches
from forepath.subjects.sampling import sample

PROMPTS = ["w5 w6 w7", "w8 w9 w10 w11 w12 w13 w14", "w3", "w20 w21 w22 w23 w24"]
WIDTH = 24
RAMP = np.linspace(-1, 1, WIDTH)
GREEDY = Policy(max_tokens=10, temperature=0)


@pytest.fixture(scope="module")
def llama():
    return make("llama")


@pytest.fixture(scope="module", params=["llama", "gpt2", "gpt_neox", "opt"])
def any_model(request):
    return make(request.param)


@contextmanager
def hooked(module, change, before=False):
    """A hand-made hook that knows nothing of ours: `change` of (1, positions, width)."""

    def pre(_, args):
        return (change(args[0]), *args[1:])

    def post(_, args, output):
        return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)

    handle = module.register_forward_pre_hook(pre) if before else module.register_forward_hook(post)
    try:
        yield
    finally:
        handle.remove()


def written_plainly(subject, prompt, tokens):
    """Greedy tokens, the whole text read again for each: no cache, no batch."""
    ids = subject.encode([prompt])[0]
    begin = len(ids)
    for _ in range(tokens):
        with torch.inference_mode():
            token = int(subject.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())
        if token == 0:
            break
        ids.append(token)
    return tuple(ids[begin:])


def greedy(subject, intervention, prompts=PROMPTS, **options):
    return [t.tokens for t in sample(subject, prompts, policy=GREEDY, intervention=intervention, **options)[0]]


def zeroed(columns):
    def change(value):
        value = value.clone()
        value[..., columns] = 0
        return value

    return change


def test_zeroed_parts_equal_hand_made_hooks(llama):
    blocks = llama.anatomy.blocks
    nought = torch.zeros_like
    cases = {
        "head:2.1": (blocks[1].self_attn.o_proj, zeroed(slice(6, 12)), True),
        "head:1.3,0": (blocks[0].self_attn.o_proj, zeroed([*range(6), *range(18, 24)]), True),
        "neuron:3.0-9,30": (blocks[2].mlp.down_proj, zeroed([*range(10), 30]), True),
        "mlp:2": (blocks[1].mlp, nought, False),
        "attn:1": (blocks[0].self_attn, nought, False),
        "mlp_out.2": (blocks[1].mlp, nought, False),
    }
    plain = [written_plainly(llama, p, 10) for p in PROMPTS]
    for site, (module, change, before) in cases.items():
        with hooked(module, change, before):
            expected = [written_plainly(llama, p, 10) for p in PROMPTS]
        assert greedy(llama, making.ablate(site)) == expected, site
        assert expected != plain, f"{site}: the oracle would not notice a hook that does nothing"


def smallest_zeroed(keep):
    def change(value):
        ranks = value.abs().argsort(dim=-1, descending=True).argsort(dim=-1)
        return torch.where(ranks < keep, value, 0.0)

    return change


def test_sparse_hidden_units_equal_hand_made_hooks(llama):
    plain = [written_plainly(llama, p, 10) for p in PROMPTS]
    with hooked(llama.anatomy.blocks[1].mlp.down_proj, smallest_zeroed(4), True):
        expected = [written_plainly(llama, p, 10) for p in PROMPTS]
    assert greedy(llama, making.sparsify("hidden:2", 0.1)) == expected != plain
    assert greedy(llama, making.sparsify("neuron:2.0-39", 0.1)) == expected, "all of them, by number"
    assert greedy(llama, making.sparsify("hidden:2", 1.0)) == plain
    assert greedy(llama, making.ablate("hidden:3")) == greedy(llama, making.ablate("mlp:3"))


def test_changes_of_the_stream_equal_hand_made_hooks(any_model):
    block = any_model.anatomy.blocks[1]
    unit = torch.tensor(RAMP / np.linalg.norm(RAMP), dtype=torch.float32)
    basis = torch.linalg.qr(torch.tensor(np.stack([RAMP, np.ones(WIDTH)], 1), dtype=torch.float32)).Q
    cases = [
        (making.add("resid.2", RAMP, coefficient=4), lambda v: v + 4 * torch.tensor(RAMP, dtype=v.dtype)),
        (making.clamp("resid.2", RAMP, 9.0), lambda v: v - (v @ unit)[..., None] * unit + 9 * unit),
        (making.project_out("resid.2", [RAMP, np.ones(WIDTH), RAMP]), lambda v: v - (v @ basis) @ basis.T),
    ]
    for intervention, change in cases:
        with hooked(block, change):
            expected = [written_plainly(any_model, p, 10) for p in PROMPTS]
        assert greedy(any_model, intervention) == expected, intervention.kind


def test_a_subspace_alone_is_ablated(llama, tmp_path):
    """A direction, and two rows of a dictionary's decoder: zero, mean and resample change what lies along them only."""
    from safetensors.numpy import save_file

    rows = np.random.default_rng(0).normal(size=(5, WIDTH)).astype(np.float32)
    save_file({"decoder": rows}, tmp_path / "sae.safetensors")
    features = [making.stored(tmp_path / "sae.safetensors", "decoder", row=r) for r in (1, 3)]
    basis = torch.linalg.qr(torch.tensor(rows[[1, 3]].T)).Q
    words = ["w5", "w9", "w20"]
    pool = torch.tensor(llama.activations(words, ["resid.2"])["resid.2"])
    changes = {
        "zero": lambda v: v - (v @ basis) @ basis.T,
        "mean": lambda v: v + ((pool.mean(0) - v) @ basis) @ basis.T,
    }
    for how, change in changes.items():
        with hooked(llama.anatomy.blocks[1], change):
            expected = [written_plainly(llama, p, 10) for p in PROMPTS]
        made = making.ablate("resid.2", how, texts=words if how == "mean" else (), along=features)
        assert greedy(llama, made) == expected, how
    projected = making.project_out("resid.2", features)
    assert making.describe(making.ablate("resid.2", along=features)) == "ablate resid.2 (zero, along 2 directions)"
    assert greedy(llama, making.ablate("resid.2", along=features)) == greedy(llama, projected)
    moved, plain = (llama.activations(PROMPTS, ["resid.2"], intervention=i)["resid.2"]
                    for i in (making.ablate("resid.2", "resample", texts=words, along=features), None))  # fmt: skip
    apart = moved - plain
    np.testing.assert_allclose(apart @ basis.numpy() @ basis.numpy().T, apart, atol=1e-5)
    nearest = np.abs(moved[:, None] @ basis.numpy() - pool.numpy() @ basis.numpy()).max(-1).min(1)
    assert (nearest < 1e-5).all() and np.abs(apart).max() > 0.01
    with pytest.raises(InterventionError, match="no row 7"):
        greedy(llama, making.project_out("resid.2", [making.stored(tmp_path / "sae.safetensors", "decoder", row=7)]))


def test_the_entry_of_the_first_block_and_a_whole_block(any_model):
    first, second = any_model.anatomy.blocks[:2]
    with hooked(first, lambda v: v * 1 + 3 * torch.tensor(RAMP, dtype=v.dtype), before=True):
        expected = [written_plainly(any_model, p, 10) for p in PROMPTS]
    assert greedy(any_model, making.add("resid.0", RAMP, coefficient=3)) == expected
    given = []
    pre = second.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    with hooked(second, lambda v: given[-1]):
        expected = [written_plainly(any_model, p, 10) for p in PROMPTS]
    pre.remove()
    assert greedy(any_model, making.ablate("layer:2")) == expected


def at(positions, change):
    """Only at these positions of the text."""

    def only(value):
        out = value.clone()
        for p in positions(value.shape[1]):
            out[:, p] = change(value)[:, p]
        return out

    return only


@pytest.mark.parametrize("prompt", PROMPTS)
def test_positions_are_those_of_the_prompt_and_of_what_is_written(llama, prompt):
    length, block = len(prompt.split()), llama.anatomy.blocks[0]
    shift = 6 * torch.tensor(RAMP, dtype=torch.float32)
    cases = {
        "last": lambda n: [length - 1],
        "prompt": lambda n: range(length),
        "written": lambda n: range(length, n),
        (0, -1): lambda n: {0, length - 1},
    }
    for where, positions in cases.items():
        with hooked(block, at(positions, lambda v: v + shift)):
            expected = written_plainly(llama, prompt, 10)
        intervention = making.add("resid.1", RAMP, coefficient=6, where=where)
        assert greedy(llama, intervention)[PROMPTS.index(prompt)] == expected, where


def test_actadd_and_patching_equal_hand_made_ones(llama):
    read = {}
    block = llama.anatomy.blocks[1]

    def states(text):
        with hooked(block, lambda v: (read.update({text: v[0]}), v)[1]), torch.inference_mode():
            llama.model(input_ids=torch.tensor(llama.encode([text])))
        return read[text]

    difference = 5 * (states("w4 w5") - states("w6 w0"))  # w0 is the padding of a tokenizer without spaces
    assert len(difference) == 2

    def shifted(length):
        return at(
            lambda n: range(min(2, length)),
            lambda v: v + torch.nn.functional.pad(difference, (0, 0, 0, 20))[: v.shape[1]],
        )

    source = states("w9 w30 w8")[1]
    long = PROMPTS[:2] + PROMPTS[3:]
    with hooked(block, shifted(2)):
        expected = [written_plainly(llama, p, 7) for p in long]
    steered = making.actadd("resid.2", "w4 w5", "w6", coefficient=5)
    assert [t[:7] for t in greedy(llama, steered, long)] == expected
    with hooked(block, shifted(1)):
        expected = written_plainly(llama, "w3", 7)
    assert greedy(llama, steered)[2][:7] == expected, "a prompt of one token has one position to steer"
    patched = making.patch("resid.2", "w9 w30 w8", positions=[0], source_positions=[1])
    with hooked(block, at(lambda n: [0], lambda v: 0 * v + source)):
        expected = [written_plainly(llama, p, 10) for p in PROMPTS]
    assert greedy(llama, patched) == expected


def test_steering_by_contrast_adds_the_difference_of_means(llama):
    positive, negative = ["w4 w5", "w4 w9 w5"], ["w6", "w7 w8"]
    states = llama.activations([*positive, *negative], ["resid.2"])["resid.2"]
    vector = states[:2].mean(0) - states[2:].mean(0)
    told = making.add("resid.2", making.contrast(positive, negative), coefficient=2)
    assert greedy(llama, told) == greedy(llama, making.add("resid.2", vector, coefficient=2))
    unit = making.add("resid.2", making.contrast(positive, negative, unit=True), coefficient=2)
    assert greedy(llama, unit) == greedy(llama, making.add("resid.2", vector / np.linalg.norm(vector), coefficient=2))


def test_a_stored_vector_is_the_same_and_its_change_is_noticed(llama, tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "v.safetensors"
    save_file({"v": RAMP.astype(np.float32)}, path)
    kept = making.add("resid.2", making.stored(path, "v"), coefficient=3)
    assert greedy(llama, kept) == greedy(llama, making.add("resid.2", RAMP.astype(np.float32), coefficient=3))
    save_file({"v": RAMP.astype(np.float32) * 2}, path)
    with pytest.raises(InterventionError, match="has changed"):
        greedy(make("llama"), kept)


ALL = [
    making.ablate("head:2.1"),
    making.ablate("mlp:2", "mean", texts=PROMPTS),
    making.ablate("head:1.0,2", "resample", texts=PROMPTS),
    making.ablate("resid.2", "resample", texts=PROMPTS, along=[RAMP, np.ones(WIDTH)]),
    making.add("resid.1", RAMP, coefficient=3, where="written"),
    making.actadd("resid.2", "w4 w5", "w6", coefficient=4),
    making.patch("head:2.1", "w9 w9 w8"),
    making.sparsify("hidden:2", 0.1),
    making.sequence(making.ablate("head:1.0"), making.add("resid.2", RAMP), making.quantise(4)),
]


@pytest.mark.parametrize("intervention", ALL, ids=making.describe)
def test_a_changed_trajectory_does_not_depend_on_its_batch_or_on_how_the_cache_is_held(intervention):
    subject = make("llama")
    options = {"samples": 3, "seed": 3, "policy": Policy(max_tokens=8), "intervention": intervention}
    together = [t.tokens for t in sample(subject, PROMPTS, **options)[0]]
    assert together == [t.tokens for t in sample(subject, PROMPTS, max_rows=2, **options)[0]]
    subject.not_shared = "not wanted"
    assert together == [t.tokens for t in sample(subject, PROMPTS, **options)[0]]
    del options["intervention"]
    assert together != [t.tokens for t in sample(subject, PROMPTS, **options)[0]]


def test_a_hook_that_forgets_what_is_written_would_be_noticed(llama, monkeypatch):
    from forepath.subjects.interventions import applying

    right = applying._counted

    def forgetful(*given):
        edit = right(*given)
        return lambda value: value if value.shape[1] == 1 else edit(value)

    monkeypatch.setattr(applying, "_counted", forgetful)
    with hooked(llama.anatomy.blocks[1].mlp, torch.zeros_like):
        expected = [written_plainly(llama, p, 10) for p in PROMPTS]
    assert greedy(make("llama"), making.ablate("mlp:2")) != expected


def test_activations_are_changed_too_and_captures_see_the_change(llama):
    plain = llama.activations(PROMPTS, ["resid.2", "resid.1"])
    moved = llama.activations(PROMPTS, ["resid.2", "resid.1"], intervention=making.add("resid.2", RAMP))
    np.testing.assert_allclose(moved["resid.2"], plain["resid.2"] + RAMP, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(moved["resid.1"], plain["resid.1"])
    _, captured = sample(llama, PROMPTS, samples=2, policy=GREEDY, capture=["resid.2"],
                         intervention=making.add("resid.2", RAMP))  # fmt: skip
    np.testing.assert_allclose(captured["resid.2"], moved["resid.2"], rtol=1e-4, atol=1e-5)


def test_counts_are_right(llama):
    touches = Touches()
    both = making.sequence(making.ablate("head:2.1"), making.add("resid.1", RAMP, where=[1]))
    trajectories, _ = sample(llama, PROMPTS, samples=3, policy=Policy(max_tokens=6), intervention=both, touches=touches)
    head, second = touches.parts
    assert head.prompt_positions == sum(len(p.split()) for p in PROMPTS)
    ended = sum(t.finished for t in trajectories)
    read = sum(len(t.tokens) for t in trajectories) - (len(trajectories) - ended)  # the last token is not read again
    assert head.written_positions == read
    assert (head.passes, head.steps, head.rows) == (6, 5, len(PROMPTS) + read)
    assert (second.prompt_positions, second.rows, second.written_positions) == (3, 3, 0), "one prompt has no position 1"


def test_nothing_changed_is_an_error(llama):
    with pytest.raises(InterventionError, match="changed no position"):
        greedy(llama, making.add("resid.1", RAMP, where=[50]))
    with pytest.raises(InterventionError, match="changed no position"):
        llama.activations(PROMPTS, ["resid.2"], intervention=making.add("resid.1", RAMP, where="written"))
    with pytest.raises(InterventionError, match="changed no position"):
        sample(llama, PROMPTS, policy=Policy(max_tokens=1), intervention=making.add("resid.1", RAMP, where="written"))
    both = making.sequence(making.ablate("head:2.1"), making.add("resid.1", RAMP, where=[50]))
    with pytest.raises(InterventionError, match=r"add resid\.1"):
        greedy(llama, both)


def hooks_of(model):
    return [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]


def test_undone_leaves_nothing_behind(llama):
    before, weights = hooks_of(llama.model), {n: (p.data_ptr(), p.clone()) for n, p in llama.model.named_parameters()}
    plain = greedy(llama, None)
    changed = making.sequence(*ALL[:2], making.quantise(3), making.edit("mlp:2", ["w4"], PROMPTS, value=RAMP))
    stream = llama.stream(PROMPTS, seeds=[0] * 4, policy=GREEDY, intervention=changed)
    for _ in itertools.islice(stream, 3):
        assert hooks_of(llama.model) == before, "between two steps the model is plain"
        assert greedy(llama, None) == plain
    stream.close()
    with pytest.raises(InterventionError):
        greedy(llama, making.add("resid.1", RAMP, where=[50]))
    assert hooks_of(llama.model) == before
    for name, p in llama.model.named_parameters():
        assert p.data_ptr() == weights[name][0] and torch.equal(p, weights[name][1]), name
    assert greedy(llama, None) == plain


def test_two_streams_of_one_model_do_not_meet(llama):
    one, other = (making.add("resid.1", RAMP, coefficient=c) for c in (4, -4))
    apart = [greedy(llama, one), greedy(llama, other)]
    streams = [llama.stream(PROMPTS, seeds=[0] * 4, policy=GREEDY, intervention=i) for i in (one, other, one)]
    written = [[] for _ in streams]
    for steps in itertools.zip_longest(*streams):
        for w, step in zip(written, steps, strict=True):
            if step is not None:
                w.append(step.tokens)
    texts = [[tuple(t for t in row if t not in (None, 0)) for row in zip(*w, strict=True)] for w in written]
    assert texts == [apart[0], apart[1], apart[0]]


def test_hooks_are_ordinary_ones_that_others_can_see(llama):
    from forepath.subjects.interventions.applying import Applied

    applied = Applied(llama, (making.quantise(3),))
    with applied.active(Touches().prepare(applied.names)):
        assert sum(hooks_of(llama.model)) > 0, "weights too: who reads them elsewhere must know that they are others"


def test_an_intervention_is_data(tmp_path):
    for made in ALL:
        text = json.dumps({"kind": made.kind, "site": made.site, "params": made.params})
        again = Intervention(**json.loads(text))
        assert again == made and hash(again) == hash(made) and again.fingerprint == made.fingerprint
    assert len({made.fingerprint for made in ALL}) == len(ALL)
    nested = making.sequence(making.sequence(ALL[0], ALL[1]), ALL[2])
    assert nested.parts == tuple(ALL[:3]) and nested == making.sequence(*ALL[:3])


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: making.ablate("head:1.0", "half"), "wanted 'zero'"),
        (lambda: making.ablate("head:1.0", "mean"), "reference texts"),
        (lambda: making.add("resid.1", [np.nan]), "finite"),
        (lambda: making.add("resid.1", RAMP, where="everywhere"), "wanted 'all'"),
        (lambda: making.patch("resid.1", "x", positions=[0, 1]), "one for each"),
        (lambda: making.quantise(1), "2 to 16"),
        (lambda: making.edit("mlp:1", ["x"], ["y"]), "either"),
        (lambda: making.sparsify("hidden:1", 0.0), "above 0"),
        (lambda: making.sampled(heat=1), "policy has no"),
        (lambda: making.swap("/nowhere"), "safetensors"),
    ],
)
def test_wrong_ones_are_refused_when_made(act, message):
    with pytest.raises(InputError, match=message):
        act()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (making.ablate("head:2.9"), "heads 0 to 3"),
        (making.ablate("head:9.1"), "blocks 1 to 3"),
        (making.ablate("heads:2.1"), "not a place"),
        (making.ablate("neuron:2.5-3"), "number or a range"),
        (making.add("resid.1", [1.0, 2.0]), "has 24 entries"),
        (making.patch("resid.1", "w1 w2", source_positions=[5]), "none at"),
        (making.edit("resid.1", ["w1"], ["w2"], value=RAMP), "of an MLP"),
        (making.quantise(4, group=7), "does not divide"),
        (Intervention("enchant", "resid.1"), "no intervention of kind"),
        (making.prompted(system="Be brief."), "no system turn"),
        (making.add("resid.1", making.contrast(["w1"], ["w1"])), "same activations"),
    ],
)
def test_what_a_model_cannot_take_is_refused_before_it_writes(llama, given, message):
    with pytest.raises(InterventionError, match=message):
        llama.stream(PROMPTS, seeds=[0] * 4, policy=GREEDY, intervention=given)


def test_a_model_whose_parts_return_the_stream_is_refused():
    with pytest.raises(InterventionError, match="not the sum"):
        greedy(make("bloom"), making.ablate("mlp:2"))


def test_other_prompts_and_another_policy_are_for_every_subject(llama):
    before, after = making.prompted("w40 "), making.prompted("", " w41")
    assert greedy(llama, before) == greedy(llama, None, [f"w40 {p}" for p in PROMPTS])
    assert greedy(llama, making.sequence(before, after)) == greedy(llama, None, [f"w40 {p} w41" for p in PROMPTS])
    hot = sample(llama, PROMPTS, intervention=making.sampled(temperature=0, max_tokens=10))[0]
    assert [t.tokens for t in hot] == greedy(llama, None)
    assert all(t.finished == (len(t.tokens) < 10) for t in hot)
    fake = FakeSubject()
    short = sample(fake, ["a", "bb"], intervention=making.sampled(max_tokens=2))[0]
    assert [len(t.tokens) for t in short] == [2, 2] and short[0].intervention == making.sampled(max_tokens=2)
    with pytest.raises(InterventionError, match="closed subject takes policy and prompt only"):
        sample(fake, ["a"], intervention=making.ablate("head:1.0"))


def test_a_system_turn_for_chat_subjects():
    tokenizer = word_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }} w91 {% endfor %}"
    subject = HuggingFaceSubject(tiny_model(), tokenizer, name="chat", fingerprint="x", chat=True)
    assert subject.encode(["w5"], system="w7") == [[7, 91, 5, 91]]
    assert greedy(subject, making.prompted(system="w7")) != greedy(subject, None)
