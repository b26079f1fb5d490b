"""The contracts that plug-ins must pass, shipped so that authors can run them: of subjects, labellers, forecasters.

A check raises `ContractError` naming what was broken; passing returns nothing. Knows nothing of any implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, Self

import numpy as np

from forepath.errors import (
    ActivationError,
    ContractError,
    ForepathError,
    LabellerError,
    PromptError,
    SubjectError,
    UnfittedError,
)
from forepath.protocols import Forecaster, Labeller, Subject
from forepath.records import END, UNKNOWN, Forecast, Futures, Intervention, Policy, Step, Trajectory


def check_subject(
    subject: Subject,
    prompts: Sequence[str],
    *,
    capture: Sequence[str] = (),
    max_tokens: int = 12,
    harmless: Sequence[Intervention] = (),
    telling: Sequence[Intervention] = (),
) -> None:
    """Run a subject on `prompts` (at least 2, different) and raise `ContractError` where it breaks its protocol.

    Checked: the same seeds give the same output; other seeds some other output; row i depends on prompts[i] and
    seeds[i] only; a finished row stays finished, writes None and reads NaN; live rows read finite activations of one
    width; nothing handed over is changed. Of interventions: empty ones of kind "prompt" and "policy" and those in
    `harmless` change no token, those in `telling` change some and leave nothing behind when they are over, and one of a
    kind that does not exist is refused by a `SubjectError`, not ignored.
    """
    if len(set(prompts)) < 2:
        raise ContractError(f"check_subject needs at least 2 different prompts; got {list(prompts)}")
    policy = Policy(max_tokens=max_tokens)
    given, seeds = list(prompts), [11 + 7 * i for i in range(len(prompts))]
    steps = list(subject.stream(given, seeds=seeds, policy=policy, capture=capture))
    if given != list(prompts) or seeds != [11 + 7 * i for i in range(len(prompts))]:
        raise ContractError(f"{subject.name}: stream() changed the prompts or seeds it was given")
    if not isinstance(subject.fingerprint, str) or not subject.fingerprint:
        raise ContractError(
            f"{subject.name}: fingerprint must be a text that is not empty; got {subject.fingerprint!r}"
        )
    _check_steps(subject, steps, len(given), capture, max_tokens)
    written = _written(steps)
    if _written(subject.stream(given, seeds=seeds, policy=policy)) != written:
        raise ContractError(f"{subject.name}: the same prompts and seeds gave another output the second time")
    for i, prompt in enumerate(given):
        alone = _written(subject.stream([prompt], seeds=[seeds[i]], policy=policy))
        if alone[0] != written[i]:
            raise ContractError(
                f"{subject.name}: row {i} wrote {written[i]} in a batch of {len(given)} but {alone[0]} alone; "
                "row i must depend on prompts[i] and seeds[i] only"
            )
    others = [_written(subject.stream(given, seeds=[s + n for s in seeds], policy=policy)) for n in (1, 2, 3)]
    if all(other == written for other in others):
        raise ContractError(f"{subject.name}: four sets of seeds gave one output; seeds must matter")
    if not isinstance(subject.decode([t for t in written[0] if t is not None]), str):
        raise ContractError(f"{subject.name}: decode() must return a text")
    _check_interventions(subject, given, policy, [*_EMPTY, *harmless], telling)


_EMPTY = (Intervention("prompt", "", {"prefix": ""}), Intervention("policy", "", {}))


def _check_interventions(
    subject: Subject,
    prompts: list[str],
    policy: Policy,
    harmless: Sequence[Intervention],
    telling: Sequence[Intervention],
) -> None:
    seeds = list(range(3, 3 + len(prompts)))
    plain, hooks = _written(subject.stream(prompts, seeds=seeds, policy=policy)), _hooks(subject)
    for intervention in (*harmless, *telling):
        changed = _written(subject.stream(prompts, seeds=seeds, policy=policy, intervention=intervention))
        if (changed == plain) == (intervention in telling):
            what = "changed nothing" if changed == plain else "changed what was written"
            raise ContractError(f"{subject.name}: {intervention} {what}")
        if _hooks(subject) != hooks or _written(subject.stream(prompts, seeds=seeds, policy=policy)) != plain:
            raise ContractError(f"{subject.name}: {intervention} is over and left something behind")
    try:
        _written(subject.stream(prompts, seeds=seeds, policy=policy, intervention=Intervention("no such kind", "x")))
    except SubjectError:
        return
    raise ContractError(f"{subject.name}: an intervention of no known kind was ignored; raise SubjectError")


def _hooks(subject: Subject) -> list[int]:
    """How many hooks stand on each module of an open subject's model; none for others."""
    model: Any = getattr(subject, "model", None)
    modules = model.modules() if hasattr(model, "modules") else ()
    return [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in modules]


