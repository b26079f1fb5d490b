"""Ways in which a test can know its answers beforehand, each looked for in texts: what a forecast may not have seen.

Knows texts, folds and codebooks; not how they were divided or who forecasts. A leak that is found is told, with where
it is; whether to go on is the caller's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from forepath.themes.codebook import Codebook
from forepath.themes.duplicates import near_duplicates

LIKE = 0.8
"""Jaccard likeness in runs of three words from which two prompts are nearly the same."""
TEST = "test"


@dataclass(frozen=True, slots=True)
class Leak:
    """One way in which the test knows too much."""

    kind: str
    """"samples", "prompts" or "codebook"."""
    where: tuple[int, ...]
    """Indices of the test prompts it is about, ascending; empty for a codebook."""
    what: str
    """For people: what was found, where, and what to do."""


def find_leaks(
    prompts: Sequence[str],
    folds: Sequence[str],
    *,
    codebook: Codebook | None = None,
    known: Iterable[str] = (),
    test: Iterable[str] = (),
    like: float = LIKE,
) -> list[Leak]:
    """Every leak between the test fold and the others.

    `prompts` and `folds` ("test" or anything else), one each per row. A prompt whose very text is in both folds has its
    samples on both sides; one of which another fold holds a near-duplicate can be remembered. `known` and `test`: the
    continuations on either side; a discovered codebook quotes what it was found on, so a quotation that only the test
    side wrote shows that it was fitted there, too.

    >>> [leak.kind for leak in find_leaks(["Bake a cake", "Bake a cake", "Why?"], ["train", "test", "test"])]
    ['samples']
    """
    same: set[int] = set()
    alike: dict[int, int] = {}
    for pair in near_duplicates(prompts, least=like):
        one, other = pair.first, pair.second
        if (folds[one] == TEST) == (folds[other] == TEST):
            continue
        row = one if folds[one] == TEST else other
        if prompts[one] == prompts[other]:
            same.add(row)
        else:
            alike[row] = one + other - row
    leaks = []
    if same:
        what = (
            f"{len(same)} test prompts are also in another fold, letter for letter (the first: "
            f"{_quoted(prompts[min(same)])}), so that samples of one prompt both teach and judge: give each prompt once"
        )
        leaks.append(Leak("samples", tuple(sorted(same)), what))
    if only_alike := sorted(set(alike) - same):
        row = only_alike[0]
        what = (
            f"{len(only_alike)} test prompts are nearly the same as one in another fold (likeness at least {like:g}; "
            f"the first: {_quoted(prompts[row])} and {_quoted(prompts[alike[row]])}): drop one of each pair, or keep "
            "them in one fold with --group"
        )
        leaks.append(Leak("prompts", tuple(only_alike), what))
    return leaks + _codebook_leaks(codebook, known, test)


def _codebook_leaks(codebook: Codebook | None, known: Iterable[str], test: Iterable[str]) -> list[Leak]:
    if codebook is None:
        return []
    wanted = {_plain(e): t.name for t in codebook.themes if t.centroid for e in t.examples if _plain(e)}
    foreign = sorted(_written(set(wanted) - _written(wanted, known), test))
    if not foreign:
        return []
    what = (
        f"the codebook quotes {len(foreign)} passages that only the samples of test prompts hold (the first, of "
        f"theme {wanted[foreign[0]]!r}: {_quoted(foreign[0])}): it was fitted on what it is tested on; discover it on "
        "training prompts"
    )
    return [Leak("codebook", (), what)]


def _written(quotations: Iterable[str], texts: Iterable[str]) -> set[str]:
    """Those of `quotations` that some text holds."""
    left, found = set(quotations), set()
    for text in texts:
        if not left:
            break
        here = {q for q in left if q in _plain(text)}
        left -= here
        found |= here
    return found


def _plain(text: str) -> str:
    """With single spaces."""
    return " ".join(text.split())


def _quoted(text: str) -> str:
    line = _plain(text)
    return repr(line if len(line) <= 60 else line[:59] + "…")
