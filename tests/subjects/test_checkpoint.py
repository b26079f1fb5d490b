"""Nothing is loaded that is unsafe, incomplete or not a language model; and a fingerprint sees every weight."""

import json

import pytest
import torch
from tiny_subjects import tiny_model, word_tokenizer

from forepath.errors import CheckpointError
from forepath.records import Policy
from forepath.subjects import checkpoint
from forepath.subjects.huggingface import load
from forepath.subjects.sampling import sample


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "tiny"
    tiny_model("llama").save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return folder


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_saved_model_loads_and_writes(saved):
    subject = load(saved, device="cpu")
    assert (subject.name, subject.context, subject.not_shared) == ("tiny", 64, "")
    trajectories, _ = sample(subject, ["w5 w6"], samples=2, policy=Policy(max_tokens=5))
    again, _ = sample(load(str(saved), device="cpu"), ["w5 w6"], samples=2, policy=Policy(max_tokens=5))
    assert trajectories == again
    assert load(saved, device="cpu", dtype="bfloat16").model.dtype == torch.bfloat16


def test_the_fingerprint_changes_with_one_weight_the_tokenizer_and_the_dtype(saved):
    first = load(saved, device="cpu").fingerprint
    assert load(saved, device="cpu").fingerprint == first
    assert load(saved, device="cpu", dtype="bfloat16").fingerprint != first
    (saved / "README.md").write_text("changes nothing")
    assert load(saved, device="cpu").fingerprint == first
    path = saved / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    second = load(saved, device="cpu").fingerprint
    assert second != first
    tokenizer = saved / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace('"w96"', '"v96"'))
    assert load(saved, device="cpu").fingerprint != second


def test_each_wrong_thing_says_what_to_do(saved, tmp_path):
    with pytest.raises(CheckpointError, match=r"no such directory: './nowhere'"):
        load("./nowhere")
    with pytest.raises(CheckpointError, match="is a file; wanted the directory"):
        load(saved / "config.json")
    edit(saved / "config.json", auto_map={"AutoModelForCausalLM": "evil.Model"})
    with pytest.raises(CheckpointError, match="trust_remote_code=True"):
        load(saved)
    edit(saved / "config.json", auto_map=None)
    config = json.loads((saved / "config.json").read_text())
    config.pop("auto_map")
    (saved / "config.json").write_text(json.dumps(config | {"architectures": ["BertForMaskedLM"]}))
    with pytest.raises(CheckpointError, match=r"not a causal language model.*BertForMaskedLM"):
        load(saved)
    edit(saved / "config.json", architectures=["LlamaForCausalLM"])
    edit(saved / "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Tokenizer", None]})
    with pytest.raises(CheckpointError, match=r"auto_map' in tokenizer_config.json"):
        load(saved)
    (saved / "model.safetensors").rename(saved / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"only pytorch_model.bin, which can run code.*safe_serialization"):
        load(saved)
    (saved / "pytorch_model.bin").unlink()
    with pytest.raises(CheckpointError, match=r"no weights; wanted model.safetensors"):
        load(saved)
    (saved / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match="has no tokenizer"):
        load(saved)
    (saved / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read as JSON"):
        load(saved)
    (saved / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config.json is missing"):
        load(saved)


def test_the_hub_out_of_reach_is_an_error_that_says_so(monkeypatch):
    import huggingface_hub

    def offline(*args, **kwargs):
        raise huggingface_hub.errors.LocalEntryNotFoundError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(CheckpointError, match=r"'org/model' is not a directory here, and as a hub id"):
        load("org/model")


def test_a_hub_id_is_its_snapshot(monkeypatch, saved):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **kwargs: str(saved))
    assert checkpoint.resolve("org/model") == saved
