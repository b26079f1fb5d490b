"""Blocks that training leaves alone: passed over, the model must say what it says in one piece."""

import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parents[1] / "subjects"))
from tiny_subjects import tiny_model

from forepath.forecasters import frozen
from forepath.forecasters.frozen import Frozen, blocks_of
from forepath.forecasters.language_trunk import PAD, LanguageTrunk, _of_like_length

KINDS = ["llama", "gpt2", "gpt_neox", "opt", "bloom", "mistral"]
ROWS = [torch.tensor([5, 9, 3, 7, 2, 8]), torch.tensor([4, 6]), torch.tensor([5, 9, 3])]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [1, 2])
def test_cut_in_two_it_gives_what_the_whole_model_gives(kind, depth):
    whole = tiny_model(kind).base_model.float().eval()
    body = deepcopy(whole)
    cut = Frozen(body, depth)
    streams = cut.streams(ROWS)
    for row, stream in zip(ROWS, streams, strict=True):
        with torch.inference_mode():
            alone = whole(input_ids=row[None], output_hidden_states=True)
            above = cut.above(stream[None], inputs_embeds=torch.zeros_like(stream)[None])
        assert torch.allclose(stream, alone.hidden_states[depth][0], atol=1e-5)
        assert torch.allclose(above.last_hidden_state, alone.last_hidden_state, atol=1e-5)
    with torch.inference_mode():  # the oracle can fail: another stream gives something else
        other = cut.above(streams[2].flip(0)[None], inputs_embeds=torch.zeros_like(streams[2])[None])
    assert not torch.allclose(other.last_hidden_state, alone.last_hidden_state, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_themes_written_after_a_cut_prompt_depend_on_all_before(kind):
    torch.manual_seed(0)
    body = tiny_model(kind).base_model.float()
    trunk = LanguageTrunk(body, themes=4, width=None, frozen=Frozen(body, 1)).eval()
    torch.nn.init.normal_(trunk.leave.weight)
    rows = torch.full((3, 6), PAD)
    for i, row in enumerate(ROWS):
        rows[i, 6 - len(row) :] = row
    with torch.inference_mode():
        first, memory = trunk.read(rows)
        owner, themes = torch.tensor([2, 0, 1, 0]), torch.tensor([[1, 2], [3, 0], [1, 2], [3, 3]])
        later = trunk.write(memory, owner, themes)
        for i, row in enumerate(ROWS):  # alone, without padding
            alone, kept = trunk.read(row[None])
            assert torch.allclose(first[i], alone[0], atol=1e-4)
            for n in torch.nonzero(owner == i).flatten().tolist():
                ours = trunk.write(kept, torch.tensor([0]), themes[n : n + 1])[0]
                assert torch.allclose(later[n], ours, atol=1e-4)
        assert torch.allclose(later[1, 0], later[3, 0], atol=1e-5)  # same prompt, same first theme
        assert not torch.allclose(later[1, 1], later[3, 1], atol=1e-3)  # another second one
        assert not torch.allclose(later[0], later[2], atol=1e-3)  # another prompt
        assert trunk._together is (kind != "bloom")  # it takes a mask of its own only
        trunk._together = False
        assert torch.allclose(trunk.write(memory, owner, themes), later, atol=1e-4)
        trunk._together = None
        last = trunk.write(memory, owner, themes, last=True)
        assert torch.allclose(last[:, 0], later[:, 1], atol=1e-5)


def test_prompts_are_read_once_and_not_through_dropout(monkeypatch):
    body = tiny_model("gpt2").base_model.float()
    for module in body.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
    cut = Frozen(body, 2)
    body.train()
    first = cut.streams(ROWS)
    assert body.training
    calls = []
    monkeypatch.setattr(cut, "_read", lambda rows: calls.append(len(rows)))
    again = cut.streams(ROWS)
    assert not calls and all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    monkeypatch.undo()
    cut.forget()
    monkeypatch.setattr(frozen, "KEPT", 0)  # too large to be kept: read again, to the same
    again = cut.streams(ROWS)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not cut._kept


def test_groups_hold_prompts_of_like_length_and_each_once():
    lengths = torch.tensor([0, 200, 5, 180, 90, 0, 3, 100, 199])
    groups = _of_like_length(lengths)
    assert sorted(torch.cat(groups).tolist()) == list(range(9))
    for group in groups:
        mine = lengths[group]
        assert 4 * int(mine.min()) >= 3 * int(mine.max()) - 16
        assert int(mine.min()) > 0 or int(mine.max()) == 0  # without tokens: among themselves
    assert len(_of_like_length(torch.full((1000,), 100))) == 13  # 81 at a time


def test_blocks_are_found():
    assert len(blocks_of(tiny_model().base_model)) == 3
