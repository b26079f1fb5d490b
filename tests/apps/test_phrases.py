"""A change told in words is the record that its function makes; a wrong word is answered by what there is."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from forepath.apps.phrases import FUNCTIONS, read_phrase
from forepath.errors import InputError
from forepath.subjects.interventions import making


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_file({"W": np.eye(4, dtype=np.float32), "verse": np.ones(4, dtype=np.float32)}, "v.safetensors")
    (tmp_path / "a.txt").write_text("one text\n\nanother\n")
    (tmp_path / "b.txt").write_text("5\n")
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