def _written(steps: Any) -> list[list[int]]:
    rows = [step.tokens for step in steps]
    return [[t for t in row if t is not None] for row in zip(*rows, strict=True)]


def _check_steps(subject: Subject, steps: list[Step], rows: int, capture: Sequence[str], max_tokens: int) -> None:
    finished = [False] * rows
    if not 1 <= len(steps) <= max_tokens:
        raise ContractError(f"{subject.name}: {len(steps)} steps; wanted 1 to max_tokens={max_tokens}")
    for n, step in enumerate(steps):
        if len(step.tokens) != rows or len(step.ended) != rows:
            raise ContractError(f"{subject.name}: step {n} has {len(step.tokens)} tokens for {rows} prompts")
        if set(step.activations) != set(capture):
            raise ContractError(f"{subject.name}: step {n} captured {sorted(step.activations)}; wanted {list(capture)}")
        for i, token in enumerate(step.tokens):
            if (token is None) != finished[i]:
                raise ContractError(
                    f"{subject.name}: step {n}, row {i}, {'finished' if finished[i] else 'live'}: wrote {token}; a "
                    "finished row writes None, a live one an int"
                )
            if finished[i] and not step.ended[i]:
                raise ContractError(f"{subject.name}: step {n}: row {i} had finished and is live again")
        for site, values in step.activations.items():
            _check_activations(f"{subject.name}: step {n}, {site!r}", np.asarray(values), np.array(finished))
        finished = list(step.ended)
    if not all(finished):
        raise ContractError(f"{subject.name}: rows {np.flatnonzero(~np.array(finished)).tolist()} never finished")


def _check_activations(where: str, values: np.ndarray, finished: np.ndarray) -> None:
    if values.ndim != 2 or len(values) != len(finished):
        raise ContractError(f"{where}: activations of shape {values.shape}; wanted ({len(finished)}, width)")
    if not np.isfinite(values[~finished]).all():
        raise ContractError(f"{where}: activations of live rows must be finite")
    if not np.isnan(values[finished]).all():
        raise ContractError(f"{where}: activations of finished rows must be NaN")


