"""A run's monitor: fitted once into RUN/monitor, opened for following texts. Composition only.

`write_monitor` lets the subject write again, with activations read in the middle of the texts, fits one forecaster on
them and one on the words, measures both beside the run's own at prompt ends, and keeps the evidence of conversations
that nothing was fitted on, for the calibrated alarm. `open_monitor` puts together what was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from forepath.apps.colours import look_of
from forepath.apps.labellers import embedder_of, labeller_for
from forepath.apps.labelling import read_fold_names, training_texts
from forepath.apps.progress import Report, silent
from forepath.errors import InputError, RunIncompleteError
from forepath.forecasters.linear import LinearForecaster
from forepath.forecasters.saving import Origin
from forepath.monitors.fitting import Transfer, compare_at_places, fit_mid_text
from forepath.monitors.gathering import Places, gather
from forepath.monitors.guard import Familiar, Guard
from forepath.monitors.judging import Followed, follow_all
from forepath.monitors.ledger import Ledger
from forepath.monitors.monitor import Monitor, OffPath
from forepath.monitors.rules import Rule
from forepath.monitors.threshold import calibrated, ville
from forepath.monitors.wording import Wording
from forepath.protocols import Labeller
from forepath.store import prompts_from
from forepath.subjects.noise import trajectory_seed
from forepath.themes.embeddings import Embedder, TfidfEmbedder

if TYPE_CHECKING:
    from forepath.apps.runs import OpenRun

Source = Literal["mid-text", "prompt ends", "text only"]
SOURCES: dict[Source, str] = {
    "mid-text": "activations, forecaster fitted in the middle of texts",
    "prompt ends": "activations, forecaster fitted at prompt ends only",
    "text only": "text only: no activations were read",
}
SEED = 7
"""Of the texts a monitor is fitted on, apart from the run's."""


def write_monitor(run: OpenRun, *, samples: int = 4, every: int = 24, report: Report = silent) -> None:
    """Folder `monitor` of a finished run and document `monitoring`: what was measured. Nothing if it is there.

    Raises `RunIncompleteError` for a run without forecaster, `RunError` if another process is writing it.
    """
    store = run.store
    if store.has("monitoring"):
        return
    origin = _origin(run)
    labeller, embedder = run_labeller(run), words_embedder(run)
    prompts = prompts_from(store.table("prompts"))
    folds = np.array([read_fold_names(store, run.settings)[p.id] for p in prompts])
    texts, ids = [p.text for p in prompts], [p.id for p in prompts]
    places = gather(
        run.subject, texts, labeller, site=origin.site, prompt_ids=ids, samples=samples, seed=SEED,
        policy=origin.policy, every=every, report=lambda done, total: report("gather", done, total, "texts"),
    )  # fmt: skip
    train, validation, test = (folds == name for name in ("train", "validation", "test"))
    horizon, themes = run.settings.horizon, run.themes
    report("fit", 0, 2, "mid-text")
    mid = fit_mid_text(places, train, validation, themes, horizon)
    words = Wording(embedder, themes).of(places, texts)
    report("fit", 1, 2, "text only")
    text = fit_mid_text(places, train, validation, themes, horizon, features=words)
    rivals = {"mid-text": (mid, places.activations), "prompt ends": (run.forecaster, places.activations),
              "text only": (text, words)}  # fmt: skip
    transfers = compare_at_places(places, test, train | validation, themes, rivals)
    parts: dict[Source, LinearForecaster] = {"mid-text": mid, "text only": text, "prompt ends": run.forecaster}
    highest: dict[str, list[float]] = {}
    for n, (source, forecaster) in enumerate(parts.items()):
        report("calibrate", n, len(parts), source)
        monitor = _monitor(run, labeller, forecaster, places.mean_lengths(themes), source, embedder)
        highest[source] = [f.highest for f in _conversations(run, monitor, texts, ids, test)]
    with store.write_folder("monitor") as folder:
        mid.save(folder / "mid-text", replace(origin, samples=samples, seed=SEED))
        text.save(folder / "text only", replace(origin, samples=samples, seed=SEED, site="text"))
        _write_familiar(folder / "guard.safetensors", Familiar.of(_prompt_ends(places)))
    known = places.transitions(themes, (train | validation)[places.prompt_of])
    store.write_document("monitoring", _document(places, transfers, highest, known, themes, samples, every))


