"""How fast `sample` writes, beside `transformers` generate at its best batch size, in one run.

Claim: 64 prompts x 32 continuations x 128 tokens on the bundled `documents` model, at least 5 times as fast, in float32
and in bfloat16. Prints medians of tokens per second of both (wall clock and processor time: their ratio survives a
busy machine), the ratio, the share of the matrix-product limit measured here with the same shapes, peak memory at three
values of `max_rows` (None: as many batches at once as there are cores), how often rounding made a trajectory depend on
its batch, and how far the odds of each path are from those of the model run plainly in float32.

    python benchmarks/sampling.py [--model NAME|DIR|random] [--dtype TYPE ...] [--max-rows N] [--quick]

Prompts are beginnings of documents of the known world; for another model, beginnings of texts it writes itself. Two
modes: "fixed", where nothing ends a row, and "ending", where rows end as the model says (for random weights: odds of
about 1 in 100). `generate` writes for every eighth prompt only, to save time; it gets the same prompts' lengths, dtype,
threads, sdpa, `num_return_sequences`, and is first tried at each batch size. It pads on the left, as it must.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from forepath.organisms import bundled
from forepath.records import Policy
from forepath.subjects.decoding import begin
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
    return HuggingFaceSubject(model, tokenizer, name="random", fingerprint="benchmark")


def make_prompts(subject: HuggingFaceSubject, n: int, around: int) -> list[str]:
    """Beginnings of documents; for another model, texts of its own of (3/4 ... 5/4) * `around` tokens."""
    if subject.name == "documents":
        from forepath.worlds.documents import document_grammar

        return [p.text for p in document_grammar().prompts(1, n)]
    prompts: list[str] = []
    for i in range(n):
        length = max(2, around * 3 // 4 + (i * 7919) % max(1, around // 2))
        written, _ = sample(subject, [""], prompt_ids=[f"prompt {i}"], policy=Policy(max_tokens=length))
        prompts.append(written[0].text)
    return prompts


def ours(subject: HuggingFaceSubject, prompts: list[str], k: int, tokens: int, max_rows: int | None = None) -> int:
    trajectories, _ = sample(subject, prompts, samples=k, policy=Policy(max_tokens=tokens), max_rows=max_rows)
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
    """Most resident memory above that before, in MB. What earlier work left to the allocator is given back first."""
    with contextlib.suppress(OSError, AttributeError):  # other C libraries than GNU's have no such call
        ctypes.CDLL(None).malloc_trim(0)
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


def matmul_limit(subject: HuggingFaceSubject, rows: int) -> tuple[float, float]:
    """Tokens per processor second if a token were nothing but the model's matrix products, `rows` at a time: (by
    `torch.nn.functional.linear`, by oneDNN, which is what the fused step calls)."""
    layers = [m for m in subject.model.modules() if isinstance(m, torch.nn.Linear)]
    inputs = [torch.randn(rows, m.in_features, dtype=subject.model.dtype) for m in layers]

    def onednn(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")

    @torch.inference_mode()
    def once(product: Callable[..., torch.Tensor]) -> int:
        for layer, x in zip(layers, inputs, strict=True):
            product(x, layer.weight)
        return rows

    return tuple(
        statistics.median(rates(lambda p=p: sum(once(p) for _ in range(10)))[1] for _ in range(9))
        for p in (torch.nn.functional.linear, onednn)
    )


def near_ties(subject: HuggingFaceSubject, prompts: list[str], k: int, tokens: int) -> tuple[int, int, int]:
    """(trajectories that differ when written alone, trajectories, tokens compared)."""
    policy = Policy(max_tokens=tokens)
    together, _ = sample(subject, prompts, samples=k, policy=policy)
    alone, _ = sample(subject, prompts, samples=k, policy=policy, max_rows=1)
    differ = sum(a.tokens != b.tokens for a, b in zip(together, alone, strict=True))
    return differ, len(together), sum(len(t.tokens) for t in together)


@torch.inference_mode()
def odds_moved(subject: HuggingFaceSubject, prompts: list[str], tokens: int) -> dict[str, float]:
    """{path: mean total variation between its next-token odds and those of the plain model in float32}."""
    texts, _ = sample(subject, prompts, samples=4, policy=Policy(max_tokens=tokens))
    encoded = subject.encode(prompts)
    written = [torch.tensor(t.tokens) for t in texts]
    steps, owner = min(map(len, written)), [i // 4 for i in range(len(written))]
    whole = [torch.cat([torch.tensor(encoded[p]), w[:steps]])[None] for p, w in zip(owner, written, strict=True)]

    def plain() -> torch.Tensor:
        return torch.stack([subject.model(input_ids=w).logits[0, -steps - 1 :] for w in whole]).float().softmax(-1)

    found = {"plain": plain()}
    for path in ("fused", "shared"):
        if path == "shared" or not subject.not_fused:
            first, rows = begin(subject.model, encoded, owner, path=path)
            logits = [first[owner], *(rows.step(torch.stack([w[t] for w in written])) for t in range(steps))]
            found[path] = torch.stack(logits, 1).float().softmax(-1)
    dtype = subject.model.dtype
    exact = found["plain"]
    if dtype != torch.float32 and subject.name != "random":
        subject.model, kept = load(subject.model.name_or_path, device="cpu", dtype="float32").model, subject.model
        exact = plain()
        subject.model = kept
    return {path: ((odds - exact).abs().sum(-1) / 2).mean().item() for path, odds in found.items()}


def compare(subject: HuggingFaceSubject, prompts: list[str], k: int, tokens: int, repeats: int, best: int) -> None:
    few = prompts[:: max(1, len(prompts) // 8)]
    ours(subject, prompts[:2], k, tokens)
    pairs = [
        (rates(lambda: ours(subject, prompts, k, tokens)), rates(lambda: theirs(subject, few, k, tokens, best)))
        for _ in range(repeats)
    ]
    linear, onednn = matmul_limit(subject, subject.max_rows)
    for clock, name in enumerate(("wall clock", "processor time")):
        a, b = (statistics.median(pair[side][clock] for pair in pairs) for side in (0, 1))
        ratio = [pair[0][clock] / pair[1][clock] for pair in pairs]
        print(
            f"  tokens/s, {name:14s}  sample {a:8,.0f}   generate {b:8,.0f} (batch {best})   "
            f"ratio {statistics.median(ratio):.2f} ({min(ratio):.2f} to {max(ratio):.2f})"
        )
    print(
        f"  matrix products alone: {onednn:,.0f} tokens/s by oneDNN, {linear:,.0f} by torch's linear; "
        f"sample reaches {statistics.median(p[0][1] for p in pairs) / onednn:.0%} of the first"
    )
    memory = {rows: peak_memory(lambda rows=rows: ours(subject, prompts, k, tokens, rows)) for rows in (None, 256, 64)}
    told = ", ".join(f"sample {value:,.0f} MB at max_rows={rows}" for rows, value in memory.items())
    other = peak_memory(lambda: theirs(subject, few, k, tokens, best))
    print(f"  peak memory above what was there: {told}; generate {other:,.0f} MB")


def best_batch(subject: HuggingFaceSubject, prompts: list[str], k: int, tokens: int) -> int:
    """The batch size at which `generate` is quickest, by the wall clock."""
    few = prompts[:: max(1, len(prompts) // 8)]
    sizes = [rows for rows in (32, 64, 128, 256) if k <= rows <= k * len(few)]
    trial = {rows: rates(lambda rows=rows: theirs(subject, few, k, tokens, rows))[0] for rows in sizes}
    print("  generate by batch size, tokens/s:", ", ".join(f"{rows}: {rate:,.0f}" for rows, rate in trial.items()))
    return max(trial, key=lambda rows: trial[rows])


def report(model: str, dtype: str, args: argparse.Namespace) -> None:
    prompts_n, k, tokens, repeats = (8, 32, 128, 1) if args.quick else (64, 32, 128, 3)
    where = bundled.path(model) if model in bundled.names() else model
    subject = random_subject(dtype) if model == "random" else load(where, device="cpu", dtype=dtype)
    subject.max_rows = args.max_rows or subject.max_rows
    ends, config = subject.end_ids, subject.model.generation_config
    config.eos_token_id, subject.end_ids = None, frozenset()
    prompts = make_prompts(subject, prompts_n, args.prompt_tokens)
    size = sum(p.numel() for p in subject.model.parameters())
    lengths = [len(e) for e in subject.encode(prompts)]
    print(
        f"{subject.name}, {size:,} parameters, {dtype}, {torch.get_num_threads()} threads; {prompts_n} prompts of "
        f"{min(lengths)} to {max(lengths)} tokens x {k} x {tokens} tokens, {subject.max_rows} rows a batch, "
        f"{subject.cores} at once; step: {'fused' if not subject.not_fused else 'not fused: ' + subject.not_fused}"
    )
    best = best_batch(subject, prompts, k, tokens)
    for mode in ("fixed", "ending"):
        subject.end_ids = ends if mode == "ending" else frozenset()
        print(f"{mode}:", flush=True)
        compare(subject, prompts, k, tokens, repeats, best)
    subject.end_ids = frozenset()
    differ, total, compared = near_ties(subject, prompts[:4], 4 if args.quick else 16, tokens)
    print(f"near-ties: {differ} of {total} trajectories ({compared} tokens) differ when written alone")
    moved = odds_moved(subject, prompts[:8], 64)
    print("odds against the plain model in float32, mean total variation:", end=" ")
    print(", ".join(f"{path} {value:.2g}" for path, value in moved.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="documents", help="a bundled model, a directory, or 'random'")
    parser.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--prompt-tokens", type=int, default=48)
    parser.add_argument("--max-rows", type=int, help="rows of a batch; by default the subject's")
    parser.add_argument("--quick", action="store_true", help="8 prompts, one repeat")
    args = parser.parse_args()
    for dtype in args.dtype:
        report(args.model, dtype, args)


if __name__ == "__main__":
    main()