def check_labeller(labeller: Labeller, texts: Sequence[str], *, themes: Sequence[str] | None = None) -> None:
    """Label `texts` (at least 2, different), and raise `ContractError` where the labeller breaks its protocol.

    Checked: all but the segments is handed back unchanged; segments lie within the text, in order, none empty, none
    over another, each with a theme, which is never `end` and is one of `themes` if these are given; the prompt is not
    read; the same text gives the same segments again, whatever came before; a text without a word has none; what cannot
    be judged raises `LabellerError` and nothing else (at least one text must be judged); `label_many`, if there is one,
    labels as `label` does.
    """
    if len(set(texts)) < 2:
        raise ContractError(f"check_labeller needs at least 2 different texts; got {list(texts)}")
    name = type(labeller).__name__
    given = [Trajectory(f"p{i}/0", "subject", f"p{i}", "Once.", i, (1, 2), t, True) for i, t in enumerate(texts)]
    first = [_labelled(labeller, t, themes) for t in given]
    judged = [t for t, labelled in zip(given, first, strict=True) if labelled is not None]
    if not judged:
        raise ContractError(f"{name}: none of {len(texts)} texts could be judged; check it on texts that can")
    for before, trajectory in reversed(list(zip(first, given, strict=True))):
        if _labelled(labeller, trajectory, themes) != before:
            raise ContractError(f"{name}: {trajectory.id} was labelled otherwise the second time, in another order")
        other = replace(trajectory, prompt="A wholly different beginning, about something else.\n\n")
        if before is not None and _labelled(labeller, other, themes) != replace(before, prompt=other.prompt):
            raise ContractError(f"{name}: {trajectory.id}: another prompt gave other segments; only the text is read")
    for blank in ("", " \n\n "):
        labelled = _labelled(labeller, replace(given[0], text=blank), themes)
        if labelled is not None and labelled.segments:
            raise ContractError(f"{name}: the text {blank!r} has segments {labelled.segments}; wanted none")
    many = getattr(labeller, "label_many", None)
    if many is not None and list(many(judged)) != [t for t in first if t is not None]:
        raise ContractError(f"{name}: label_many() labels otherwise than label()")


def _labelled(labeller: Labeller, trajectory: Trajectory, themes: Sequence[str] | None) -> Trajectory | None:
    """What the labeller made of it, checked; None if it could not judge."""
    where = f"{type(labeller).__name__}: {trajectory.id}"
    try:
        out = labeller.label(trajectory)
    except LabellerError:
        return None
    except Exception as error:
        raise ContractError(
            f"{where} raised {type(error).__name__} ({error}); wanted LabellerError where it cannot judge"
        ) from error
    if not isinstance(out, Trajectory) or replace(out, segments=trajectory.segments) != trajectory:
        raise ContractError(f"{where}: label() must hand back the same trajectory with only its segments filled in")
    end = 0
    for s in out.segments:
        if not end <= s.start < s.stop <= len(trajectory.text):
            raise ContractError(
                f"{where}: segment {s} after character {end} of {len(trajectory.text)}; wanted segments in order, "
                "within the text, none empty, none over another"
            )
        end = s.stop
        if not isinstance(s.theme, str) or s.theme == END or (themes is not None and s.theme not in themes):
            named = f"one of {', '.join(themes)}" if themes is not None else f"a name other than {END!r}"
            raise ContractError(f"{where}: segment {s} has the theme {s.theme!r}; wanted {named}, or LabellerError")
    return out


