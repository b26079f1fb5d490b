"""Two runs of the same prompts, compared: `effects.compare` on what they wrote, as their labeller read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forepath.apps.labelling import observed, read_labelled
from forepath.apps.progress import Report, silent
from forepath.apps.runs import OpenRun
from forepath.effects.comparing import Rules, compare
from forepath.effects.comparison import Comparison
from forepath.errors import InputError, MismatchError, RunIncompleteError
from forepath.records import Intervention, Segment, Trajectory
from forepath.store import prompts_from


def compare_runs(
    before: OpenRun,
    after: OpenRun,
    *,
    targets: Sequence[str] = (),
    by: str | None = None,
    fluency: bool = True,
    rules: Rules = Rules(),
    report: Report = silent,
) -> Comparison:
    """What `after` writes otherwise than `before`.

    `by`: a column of the prompts; themes are looked at in each of its groups too. `fluency`: read all texts with the
    model of `before` (it is loaded for that). Prompts of one `group` of the runs share their luck. Raises
    `MismatchError` unless both were read by one codebook, `RunIncompleteError`, `InputError`.
    """
    if before.codebook.id != after.codebook.id:
        raise MismatchError(
            f"{before.path} was read by codebook {before.codebook.id}, {after.path} by {after.codebook.id}: the same "
            f"name may mean two things; make the second with `forepath intervene {before.path}` or `run --codebook`"
        )
    sides = [labelled(run) for run in (before, after)]
    prompts = prompts_from(before.store.table("prompts"))
    if by is not None and any(by not in p.extra for p in prompts):
        known = sorted({key for p in prompts for key in p.extra})
        raise InputError(f"--by {by}: not a column of every prompt; there are {', '.join(known) or 'none'}")
    nats = None
    if fluency:
        from forepath.effects.fluency import surprises

        read = []
        for i, side in enumerate(sides):
            report("fluency", i, 2)
            read.append(surprises(before.subject, side))
        report("fluency", 2, 2)
        nats = (read[0], read[1])
    grouped = before.settings.group is not None
    return compare(
        *sides,
        targets=targets,
        groups=None if by is None else {p.id: str(p.extra[by]) for p in prompts},
        clusters={p.id: before.settings.group_of(p) for p in prompts} if grouped else None,
        surprises=nats,
        rules=rules,
    )


def labelled(run: OpenRun) -> list[Trajectory]:
    """What a run wrote, as its chains count it: without a last segment that was cut off too early to be named.

    One that could not be labelled keeps one segment without a theme, so that it is counted as not judged. Raises
    `RunIncompleteError` if some are not labelled yet.
    """
    codebook = run.codebook.id
    if run.store.done(f"segments-{codebook}") != run.store.done("trajectories"):
        raise RunIncompleteError(f"{run.path} is labelled in part only; go on with it first")
    failed = set(run.store.table(f"unlabelled-{codebook}")["trajectory"].to_pylist())
    read = (replace(t, segments=(Segment(0, len(t.text)),)) if t.id in failed else observed(t)
                for t in read_labelled(run.store))  # fmt: skip
    return list(read)


def intervention_of(run: OpenRun) -> Intervention | None:
    """What the subject of a run was changed by; None for one that was not."""
    given = run.store.config.get("intervention")
    return Intervention(**given) if given else None


def change_of(run: OpenRun) -> str:
    """The same in words."""
    from forepath.subjects.interventions.making import describe

    change = intervention_of(run)
    return describe(change) if change else "another run"
