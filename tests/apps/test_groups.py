"""Prompts of one group on one side of every split, from the command's option to the notes of the table."""

from dataclasses import replace

import pytest

from forepath.apps.labelling import read_folds
from forepath.apps.pipeline import run
from forepath.apps.runs import open_run
from forepath.apps.settings import Settings
from forepath.errors import PromptError
from forepath.records import Policy

SMALL = {"samples": 4, "policy": Policy(max_tokens=8), "horizon": 1, "prompts_per_item": 24}


def test_no_group_is_in_two_folds(tiny, tiny_prompts, words, tmp_path):
    settings = Settings(str(tiny), codebook=str(words), group="author", test_share=0.3, validation_share=0.3, **SMALL)
    store = run(settings, tiny_prompts, tmp_path / "r")
    assert store.config["settings"]["group"] == "author"
    folds = read_folds(store, settings)
    of_author = {}
    for prompt, fold in zip(folds.prompts, folds.folds, strict=True):
        of_author.setdefault(prompt.extra["author"], set()).add(str(fold))
    assert all(len(found) == 1 for found in of_author.values()) and len(of_author) == 8
    notes = " ".join(open_run(tmp_path / "r").scores().notes)
    assert "'author' are in one fold" in notes and "too narrow" in notes
    # the oracle can fail: by prompt, authors are torn apart
    loose = replace(settings, group=None)
    assert any(len({loose.fold_of(p) for p in tiny_prompts if p.extra["author"] == a}) > 1 for a in of_author)


def test_too_few_groups_and_missing_columns_are_refused_before_work(tiny, tiny_prompts, words, tmp_path):
    same = [replace(p, extra={"author": "one"}) for p in tiny_prompts]
    lacking = [*tiny_prompts[:-1], replace(tiny_prompts[-1], extra={})]
    for prompts, says in ((same, r"1 groups by 'author' leave the fold"), (lacking, "to group it by")):
        with pytest.raises(PromptError, match=says):
            run(Settings(str(tiny), codebook=str(words), group="author", **SMALL), prompts, tmp_path / "r")
        assert not (tmp_path / "r").exists()