def check_forecaster(
    make: Callable[[], Forecaster],
    activations: np.ndarray | None = None,
    *,
    reload: Callable[[Forecaster], Forecaster] | None = None,
) -> None:
    """Fit new forecasters from `make` on a small made-up world; raise `ContractError` where one breaks its protocol.

    `activations` (at least 20 rows, width; more axes are allowed) replace the made-up inputs, for forecasters that need
    a kind of their own. `reload` saves a fitted forecaster and reads it back.
    Checked: `UnfittedError` before `fit`; nothing handed over is changed; odds are positive (of a theme never seen too)
    and sum to 1, `end` absorbs, chains are whole, no two alike, and never likelier than their first theme; row i
    depends on row i only and moves with it; the order of the training prompts does not matter; NaN or another width
    gives `ActivationError`, and no rows give no forecasts; what is read back forecasts the same to the bit.
    """
    rng = np.random.default_rng(0)
    given = rng.standard_normal((40, 5)) if activations is None else np.array(activations)
    futures = _made_up(len(given), rng)
    _expect(UnfittedError, lambda: make().predict(given), "predict() before fit()")
    inputs, steps = given.copy(), futures.steps.copy()
    fitted = make().fit(inputs, futures)
    forecast = fitted.predict(inputs)
    if not np.array_equal(inputs, given) or not np.array_equal(futures.steps, steps):
        raise ContractError("fit() or predict() changed the arrays it was given")
    _check_forecast(forecast, futures, len(given))
    order = rng.permutation(len(given))
    alone = [fitted.predict(given[i : i + 1]) for i in order[:3]]
    for i, other in zip(order[:3], alone, strict=True):
        _same(_row(forecast, int(i)), _row(other, 0), f"row {i} of {len(given)} and the same row alone", 1e-6)
    mixed = fitted.predict(given[order])
    for i, o in enumerate(order):
        _same(_row(forecast, int(o)), _row(mixed, i), "the same rows in another order: forecasts", 1e-6)
    again = make().fit(given[order], Futures(futures.themes, futures.steps[order])).predict(given)
    for i in range(len(given)):
        _same(_row(forecast, i), _row(again, i), "training prompts in another order: forecasts", 1e-3)
    if fitted.predict(given[:0]).steps.shape != (0, *forecast.steps.shape[1:]):
        raise ContractError(f"no rows must give a forecast of shape {(0, *forecast.steps.shape[1:])}")
    if reload is not None:
        back = reload(fitted).predict(given)
        if (back.themes, back.chains) != (forecast.themes, forecast.chains) or not (
            np.array_equal(back.steps, forecast.steps) and np.array_equal(back.probs, forecast.probs)
        ):
            raise ContractError("a forecaster saved and read back must forecast the same to the bit")
    holed = given.astype(float)
    holed[3, 0] = np.nan
    wider = np.concatenate([given.reshape(len(given), -1)] * 2, axis=1)
    _expect(ActivationError, lambda: fitted.predict(holed), "predict() on a row with NaN")
    _expect(ActivationError, lambda: make().fit(holed, futures), "fit() on a row with NaN")
    _expect(ActivationError, lambda: fitted.predict(wider), "predict() on twice the width")
    _expect(ActivationError, lambda: make().fit(given[1:], futures), "fit() on one row fewer than prompts")


class TextDoor(Protocol):
    """A forecaster whose door takes prompts."""

    def fit(self, prompts: Sequence[str], futures: Futures) -> Self: ...
    def predict(self, prompts: Sequence[str]) -> Forecast: ...


def check_text_forecaster(make: Callable[[], TextDoor], prompts: Sequence[str]) -> None:
    """As `check_forecaster`, for forecasters whose door takes prompts: at least 10, all different.

    Checked: `UnfittedError` before `fit`; odds as of `check_forecaster`; row i depends on prompts[i] only; the order of
    the training prompts does not matter; a bare text, or another number of futures, gives `PromptError`.
    """
    rng = np.random.default_rng(0)
    given, futures = list(prompts), _made_up(len(prompts), rng)
    _expect(UnfittedError, lambda: make().predict(given), "predict() before fit()")
    fitted = make().fit(given, futures)
    forecast = fitted.predict(given)
    _check_forecast(forecast, futures, len(given))
    order = rng.permutation(len(given))
    mixed = fitted.predict([given[i] for i in order])
    for i, o in enumerate(order):
        _same(_row(forecast, int(o)), _row(mixed, i), "the same prompts in another order: forecasts", 1e-5)
    for i in order[:3]:
        other = fitted.predict([given[i]])
        _same(_row(forecast, int(i)), _row(other, 0), f"prompt {i} of {len(given)} and the same alone", 1e-5)
    again = make().fit([given[i] for i in order], Futures(futures.themes, futures.steps[order])).predict(given)
    for i in range(len(given)):
        _same(_row(forecast, i), _row(again, i), "training prompts in another order: forecasts", 1e-3)
    _expect(PromptError, lambda: fitted.predict(given[0]), "predict() on a bare text")
    _expect(PromptError, lambda: make().fit(given[1:], futures), "fit() on one text fewer than futures")


