"""A change told in words is the record that its function makes; a wrong word is answered by what there is."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from forepath.apps.phrases import FUNCTIONS, READERS, read_phrase, wanted_types
from forepath.errors import InputError, InterventionError
from forepath.subjects.interventions import making, vectors


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_file({"W": np.eye(4, dtype=np.float32), "verse": np.ones(4, dtype=np.float32)}, "v.safetensors")
    (tmp_path / "a.txt").write_text("one text\n\nanother\n")
    (tmp_path / "b.txt").write_text("5\n")
    (tmp_path / "nul.txt").write_text("one\0text\n")
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "corrupt.safetensors").write_bytes(b"no safetensors at all")
    return tmp_path


def told(phrase):
    return read_phrase(phrase, lambda: ["of the run"])


def test_every_kind_can_be_told(files):
    texts = ["one text", "another"]
    verse, rows = making.stored("v.safetensors", "verse"), [making.stored("v.safetensors", "W", row=r) for r in (1, 3)]
    cases = {
        "ablate head:3.5": making.ablate("head:3.5"),
        "ablate mlp:2 how=mean": making.ablate("mlp:2", "mean", texts=["of the run"]),
        "ablate resid.3 how=resample texts=@a.txt along=@v.safetensors:W:1,3": making.ablate(
            "resid.3", "resample", texts=texts, along=rows
        ),
        "add resid.2 vector=@v.safetensors:verse coefficient=-2 where=[0,-1]": making.add(
            "resid.2", verse, coefficient=-2, where=[0, -1]
        ),
        "add resid.2 toward=@a.txt away=@b.txt read=mean unit=true": making.add(
            "resid.2", making.contrast(texts, ["5"], read="mean", unit=True)
        ),
        "actadd resid.2 positive='Once upon' negative=5 coefficient=4": making.actadd(
            "resid.2", "Once upon", "5", coefficient=4
        ),
        "clamp resid.2 vector=[1,0,0,0] value=2 where=last": making.clamp("resid.2", [1, 0, 0, 0], 2, where="last"),
        "project_out resid.2 vectors=@v.safetensors:verse": making.project_out("resid.2", [verse]),
        "sparsify hidden:1 keep=0.5": making.sparsify("hidden:1", 0.5),
        "patch resid.1 source='Dear Sir' positions=-2": making.patch("resid.1", "Dear Sir", positions=[-2]),
        "quantise bits=4 group=32": making.quantise(4, group=32),
        "edit mlp:3 keys=@a.txt background=@b.txt target=' wool'": making.edit(
            "mlp:3", texts, ["5"], target=" wool"
        ),
        "prompt prefix='Dear ' system='Be brief.'": making.prompted("Dear ", system="Be brief."),
        "policy temperature=0.5 stop=END": making.sampled(temperature=0.5, stop=["END"]),
        "swap directory=.": making.swap("."),
        "adapter directory=. scale=0.5": making.adapter(".", scale=0.5),
    }  # fmt: skip
    for phrase, made in cases.items():
        assert told(phrase) == made, phrase
    assert {phrase.split()[0] for phrase in cases} == set(FUNCTIONS) == set(making.KINDS)


@pytest.mark.parametrize(
    ("phrase", "says"),
    [
        ("", "one of ablate, add"),
        ("enchant resid.1", "one of ablate, add"),
        ("ablate 'head:1.0", "close the quotation"),
        ("ablate head:1.0 zero", "no NAME=VALUE"),
        ("ablate how=zero", "ablate takes site, how"),
        ("quantise bit=4", "quantise takes bits, group"),
        ("quantise bits=many", "quantise takes bits, group"),
        ("policy heat=2", "policy has no"),
        ("add resid.2 toward=@a.txt", "toward=@FILE and away=@FILE"),
        ("project_out resid.2 vectors=@v.safetensors", "KEY:ROW,ROW"),
        ("project_out resid.2 vectors=@gone.safetensors:W", "cannot be read"),
        ("edit mlp:1 keys=@gone.txt background=@a.txt target=x", "cannot be read as text"),
    ],
)
def test_what_cannot_be_read_is_answered_by_what_there_is(files, phrase, says):
    with pytest.raises(InputError, match=says):
        told(phrase)


@pytest.mark.parametrize(
    ("phrase", "names", "wants"),
    [
        ("policy temperature=abc", "temperature='abc'", "a finite number"),
        ("policy temperature=NaN", "temperature='NaN'", "a finite number"),
        ("policy temperature=true", "temperature='true'", "a finite number"),
        ("policy top_k=1.5", "top_k='1.5'", "a whole number"),
        ("policy stop=5", "stop='5'", "a text, @FILE"),
        ("policy max_tokens=2.5", "max_tokens='2.5'", "a whole number"),
        ("add resid.1 toward=5 away=x", "toward='5'", "a text, @FILE"),
        ("add resid.1 toward=x away=y unit=1", "unit='1'", "true or false"),
        ("add resid.1 vector=5", "vector='5'", "@FILE.safetensors:KEY"),
        ("add resid.1 vector=[1,true]", "vector='[1,true]'", "@FILE.safetensors:KEY"),
        ("add resid.1 vector=@v.safetensors:W:1,2", "vector", "one vector"),
        ("add resid.1 vector=[1,0] where=[0.5]", "where='[0.5]'", "all, prompt"),
        ("add resid.1 vector=[1,0] coefficient=2 coefficient=4", "coefficient", "give it once"),
        ("edit mlp:1 keys=5 background=x target=y", "keys='5'", "a text, @FILE"),
        ("edit mlp:1 keys=a background=x target=y steps=x", "steps='x'", "a whole number"),
        ("edit mlp:1 keys=a background=x target=y rate=x", "rate='x'", "a finite number"),
        ("patch resid.1 source=a positions=x", "positions='x'", "a position"),
        ("ablate head:1.0 how=mean texts=5", "texts='5'", "a text, @FILE"),
        ("ablate resid.1 along=[1,0]", "along='[1,0]'", "a list of lists"),
        ("clamp resid.1 value=1 vector=@corrupt.safetensors:x", "vector", "give a safetensors file"),
        ("clamp resid.1 value=1 vector=@v.safetensors:x", "vector", "it has W, verse"),
        ("clamp resid.1 value=1 vector=@v.safetensors:W:4", "vector", "no row 4"),
        ("clamp resid.1 value=1 vector=@a.txt", "vector", "wanted @FILE.safetensors:KEY"),
        ("clamp resid.1 value=@b.txt vector=[1,0]", "value='@b.txt'", "a finite number"),
        ("prompt prefix=@nul.txt", "prefix", "give a UTF-8 file"),
        ("prompt prefix=@a\0b", "prefix", "give a UTF-8 file"),
        ("prompt prefix=@empty.txt", "prefix", "give a UTF-8 file"),
        ("quantise bits=4.5", "bits='4.5'", "a whole number"),
        ("quantise bits=4 group=2.5", "group='2.5'", "a whole number"),
    ],
)
def test_a_value_of_another_type_is_named_with_what_is_wanted(files, phrase, names, wants):
    with pytest.raises(InputError) as caught:
        told(phrase)
    said = str(caught.value).removeprefix(repr(phrase))
    assert names in said and wants in said


def test_a_file_is_one_text_where_one_is_wanted(files):
    whole = "one text\n\nanother"
    assert told("prompt prefix=@a.txt") == making.prompted(whole)
    assert told("actadd resid.1 positive=@a.txt") == making.actadd("resid.1", whole)
    assert told("policy stop=@a.txt") == making.sampled(stop=["one text", "another"])


def test_every_type_of_an_argument_can_be_read():
    assert {said for kind in FUNCTIONS for said in wanted_types(kind).values()} <= set(READERS)


def test_a_record_of_a_corrupt_file_is_answered_when_it_is_applied(files):
    with pytest.raises(InterventionError, match="no safetensors file"):
        vectors.resolve(None, None, making.stored("corrupt.safetensors", "x"))
