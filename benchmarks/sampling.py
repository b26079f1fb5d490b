"""How fast `sample` writes, beside `transformers` generate at its best batch size, in one run.

Claim: 64 prompts x 32 continuations x 128 tokens, a Llama of 2.2 M parameters. Prints tokens per second of both (wall
clock and processor time: their ratio survives a busy machine), the ratio, the share of the matrix-product limit
measured here with the same shapes, peak memory, and how often rounding made a trajectory depend on its batch.

    python benchmarks/sampling.py [--model DIR] [--dtype float32|bfloat16] [--prompt-tokens N] [--quick]

Without --model, weights are random: rows then end early by chance only, so two modes are measured: "fixed", where
nothing ends a row, and "ending", where rows end as the model says (for random weights: odds of about 1 in 100).
Prompts are beginnings of texts that the model itself writes, of unequal length around --prompt-tokens.
"""

from __future__ import annotations

import argparse
import os
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from forepath.records import Policy
from forepath.subjects.huggingface import HuggingFaceSubject, load
from forepath.subjects.sampling import sample

VOCAB = 2048


def random_subject(dtype: str) -> HuggingFaceSubject:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=192, intermediate_size=512, num_hidden_layers=4, num_attention_heads=6,
        max_position_embeddings=512, tie_word_embeddings=True, bos_token_id=0, eos_token_id=list(range(20)),
        pad_token_id=0,
    )  # fmt: skip
    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(VOCAB)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, bos_token="w0")
    model = LlamaForCausalLM(config).to(getattr(torch, dtype))
    return HuggingFaceSubject(model, tokenizer, name="random Llama", fingerprint="benchmark")


