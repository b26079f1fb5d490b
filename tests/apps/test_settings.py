"""Settings: what is refused at the door, lists with commas in them, folds by group."""

import pytest

from forepath.apps.settings import Settings, settings_of
from forepath.errors import InputError, PromptError
from forepath.store import Prompt


@pytest.mark.parametrize(
    ("change", "says"),
    [({"capture_dtype": "int8"}, "float32, float16, bfloat16"), ({"dtype": "int3"}, "choose auto, float32"),
     ({"device_map": "wide"}, "choose auto, balanced"), ({"device_map": "auto", "device": "cpu"}, "one of them"),
     ({"embedder": "bert"}, "sentence:PATH_OR_ID"),
     ({"embedder": "sentence:"}, "sentence:PATH_OR_ID"), ({"labeller": "llm"}, "codebook or endpoint"),
     ({"labeller": "endpoint"}, "endpoint=URL"),
     ({"labeller": "endpoint", "endpoint": "http://h/v1"}, "endpoint_model")],
)  # fmt: skip
def test_wrong_settings_are_refused(change, says):
    with pytest.raises(InputError, match=says):
        Settings("documents", **change)


def test_new_settings_come_from_the_command_line_and_survive_the_manifest():
    pairs = ["labeller=endpoint", "endpoint=http://localhost:1/v1", "endpoint_model=m", "capture_dtype=bfloat16",
             "embedder=subject:resid.2", "group=author", "revision=main"]  # fmt: skip
    made = settings_of(pairs, subject="documents")
    assert (made.labeller, made.endpoint_model, made.embedder) == ("endpoint", "m", "subject:resid.2")
    assert Settings.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("text", "stop"),
    [("###", ("###",)), ("a,b", ("a", "b")), ('["\\n\\n", ", then"]', ("\n\n", ", then")), ('["[x]"]', ("[x]",))],
)
def test_stop_texts_can_hold_commas_and_line_breaks(text, stop):
    assert settings_of([f"stop={text}"], subject="documents").policy.stop == stop


@pytest.mark.parametrize("text", ['["a"', '["a", 3]', '[""]', '[["a"]]'])
def test_a_list_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="JSON list"):
        settings_of([f"stop={text}"], subject="documents")


def test_prompts_of_one_group_are_in_one_fold_and_groups_spread_over_folds():
    settings = Settings("documents", group="book")
    folds = {}
    for i in range(900):
        folds.setdefault(i // 9, set()).add(settings.fold_of(Prompt(str(i), "", {"book": i // 9})))
    assert all(len(found) == 1 for found in folds.values())
    assert {fold for found in folds.values() for fold in found} == {"train", "validation", "test"}
    ungrouped = Settings("documents")
    assert len({ungrouped.fold_of(Prompt(str(i), "", {"book": 0})) for i in range(90)}) == 3


@pytest.mark.parametrize("extra", [{}, {"author": None}, {"author": ""}])
def test_a_prompt_without_its_group_is_named(extra):
    with pytest.raises(PromptError, match=r"'Once upon.*no 'author'.*--group"):
        Settings("documents", group="author").fold_of(Prompt("p", "Once upon a time", extra))
