"""A Hugging Face subject writes and reads what `transformers` does, and batches change nothing."""

import numpy as np
import pytest
import torch
from tiny_subjects import VOCAB, make, tiny_model, word_tokenizer

from forepath.checks import check_subject
from forepath.errors import InputError, InterventionError, MemoryExhaustedError, PromptError, SiteError
from forepath.records import Intervention, Policy
from forepath.subjects.huggingface import HuggingFaceSubject
from forepath.subjects.sampling import sample


@pytest.fixture(scope="module")
def llama():
    return make("llama")


@pytest.fixture(scope="module")
def gpt2():
    return make("gpt2")


PROMPTS = ["w5 w6 w7", "w8 w9 w10 w11 w12 w13 w14", "w3", "w20 w21 w22 w23 w24"]


def generated(subject, prompt, tokens):
    """The greedy continuation by `transformers` itself, without the end token."""
    ids = torch.tensor(subject.encode([prompt]))
    out = subject.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False)
    return tuple(t for t in out[0, ids.shape[1] :].tolist() if t != 0)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gpt_neox", "opt", "mistral", "bloom"])
def test_greedy_is_token_for_token_that_of_generate(kind):
    subject = make(kind)
    trajectories, _ = sample(subject, PROMPTS, samples=2, policy=Policy(max_tokens=20, temperature=0))
    for i, prompt in enumerate(PROMPTS):
        expected = generated(subject, prompt, 20)
        assert [t.tokens for t in trajectories[2 * i : 2 * i + 2]] == [expected, expected]
    assert bool(subject.not_shared) == (kind in ("mistral", "bloom")), subject.not_shared


def test_the_shared_and_the_expanded_cache_write_the_same():
    subject = make("llama")
    assert subject.not_shared == ""
    policy = Policy(max_tokens=24)
    shared, _ = sample(subject, PROMPTS, samples=9, policy=policy)
    subject.not_shared = "not wanted"
    expanded, _ = sample(subject, PROMPTS, samples=9, policy=policy)
    assert [t.tokens for t in shared] == [t.tokens for t in expanded]
    assert len({len(t.tokens) for t in shared}) > 3, "rows should end at different steps for this to test dropping"


def test_the_probe_catches_a_broken_attention(monkeypatch):
    from forepath.subjects.prefix import SharedPrefix

    right = SharedPrefix.attend
    monkeypatch.setattr(SharedPrefix, "attend", lambda self, q, scale: right(self, q, scale * 1.3))
    assert "odds differ" in make("llama").not_shared
    monkeypatch.setattr(SharedPrefix, "keep", None)
    monkeypatch.setattr(SharedPrefix, "attend", lambda self, q, scale: 1 / 0)
    assert "ZeroDivisionError" in make("llama").not_shared


@pytest.mark.parametrize("kind", ["llama", "gpt2", "mistral"])
def test_a_trajectory_does_not_depend_on_its_batch(kind):
    subject = make(kind)
    policy = Policy(max_tokens=24)
    together, _ = sample(subject, PROMPTS, samples=8, seed=3, policy=policy)
    alone, _ = sample(subject, PROMPTS, samples=8, seed=3, policy=policy, max_rows=1)
    odd, _ = sample(subject, PROMPTS, samples=8, seed=3, policy=policy, max_rows=7)
    assert [t.tokens for t in together] == [t.tokens for t in alone] == [t.tokens for t in odd]
    other, _ = sample(subject, PROMPTS, samples=8, seed=4, policy=policy)
    assert [t.tokens for t in together] != [t.tokens for t in other]
    fewer, _ = sample(subject, PROMPTS[2:], samples=5, seed=3, policy=policy)
    assert [t.tokens for t in fewer] == [t.tokens for t in together if t.prompt in PROMPTS[2:] and t.id[-1] in "01234"]