def make_prompts(subject: HuggingFaceSubject, n: int, around: int) -> list[str]:
    """Texts of the model's own, of (3/4 ... 5/4) * `around` tokens."""
    prompts: list[str] = []
    for i in range(n):
        length = max(2, around * 3 // 4 + (i * 7919) % max(1, around // 2))
        written, _ = sample(subject, [""], prompt_ids=[f"prompt {i}"], policy=Policy(max_tokens=length))
        prompts.append(written[0].text)
    return prompts


def ours(subject: HuggingFaceSubject, prompts: list[str], k: int, tokens: int) -> int:
    trajectories, _ = sample(subject, prompts, samples=k, policy=Policy(max_tokens=tokens))
    return sum(len(t.tokens) + t.finished for t in trajectories)


def theirs(subject: HuggingFaceSubject, prompts: list[str], k: int, tokens: int, rows: int) -> int:
    """Tokens that count: up to and with the end token of each row."""
    ends = torch.tensor(sorted(subject.end_ids), dtype=torch.long)
    written = 0
    for i in range(0, len(prompts), max(1, rows // k)):
        encoded = subject.encode(prompts[i : i + max(1, rows // k)])
        width = max(map(len, encoded))
        ids = torch.tensor([[0] * (width - len(e)) + e for e in encoded])
        mask = torch.tensor([[0] * (width - len(e)) + [1] * len(e) for e in encoded])
        out = subject.model.generate(
            ids, attention_mask=mask, do_sample=True, top_k=0, num_return_sequences=k, max_new_tokens=tokens,
            eos_token_id=ends.tolist() or None, pad_token_id=0,
        )  # fmt: skip
        ended = torch.isin(out[:, width:], ends)
        first = torch.where(ended.any(1), ended.int().argmax(1) + 1, out.shape[1] - width)
        written += int(first.sum())
    return written


def rates(work: Callable[[], int]) -> tuple[float, float]:
    """(tokens per second by the wall clock, by processor time)."""
    wall, processor = time.perf_counter(), time.process_time()
    written = work()
    return written / (time.perf_counter() - wall), written / (time.process_time() - processor)


def peak_memory(work: Callable[[], Any]) -> float:
    """Most resident memory above that before, in MB."""
    page, pages = os.sysconf("SC_PAGE_SIZE"), Path("/proc/self/statm")
    if not pages.exists():
        return float("nan")

    def resident() -> int:
        return int(pages.read_text().split()[1]) * page

    before, most, done = resident(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            most[0] = max(most[0], resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return (most[0] - before) / 1e6


def matmul_limit(subject: HuggingFaceSubject, rows: int) -> float:
    """Tokens per processor second if a token were nothing but the model's matrix products, `rows` at a time."""
    layers = [m for m in subject.model.modules() if isinstance(m, torch.nn.Linear)]
    inputs = [torch.randn(rows, m.in_features, dtype=subject.model.dtype) for m in layers]

    def once() -> int:
        for layer, x in zip(layers, inputs, strict=True):
            torch.nn.functional.linear(x, layer.weight)
        return rows

    return statistics.median(rates(lambda: sum(once() for _ in range(10)))[1] for _ in range(9))


def near_ties(subject: HuggingFaceSubject, prompts: list[str], k: int, tokens: int) -> tuple[int, int, int]:
    """(trajectories that differ when written alone, trajectories, tokens compared)."""
    policy = Policy(max_tokens=tokens)
    together, _ = sample(subject, prompts, samples=k, policy=policy)
    alone, _ = sample(subject, prompts, samples=k, policy=policy, max_rows=1)
    differ = sum(a.tokens != b.tokens for a, b in zip(together, alone, strict=True))
    return differ, len(together), sum(len(t.tokens) for t in together)


def compare(subject: HuggingFaceSubject, prompts: list[str], k: int, tokens: int, repeats: int) -> None:
    few = prompts[: max(8, len(prompts) // 4)]
    sizes = [rows for rows in (32, 64, 128, 256) if k <= rows <= k * len(few)]
    trial = {rows: rates(lambda rows=rows: theirs(subject, few, k, tokens, rows))[1] for rows in sizes}
    best = max(trial, key=lambda rows: trial[rows])
    ours(subject, prompts[:2], k, tokens)
    pairs = [
        (rates(lambda: ours(subject, prompts, k, tokens)), rates(lambda: theirs(subject, few, k, tokens, best)))
        for _ in range(repeats)
    ]
    limit = matmul_limit(subject, subject.max_rows)
    for clock, name in enumerate(("wall clock", "processor time")):
        a, b = (statistics.median(pair[side][clock] for pair in pairs) for side in (0, 1))
        ratio = statistics.median(pair[0][clock] / pair[1][clock] for pair in pairs)
        print(f"  tokens/s, {name:14s}  sample {a:8,.0f}   generate {b:8,.0f} (batch {best})   ratio {ratio:.2f}")
        if clock:
            print(f"  matrix products alone: {limit:,.0f} tokens/s; sample reaches {a / limit:.0%} of that")
    memory = [peak_memory(lambda: ours(subject, prompts, k, tokens))]
    memory.append(peak_memory(lambda: theirs(subject, few, k, tokens, best)))
    print(f"  peak memory above the model: sample {memory[0]:,.0f} MB, generate {memory[1]:,.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="directory of a causal language model; by default random weights")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--prompt-tokens", type=int, default=48)
    parser.add_argument("--max-rows", type=int, help="rows alive at once; by default the subject's")
    parser.add_argument("--quick", action="store_true", help="8 prompts, one repeat")
    args = parser.parse_args()
    prompts_n, k, tokens, repeats = (8, 32, 128, 1) if args.quick else (64, 32, 128, 3)
    subject = load(args.model, device="cpu", dtype=args.dtype) if args.model else random_subject(args.dtype)
    subject.max_rows = args.max_rows or subject.max_rows
    ends, config = subject.end_ids, subject.model.generation_config
    config.eos_token_id, subject.end_ids = None, frozenset()
    prompts = make_prompts(subject, prompts_n, args.prompt_tokens)
    size = sum(p.numel() for p in subject.model.parameters())
    lengths = [len(e) for e in subject.encode(prompts)]
    print(
        f"{subject.name}, {size:,} parameters, {args.dtype}, {torch.get_num_threads()} threads; {prompts_n} prompts of "
        f"{min(lengths)} to {max(lengths)} tokens x {k} x {tokens} tokens, {subject.max_rows} rows alive at once"
    )
    for mode in ("fixed", "ending"):
        subject.end_ids = ends if mode == "ending" else frozenset()
        print(f"{mode}:")
        compare(subject, prompts, k, tokens, repeats)
    differ, total, compared = near_ties(subject, prompts[:4], 4 if args.quick else 16, tokens)
    print(f"near-ties: {differ} of {total} trajectories ({compared} tokens) differ when written alone")


if __name__ == "__main__":
    main()
