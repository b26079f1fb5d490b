"""The subject a run was begun with: its commit pinned, its files compared before anything is loaded."""

import json
import shutil
from pathlib import Path

import pytest

from forepath.apps import models
from forepath.apps.pipeline import resume, run
from forepath.apps.runs import open_run
from forepath.apps.settings import Settings
from forepath.errors import MismatchError
from forepath.records import Policy
from forepath.store import Run

SMALL = {"samples": 4, "policy": Policy(max_tokens=10), "horizon": 1, "prompts_per_item": 24}


@pytest.fixture
def hub(tiny, tmp_path, monkeypatch):
    """A hub with two commits of one model; `asked` are the revisions that were asked for."""
    import huggingface_hub

    folder = tmp_path / "hub" / "models--org--tiny" / "snapshots"
    for commit, spread in (("aaa111", 1.0), ("bbb222", 2.0)):
        shutil.copytree(tiny, folder / commit)
        config = json.loads((folder / commit / "config.json").read_text())
        (folder / commit / "config.json").write_text(json.dumps({**config, "rope_theta": 1e4 * spread}))
    asked: list[str | None] = []
    newest = ["aaa111"]

    def snapshot_download(name, *, revision=None, allow_patterns=None):
        assert name == "org/tiny" and allow_patterns
        asked.append(revision)
        return str(folder / (newest[0] if revision in (None, "main") else revision))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return asked, newest


def test_a_run_on_a_hub_id_goes_on_with_its_commit(hub, tiny_prompts, words, tmp_path):
    asked, newest = hub
    settings = Settings("org/tiny", codebook=str(words), **SMALL)
    store = run(settings, tiny_prompts, tmp_path / "r")
    assert store.config["revision"] == "aaa111" and set(asked) == {None}
    newest[0] = "bbb222"  # the hub moves on
    asked.clear()
    resume(tmp_path / "r")
    assert set(asked) == {"aaa111"}
    assert open_run(tmp_path / "r").subject.fingerprint == store.config["subject"]
    with pytest.raises(Exception, match="revision: 'aaa111' there, 'bbb222' asked"):
        run(settings, tiny_prompts, tmp_path / "r")


def test_files_that_changed_are_found_before_they_are_loaded(tiny, tiny_prompts, words, tmp_path, monkeypatch):
    mine = Path(shutil.copytree(tiny, tmp_path / "mine"))
    run(Settings(str(mine), codebook=str(words), **SMALL), tiny_prompts, tmp_path / "r")
    weights = bytearray((mine / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (mine / "model.safetensors").write_bytes(weights)
    monkeypatch.setattr(models, "load_subject", lambda _: pytest.fail("loaded before it was compared"))
    for go_on in (lambda: resume(tmp_path / "r"), lambda: open_run(tmp_path / "r").subject):
        with pytest.raises(MismatchError, match=r"files .*old weights"):
            go_on()


def test_a_run_of_before_there_were_pins_is_compared_after_loading(tiny, tiny_prompts, words, tmp_path):
    store = run(Settings(str(tiny), codebook=str(words), **SMALL), tiny_prompts, tmp_path / "r")
    config = {k: v for k, v in store.config.items() if k not in ("files", "revision")}
    old = Run.create(tmp_path / "old", {**config, "subject": "f00d"})
    with pytest.raises(MismatchError, match=r"subject f00d"):
        _ = open_run(old.path).subject


def test_the_front_door_loads_a_bundled_model_by_its_name(monkeypatch):
    import forepath
    from forepath.subjects import checkpoint

    monkeypatch.setattr(checkpoint, "resolve", lambda path, **_: path if Path(path).is_dir() else pytest.fail("asked"))
    assert forepath.load("documents", dtype="float32").name == "documents"
    with pytest.raises(pytest.fail.Exception):  # any other name is a directory or a hub id
        forepath.load("document")
