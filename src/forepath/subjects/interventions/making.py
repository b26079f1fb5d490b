"""Interventions as data: one function per kind, each returning a record that can be saved, composed and repeated.

Knows no model. Places are told by `targets`: `head:3.5`, `neuron:3.17`, `hidden:3`, `mlp:3`, `attn:3`, `layer:3`, or a
site as it is captured, `resid.3`. Blocks count from 1, as in sites; heads and neurons from 0. `where` says at which
positions:

    "all"      every position, of the prompt and of what is written       "prompt", "written"    only these
    "last"     the prompt's last position                                 [0, 1, -1]             these of the prompt
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from forepath.errors import InputError, InterventionError
from forepath.records import Intervention, Policy

Where = str | Sequence[int]
Vector = Sequence[float] | np.ndarray | Mapping[str, Any]
"""Numbers, or `contrast(...)`, or `stored(...)`."""

KINDS: dict[str, tuple[set[str], set[str]]] = {
    "ablate": ({"how"}, {"texts", "along", "where"}),
    "add": ({"vector"}, {"coefficient", "where"}),
    "actadd": ({"positive", "negative"}, {"coefficient"}),
    "clamp": ({"vector", "value"}, {"where"}),
    "project_out": ({"vectors"}, {"where"}),
    "sparsify": ({"keep"}, {"where"}),
    "patch": ({"source"}, {"positions", "source_positions"}),
    "swap": ({"directory"}, {"sha256"}),
    "adapter": ({"directory"}, {"sha256", "scale"}),
    "quantise": ({"bits"}, {"group"}),
    "edit": ({"keys", "background"}, {"value", "target", "steps", "rate"}),
    "prompt": (set(), {"prefix", "suffix", "system"}),
    "policy": (set(), {f.name for f in fields(Policy)}),
}
"""Kind -> (params it needs, params it may have)."""
OUTSIDE = frozenset({"prompt", "policy"})
"""Kinds that any subject can take: they change what it is given, not what it is."""
PLACED = frozenset({"ablate", "add", "actadd", "clamp", "project_out", "sparsify", "patch", "edit"})
"""Kinds that need a site."""


def ablate(
    site: str,
    how: str = "zero",
    *,
    texts: Sequence[str] = (),
    along: Sequence[Vector] | np.ndarray = (),
    where: Where = "all",
) -> Intervention:
    """Take a part away: "zero" it, or put there its "mean" over all positions of `texts`, or "resample" it from them.

    `along`: only what lies in the subspace that these vectors span is taken away or replaced, and the rest stays: one
    direction, or what some features of a sparse autoencoder write (the `stored` rows of its decoder).

    "resample" gives every position the value of a random position of `texts`, a function of the row's seed (of the
    prompt, while that is read) alone (Chan et al. 2022, causal scrubbing). Zero is far from anything the model has
    seen; the other two stay near (Wang et al. 2023, arXiv 2211.00593; Chan et al.). Raises `InputError`.
    """
    if how not in ("zero", "mean", "resample"):
        raise InputError(f"how={how!r}; wanted 'zero', 'mean' or 'resample'")
    if (how == "zero") == bool(texts):
        raise InputError(
            f"how={how!r} with {len(texts)} texts; mean and resample need reference texts, zero takes none"
        )
    extra: dict[str, Any] = {"texts": list(texts)} if texts else {}
    extra |= {"along": [_vector(v) for v in along]} if len(along) else {}
    return _made("ablate", site, {"how": how, **extra, "where": where})


def add(site: str, vector: Vector, *, coefficient: float = 1.0, where: Where = "all") -> Intervention:
    """Add `coefficient * vector` at every position of `where`.

    With `contrast(...)` this is contrastive activation addition (Rimsky et al. 2024, arXiv 2312.06681).
    """
    return _made("add", site, {"vector": _vector(vector), "coefficient": float(coefficient), "where": where})


def actadd(site: str, positive: str, negative: str = " ", *, coefficient: float = 1.0) -> Intervention:
    """Activation addition (Turner et al. 2023, arXiv 2308.10248): the difference of two prompts, position by position.

    Added to the first positions of every prompt, as many as the longer of the two has; the shorter is padded with
    spaces on the right.
    """
    return _made("actadd", site, {"positive": positive, "negative": negative, "coefficient": float(coefficient)})


def clamp(site: str, vector: Vector, value: float, *, where: Where = "all") -> Intervention:
    """Set the component along the direction of `vector` to `value` (in units of its own, of length 1)."""
    return _made("clamp", site, {"vector": _vector(vector), "value": float(value), "where": where})


def project_out(site: str, vectors: Sequence[Vector] | np.ndarray, *, where: Where = "all") -> Intervention:
    """Remove everything in the subspace that `vectors` span (one direction: Arditi et al. 2024, arXiv 2406.11717)."""
    return _made("project_out", site, {"vectors": [_vector(v) for v in vectors], "where": where})


def sparsify(site: str, keep: float, *, where: Where = "all") -> Intervention:
    """Keep at each position the share `keep` of entries that are largest in size, and set the others to zero.

    At `hidden:3`: the hidden units of an MLP (activation sparsity by magnitude: Liu et al. 2024, TEAL, arXiv
    2408.14690). What was trained under it (`organisms.tuning.Tuning(keep=…)`) should be used under it. Raises
    `InputError`.
    """
    if not 0 < keep <= 1:
        raise InputError(f"keep={keep}; wanted a share above 0, at most 1")
    return _made("sparsify", site, {"keep": float(keep), "where": where})


def patch(
    site: str, source: str, *, positions: Sequence[int] = (-1,), source_positions: Sequence[int] = (-1,)
) -> Intervention:
    """Put there, at these positions of the prompt, what the model has at `source_positions` of the text `source`.

    Negative positions count from the end. Interchange intervention (Geiger et al. 2021, arXiv 2106.02997). Raises
    `InputError` unless there is one source position for each.
    """
    if len(positions) != len(source_positions) or not positions:
        raise InputError(f"{len(positions)} positions, {len(source_positions)} source positions; wanted one for each")
    given = {"source": source, "positions": list(positions), "source_positions": list(source_positions)}
    return _made("patch", site, given)


def swap(directory: Path | str) -> Intervention:
    """Write with the weights of another checkpoint of the same architecture, e.g. a fine-tuned one."""
    return _made("swap", "", {"directory": str(directory), "sha256": digest(Path(directory))})


def adapter(directory: Path | str, *, scale: float = 1.0) -> Intervention:
    """Add a LoRA adapter (Hu et al. 2021, arXiv 2106.09685) as `peft` saves it; `scale` multiplies what it adds."""
    given = {"directory": str(directory), "sha256": digest(Path(directory)), "scale": float(scale)}
    return _made("adapter", "", given)


def quantise(bits: int, *, group: int = 0) -> Intervention:
    """Round every matrix of the blocks to `bits` bits (2 to 16), scaled by the largest entry of each output row.

    `group` > 0: of each so many neighbours in a row. Nearest rounding, symmetric (the baseline of Frantar et al. 2022,
    arXiv 2210.17323). Embeddings stay as they are. Raises `InputError`.
    """
    if not 2 <= bits <= 16 or group < 0:
        raise InputError(f"bits={bits}, group={group}; wanted 2 to 16 bits, and a group of 0 (the whole row) or more")
    return _made("quantise", "", {"bits": bits, "group": group})


def edit(
    site: str,
    keys: Sequence[str],
    background: Sequence[str],
    *,
    value: Vector | None = None,
    target: str = "",
    steps: int = 20,
    rate: float = 0.5,
) -> Intervention:
    """A rank-one edit of an MLP (`mlp:3`): ROME (Meng et al. 2022, arXiv 2202.05262).

    The key is the mean hidden vector at the last position of `keys` (texts that end in the subject of the fact); what
    the MLP answers to it becomes `value`, or, if None, what `steps` of Adam at `rate` find to make `target` likely
    after the keys. All other keys move as little as the second moment of the hidden vectors on `background` lets them.
    Raises `InputError` without keys or background, or unless exactly one of value and target is given.
    """
    if not keys or not background:
        raise InputError("an edit needs `keys` (texts that end in the subject) and `background` texts")
    if (value is None) == (not target):
        raise InputError("an edit needs either `value` or `target`")
    found = {"target": target, "steps": steps, "rate": rate} if value is None else {"value": _vector(value)}
    return _made("edit", site, {"keys": list(keys), "background": list(background), **found})


def prompted(prefix: str = "", suffix: str = "", *, system: str | None = None) -> Intervention:
    """Write around every prompt; `system`: a system turn before it, for subjects with a chat template."""
    return _made("prompt", "", {"prefix": prefix, "suffix": suffix, **({} if system is None else {"system": system})})


def sampled(**policy: Any) -> Intervention:
    """Draw tokens otherwise: fields of `Policy`, e.g. `sampled(temperature=0.7)`. Raises `InputError`."""
    unknown = set(policy) - KINDS["policy"][1]
    if unknown or not policy:
        raise InputError(
            f"policy has no {sorted(unknown)}; give one or more of {', '.join(sorted(KINDS['policy'][1]))}"
        )
    return _made("policy", "", policy)


def sequence(*parts: Intervention) -> Intervention:
    """Several changes as one, made in this order. Vectors and means are those of the subject as it was before any."""
    plain = [{"kind": p.kind, "site": p.site, "params": dict(p.params)} for part in parts for p in part.parts]
    return Intervention("sequence", "", {"parts": plain})


def contrast(
    positive: Sequence[str], negative: Sequence[str], *, read: str = "last", unit: bool = False
) -> dict[str, Any]:
    """A direction told by texts: the mean over `positive` minus the mean over `negative`, at the site it is used at.

    `read`: at each text's "last" position or its "mean" over all. `unit`: scaled to length 1. Difference of means
    (Marks and Tegmark 2023, arXiv 2310.06824). Raises `InputError`.
    """
    if read not in ("last", "mean") or not positive or not negative:
        raise InputError(
            f"read={read!r}, {len(positive)} and {len(negative)} texts; wanted 'last' or 'mean', and texts"
        )
    return {"positive": list(positive), "negative": list(negative), "read": read, "unit": unit}


def stored(path: Path | str, key: str, *, row: int | None = None) -> dict[str, Any]:
    """A vector kept in a safetensors file, for when it is too long to be written out; of a matrix, one `row` of it.

    Raises `InputError` for a file that cannot be read.
    """
    try:
        mark = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}); give a safetensors file") from error
    return {"file": str(path), "key": key, **({} if row is None else {"row": int(row)}), "sha256": mark}


def check(intervention: Intervention) -> tuple[Intervention, ...]:
    """The parts of an intervention, each of a known kind with its params. Raises `InterventionError`."""
    for part in intervention.parts:
        if part.kind not in KINDS:
            raise InterventionError(f"there is no intervention of kind {part.kind!r}; there are {', '.join(KINDS)}")
        needs, may = KINDS[part.kind]
        missing, unknown = needs - set(part.params), set(part.params) - needs - may
        if missing or unknown:
            raise InterventionError(
                f"{part.kind!r} lacks {sorted(missing)} and does not know {sorted(unknown)}; it needs {sorted(needs)} "
                f"and may have {sorted(may)}"
            )
        if bool(part.site) != (part.kind in PLACED):
            raise InterventionError(
                f"{part.kind!r} at {part.site!r}; {'give' if part.kind in PLACED else 'without'} a site"
            )
    return intervention.parts


def describe(intervention: Intervention | None) -> str:
    """A few words for tables and messages.

    >>> describe(sequence(ablate("head:3.5"), sampled(temperature=0.5)))
    'ablate head:3.5 (zero), then policy (temperature=0.5)'
    """
    if intervention is None:
        return "nothing"
    return ", then ".join(_words(p) for p in intervention.parts) or "nothing"


def digest(folder: Path) -> str:
    """sha256 over the names and bytes of a directory's weights and configuration. Raises `InputError`."""
    files = sorted(p for pattern in ("*.safetensors", "*config.json") for p in folder.glob(pattern))
    if not any(p.suffix == ".safetensors" for p in files):
        raise InputError(f"{folder} holds no .safetensors; give the directory of a checkpoint or an adapter")
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            total.update(f"{path.name}\0{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def _words(part: Intervention) -> str:
    brief = [str(part.params["how"])] if "how" in part.params else []
    brief += [f"along {len(part.params['along'])} directions"] if "along" in part.params else []
    plain = {k: v for k, v in part.params.items() if isinstance(v, int | float | str) and v not in ("all", "")}
    brief += [f"{k}={v}" for k, v in plain.items() if k not in ("how", "sha256")]
    text = f"{part.kind} {part.site}".strip() + (f" ({', '.join(brief)})" if brief else "")
    return text if len(text) <= 120 else text[:119] + "…"


def _made(kind: str, site: str, params: Mapping[str, Any]) -> Intervention:
    where = params.get("where", "all")
    if not (where in ("all", "prompt", "written", "last") if isinstance(where, str) else _whole(where)):
        raise InputError(f"where={where!r}; wanted 'all', 'prompt', 'written', 'last' or positions such as [0, -1]")
    plain = {k: list(v) if k == "where" and not isinstance(v, str) else v for k, v in params.items()}
    try:
        made = Intervention(kind, site, plain)
    except (TypeError, ValueError) as error:
        raise InputError(f"{kind} at {site!r}: params must be plain numbers and texts ({error})") from error
    check(made)
    return made


def _whole(where: Sequence[int]) -> bool:
    return bool(where) and all(isinstance(p, int) for p in where)


def _vector(vector: Vector) -> Any:
    if isinstance(vector, Mapping):
        return dict(vector)
    numbers = np.asarray(vector, dtype=float)
    if numbers.ndim != 1 or not np.isfinite(numbers).all() or not numbers.any():
        raise InputError(f"a vector of shape {numbers.shape}; wanted one row of finite numbers, not all zero")
    return numbers.tolist()
