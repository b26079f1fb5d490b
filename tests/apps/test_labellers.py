"""A run whose themes a language model names, end to end; and the other embedders."""

import json
import sys
import types
import zlib

import numpy as np
import pytest

from forepath.apps.labellers import KEY, embedder_of, read_means
from forepath.apps.labelling import read_codebook, read_folds
from forepath.apps.models import load_subject
from forepath.apps.pipeline import resume, run
from forepath.apps.runs import open_run
from forepath.apps.settings import Settings, settings_of
from forepath.errors import InputError, LabellerError, MissingExtraError, SiteError
from forepath.records import Policy
from forepath.store import Run

SMALL = {"samples": 4, "policy": Policy(max_tokens=10), "horizon": 2, "prompts_per_item": 16}


def said(text):
    body = {"choices": [{"message": {"content": text}}], "usage": {"prompt_tokens": 50, "completion_tokens": 2}}
    return 200, json.dumps(body), {}


def judge(body):
    """Decided by the text alone; one text in eight is answered outside the codebook."""
    n = zlib.crc32(body["messages"][1]["content"].split("\n", 1)[1].encode()) % 8
    return said("a poem" if n == 7 else ("t1", "t2", "t3", "other")[n % 4])


def asked(stub, tiny, words):
    pairs = ["labeller=endpoint", f"endpoint={stub.url}", "endpoint_model=judge-1"]
    return settings_of(pairs, subject=str(tiny), codebook=str(words), max_tokens=10, samples=4, horizon=2,
                       prompts_per_item=16)  # fmt: skip


def test_a_run_labelled_by_an_endpoint(stub, tiny, tiny_prompts, words, tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, "very-secret")
    stub.answers = [judge]
    settings = asked(stub, tiny, words)
    store = run(settings, tiny_prompts, tmp_path / "r")
    audit = store.read_document("audit")
    book = read_codebook(store)
    lost = store.table(f"unlabelled-{book.id}").num_rows
    assert 0 < lost < 48 * 4 and audit["cost"]["unlabelled"] == lost
    assert audit["cost"]["requests"] == len(stub.seen) and audit["cost"]["prompt_tokens"] == 50 * len(stub.seen)
    assert audit["cost"]["outside"] > 0
    assert f"{len(stub.seen)} requests" in audit["text"] and "could not be labelled" in audit["text"]
    folds = read_folds(store, settings)
    assert folds.futures.themes == ("t1", "t2", "t3", "other", "end")
    never = (folds.futures.steps == -1).all(axis=2).sum()
    assert never >= lost  # what could not be judged is unknown, not a theme
    assert {h["Authorization"] for _, h, _ in stub.seen} == {"Bearer very-secret"}
    assert not [p for p in (tmp_path / "r").rglob("*") if p.is_file() and b"very-secret" in p.read_bytes()]
    before = len(stub.seen)
    resume(tmp_path / "r")
    assert len(stub.seen) == before and open_run(tmp_path / "r").scores().rows


def test_an_endpoint_that_is_down_stops_the_run_and_is_not_counted(stub, tiny, tiny_prompts, words, tmp_path):
    stub.answers = [(401, "who are you?", {})]
    with pytest.raises(LabellerError, match=r"none of \d+ texts.*401.*forepath resume"):
        run(asked(stub, tiny, words), tiny_prompts, tmp_path / "r")
    store = Run.open(tmp_path / "r")
    assert len(store.done("trajectories")) == 3 and not [f for f in store.families() if "segments" in f]
    stub.answers = [judge]
    resume(tmp_path / "r")
    assert open_run(tmp_path / "r").scores().rows


def test_a_wrong_address_is_refused_before_work(stub, tiny, tiny_prompts, words, tmp_path):
    settings = settings_of(
        ["labeller=endpoint", "endpoint=ftp://x", "endpoint_model=m"], subject=str(tiny), max_tokens=9
    )
    with pytest.raises(InputError, match="http"):
        run(settings, tiny_prompts, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_themes_from_the_subjects_own_activations(tiny, tiny_prompts, tmp_path):
    settings = Settings(str(tiny), embedder="subject", **{**SMALL, "samples": 6})
    store = run(settings, tiny_prompts, tmp_path / "r")
    book = read_codebook(store)
    assert book.embedder["kind"] == "named" and "resid.1@mean" in book.embedder["name"]
    assert list((tmp_path / "r" / "embeddings").rglob("*.safetensors"))
    first = [p.read_bytes() for p in sorted((tmp_path / "r" / "data").glob("segments-*"))]
    again = run(settings, tiny_prompts, tmp_path / "again")
    assert [p.read_bytes() for p in sorted((again.path / "data").glob("segments-*"))] == first


def test_a_site_that_is_not_there_is_refused_before_work(tiny, tiny_prompts, tmp_path):
    with pytest.raises(SiteError, match=r"resid\.9"):
        run(Settings(str(tiny), embedder="subject:resid.9", **SMALL), tiny_prompts, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_text_longer_than_the_context_is_read_in_part(tiny):
    subject = load_subject(Settings(str(tiny)))
    read = read_means(subject, ["w3 " * 500, "", "w3 w3"], "resid.1@mean")
    assert read.shape == (3, 16) and np.isfinite(read).all()
    assert read_means(subject, [], "resid.1@mean").shape == (0, 16)


def test_sentence_transformers_by_name(tiny, tmp_path, monkeypatch):
    loaded = []

    class Model:
        def __init__(self, name, **options):
            loaded.append((name, options["device"], options["trust_remote_code"]))

        def encode(self, texts, **_):
            return np.array([[len(t), 1.0] for t in texts], dtype=np.float32)

    monkeypatch.setitem(sys.modules, "sentence_transformers", types.SimpleNamespace(SentenceTransformer=Model))
    store = Run.create(tmp_path / "r", {})
    settings = Settings("documents", embedder="sentence:org/name", device="cpu")
    tool = embedder_of(store, settings, None, [])
    assert loaded == [("org/name", "cpu", False)] and tool.embed(["abc"]).shape == (1, 2)
    assert embedder_of(store, Settings("documents"), None, []) is None


def test_a_sentence_model_that_cannot_be_had_is_said_before_work(tiny, tiny_prompts, tmp_path, monkeypatch):
    settings = Settings(str(tiny), embedder="sentence:org/none", **SMALL)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"forepath\[sentence\]"):
        run(settings, tiny_prompts, tmp_path / "r")

    def refuse(*_args, **_options):
        raise OSError("no such repository")

    monkeypatch.setitem(sys.modules, "sentence_transformers", types.SimpleNamespace(SentenceTransformer=refuse))
    with pytest.raises(InputError, match=r"org/none.*no such repository"):
        run(settings, tiny_prompts, tmp_path / "r")
    assert not (tmp_path / "r").exists()