def _made_up(prompts: int, rng: np.random.Generator) -> Futures:
    """Chains of three steps over five themes, of which one is never written; some are cut off."""
    themes = ("a", "b", "c", "never", END)
    steps = np.zeros((prompts, 8, 3), dtype=np.int16)
    first, second, third = np.moveaxis(steps, 2, 0)
    first[...] = rng.integers(0, 3, size=first.shape)
    second[...] = np.where(rng.random(first.shape) < 0.3, themes.index(END), (first + 1) % 3)
    third[...] = np.where(second == themes.index(END), second, (second + 1) % 3)
    third[rng.random(first.shape) < 0.2] = UNKNOWN
    return Futures(themes, steps)


def _check_forecast(forecast: Forecast, futures: Futures, rows: int) -> None:
    wanted = (rows, futures.steps.shape[2], len(futures.themes))
    if forecast.themes != futures.themes or forecast.steps.shape != wanted:
        raise ContractError(f"forecast of {forecast.themes} and shape {forecast.steps.shape}; wanted {wanted}")
    if not np.isfinite(forecast.steps).all() or not np.allclose(forecast.steps.sum(axis=2), 1.0, atol=1e-6):
        raise ContractError("the odds of a step must be finite and sum to 1")
    if (forecast.steps <= 0).any():
        raise ContractError("every theme must keep some odds at every step, also one never seen: log(0) is no score")
    end = futures.themes.index(END)
    if (np.diff(forecast.steps[..., end], axis=1) < -1e-6).any():
        raise ContractError("P(end) must not fall from one step to the next: what has ended stays so")
    if forecast.probs.shape != (rows if forecast.chains else len(forecast.probs), len(forecast.chains)):
        raise ContractError(f"{len(forecast.chains)} chains, but probs of shape {forecast.probs.shape}")
    if (forecast.probs < 0).any() or (forecast.probs.sum(axis=1) > 1 + 1e-6).any():
        raise ContractError("probabilities of chains must not be negative, nor sum to more than 1")
    if len(set(forecast.chains)) != len(forecast.chains):
        raise ContractError("a chain is listed twice")
    for chain in forecast.chains:
        if END in chain[:-1] or (chain[-1] != END and len(chain) != wanted[1]) or len(chain) > wanted[1]:
            raise ContractError(f"chain {chain} must end in {END!r} or have {wanted[1]} themes")

    for theme in dict.fromkeys(chain[0] for chain in forecast.chains):
        listed = forecast.probs[:, [chain[0] == theme for chain in forecast.chains]].sum(axis=1)
        if (listed > forecast.steps[:, 0, futures.themes.index(theme)] + 0.05).any():
            raise ContractError(f"chains that begin with {theme!r} are likelier than {theme!r} at the first step")


def _row(forecast: Forecast, row: int) -> tuple[np.ndarray, dict[tuple[str, ...], float]]:
    probs = forecast.probs[row] if forecast.chains else np.zeros(0)
    return forecast.steps[row], dict(zip(forecast.chains, probs.tolist(), strict=True))


def _same(
    one: tuple[np.ndarray, dict[tuple[str, ...], float]],
    other: tuple[np.ndarray, dict[tuple[str, ...], float]],
    what: str,
    most: float,
) -> None:
    """Chains are compared where both list them: which ones are listed depends on the other rows too."""
    shared = one[1].keys() & other[1].keys()
    apart = max([float(np.abs(one[0] - other[0]).max()), *(abs(one[1][c] - other[1][c]) for c in shared)])
    if apart > most:
        raise ContractError(f"{what} differ by {apart:.2g} in probability; wanted at most {most:g}")


def _expect(kind: type[ForepathError], act: Callable[[], object], what: str) -> None:
    try:
        act()
    except kind:
        return
    except Exception as error:
        raise ContractError(f"{what} raised {type(error).__name__} ({error}); wanted {kind.__name__}") from error
    raise ContractError(f"{what} raised nothing; wanted {kind.__name__}")
