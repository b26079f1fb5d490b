"""Training interventions on a tiny model: each moves what it says, resumes to the bit, and is an intervention."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parents[1] / "subjects"))
from tiny_subjects import make

from forepath.errors import InputError, TrainingError
from forepath.organisms.objectives import Objective, Step, token_losses
from forepath.organisms.passages import Passage, batch_of, encode_passages
from forepath.organisms.tuning import Tuning, tune
from forepath.records import Policy
from forepath.subjects.interventions.making import adapter, sequence, sparsify, swap
from forepath.subjects.sampling import sample

SHORT = Tuning(steps=12, rate=3e-3, rows=4)


@pytest.fixture(scope="module")
def subject():
    return make("llama")


@pytest.fixture(scope="module")
def written(subject):
    """What the model itself writes after two kinds of prompts: (to forget, to retain)."""
    sides = []
    for first in (5, 40):
        prompts = [f"w{first} w{first + i} w{3 + i}" for i in range(8)]
        texts, _ = sample(subject, prompts, samples=2, policy=Policy(max_tokens=8), seed=first)
        sides.append([Passage(t.prompt + " ", t.text) for t in texts if t.tokens])
    return sides


def nats(subject, passages, intervention=None):
    """Mean over the passages' tokens, by the odds the subject itself has under an intervention."""
    from forepath.subjects.interventions.applying import Applied
    from forepath.subjects.interventions.touches import Touches

    encoded = encode_passages(subject.tokenizer, passages, 64)
    if intervention is None:
        with torch.no_grad():
            lost, counts = token_losses(subject.model, batch_of(encoded, 99, 0, 0))
        return float((lost * counts).sum() / counts.sum())
    applied = Applied(subject, intervention.parts)
    batch = batch_of(encoded, 99, 0, 0)
    applied.scene.reading([list(row[:n]) for row, n in zip(batch.ids, batch.real.sum(1), strict=True)])
    with applied.active(Touches().prepare(applied.names)), torch.no_grad():
        lost, counts = token_losses(subject.model, batch)
    return float((lost * counts).sum() / counts.sum())


def test_fine_tuning_makes_the_texts_likely_and_leaves_the_subject_alone(subject, written, tmp_path):
    before, weights = nats(subject, written[0]), [p.clone() for p in subject.model.parameters()]
    folder = tune(subject, written[0], [], tmp_path, replace(SHORT, retain_weight=0.0))
    assert nats(subject, written[0], swap(folder)) < before - 0.3
    assert all(torch.equal(p, w) for p, w in zip(subject.model.parameters(), weights, strict=True))
    assert nats(subject, written[0]) == before


@pytest.mark.parametrize("objective", ["ascent", "npo", "rmu"])
def test_unlearning_makes_them_unlikely_and_retains_the_rest(subject, written, objective, tmp_path):
    forget, retain = written
    before = nats(subject, forget), nats(subject, retain)
    settings = replace(SHORT, objective=objective, steps=16, block=2, retain_weight=2.0)
    folder = tune(subject, forget, retain, tmp_path, settings)
    after = nats(subject, forget, swap(folder)), nats(subject, retain, swap(folder))
    assert after[0] > before[0] + 0.3, "forgotten"
    assert after[1] - before[1] < 0.6 * (after[0] - before[0]), "retained"
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in subject.model.modules())


def test_npo_is_bounded_where_ascent_is_not(subject, written):
    encoded = encode_passages(subject.tokenizer, written[0], 64)
    other = make("gpt2").model  # a model that finds the texts very unlikely
    made = {k: Objective(k, other, subject.model, retain_weight=0, beta=0.5, block=1, strength=1, seed=0)
            for k in ("npo", "ascent")}  # fmt: skip
    step = Step(batch_of(encoded, 4, 0, 0), None)
    assert float(made["npo"].loss(step).detach()) >= 0 and float(made["ascent"].loss(step).detach()) < -3


