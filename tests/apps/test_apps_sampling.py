"""What is found before it is committed, how activations are kept, the projection of wide vocabularies."""

import numpy as np
import pytest

from forepath.apps import sampling
from forepath.apps.labelling import read_folds, read_labelled
from forepath.apps.pipeline import resume, run
from forepath.apps.runs import open_run
from forepath.apps.sampling import WIDEST_LOGITS, Narrowing, check_finite
from forepath.apps.settings import Settings
from forepath.errors import ActivationError, InputError, RunIncompleteError
from forepath.records import Policy
from forepath.store import Run

SMALL = {"samples": 4, "policy": Policy(max_tokens=10), "horizon": 2, "prompts_per_item": 16}


def test_activations_that_are_not_finite_are_named_before_they_are_kept(
    tiny, tiny_prompts, words, tmp_path, monkeypatch
):
    import forepath.subjects.sampling as subjects_sampling

    true_sample, calls = subjects_sampling.sample, []

    def broken(*args, **options):
        trajectories, activations = true_sample(*args, **options)
        calls.append(1)
        if len(calls) == 2:
            activations["resid.2"][3, 5] = np.inf
        return trajectories, activations

    monkeypatch.setattr(subjects_sampling, "sample", broken)
    settings = Settings(str(tiny), codebook=str(words), **SMALL)
    with pytest.raises(ActivationError, match=f"resid.2 of prompt {tiny_prompts[19].id}") as error:
        run(settings, tiny_prompts, tmp_path / "r")
    assert "stays" in str(error.value)
    store = Run.open(tmp_path / "r")
    assert store.done("activations") == store.done("trajectories") == {"group-000000"}
    resume(tmp_path / "r")  # the third call: the group is whole now
    assert open_run(tmp_path / "r").scores().rows


def test_every_wrong_site_and_prompt_is_listed():
    values = np.ones((3, 4), dtype=np.float32)
    check_finite({"a": values, "b": values}, ["p", "q", "r"], "float32")
    bad = values.copy()
    bad[0, 1], bad[2, 2] = np.nan, -np.inf
    with pytest.raises(ActivationError, match=r"\(2\): b of prompt p, b of prompt r; .*dtype=float32"):
        check_finite({"a": values, "b": bad}, ["p", "q", "r"], "float32")
    with pytest.raises(ActivationError, match=r"overflows float16.*bfloat16"):
        check_finite({"b": bad}, ["p", "q", "r"], "float16")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_activations_are_kept_as_asked(tiny, tiny_prompts, words, tmp_path, dtype):
    settings = Settings(str(tiny), codebook=str(words), capture_dtype=dtype, **SMALL)
    store = run(settings, tiny_prompts, tmp_path / "r")
    file = next((tmp_path / "r" / "data").glob("activations-*.safetensors"))
    assert ({"float16": b'"F16"', "bfloat16": b'"BF16"'}[dtype]) in file.read_bytes()[:400]
    assert np.isfinite(store.arrays("activations", "resid.2")).all()
    opened = open_run(tmp_path / "r")
    first = opened.subject.activations([tiny_prompts[0].text], ["resid.2"])["resid.2"][0]
    assert np.allclose(store.arrays("activations", "resid.2")[0], first, atol=1e-2)
    assert opened.forecast("w5 w6").chains


def test_the_projection_is_drawn_once_and_keeps_lengths(monkeypatch):
    drawn = []
    true_rng = np.random.default_rng
    monkeypatch.setattr(sampling.np.random, "default_rng", lambda seed: drawn.append(seed) or true_rng(seed))
    narrow = Narrowing()
    wide = true_rng(1).standard_normal((3, WIDEST_LOGITS + 500)).astype(np.float32)
    first, second = narrow(wide), narrow(wide[:1])
    assert drawn == [0] and first.shape == (3, WIDEST_LOGITS)
    assert np.allclose(first[:1], second, atol=1e-4)
    assert np.allclose(np.linalg.norm(first, axis=1), np.linalg.norm(wide, axis=1), rtol=0.1)
    assert narrow(wide[:, :100]).shape == (3, 100)
    assert np.allclose(Narrowing()(wide), first, atol=1e-4)  # a resumed run draws the same


def test_only_the_shards_that_are_shown_are_read(tiny, tiny_prompts, words, tmp_path, monkeypatch):
    run(Settings(str(tiny), codebook=str(words), **SMALL), tiny_prompts, tmp_path / "r")
    opened, read = open_run(tmp_path / "r"), []
    true_table = Run.table
    monkeypatch.setattr(
        Run, "table", lambda self, family, *a, **k: read.append((family, k)) or true_table(self, family, *a, **k)
    )
    shown = opened.trajectories(prompts=10, samples=2)
    assert [len(group) for group in shown] == [2] * 10 and [g[0].prompt_id for g in shown] == [
        p.id for p in tiny_prompts[:10]
    ]
    assert [k for family, k in read if family == "trajectories"] == [{"items": ("group-000000",)}]
    read.clear()
    assert len(list(read_labelled(opened.store))) == 48 * 4
    assert len([1 for family, _ in read if family == "trajectories"]) == 3


def test_a_run_labelled_in_part_is_not_read_as_whole(tiny, tiny_prompts, words, tmp_path):
    settings = Settings(str(tiny), codebook=str(words), **SMALL)
    store = run(settings, tiny_prompts, tmp_path / "r")
    next((tmp_path / "r" / "commit").glob("segments-*.json")).unlink()
    with pytest.raises(RunIncompleteError, match="in part"):
        read_folds(Run.open(store.path), settings)


def test_texts_that_never_reach_a_second_theme_give_a_typed_error(tiny, tiny_prompts, tmp_path):
    """Every text is empty: the model may write nothing but one token, which is a stop text."""
    book = tmp_path / "b.json"
    book.write_text('{"version": 1, "themes": [{"name": "x", "patterns": ["zzz"]}]}')
    settings = Settings(str(tiny), codebook=str(book), samples=2, horizon=1, prompts_per_item=16,
                        policy=Policy(max_tokens=1))  # fmt: skip
    with pytest.raises(InputError, match="no layer can be chosen"):
        run(settings, tiny_prompts, tmp_path / "r")
