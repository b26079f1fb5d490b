"""Every way in which a checkpoint cannot be loaded is a typed error that names it."""

import json
import shutil

import numpy as np
import pytest
import torch
from tiny_subjects import tiny_model, word_tokenizer

from forepath.errors import CheckpointError, InputError, MemoryExhaustedError
from forepath.records import Policy
from forepath.subjects import loading
from forepath.subjects.huggingface import load


@pytest.fixture
def folder(tmp_path):
    tiny_model().save_pretrained(tmp_path / "m")
    word_tokenizer().save_pretrained(tmp_path / "m")
    return tmp_path / "m"


def changed(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def tear_weights(folder):
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])


def drop_a_weight(folder):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (tear_weights, "cannot be loaded.*copy or save the model again"),
        (drop_a_weight, r"lacks 1 of its model's weights \(model.layers.1.mlp.up_proj.weight"),
        (lambda f: changed(f, hidden_size=48), "cannot be loaded"),
        (lambda f: changed(f, model_type="warp"), "warp"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "the tokenizer of"),
    ],
)
def test_a_spoilt_checkpoint_is_named(folder, spoil, says):
    assert load(folder).encode(["w1 w2"]) == [[1, 2]]
    spoil(folder)
    with pytest.raises(CheckpointError, match=says):
        load(folder)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "no such thing"])
def test_a_device_that_is_not_there(folder, device):
    with pytest.raises(InputError, match="this machine has cpu"):
        load(folder, device=device)


@pytest.mark.parametrize("layers", ["cpu", "disk"])
def test_a_device_map_changes_where_the_weights_are_and_nothing_else(folder, layers):
    names = ("model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head")
    spread = load(folder, device_map={"model.layers": layers, **dict.fromkeys(names, "cpu")})
    whole = load(folder, device="cpu")
    assert (next(spread.model.model.layers.parameters()).device.type == "meta") == (layers == "disk")
    for site in ("resid.0", "logits"):
        assert np.array_equal(spread.activations(["w3 w5"], [site])[site], whole.activations(["w3 w5"], [site])[site])
    written = [list(subject.stream(["w3 w5"], seeds=[1], policy=Policy(max_tokens=8))) for subject in (spread, whole)]
    assert [s.tokens for s in written[0]] == [s.tokens for s in written[1]]


def test_a_model_that_does_not_fit(folder, monkeypatch):
    def full(*_args, **_options):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loading.torch.nn.Module, "to", full)
    with pytest.raises(MemoryExhaustedError, match=r"does not fit.*bfloat16"):
        load(folder)


def test_a_link_to_the_model_is_the_model(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    shutil.copytree(folder, tmp_path / "copy")
    assert load(tmp_path / "link").fingerprint == load(folder).fingerprint == load(tmp_path / "copy").fingerprint
