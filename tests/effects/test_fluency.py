"""Surprise under the base model is what the model itself says, and guards count what they say."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parents[1] / "subjects"))
from tiny_subjects import make

from forepath.effects.fluency import surprises
from forepath.effects.guards import guard_table, variety
from forepath.records import Policy, Trajectory
from forepath.subjects.interventions.making import ablate
from forepath.subjects.sampling import sample


def test_surprise_is_the_mean_loss_of_the_written_tokens():
    subject = make("llama")
    prompts = ["w5 w6 w7", "w8 w9 w10 w11 w12", "w3"]
    own, _ = sample(subject, prompts, samples=3, policy=Policy(max_tokens=9))
    other, _ = sample(subject, prompts, samples=3, policy=Policy(max_tokens=9), intervention=ablate("layer:2"))
    found = surprises(subject, own)
    for t in own:
        ids = [*subject.encode([t.prompt])[0], *t.tokens]
        with torch.inference_mode():
            odds = subject.model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        begin = len(ids) - len(t.tokens)
        by_hand = [-odds[i - 1, ids[i]].item() for i in range(begin, len(ids))]
        assert found[t.id] == pytest.approx(np.mean(by_hand), rel=1e-4) if t.tokens else np.isnan(found[t.id])
    assert np.nanmean(list(surprises(subject, other).values())) > np.nanmean(list(found.values()))


def test_guards_are_read_off_texts():
    texts = ["a b c d a b c d", "one two three", ""]
    rows = [Trajectory(f"{i}/0", "s", str(i), "", 0, (1,) * i, t, i > 0) for i, t in enumerate(texts)]
    table = guard_table(rows, {"0/0": 1.5})
    read = dict(zip(table.names, table.values.T, strict=True))
    np.testing.assert_allclose(read["guard: repeated phrases"], [1 / 5, np.nan, np.nan])
    np.testing.assert_allclose(read["guard: distinct pairs"], [4 / 7, 1.0, np.nan])
    assert read["guard: tokens"].tolist() == [0, 1, 2] and read["guard: finished"].tolist() == [0, 1, 1]
    np.testing.assert_allclose(read["guard: surprise"], [1.5, np.nan, np.nan])
    alike = variety([rows[1], rows[1]], np.array([0, 0]), 2)
    assert alike[0] == 3 / 5 and np.isnan(alike[1])