def test_first_tokens_follow_the_softmax(llama):
    from scipy.stats import chisquare

    draws = 4000
    trajectories, _ = sample(llama, PROMPTS[:1], samples=draws, policy=Policy(max_tokens=1))
    counts = np.zeros(VOCAB)
    for t in trajectories:
        counts[t.tokens[0] if t.tokens else 0] += 1
    logits = llama.next_token_logits(PROMPTS[:1])[0].astype(float)
    expected = np.exp(logits - logits.max())
    expected *= draws / expected.sum()
    rare = expected < 5

    def pooled(x):
        return np.append(x[~rare], x[rare].sum())

    assert chisquare(pooled(counts), pooled(expected)).pvalue > 1e-3
    wrong = np.exp((logits - logits.max()) / 1.15)  # the oracle sees a temperature that is 15 % off
    wrong *= draws / wrong.sum()
    assert chisquare(pooled(counts), pooled(wrong)).pvalue < 1e-3


def test_the_contract(llama, gpt2):
    check_subject(llama, PROMPTS, capture=["resid.2", "logits"])
    check_subject(gpt2, PROMPTS, capture=["mlp_out.1"])


def test_sites_equal_what_transformers_reports(llama, gpt2):
    for subject in (llama, gpt2):
        names = ["resid.0", "resid.2", "resid.3:norm", "resid.1@mean", "resid.2@last3", "logits"]
        got = subject.activations(PROMPTS, names, batch_tokens=16)
        for i, prompt in enumerate(PROMPTS):
            ids = torch.tensor(subject.encode([prompt]))
            with torch.inference_mode():
                out = subject.model(input_ids=ids, output_hidden_states=True)
            hidden = [h[0].numpy() for h in out.hidden_states]
            close = {"rtol": 1e-4, "atol": 1e-5}
            np.testing.assert_allclose(got["resid.0"][i], hidden[0][-1], **close)
            np.testing.assert_allclose(got["resid.2"][i], hidden[2][-1], **close)
            np.testing.assert_allclose(got["resid.3:norm"][i], hidden[3][-1], **close)
            np.testing.assert_allclose(got["resid.1@mean"][i], hidden[1].mean(0), **close)
            np.testing.assert_allclose(got["logits"][i], out.logits[0, -1].numpy(), **close)
            last = hidden[2][-3:].reshape(-1)
            np.testing.assert_allclose(got["resid.2@last3"][i][-len(last) :], last, **close)
            assert np.isnan(got["resid.2@last3"][i][: -len(last)]).all()
            assert not np.allclose(got["resid.2"][i], hidden[1][-1], **close), "the oracle tells layers apart"


def test_residual_is_the_sum_of_what_the_parts_add(llama):
    parts = ["resid.1", "attn_out.2", "mlp_out.2", "resid.2"]
    got = llama.activations(PROMPTS, parts)
    np.testing.assert_allclose(sum(got[p] for p in parts[:3]), got["resid.2"], rtol=1e-4, atol=1e-5)


def test_captures_while_writing_are_those_of_the_text_so_far(llama):
    seeds = [1, 2, 3, 4]
    steps = list(llama.stream(PROMPTS, seeds=seeds, policy=Policy(max_tokens=6), capture=["resid.2", "logits"]))
    texts = list(PROMPTS)
    for step in steps:
        live = [i for i, token in enumerate(step.tokens) if token is not None]
        expected = llama.activations([texts[i] for i in live], ["resid.2", "logits"])
        for site, values in expected.items():
            np.testing.assert_allclose(step.activations[site][live], values, rtol=1e-3, atol=1e-4)
        texts = [t if token is None else f"{t} w{token}" for t, token in zip(texts, step.tokens, strict=True)]


