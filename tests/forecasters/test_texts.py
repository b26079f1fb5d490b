"""Forecasters of texts, and language models as forecasters: on tiny models, built from nothing."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parents[1] / "subjects"))
from tiny_subjects import make, tiny_model, word_tokenizer

from forepath.checks import check_forecaster, check_text_forecaster
from forepath.errors import ContractError, InputError, MismatchError, PromptError, UnfittedError
from forepath.forecasters import ClosedForm
from forepath.forecasters.chain import retrofit
from forepath.forecasters.finetuned import FineTuned, encoder, lora
from forepath.forecasters.loading import load
from forepath.forecasters.saving import Origin
from forepath.forecasters.texts import EmbeddingReader, SubjectReader, TextForecaster, TfidfReader
from forepath.records import Futures, Policy

ORIGIN = Origin("subject-1", "book-1", "resid.2", Policy(), 40, 8, 0)
THEMES = ("a", "b", "end")


def prompts_of(count, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(f"w{n}" for n in rng.integers(2, 60, size=rng.integers(3, 9))) + f" w{60 + i % 30}"
            for i in range(count)]  # fmt: skip


PROMPTS = prompts_of(24)


def swapped(count=120, seed=0):
    """(prompts, futures): w5 as the last word but one says a then b, else b then a."""
    rng = np.random.default_rng(seed)
    prompts, steps = [], []
    for _ in range(count):
        words = [f"w{n}" for n in rng.integers(10, 14, size=4)]
        first = int(rng.random() < 0.5)
        if first == 0:
            words[-2] = "w5"
        prompts.append(" ".join(words))
        flip = rng.random(8) < 0.1
        start = np.where(flip, 1 - first, first)
        steps.append(np.stack([start, 1 - start, np.full(8, 2)], 1))
    return prompts, Futures(THEMES, np.array(steps, dtype=np.int16))


class Lengths:
    """An embedding of nothing but the number of words and letters."""

    def embed(self, texts):
        return np.array([[len(t.split()), len(t)] for t in texts], dtype=float).reshape(-1, 2)


@pytest.mark.parametrize(
    "reader", [TfidfReader, lambda: EmbeddingReader(Lengths()), lambda: SubjectReader(make(), "resid.2")]
)
def test_readers_with_any_head_keep_the_contract(reader):
    check_text_forecaster(lambda: TextForecaster(reader(), ClosedForm()), PROMPTS)


def test_the_contract_of_texts_catches_a_rival_that_reads_its_neighbours():
    class Neighbours(TextForecaster):
        def predict(self, prompts):
            return super().predict([*prompts[1:], prompts[0]] if not isinstance(prompts, str) else prompts)

    with pytest.raises(ContractError, match=r"another order|the same alone"):
        check_text_forecaster(lambda: Neighbours(TfidfReader(), ClosedForm()), PROMPTS)


def test_words_are_read_and_new_words_say_nothing():
    prompts, futures = swapped(200)
    rival = TextForecaster(TfidfReader(), ClosedForm()).fit(prompts, futures)
    asked = rival.predict(["w5 w11", "w12 w11", "entirely new"]).steps[:, 0, 0]
    assert asked[0] > 0.7 > 0.4 > asked[1]
    assert np.isfinite(asked).all()
    assert np.array_equal(rival.predict(["one thing"]).steps, rival.predict(["another"]).steps)


def test_what_is_no_list_of_prompts_is_refused():
    futures = Futures(THEMES, np.zeros((2, 2, 2), dtype=np.int16))
    with pytest.raises(PromptError, match="prompt 1 is a int"):
        TextForecaster(TfidfReader(), ClosedForm()).fit(["a", 3], futures)
    with pytest.raises(InputError, match="no words"):
        TextForecaster(TfidfReader(), ClosedForm()).fit(["", "…"], futures)
    with pytest.raises(UnfittedError):
        TfidfReader().read(["a"])
    with pytest.raises(InputError, match=r"came back as \(2,\)"):
        EmbeddingReader(type("Flat", (), {"embed": lambda self, t: np.zeros(len(t))})()).read(["a", "b"])


@pytest.mark.parametrize("kind", ["llama", pytest.param("gpt2", marks=pytest.mark.slow)])
def test_lora_reads_what_the_site_it_starts_from_does_not_tell(kind, tmp_path):
    pytest.importorskip("peft")
    subject = make(kind)
    before = {n: p.clone() for n, p in subject.model.named_parameters()}
    prompts, futures = swapped()
    ours = lora(subject, site="resid.0", layers=2, rank=4, steps=80, rate=5e-3).fit(prompts, futures)
    print(kind, ours.losses, ours.share)
    assert min(ours.losses) < ours.losses[0] - 0.1 and ours.share > 0
    assert all(torch.equal(p, before[n]) for n, p in subject.model.named_parameters())  # the subject is left alone
    trained = {n for n, p in ours._writer.trunk.named_parameters() if p.requires_grad and "lora" in n}
    assert trained and not any(".0." in n.split("lora")[0] for n in trained)  # blocks 2 and 3 of 3
    unseen, samples = swapped(seed=1)
    assert -ours.log_probs(unseen, samples).mean() < 0.9 * ours.losses[0]
    ours.save(tmp_path, ORIGIN)
    back = lora(subject, site="resid.0").restore(tmp_path, subject="subject-1")
    assert np.array_equal(back.predict(unseen).steps, ours.predict(unseen).steps)


def test_lora_keeps_the_contract_and_refuses_what_makes_no_sense():
    pytest.importorskip("peft")
    subject = make()
    check_text_forecaster(lambda: lora(subject, site="resid.3", layers=1, rank=2, steps=4), PROMPTS)
    with pytest.raises(InputError, match="has 3"):
        lora(subject, site="resid.3", layers=4)


def test_a_small_encoder_is_trained_whole_and_keeps_the_contract():
    def make_encoder():
        return FineTuned(
            tiny_model(), word_tokenizer(), TfidfReader(), name="tiny", tune="all", layers=2, steps=4, rate=2e-3
        )

    check_text_forecaster(make_encoder, PROMPTS)


def test_an_encoder_starts_from_what_its_words_say_under_the_head_of_tfidf():
    from forepath.forecasters import LinearForecaster
    from forepath.stats.losses import mean_loss

    prompts, futures = swapped(200)
    unseen, after = swapped(200, seed=1)
    ours = FineTuned(tiny_model(), word_tokenizer(), TfidfReader(), name="tiny", tune="all", layers=1, steps=0)
    loss = mean_loss(ours.fit(prompts, futures).predict(unseen), after)
    reader = TfidfReader().fit(prompts)
    rival = mean_loss(LinearForecaster("none").fit(reader.read(prompts), futures).predict(reader.read(unseen)), after)
    assert loss == pytest.approx(rival, abs=0.02)
    assert not ours._writer.base.standardise  # its rare words would drown the others


def test_an_encoder_is_trained_from_a_local_checkpoint_and_read_back_without_it(tmp_path):
    tiny_model().save_pretrained(tmp_path / "model")
    word_tokenizer().save_pretrained(tmp_path / "model")
    prompts, futures = swapped(24)
    ours = encoder(str(tmp_path / "model"), steps=20, rate=5e-3).fit(prompts, futures)
    ours._writer.trained = replace(ours._writer.trained, share=1.0)  # so that the model's own part is compared, too
    ours.save(tmp_path / "saved", ORIGIN)
    shutil.rmtree(tmp_path / "model")
    back = load(tmp_path / "saved", subject="subject-1")
    unseen, _ = swapped(seed=1)
    assert np.array_equal(back.predict(unseen).steps, ours.predict(unseen).steps)
    ours._writer.trained = replace(ours._writer.trained, share=0.0)
    assert not np.allclose(back.predict(unseen).steps, ours.predict(unseen).steps, atol=1e-3)
    with pytest.raises(InputError, match="read back"):
        back.fit(prompts, futures)
    with pytest.raises(MismatchError):
        load(tmp_path / "saved", subject="another")


@pytest.mark.parametrize("kind", [pytest.param("llama", marks=pytest.mark.slow), "gpt2"])
def test_a_language_model_is_retrofitted_and_keeps_the_contract(kind, tmp_path):
    from test_forecaster_contract import reloaded

    tiny_model(kind).save_pretrained(tmp_path / "model")
    word_tokenizer().save_pretrained(tmp_path / "model")
    two = np.random.default_rng(0).standard_normal((40, 2, 3))
    check_forecaster(lambda: retrofit(str(tmp_path / "model"), steps=4), two, reload=reloaded(tmp_path))


@pytest.mark.slow
def test_a_retrofitted_model_learns_what_no_first_order_chain_can(tmp_path):
    from test_chain import world

    tiny_model().save_pretrained(tmp_path)
    word_tokenizer().save_pretrained(tmp_path)
    x, futures = world(prompts=100)
    ours = retrofit(str(tmp_path), steps=120, rate=3e-3).fit(x, futures)
    print(ours.losses)
    assert ours.losses[0] - min(ours.losses) > 0.3 and ours.share > 0
