"""The training loop: its loss, and that a killed training ends with the very weights of an unbroken one."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from forepath.errors import TrainingError
from forepath.organisms.curves import plot_losses
from forepath.organisms.loss import tied_cross_entropy
from forepath.organisms.training import IGNORE, Recipe, save_model, train

TOY = Recipe("toy", vocab_size=16, width=32, layers=1, heads=2, context=8, rows=4, steps=12, warmup=2)


class Counting:
    """Rows that count upwards from a random start: learnable, a function of the step alone, in two unequal parts."""

    def __call__(self, step):
        rng = np.random.default_rng([7, step])
        long = (rng.integers(16, size=(3, 1)) + np.arange(9)) % 16
        short = (rng.integers(16, size=(1, 1)) + np.arange(5)) % 16
        targets = short[:, 1:].copy()
        targets[0, -1] = IGNORE
        return [(long[:, :-1], long[:, 1:]), (short[:, :-1], targets)]


def weights(model):
    return {n: p.detach().clone() for n, p in model.named_parameters()}


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_loss_and_gradients_are_those_of_cross_entropy(dtype, tolerance):
    torch.manual_seed(0)
    hidden = torch.randn(1200, 24, dtype=dtype, requires_grad=True)
    weight = torch.randn(50, 24, requires_grad=True)
    targets = torch.randint(0, 50, (1200,))
    targets[::7] = IGNORE
    tied_cross_entropy(hidden, weight, targets).backward()
    h, w = hidden.detach().float().requires_grad_(), weight.detach().clone().requires_grad_()
    expected = torch.nn.functional.cross_entropy(h @ w.T, targets, ignore_index=IGNORE)
    expected.backward()
    assert tied_cross_entropy(hidden, weight, targets).item() == pytest.approx(expected.item(), rel=tolerance)
    for mine, theirs in ((hidden.grad.float(), h.grad), (weight.grad, w.grad)):
        assert (mine - theirs).norm() <= tolerance * theirs.norm()
    worst = (h @ w.T).argmin(dim=1)  # The oracle can fail: other targets, another loss.
    assert tied_cross_entropy(hidden, weight, worst).item() > 1.1 * expected.item()


def test_it_learns(tmp_path):
    seen = []
    recipe = replace(TOY, steps=80)
    train(recipe, Counting(), tmp_path, end_id=0, device="cpu", report=seen.append)
    assert seen[0].loss > 2.0 > 1.0 > seen[-1].loss
    assert [p.step for p in seen] == list(range(1, 81))


def test_validation_is_measured_logged_and_drawn(tmp_path):
    train(TOY, Counting(), tmp_path, end_id=0, device="cpu", validate=lambda m: 1.25, validate_every=5)
    rows = [json.loads(line) for line in (tmp_path / "losses.jsonl").read_text().splitlines()]
    assert [r["step"] for r in rows if "validation" in r] == [4, 9, 11]
    plot_losses(tmp_path / "losses.jsonl", tmp_path / "losses.png", floors={"grammar": 0.5})
    assert (tmp_path / "losses.png").stat().st_size > 5000


def test_a_killed_training_ends_like_an_unbroken_one(tmp_path):
    whole = weights(train(TOY, Counting(), tmp_path / "whole", end_id=0, device="cpu"))
    script = (
        "import os, sys; sys.path.insert(0, 'tests/organisms'); import test_training as t; from pathlib import Path\n"
        "stop = lambda p: os._exit(9) if p.step == 7 else None\n"
        "t.train(t.TOY, t.Counting(), Path(sys.argv[1]), end_id=0, device='cpu', checkpoint_seconds=0, report=stop)\n"
    )
    died = subprocess.run([sys.executable, "-c", script, tmp_path / "broken"], capture_output=True, text=True)
    assert died.returncode == 9, died.stderr
    assert json.loads((tmp_path / "broken/state/state.json").read_text())["step"] == 6
    (tmp_path / "broken/state/state-0000009.safetensors.part").write_bytes(b"half a file")
    resumed = weights(train(TOY, Counting(), tmp_path / "broken", end_id=0, device="cpu"))
    assert all(torch.equal(whole[n], resumed[n]) for n in whole)
    assert (tmp_path / "broken/losses.jsonl").read_text() == (tmp_path / "whole/losses.jsonl").read_text()
    other = weights(train(replace(TOY, seed=1), Counting(), tmp_path / "other", end_id=0, device="cpu"))
    assert not all(torch.equal(whole[n], other[n]) for n in whole)  # The comparison can fail.


def test_a_state_of_another_recipe_is_refused(tmp_path):
    train(TOY, Counting(), tmp_path, end_id=0, device="cpu")
    with pytest.raises(TrainingError, match="differs in: rows"):
        train(replace(TOY, rows=5), Counting(), tmp_path, end_id=0, device="cpu")


def test_a_diverged_training_says_so(tmp_path):
    with pytest.raises(TrainingError, match="lower the rates"):
        train(replace(TOY, adam_rate=1e9, muon_rate=1e9, steps=40), Counting(), tmp_path, end_id=0, device="cpu")


def test_a_saved_model_is_a_plain_hugging_face_directory(tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from forepath.organisms.tokenizers import train_tokenizer

    tokenizer = train_tokenizer(["one two three"], 300)
    model = train(TOY, Counting(), tmp_path / "run", end_id=0, device="cpu")
    expected = model(input_ids=torch.arange(8)[None]).logits
    save_model(model, tokenizer, tmp_path / "model")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    torch.testing.assert_close(again(input_ids=torch.arange(8)[None]).logits, expected)
    assert AutoTokenizer.from_pretrained(tmp_path / "model")("one two")["input_ids"][0] == 0
    files = {p.name for p in (tmp_path / "model").iterdir()}
    assert {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} <= files
