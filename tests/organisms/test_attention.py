"""The attention used for training on a CPU is the usual one: same outputs, same gradients, padding behind a row."""

import pytest
import torch
from toys import TINY

from forepath.organisms.attention import NAME, use_causal_attention
from forepath.organisms.training import build


def outputs(plain, length=40):
    model = build(TINY, 0)
    if plain:
        use_causal_attention(model)
        assert model.config._attn_implementation == NAME
    ids = torch.randint(0, TINY.vocab_size, (3, length), generator=torch.Generator().manual_seed(1))
    logits = model(input_ids=ids).logits
    logits.square().mean().backward()
    return logits, model.model.layers[0].self_attn.q_proj.weight.grad


def test_same_outputs_and_gradients():
    for mine, theirs in zip(outputs(True), outputs(False), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    with pytest.raises(AssertionError):  # The comparison can fail: another sequence.
        torch.testing.assert_close(outputs(True, 41)[1], outputs(False)[1], rtol=1e-4, atol=1e-6)


def test_a_saved_configuration_does_not_name_it(tmp_path):
    model = build(TINY, 0)
    use_causal_attention(model)
    model.save_pretrained(tmp_path)
    assert NAME not in (tmp_path / "config.json").read_text()
