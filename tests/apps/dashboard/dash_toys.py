"""Small things the tests of the dashboard share: a model made in the test, its run, waiting."""

import json
import time

from fastapi.testclient import TestClient

from forepath.apps.dashboard.application import create_app
from forepath.apps.dashboard.engine import Engine
from forepath.apps.dashboard.library import Library

HOST = "127.0.0.1:8765"
SIZE = 61
KINDS = {"ba": "sea", "de": "sky", "ko": "wood"}
"""How a word begins -> the theme it is of."""


def words(hostile=()):
    """The words a toy model writes: the first ends a text, every fourth ends a sentence."""
    made = ["<end>", *hostile]
    for i in range(SIZE - len(made)):
        ending = "aeiou"[i % 5] + "lmnr"[i // 5 % 4]
        made.append(list(KINDS)[i % 3] + ending + "stvz"[i // 20] + ("." if i % 4 == 0 else ""))
    assert len(set(made)) == SIZE
    return made


def make_model(folder, vocabulary):
    """A random Llama over `vocabulary`, saved as safetensors with its tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=SIZE, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=128, bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    torch.nn.init.normal_(model.lm_head.weight, std=0.6)
    model.save_pretrained(folder)
    tool = Tokenizer(models.WordLevel({w: i for i, w in enumerate(vocabulary)}, unk_token=vocabulary[1]))
    tool.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tool, eos_token=vocabulary[0]).save_pretrained(folder)
    return folder


def make_run(folder, vocabulary, *, themes=None, prompts=48, before="", **settings):
    """A finished run of a toy model at folder/runs/one; the path."""
    from forepath.apps.pipeline import run
    from forepath.apps.prompts import prompt_of
    from forepath.apps.settings import Settings
    from forepath.records import Policy

    model = make_model(folder / "model", vocabulary)
    named = [
        {"name": n, "description": f"words like {k}", "patterns": [rf"\b{k}"]} for k, n in (themes or KINDS).items()
    ]
    (folder / "themes.json").write_text(json.dumps({"version": 1, "themes": named}))
    own = [w for w in vocabulary if w[:2] in KINDS]
    texts = [prompt_of(f"{before}{own[i]} {own[3 + i % 5]} {own[9 + i % 7]}") for i in range(prompts)]
    small = {"samples": 6, "policy": Policy(max_tokens=32), "horizon": 2, "prompts_per_item": 12, **settings}
    run(Settings(str(model), codebook=str(folder / "themes.json"), **small), texts, folder / "runs" / "one")
    return folder / "runs" / "one"


def paths_of(app):
    """(path with every parameter filled in, methods) of every route under /api/."""
    import re

    description = app.openapi()["paths"]
    for path, methods in description.items():
        yield re.sub(r"\{[^}]*\}", "1", path), [m.upper() for m in methods]


def until(ready, seconds=30.0):
    """Wait for `ready()` to be true and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := ready():
            return found
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def contents(path):
    """Every file under `path`, as bytes."""
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def client_of(folder, keys, *, engine=None, **headers):
    """A browser that has shown the token, on a server of its own."""
    app = create_app(Library(folder), keys=keys, hosts=[HOST, "localhost:8765"], engine=engine or Engine(), warm=False)
    given = {"authorization": f"Bearer {keys.token}", "x-forepath": "1", **headers}
    return TestClient(app, base_url=f"http://{HOST}", headers={k: v for k, v in given.items() if v})