def test_npo_by_hand(subject, written):
    encoded = encode_passages(subject.tokenizer, written[0], 64)
    same = Objective("npo", subject.model, subject.model, retain_weight=0, beta=0.3, block=1, strength=1, seed=0)
    loss = float(same.loss(Step(batch_of(encoded, 4, 0, 0), None)).detach())
    assert loss == pytest.approx(2 / 0.3 * np.log(2), rel=1e-5), "unchanged: log(1 + 1)"


def test_a_low_rank_training_is_an_adapter_that_writes_as_trained(subject, written, tmp_path):
    before = nats(subject, written[0])
    folder = tune(subject, written[0], written[1], tmp_path, replace(SHORT, rank=4, rate=2e-2))
    assert folder.name == "adapter" and (folder / "adapter_config.json").exists()
    assert nats(subject, written[0], adapter(folder)) < before - 0.2
    assert nats(subject, written[0], adapter(folder, scale=0.0)) == pytest.approx(before, abs=1e-4)
    both = sequence(adapter(folder), adapter(folder, scale=-1.0))
    assert nats(subject, written[0], both) == pytest.approx(before, abs=1e-3), "put on and taken off"
    assert not any(m._forward_hooks for m in subject.model.modules())


def test_a_killed_training_ends_with_the_very_weights(subject, written, tmp_path):
    from safetensors.numpy import load_file

    class KilledError(Exception):
        pass

    def kill(progress):
        if progress.step == 7:
            raise KilledError

    whole = tune(subject, *written, tmp_path / "whole", SHORT)
    with pytest.raises(KilledError):
        tune(subject, *written, tmp_path / "torn", SHORT, checkpoint_seconds=0, report=kill)
    torn = tune(subject, *written, tmp_path / "torn", SHORT)
    one, other = (load_file(p / "model.safetensors") for p in (whole, torn))
    assert all(np.array_equal(one[n], other[n]) for n in one)
    logs = [(tmp_path / n / "losses.jsonl").read_text() for n in ("whole", "torn")]
    assert logs[0] == logs[1] and logs[0].count("\n") == SHORT.steps
    with pytest.raises(TrainingError, match="another recipe"):
        tune(subject, *written, tmp_path / "torn", replace(SHORT, rate=1e-4))


def test_a_rate_that_falls_to_zero_leaves_less_noise_and_resumes_alike(subject, written, tmp_path):
    from safetensors.numpy import load_file

    moved = {}
    for share in (0.0, 1.0):
        folder = tune(subject, *written, tmp_path / str(share), replace(SHORT, cooldown=share))
        after, before = load_file(folder / "model.safetensors"), subject.model.state_dict()
        moved[share] = sum(np.abs(w - before[n].numpy()).sum() for n, w in after.items() if n in before)
    assert 0.3 * moved[0.0] < moved[1.0] < 0.9 * moved[0.0]

    def kill(progress):
        if progress.step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(subject, *written, tmp_path / "torn", replace(SHORT, cooldown=1.0), checkpoint_seconds=0, report=kill)
    torn = load_file(tune(subject, *written, tmp_path / "torn", replace(SHORT, cooldown=1.0)) / "model.safetensors")
    assert all(np.array_equal(torn[n], after[n]) for n in after)


def test_pruned_weights_stay_zero_and_the_l1_penalty_quietens_hidden_units(subject, written, tmp_path):
    from safetensors.numpy import load_file

    folder = tune(subject, *written, tmp_path / "p", replace(SHORT, prune=0.5))
    shares = [
        (w == 0).mean() for n, w in load_file(folder / "model.safetensors").items() if ".layers." in n and w.ndim == 2
    ]
    assert all(0.48 < s < 0.52 for s in shares)
    quiet = {}
    for weight in (0.0, 5.0):
        folder = tune(subject, *written, tmp_path / f"l{weight}", replace(SHORT, l1=weight))
        read = subject.activations([p.prompt for p in written[1]], ["mlp_out.2"], intervention=swap(folder))
        quiet[weight] = np.abs(read["mlp_out.2"]).mean()
    assert quiet[5.0] < 0.8 * quiet[0.0]