def test_sampling_captures_the_prompt_once(llama):
    _, captured = sample(llama, PROMPTS, samples=3, policy=Policy(max_tokens=4), capture=["resid.2@mean", "logits"])
    expected = llama.activations(PROMPTS, ["resid.2@mean", "logits"])
    for site in expected:
        np.testing.assert_allclose(captured[site], expected[site], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_capture_dtype(dtype):
    subject = make("llama", capture_dtype=dtype)
    got = subject.activations(PROMPTS, ["resid.3"])["resid.3"]
    full = make("llama").activations(PROMPTS, ["resid.3"])["resid.3"]
    assert got.dtype == (np.float16 if dtype == "float16" else np.float32)
    assert 0 < np.abs(got.astype(np.float32) - full).max() < 0.05


def test_the_prompt_is_read_once_for_all_its_rows(llama, monkeypatch):
    read = []
    forward = llama.model.forward

    def counting(*args, **kwargs):
        read.append(tuple(kwargs["input_ids"].shape))
        return forward(*args, **kwargs)

    monkeypatch.setattr(llama.model, "forward", counting)
    sample(llama, PROMPTS, samples=8, policy=Policy(max_tokens=3))
    assert read[0] == (len(PROMPTS), 7)
    assert all(columns == 1 and rows <= 32 for rows, columns in read[1:])


def test_bfloat16_shares_the_cache_too():
    model = tiny_model("llama").to(torch.bfloat16)
    subject = HuggingFaceSubject(model, word_tokenizer(), name="bf16", fingerprint="x")
    assert subject.not_shared == ""
    trajectories, _ = sample(subject, PROMPTS, samples=4, policy=Policy(max_tokens=10))
    assert len(trajectories) == 16


def test_what_is_refused(llama):
    with pytest.raises(PromptError, match=r"prompt 2 \(.*…'\) has 70 tokens, but the context of llama is 64"):
        llama.activations(["w1", "w2 " * 70], ["resid.1"])
    with pytest.raises(
        PromptError, match=r"prompt 1 \(.*…'\) has 60 tokens and 10 to write, .* 64; .*lower max_tokens"
    ):
        llama.stream(["w2 " * 60], seeds=[0], policy=Policy(max_tokens=10))
    with pytest.raises(PromptError, match=r"prompt 1 .* has no tokens"):
        llama.activations([""], ["resid.1"])
    with pytest.raises(SiteError, match=r"no 'resid.9'; it offers resid.0 to resid.3, attn_out.1 to attn_out.3"):
        llama.activations(PROMPTS, ["resid.9"])
    with pytest.raises(SiteError, match="is not a site"):
        llama.activations(PROMPTS, ["residual.1"])
    with pytest.raises(SiteError, match="capture_steps=1"):
        llama.stream(PROMPTS, seeds=[0] * 4, capture=["resid.1@mean"])
    with pytest.raises(InputError, match="4 prompts but 1 seeds"):
        llama.stream(PROMPTS, seeds=[0])
    with pytest.raises(InputError, match="top_p must be in"):
        llama.stream(PROMPTS, seeds=[0] * 4, policy=Policy(top_p=0))
    with pytest.raises(InterventionError, match="lacks"):
        llama.stream(PROMPTS, seeds=[0] * 4, intervention=Intervention("ablate", "resid.1", {}))
    with pytest.raises(InputError, match="no chat template"):
        make("llama", chat=True)


def test_running_out_of_memory_names_the_rows_to_try(llama, monkeypatch):
    def exhausted(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(llama.model, "forward", exhausted)
    with pytest.raises(MemoryExhaustedError, match=r"try 6 rows at a time \(max_rows=6\)"):
        sample(llama, PROMPTS, samples=3, policy=Policy(max_tokens=4))
    with pytest.raises(MemoryExhaustedError, match="batch_tokens=512"):
        llama.activations(PROMPTS, ["resid.1"], batch_tokens=1024)

    def broken(*args, **kwargs):
        raise RuntimeError("something else")

    monkeypatch.setattr(llama.model, "forward", broken)
    with pytest.raises(RuntimeError, match="something else"):
        llama.activations(PROMPTS, ["resid.1"])


def test_the_chat_template_is_used_where_asked():
    tokenizer = word_tokenizer()
    tokenizer.chat_template = "w90 {{ messages[0]['content'] }} w91"
    subject = HuggingFaceSubject(tiny_model(), tokenizer, name="chat", fingerprint="x", chat=True)
    assert subject.encode(["w5 w6"]) == [[90, 5, 6, 91]]


def test_nothing_to_write_is_no_steps(llama):
    assert list(llama.stream([], seeds=[])) == []
    assert sample(llama, [], samples=2) == ([], {})


def test_a_model_made_from_a_probed_configuration_shares_too(llama):
    fresh = type(llama.model)(llama.model.config)
    assert HuggingFaceSubject(fresh, word_tokenizer(), name="fresh", fingerprint="x").not_shared == ""
