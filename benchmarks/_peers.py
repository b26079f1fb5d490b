"""The same ablation in nnsight and in TransformerLens, where they are installed; each a function that reads batches.

They are no dependency of the project. Both pin packages of their own, so give each an environment:
`pip install -c constraints.txt -e '.[local]' nnsight`, and another with `transformer_lens`.
"""

from __future__ import annotations

import importlib.util

import torch


def batches_of(subject, prompts, tokens=8192):
    """Token ids of prompts of like length side by side; padded on the right, which no token before it sees."""
    encoded = sorted(subject.encode(prompts), key=len)
    out = []
    while encoded:
        size = max(1, tokens // len(encoded[-1]))
        encoded, rows = encoded[:-size], encoded[-size:]
        ids = torch.zeros(len(rows), len(rows[-1]), dtype=torch.long)
        for row, prompt in zip(ids, rows, strict=True):
            row[: len(prompt)] = torch.tensor(prompt)
        out.append(ids)
    return out


def plainly(subject, batches):
    """`transformers` alone."""
    with torch.inference_mode():
        return [subject.model(input_ids=ids, use_cache=False).logits for ids in batches]


def by_hand(subject, batches):
    """A bare PyTorch hook that takes head 0 out of the first block."""
    module = subject.anatomy.blocks[0].self_attn.o_proj
    width = module.weight.shape[1] // subject.model.config.num_attention_heads

    def nought(_, args):
        value = args[0].clone()
        value[..., :width] = 0
        return (value,)

    handle = module.register_forward_pre_hook(nought)
    try:
        return plainly(subject, batches)
    finally:
        handle.remove()


def our_reader(subject):
    """`ablate head:1.0`, made once and put on for every batch, as `stream` and `activations` do."""
    from forepath.subjects.interventions import making
    from forepath.subjects.interventions.applying import Applied, Use

    applied = Applied(subject, making.ablate("head:1.0").parts)

    def read(batches):
        use, found = Use(applied, None), []
        for ids in batches:
            use.reading(ids.tolist())
            with use.active():
                found += plainly(subject, [ids])
        use.finish(wrote=True)
        return found

    return read


def nnsight_reader(subject):
    """A function of batches, or None where nnsight is not installed."""
    if importlib.util.find_spec("nnsight") is None:
        return None
    from nnsight import NNsight

    wrapped = NNsight(subject.model)
    width = subject.model.config.hidden_size // subject.model.config.num_attention_heads

    def read(batches):
        found = []
        for ids in batches:
            with torch.inference_mode(), wrapped.trace(input_ids=ids, use_cache=False):
                value = wrapped.model.layers[0].self_attn.o_proj.input.clone()
                value[..., :width] = 0
                wrapped.model.layers[0].self_attn.o_proj.input = value
                logits = wrapped.output.logits.save()
            found.append(logits)
        return found

    return read


def lens_reader(make):
    """A function of batches, or None where TransformerLens is not installed. `make()` gives a subject of its own: the
    bridge changes the model that it wraps."""
    if importlib.util.find_spec("transformer_lens") is None:
        return None
    from transformer_lens.model_bridge import TransformerBridge

    subject = make()
    bridge = TransformerBridge.boot_transformers(subject.name, hf_model=subject.model, tokenizer=subject.tokenizer)
    width = subject.model.config.hidden_size // subject.model.config.num_attention_heads

    def nought(value, hook):
        value = value.clone()
        value.flatten(2)[..., :width] = 0
        return value

    def read(batches):
        with torch.inference_mode():
            return [bridge.run_with_hooks(ids, return_type="logits", fwd_hooks=[("blocks.0.attn.o.hook_in", nought)])
                    for ids in batches]  # fmt: skip

    return read
