"""Tiny models with random weights, built from their configuration: nothing is downloaded."""

from __future__ import annotations

import torch

VOCAB = 97


def word_tokenizer():
    """One token per word "w0" ... "w96"; decoding joins them with spaces."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({f"w{i}": i for i in range(VOCAB)}, unk_token="w1"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="w0")


def tiny_model(kind: str = "llama", seed: int = 0):
    import transformers as t

    torch.manual_seed(seed)
    ends = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    common = {"vocab_size": VOCAB, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4} | ends
    gated = common | {"intermediate_size": 40, "max_position_embeddings": 64}
    if kind == "llama":
        config = t.LlamaConfig(**gated, num_key_value_heads=2)
    elif kind == "gpt2":
        config = t.GPT2Config(vocab_size=VOCAB, n_embd=24, n_layer=3, n_head=4, n_positions=64, **ends)
    elif kind == "gpt_neox":
        config = t.GPTNeoXConfig(**gated)
    elif kind == "opt":
        sizes = {"word_embed_proj_dim": 24, "ffn_dim": 40, "max_position_embeddings": 64}
        config = t.OPTConfig(**common, **sizes)
    elif kind == "mistral":  # its attention sees a window of 8 tokens only
        config = t.MistralConfig(**gated, num_key_value_heads=2, sliding_window=8)
    elif kind == "bloom":  # its attention never reaches the registered function
        config = t.BloomConfig(vocab_size=VOCAB, hidden_size=24, n_layer=3, n_head=4, **ends)
    model = t.AutoModelForCausalLM.from_config(config).eval()
    for name, p in model.named_parameters():  # the usual initialisation is so small that every token is as likely
        if p.ndim == 2 and "embed" not in name and "wte" not in name and "wpe" not in name:
            torch.nn.init.normal_(p, std=0.3)
    return model


def make(kind: str = "llama", **options):
    from forepath.subjects.huggingface import HuggingFaceSubject

    return HuggingFaceSubject(tiny_model(kind), word_tokenizer(), name=kind, fingerprint=f"tiny {kind}", **options)