def open_monitor(
    run: OpenRun,
    *,
    source: Source | None = None,
    rules: Sequence[Rule] = (),
    rate: float = 0.05,
    limit: Literal["calibrated", "ville"] = "calibrated",
    off_path_actions: Sequence[str] = (),
    every: int | None = None,
    guarded: bool = True,
) -> Monitor:
    """The monitor of a run. `source`: None takes the best there is that reads activations.

    `rate`: share of conversations in which a false off-path alarm is accepted; `limit`: how it is kept (`threshold`).
    Where too few conversations were kept aside for the rate, the alarm is never raised: `off_path.limit` is inf.
    Raises `RunIncompleteError` where `forepath monitor RUN` is needed first, `InputError` for a rule about no theme.
    """
    fitted = run.store.has("monitoring")
    source = source or ("mid-text" if fitted else "prompt ends")
    if source not in SOURCES:
        raise InputError(f"source {source!r}; choose {', '.join(SOURCES)}")
    if not fitted and source != "prompt ends":
        raise RunIncompleteError(f"{run.path} has no {source} forecaster yet; `forepath monitor {run.path}` fits it")
    found: dict[str, Any] = run.store.read_document("monitoring") if fitted else {}
    labeller = run_labeller(run)
    embedder = words_embedder(run) if source == "text only" else None
    ville(rate)  # an impossible rate is refused whichever limit is used
    bound = None
    if limit == "calibrated" and fitted:
        bound = calibrated(np.array([_number(v) for v in found["highest"][source]]), rate)
    origin = _origin(run)
    forecaster = run.forecaster
    if source != "prompt ends":
        site = "text" if source == "text only" else origin.site
        forecaster = LinearForecaster.load(
            run.store.folder("monitor") / source, subject=origin.subject, codebook=run.codebook.id, site=site
        )
    lengths = np.array(found["lengths"]) if fitted else None
    guard = Guard(_read_familiar(run)) if guarded and fitted and source != "text only" else None
    every = int(found.get("every", 0)) if every is None else every
    monitor = _monitor(
        run, labeller, forecaster, lengths, source, embedder, guard=guard, every=every, rules=rules,
        off_path=OffPath(rate, bound, tuple(off_path_actions)),
    )  # fmt: skip
    monitor.hue = lambda theme: look_of(theme, run.themes).hue
    monitor.ledger = open_ledger(run)
    return monitor


def open_ledger(run: OpenRun) -> Ledger:
    """An empty ledger of the run's themes; its rivals know the texts that `write_monitor` fitted on, if it did."""
    found: dict[str, Any] = run.store.read_document("monitoring") if run.store.has("monitoring") else {}
    known = found.get("transitions")
    return Ledger(run.themes, None if known is None else np.array(known))


def source_of(run: OpenRun) -> str:
    """Where the forecasts of `open_monitor` come from if no source is asked for, in words."""
    return SOURCES["mid-text" if run.store.has("monitoring") else "prompt ends"]


def monitoring_text(run: OpenRun) -> str:
    """What `write_monitor` measured, as text."""
    found = run.store.read_document("monitoring")
    lines = [f"{found['places']} places in texts; cross-entropy of the theme written next, nats [95 %], by prompt:"]
    for where in dict.fromkeys(t["where"] for t in found["transfers"]):
        rows = [t for t in found["transfers"] if t["where"] == where]
        lines.append(f"  {where} ({rows[0]['places']} places)")
        for name, nats in ((t["forecaster"], t["nats"]) for t in rows):
            lines.append(f"    {name:<14} {nats['value']:.3f} [{nats['low']:.3f}, {nats['high']:.3f}]")
    lines.append("off-path alarm, share of conversations kept aside in which evidence reached 1/rate:")
    for source, values in found["highest"].items():
        highest = np.array([_number(v) for v in values])
        shares = ", ".join(f"{(highest >= ville(rate)).mean():.3f} at {rate:g}" for rate in (0.05, 0.01))
        limits = ", ".join(f"{calibrated(highest, rate):.3g} at {rate:g}" for rate in (0.05, 0.01))
        lines.append(f"    {source:<14} {shares}; calibrated limits {limits} ({len(highest)} conversations)")
    return "\n".join(lines)