def test_a_model_trained_with_few_units_on_writes_well_with_few_units_on(subject, written, tmp_path):
    few = [sparsify(f"hidden:{b + 1}", 0.05) for b in range(len(subject.anatomy.blocks))]
    made = {k: swap(tune(subject, *written, tmp_path / str(k), replace(SHORT, steps=40, keep=k))) for k in (1.0, 0.05)}
    lost = {k: nats(subject, written[0], sequence(m, *few)) for k, m in made.items()}
    assert lost[0.05] < lost[1.0] - 0.02
    assert nats(subject, written[0], made[1.0]) < lost[1.0], "thinning costs something"
    assert not any(m._forward_pre_hooks for m in subject.model.modules())


def test_only_what_lies_in_a_span_counts(subject):
    passage = Passage("w5 w6 ", "w7 w8 w9 w10", ((3, 5), (9, 12)))
    (encoded,) = encode_passages(subject.tokenizer, [passage], 64)
    assert encoded.ids.tolist() == [5, 6, 7, 8, 9, 10] and encoded.counts.tolist() == [False] * 3 + [True, False, True]
    with pytest.raises(InputError, match="none of the tokens"):
        encode_passages(subject.tokenizer, [Passage("w5", " w6", ((50, 60),))], 64)


def test_the_end_of_a_text_counts_where_it_ended(subject):
    end = subject.tokenizer.eos_token_id
    cut, whole, early = encode_passages(
        subject.tokenizer,
        [Passage("w5 ", "w7 w8"), Passage("w5 ", "w7 w8", ended=True), Passage("w5 ", "w7 w8", ((0, 2),), True)],
        64,
    )
    assert cut.ids.tolist() == [5, 7, 8] and whole.ids.tolist() == early.ids.tolist() == [5, 7, 8, end]
    assert whole.counts.tolist() == [False, True, True, True]
    assert early.counts.tolist() == [False, True, False, False], "the end belongs to the last span, or to none"


def test_a_model_trained_on_whole_texts_learns_their_ends_only_if_told(subject, written, tmp_path):
    texts = [Passage(p.prompt, p.text, ended=True) for p in written[0]]
    end = subject.tokenizer.eos_token_id
    odds = {}
    for name, given in (("cut", [replace(p, ended=False) for p in texts]), ("whole", texts)):
        folder = tune(subject, given, [], tmp_path / name, replace(SHORT, steps=20))
        whole = [p.prompt + p.text for p in texts]
        logits = subject.activations(whole, ["logits"], intervention=swap(folder))["logits"].astype(float)
        odds[name] = np.mean(logits[:, end] - np.log(np.exp(logits).sum(1)))
    assert odds["whole"] > odds["cut"] + 1


def test_rows_read_in_parts_have_the_losses_of_the_whole_batch(subject, written):
    passages = [replace(p, text=" ".join(p.text.split()[: i + 1])) for i, p in enumerate(written[0][:7])]
    batch = batch_of(encode_passages(subject.tokenizer, passages, 64), 9, 0, 0)
    with torch.no_grad():
        (whole, counts), (parts, same) = (token_losses(subject.model, batch, part) for part in (None, 2))
    assert torch.equal(counts, same) and len(set(batch.real.sum(1).tolist())) > 3
    torch.testing.assert_close(whole * counts, parts * counts, atol=1e-5, rtol=1e-4)
    assert not torch.equal(whole, parts), "padding is not read in parts"


@pytest.mark.parametrize(
    ("change", "says"),
    [({"objective": "forget"}, "wanted one of"), ({"steps": 0}, "at least 1"), ({"prune": 1.0}, "prune in"),
     ({"keep": 0.0}, "keep in"), ({"cooldown": 2.0}, "cooldown in"), ({"rank": 2, "prune": 0.5}, "changes no weights")],
)  # fmt: skip
def test_wrong_settings_are_refused(change, says):
    with pytest.raises(InputError, match=says):
        Tuning(**change)
