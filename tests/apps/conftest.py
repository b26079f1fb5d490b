"""A model so small that the whole pipeline takes seconds, as a directory like any user's."""

import pytest

VOCAB = 61


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A random Llama over the words "w0" ... "w60" (w0 ends a text), saved as safetensors with its tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "tiny"
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    torch.nn.init.normal_(model.lm_head.weight, std=0.6)
    model.save_pretrained(folder)
    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(VOCAB)}, unk_token="w1"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="w0").save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_prompts():
    """48 different prompts of three words, by eight authors."""
    from forepath.apps.prompts import prompt_of

    return [prompt_of(f"w{2 + i} w{3 + i % 5} w{4 + i % 7}", {"author": f"a{i % 8}"}) for i in range(48)]


@pytest.fixture
def words(tmp_path):
    """A codebook of three themes, each the words that begin with a digit."""
    import json

    path = tmp_path / "words.json"
    themes = [{"name": f"t{d}", "description": f"words with {d}", "patterns": [rf"\bw{d}"]} for d in (1, 2, 3)]
    path.write_text(json.dumps({"version": 1, "themes": themes}))
    return path