def run_labeller(run: OpenRun) -> Labeller:
    """The run's labeller. Nothing is read or fitted where patterns name every theme."""
    if all(theme.patterns for theme in run.codebook.themes):
        return labeller_for(run.settings, run.codebook, (), None)
    training = training_texts(run.store, run.settings)
    return labeller_for(run.settings, run.codebook, training, _named_embedder(run, training))


def words_embedder(run: OpenRun) -> Embedder:
    """What a forecaster that sees the text only reads words with: that of the codebook or of the run, else TF-IDF."""
    if run.codebook.embedder.get("kind") == "tfidf":
        return TfidfEmbedder.from_json(run.codebook.embedder)
    training = training_texts(run.store, run.settings)
    return _named_embedder(run, training) or TfidfEmbedder.fit(training, dimensions=100)


def _named_embedder(run: OpenRun, training: Sequence[str]) -> Embedder | None:
    """The embedder that the run's settings name; None for TF-IDF. The subject is loaded only if it is needed."""
    return None if run.settings.embedder == "tfidf" else embedder_of(run.store, run.settings, run.subject, training)


def _monitor(
    run: OpenRun, labeller: Labeller, forecaster: LinearForecaster, lengths: np.ndarray | None,
    source: Source, embedder: Embedder | None, **options: Any,
) -> Monitor:  # fmt: skip
    origin = _origin(run)
    reads_text = source == "text only"
    words = Wording(embedder, run.themes) if reads_text and embedder is not None else None
    return Monitor(
        forecaster, labeller, themes=run.themes, site=None if reads_text else origin.site, subject=origin.subject,
        policy=origin.policy, horizon=run.settings.horizon, lengths=lengths,
        features=words, source=SOURCES[source], **options,
    )  # fmt: skip


def _conversations(
    run: OpenRun, monitor: Monitor, texts: Sequence[str], ids: Sequence[str], chosen: np.ndarray
) -> list[Followed]:
    """One text of each chosen prompt, followed: not one of those the forecasters were judged on."""
    some = np.flatnonzero(chosen).tolist()
    seeds = [trajectory_seed(SEED + 1, ids[i], 0) for i in some]
    return follow_all(monitor, run.subject, [texts[i] for i in some], seeds=seeds, policy=_origin(run).policy)


def _origin(run: OpenRun) -> Origin:
    assert run.forecaster.origin is not None  # a loaded forecaster has one
    return run.forecaster.origin


def _prompt_ends(places: Places) -> np.ndarray:
    """(prompts, width) activations at the ends of the prompts, one per prompt."""
    rows = np.flatnonzero(places.reasons == "prompt")
    _, first = np.unique(places.prompt_of[rows], return_index=True)
    return places.activations[rows[first]]


def _document(
    places: Places, transfers: Sequence[Transfer], highest: dict[str, list[float]], transitions: np.ndarray,
    themes: Sequence[str], samples: int, every: int,
) -> dict[str, Any]:  # fmt: skip
    return {
        "samples": samples,
        "every": every,
        "places": len(places.chains),
        "unjudged": places.unjudged,
        "lengths": places.mean_lengths(themes).tolist(),
        "transitions": transitions.tolist(),
        "highest": {name: [v if np.isfinite(v) else "inf" for v in values] for name, values in highest.items()},
        "transfers": [{**asdict(t), "nats": asdict(t.nats)} for t in transfers],
    }


def _number(value: float | str) -> float:
    return float("inf") if value == "inf" else float(value)


def _write_familiar(path: Any, familiar: Familiar) -> None:
    from safetensors.numpy import save

    arrays = {"mean": familiar.mean, "directions": familiar.directions, "known": familiar.known}
    arrays = {k: np.ascontiguousarray(v) for k, v in arrays.items()}
    path.write_bytes(save({**arrays, "rest": np.array([familiar.rest])}))


def _read_familiar(run: OpenRun) -> Familiar:
    from safetensors.numpy import load

    arrays = load((run.store.folder("monitor") / "guard.safetensors").read_bytes())
    return Familiar(arrays["mean"], arrays["directions"], float(arrays["rest"][0]), arrays["known"])
