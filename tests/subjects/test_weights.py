"""Weights as interventions: other checkpoints, adapters, quantised and edited ones, each against the model itself."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_subjects import make, tiny_model, word_tokenizer

from forepath.checks import check_subject
from forepath.errors import ContractError, InterventionError
from forepath.records import Intervention, Policy
from forepath.subjects.fake import FakeSubject
from forepath.subjects.fused import FusedContinuation
from forepath.subjects.huggingface import HuggingFaceSubject
from forepath.subjects.interventions import making
from forepath.subjects.interventions.editing import rank_one
from forepath.subjects.interventions.quantising import round_to
from forepath.subjects.interventions.touches import Touches
from forepath.subjects.sampling import sample

PROMPTS = ["w5 w6 w7", "w8 w9 w10 w11 w12 w13 w14", "w3"]
DRAWN = {"samples": 3, "seed": 4, "policy": Policy(max_tokens=8)}


@pytest.fixture(scope="module")
def llama():
    return make("llama")


def drawn(subject, intervention=None):
    return [t.tokens for t in sample(subject, PROMPTS, intervention=intervention, **DRAWN)[0]]


def with_weights(change, kind="llama"):
    """The same model with its weights changed by hand, for good."""
    model = tiny_model(kind)
    with torch.no_grad():
        change(model)
    return HuggingFaceSubject(model, word_tokenizer(), name="by hand", fingerprint="x")


def saved(folder, kind="llama", seed=1):
    tiny_model(kind, seed).save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return folder


def test_another_checkpoint_writes_what_it_writes_alone(llama, tmp_path):
    other = HuggingFaceSubject(tiny_model("llama", 1), word_tokenizer(), name="other", fingerprint="y")
    swapped = making.swap(saved(tmp_path / "other"))
    assert drawn(llama, swapped) == drawn(other) != drawn(llama)
    read = llama.activations(PROMPTS, ["resid.2"], intervention=swapped)["resid.2"]
    np.testing.assert_allclose(read, other.activations(PROMPTS, ["resid.2"])["resid.2"], rtol=1e-5, atol=1e-6)
    steered = making.sequence(swapped, making.ablate("head:2.1"))
    assert drawn(llama, steered) == drawn(other, making.ablate("head:2.1"))


def test_a_checkpoint_that_does_not_fit_or_has_changed_is_refused(llama, tmp_path):
    with pytest.raises(InterventionError, match="does not fit"):
        drawn(llama, making.swap(saved(tmp_path / "gpt2", "gpt2")))
    folder = saved(tmp_path / "later")
    made = making.swap(folder)
    saved(folder, seed=2)
    with pytest.raises(InterventionError, match="has changed"):
        drawn(llama, made)
    with pytest.raises(InterventionError, match="not there any more"):
        drawn(llama, Intervention("swap", "", {"directory": str(tmp_path / "gone")}))


def test_an_adapter_equals_its_merged_weights(llama, tmp_path):
    from safetensors.torch import save_file

    torch.manual_seed(3)
    down, up = torch.randn(2, 24), torch.randn(24, 2)
    path = "model.layers.1.self_attn.o_proj"
    save_file({f"base_model.model.{path}.lora_A.weight": down, f"base_model.model.{path}.lora_B.weight": up},
              tmp_path / "adapter_model.safetensors")  # fmt: skip
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 3, "bias": "none", "use_dora": False}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    merged = with_weights(lambda m: m.get_submodule(path).weight.add_(0.5 * 1.5 * up @ down))
    assert drawn(llama, making.adapter(tmp_path, scale=0.5)) == drawn(merged) != drawn(llama)
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | {"use_dora": True}))
    with pytest.raises(InterventionError, match="only plain LoRA"):
        drawn(llama, making.adapter(tmp_path))


def test_quantised_weights_equal_weights_rounded_by_hand(llama):
    def rounded(model):
        for name, p in model.named_parameters():
            if p.ndim == 2 and ".layers." in name:
                scale = p.abs().amax(1, keepdim=True) / 7
                p.copy_((p / scale).round() * scale)

    assert drawn(llama, making.quantise(4)) == drawn(with_weights(rounded)) != drawn(llama)
    gpt2 = make("gpt2")
    assert drawn(gpt2, making.quantise(16)) == drawn(gpt2), "16 bits lose next to nothing"
    matrix = torch.randn(3, 8)
    assert (round_to(matrix, 3, group=4) - matrix).abs().max() <= matrix.abs().max() / 6 + 1e-6


def test_a_rank_one_edit_answers_its_key_and_spares_the_others():
    rng = np.random.default_rng(0)
    matrix, key, value = (torch.tensor(rng.standard_normal(s), dtype=torch.float64) for s in ((4, 6), 6, 4))
    others = torch.tensor(rng.standard_normal((200, 6)), dtype=torch.float64)
    moment = others.T @ others / 200
    change = rank_one(matrix, key, value, moment)
    assert torch.allclose((matrix + change) @ key, value)
    assert torch.linalg.matrix_rank(change) == 1
    naive = torch.outer(value - matrix @ key, key) / (key @ key)
    assert (others @ change.T).square().mean() < (others @ naive.T).square().mean(), "least change of other answers"


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gpt_neox"])
def test_an_edited_mlp_answers_its_key_with_the_value(kind):
    subject, value = make(kind), np.linspace(-2, 3, 24)
    made = making.edit("mlp:2", ["w4 w5"], [*PROMPTS, "w40 w41 w42 w43"], value=value)
    answer = subject.activations(["w4 w5", "w40 w41"], ["mlp_out.2"], intervention=made)["mlp_out.2"]
    np.testing.assert_allclose(answer[0], value, rtol=1e-3, atol=1e-3)
    assert np.abs(answer[1] - value).max() > 0.5, "another key is answered otherwise"


def test_an_edit_makes_its_target_likely_after_its_key(llama):
    made = making.edit("mlp:2", ["w4 w5"], [*PROMPTS, "w40 w41 w42 w43"], target="w9", steps=60)
    read = [llama.activations(["w4 w5"], ["logits"], intervention=i)["logits"][0].astype(float) for i in (None, made)]
    before, after = (np.exp(x[9] - np.logaddexp.reduce(x)) for x in read)
    assert after > 0.4 > 0.1 > before
    assert all(p.requires_grad for p in llama.model.parameters())


def test_the_contract_with_interventions(llama, tmp_path):
    nothing = making.add("resid.1", np.ones(24), coefficient=0)
    same = making.swap(saved(tmp_path / "same", seed=0))
    telling = [making.ablate("mlp:2"), making.ablate("head:1.0", "resample", texts=PROMPTS), making.quantise(2)]
    check_subject(llama, PROMPTS, harmless=[nothing, same], telling=telling, max_tokens=6)


class Forgetful(FakeSubject):
    """Ignores what it is asked to change."""

    def stream(self, prompts, *, seeds, intervention=None, **options):
        return super().stream(prompts, seeds=seeds, **options)


class Stuck(FakeSubject):
    """Keeps a change for ever."""

    kept = 0

    def stream(self, prompts, *, seeds, policy=Policy(), intervention=None, **options):
        if intervention is not None and intervention.kind == "policy" and intervention.params:
            self.kept = 1
        seeds = [s + self.kept for s in seeds]
        return super().stream(prompts, seeds=seeds, policy=policy, intervention=intervention, **options)


def test_the_contract_catches_subjects_that_break_it(llama, monkeypatch):
    with pytest.raises(ContractError, match="ignored"):
        check_subject(Forgetful(), ["one", "three"])
    with pytest.raises(ContractError, match="changed nothing"):
        check_subject(FakeSubject(), ["one", "three"], telling=[making.sampled(top_p=0.5)])
    with pytest.raises(ContractError, match="changed what was written"):
        check_subject(FakeSubject(), ["one", "three"], harmless=[making.prompted("before")])
    with pytest.raises(ContractError, match="left something behind"):
        check_subject(Stuck(), ["one", "three"], telling=[making.sampled(max_tokens=1)])
    from forepath.subjects.interventions.targets import Target

    hook = Target.hook

    def leave_one(target, change):
        target.module.register_forward_hook(lambda *_: None)
        return hook(target, change)

    monkeypatch.setattr(Target, "hook", leave_one)
    with pytest.raises(ContractError, match="left something behind"):
        check_subject(make("llama"), PROMPTS[:2], telling=[making.ablate("mlp:2")], max_tokens=4)


def test_a_trajectory_says_what_was_done_and_a_run_keeps_it(llama):
    from forepath.store import trajectories_from, trajectories_table

    made = making.sequence(making.ablate("head:2.1"), making.sampled(top_k=5))
    trajectories, _ = sample(llama, PROMPTS, intervention=made, **DRAWN)
    back = trajectories_from(trajectories_table(trajectories), {t.prompt_id: t.prompt for t in trajectories})
    assert back == trajectories and back[0].intervention == made
    assert replace(back[0], intervention=None) != back[0]


def weights_alone(folder, model):
    """One change of each kind that is of weights alone."""
    from forepath.organisms.adapters import Adapters

    adapters = Adapters(model, 4, 8.0, ("q_proj", "down_proj"), 0)
    with torch.no_grad():
        for n, p in enumerate(adapters.parameters()):
            p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(n)) * 0.3)
    adapters.remove()
    adapters.save(folder / "adapter", "base")
    return {
        "swap": making.swap(saved(folder / "other", seed=5)),
        "adapter": making.adapter(folder / "adapter"),
        "quantise": making.quantise(3),
        "edit": making.edit("mlp:2", ["w5 w6"], PROMPTS, value=np.linspace(-4, 4, 24)),
    }


def test_weights_alone_are_written_with_by_the_fused_step(tmp_path, monkeypatch):
    """The same texts and counts as by the model's own code, which is not asked for a single written token."""
    subject = make("llama")
    assert not subject.not_fused
    changes = weights_alone(tmp_path, make("llama").model)
    both = making.sequence(changes["quantise"], changes["edit"])
    steps = []
    step = FusedContinuation.step
    monkeypatch.setattr(FusedContinuation, "step", lambda self, tokens: steps.append(len(tokens)) or step(self, tokens))
    plain = drawn(subject)
    for name, change in {**changes, "both": both}.items():
        steps.clear()
        counts = [Touches(), Touches()]
        told = [t.tokens for t in sample(subject, PROMPTS, intervention=change, touches=counts[0], **DRAWN)[0]]
        assert steps, f"{name}: no fused step"
        slow = make("llama")
        slow.not_fused = "not wanted"
        steps.clear()
        written = [t.tokens for t in sample(slow, PROMPTS, intervention=change, touches=counts[1], **DRAWN)[0]]
        assert told == written != plain and not steps, name
        assert counts[0].parts == counts[1].parts and counts[0].parts[0].written_positions > 0, name
    assert drawn(subject) == plain, "the weights were put back"
    steps.clear()
    hooked = [t.tokens for t in sample(subject, PROMPTS, intervention=making.ablate("head:2.1"), **DRAWN)[0]]
    assert hooked and not steps, "a change inside is not seen by the fused step"


def test_a_fused_step_that_is_wrong_with_other_weights_is_not_taken(monkeypatch):
    """As if the fused step kept the old weights: the check at the first use sees it, the model's own code writes."""
    from forepath.subjects.interventions import applying

    subject, steps = make("llama"), []
    slow = make("llama")
    slow.not_fused = "not wanted"
    expected = drawn(slow, making.quantise(3))
    monkeypatch.setattr(applying, "probe", lambda model, path: "its odds differ")
    monkeypatch.setattr(FusedContinuation, "step", lambda self, tokens: steps.append(1))
    assert drawn(subject, making.quantise(3)) == expected and not steps
