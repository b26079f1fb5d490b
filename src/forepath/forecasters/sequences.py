"""Training a trunk to write the chains that were sampled, on top of logits that are already there. Needs torch.

Each prompt's different chains are the sequences, weighted by how often they were drawn. It stops when prompts kept
aside are no longer written better, and keeps the best it had there: at worst what it started from, which adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from forepath.forecasters.products import QuickProducts
from forepath.records import END, UNKNOWN, Futures

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of what the trunk adds; the best on the prompts kept aside is used."""
LOOKED = 8
"""Chains of a prompt kept aside, at most, that a look reads: always the same, drawn by how often they were sampled."""
LOOK = 64
"""Prompts looked at together."""
LEAST = 0.001
"""Nats per chain: a smaller gain on the prompts kept aside does not count."""


@dataclass(frozen=True, slots=True)
class Chains:
    """The different chains of each prompt."""

    owner: np.ndarray
    """(chains,) ascending index of the prompt."""
    themes: np.ndarray
    """(chains, horizon) int, UNKNOWN where not observed or after `end`."""
    weights: np.ndarray
    """(chains,) how often each was drawn."""

    def of(self, prompts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(which chains, whose they are as an index into `prompts`) of these prompts."""
        starts = np.searchsorted(self.owner, prompts)
        counts = np.searchsorted(self.owner, prompts, side="right") - starts
        which = np.concatenate([np.arange(s, s + c) for s, c in zip(starts, counts, strict=True)] or [np.zeros(0, int)])
        return which.astype(int), np.repeat(np.arange(len(prompts)), counts)

    def some(self, prompts: np.ndarray, most: int, rng: np.random.Generator) -> Chains:
        """At most `most` chains drawn from each of these prompts, owners numbered by place in `prompts`."""
        which, owner = self.of(prompts)
        copies = np.repeat(np.arange(len(which)), self.weights[which].astype(int))
        order = np.lexsort((rng.random(len(copies)), owner[copies]))
        copies = copies[order]
        rank = np.arange(len(copies)) - np.searchsorted(owner[copies], owner[copies])
        drawn, counts = np.unique(copies[rank < most], return_counts=True)
        return Chains(owner[drawn], self.themes[which[drawn]], counts.astype(np.float32))


def chains_of(futures: Futures) -> Chains:
    """Count equal chains of each prompt; chains of which nothing was observed are left out."""
    end, steps = futures.themes.index(END), futures.steps.astype(int)
    ended = np.cumsum(steps == end, axis=2) - (steps == end) > 0
    steps = np.where(ended, UNKNOWN, steps)
    owner = np.repeat(np.arange(len(steps)), steps.shape[1])
    flat = np.column_stack([owner, steps.reshape(-1, steps.shape[2])])
    unique, counts = np.unique(flat[flat[:, 1] != UNKNOWN], axis=0, return_counts=True)
    return Chains(unique[:, 0], unique[:, 1:], counts.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Base:
    """The logits a trunk adds to."""

    first: Tensor
    """(prompts, themes)"""
    links: list[Tensor]
    """Per later step, (prompts, themes): what the prompt adds."""
    before: list[Tensor]
    """Per later step, (themes, themes): what the theme before adds."""

    def later(self, owner: Tensor, themes: Tensor) -> Tensor:
        """(n, length, themes) logits after each of `themes` (n, length) of the prompts `owner`."""
        steps = range(themes.shape[1])
        return torch.stack([self.links[h][owner] + self.before[h][themes[:, h]] for h in steps], dim=1)

    def of(self, prompts: Tensor) -> Base:
        """Of these prompts only."""
        return Base(self.first[prompts], [link[prompts] for link in self.links], self.before)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a trunk is trained."""

    steps: int = 600
    """At most, of the optimiser."""
    every: int = 20
    """Steps between two looks at the prompts kept aside."""
    patience: int = 3
    """Looks in a row without a better loss (by `LEAST` nats) after which it stops."""
    batch: int = 64
    """Prompts in a step."""
    most: int = 8
    """Chains of a prompt in a step, drawn by how often they were sampled."""
    rate: float = 3e-3
    decay: float = 0.05


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it."""

    share: float
    """Of what the trunk adds; 0: nothing it learned helped on the prompts kept aside."""
    losses: tuple[float, ...]
    """Nats per chain on the prompts kept aside: before training, then every `Recipe.every` steps."""
    best: float
    """With `share`."""


def train(
    trunk: nn.Module, reads: Tensor, base: Base, chains: Chains, aside: np.ndarray, recipe: Recipe, seed: int
) -> Trained:
    """Train `trunk` in place on the prompts not `aside`; it is left with its best parameters, in eval mode.

    A trunk is a module with `read` and `write` as of `transformer.Transformer`.
    """
    with QuickProducts():
        return _train(trunk, reads, base, chains, aside, recipe, seed)


def _train(
    trunk: nn.Module, reads: Tensor, base: Base, chains: Chains, aside: np.ndarray, recipe: Recipe, seed: int
) -> Trained:
    rng = np.random.default_rng(seed)
    known, asked = np.flatnonzero(~aside), np.flatnonzero(aside)
    drawn = chains.some(asked, LOOKED, np.random.default_rng([seed, 1]))
    looked = Chains(asked[drawn.owner], drawn.themes, drawn.weights)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trained = [p for p in trunk.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(trained, lr=recipe.rate, weight_decay=recipe.decay, betas=(0.9, 0.98))
        kept = _copied(trunk)
        losses = [mean_loss(trunk, reads, base, looked, asked)]
        waited, order = 0, np.zeros(0, dtype=int)
        for step in range(recipe.steps if len(asked) and len(known) else 0):
            if len(order) < min(recipe.batch, len(known)):
                order = np.concatenate([order, rng.permutation(known)])
            chosen, order = order[: recipe.batch], order[recipe.batch :]
            trunk.train()
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate * min(1.0, (step + 1) / 20) * (1.0 - step / recipe.steps)
            index = torch.from_numpy(chosen)
            found = chain_loss(trunk, reads[index], base.of(index), chains.some(chosen, recipe.most, rng))
            if found is not None:
                optimiser.zero_grad()
                (found[0][0] / found[1]).backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(trained, 1.0)
                optimiser.step()
            if (step + 1) % recipe.every == 0:
                losses.append(mean_loss(trunk, reads, base, looked, asked))
                better = losses[-1] < min(losses[:-1]) - LEAST
                waited = 0 if better else waited + 1
                if better:
                    kept = _copied(trunk)
                elif waited == recipe.patience:
                    break
    trunk.load_state_dict(kept, strict=False)
    trunk.eval()
    shares = {0.0: float("nan")}
    if len(asked):
        shares = dict(zip(SHARES, mean_losses(trunk, reads, base, looked, asked, SHARES), strict=True))
    best = min(shares, key=shares.__getitem__)
    return Trained(best, tuple(losses), shares[best])


def _copied(trunk: nn.Module) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in trunk.named_parameters() if p.requires_grad}


def mean_loss(trunk: nn.Module, reads: Tensor, base: Base, chains: Chains, prompts: np.ndarray) -> float:
    """Nats per chain of these prompts, `end` included; NaN without any."""
    return mean_losses(trunk, reads, base, chains, prompts, (1.0,))[0]


def mean_losses(
    trunk: nn.Module, reads: Tensor, base: Base, chains: Chains, prompts: np.ndarray, shares: Sequence[float]
) -> list[float]:
    """`mean_loss` with each of these shares of what the trunk adds, which is worked out once."""
    trunk.eval()
    lost, weight = torch.zeros(len(shares), dtype=torch.float64), 0.0
    with torch.inference_mode():
        for at in range(0, len(prompts), LOOK):
            chosen = prompts[at : at + LOOK]
            which, owner = chains.of(chosen)
            mine, index = Chains(owner, chains.themes[which], chains.weights[which]), torch.from_numpy(chosen)
            found = chain_loss(trunk, reads[index], base.of(index), mine, shares)
            if found is not None:
                lost, weight = lost + found[0], weight + found[1]
    return [float(value) / weight if weight else float("nan") for value in lost]


def chain_loss(
    trunk: nn.Module, reads: Tensor, base: Base, chains: Chains, shares: Sequence[float] = (1.0,)
) -> tuple[Tensor, float] | None:
    """((shares,) summed nats, number of chains) of these prompts; None without chains."""
    if not len(chains.owner):
        return None
    owner, themes = torch.from_numpy(chains.owner), torch.from_numpy(chains.themes)
    weights = torch.from_numpy(chains.weights)
    read: Callable[[Tensor], tuple[Tensor, object]] = trunk.read  # type: ignore[assignment]
    write: Callable[[object, Tensor, Tensor], Tensor] = trunk.write  # type: ignore[assignment]
    first, memory = read(reads)
    given, added = [base.first[owner][:, None]], [first[owner][:, None]]
    if themes.shape[1] > 1:
        past = themes[:, :-1].clamp(min=0)
        begun, which = torch.unique(torch.column_stack([owner, past]), dim=0, return_inverse=True)
        given.append(base.later(owner, past))
        added.append(write(memory, begun[:, 0], begun[:, 1:])[which])  # chains that begin alike are written once
    known, more = torch.cat(given, dim=1), torch.cat(added, dim=1)
    nats = [
        functional.cross_entropy(
            (known + share * more).flatten(0, 1), themes.flatten(), ignore_index=UNKNOWN, reduction="none"
        ).view(themes.shape)
        for share in shares
    ]
    return torch.stack([(each * weights[:, None]).sum() for each in nats]), float(weights.sum())
