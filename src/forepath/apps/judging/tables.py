"""The tables of a judgement, as cells: what text, Markdown and HTML all show. Every table says what it means and how it
can fool its reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forepath.apps.judging.cells import cell, estimate, interval, last
from forepath.apps.judging.keeping import number
from forepath.apps.judging.wording import FOOLS, MEANS

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    means: str = ""
    """What the numbers are."""
    fools: str = ""
    """How they can mislead."""


def tables_of(data: Mapping[str, Any]) -> list[Table]:
    """All tables, in the order in which a reader needs them; one without rows is left out."""
    steps = sorted({r["step"] for r in data["rows"]})
    found = [_standing(data, data["rows"], step) for step in steps]
    if data["rows_without_leaks"]:
        found += [_standing(data, data["rows_without_leaks"], step, clean=True) for step in steps]
    found += [
        _tests(data), _decay(data), _courses(data), _rare(data),
        _shifts(data), _groups(data), _sites(data), _sizes(data), _grid(data), _calibration(data),
        _promises(data), _savings(data), _strangers(data), _labels(data), _costs(data), _missing(data),
    ]  # fmt: skip
    return [table for table in found if table.rows]


def _standing(data: Mapping[str, Any], rows: Rows, step: int, *, clean: bool = False) -> Table:
    spread = {r["forecaster"]: r for r in data["seeds"] if r["step"] == step}
    verdicts = {r["other"]: r for r in data["tests"] if r["step"] == step and r["one"] == data["main"]}
    chosen = sorted((r for r in rows if r["step"] == step), key=lambda r: last(number(r["cross_entropy"])))
    cells = []
    for row in chosen:
        name = row["forecaster"]
        against = verdicts.get(name)
        cells.append(
            (
                name,
                interval(row["cross_entropy"], row["low"], row["high"]),
                "" if clean or name not in spread else cell(spread[name]["sd"], 3),
                cell(row["explained"], 2),
                cell(row["ece"], 3),
                cell(row["k_raw"], 1),
                cell(row["k_star"], 1),
                str(row["n_prompts"]),
                "" if clean or against is None else _beaten(against),
            )
        )
    heads = ("forecaster", "cross-entropy [95 %]", "± fits", "expl.", "ECE", "k raw", "k*", "n", "main is")
    title = "The next theme" if step == 1 else f"{step} steps ahead"
    if clean:
        return Table(f"{title}, without the leaking prompts", heads, cells)
    return Table(title, heads, cells, MEANS["standing"], FOOLS["standing"] if step == 1 else "")


def _beaten(test: Mapping[str, Any]) -> str:
    if test["verdict"] == "not told apart":
        return f"not told apart (q {cell(test['q'], 2)})"
    return f"{test['verdict']} ({_q(test['q'])})"


def _q(value: Any) -> str:
    return "q < 0.001" if number(value) < 0.001 else f"q {cell(value, 3)}"


def _tests(data: Mapping[str, Any]) -> Table:
    cells = [
        (
            f"{r['one']} − {r['other']}",
            str(r["step"]),
            interval(r["difference"], r["low"], r["high"], signed=True),
            cell(r["p"], 4),
            cell(r["q"], 4),
            r["verdict"],
            str(r["n_prompts"]),
        )
        for r in data["tests"]
    ]
    heads = ("pair", "step", "nats [95 %]", "p", "q", "the first is", "n")
    return Table("Paired tests", heads, cells, MEANS["tests"], FOOLS["tests"])


def _decay(data: Mapping[str, Any]) -> Table:
    cells = [
        (r["forecaster"], str(r["step"]), interval(*estimate(r["explained"]), digits=2),
         interval(*estimate(r["worth"]), digits=1))
        for r in data["decay"]
    ]  # fmt: skip
    heads = ("forecaster", "step", "explained [95 %]", "worth in shrunk samples [95 %]")
    return Table("How far ahead", heads, cells, MEANS["decay"], FOOLS["decay"])


def _courses(data: Mapping[str, Any]) -> Table:
    cells = [
        (r["forecaster"], *("–" if r[f] is None else interval(*estimate(r[f])) for f in ("nats", "edits")),
         str(r["n_prompts"]))
        for r in sorted(data["courses"], key=lambda r: last(number((r["edits"] or {}).get("value"))))
    ]  # fmt: skip
    heads = ("forecaster", "nats a chain [95 %]", "edit distance to a sample [95 %]", "n")
    return Table("Whole chains", heads, cells, MEANS["courses"], FOOLS["courses"])


def _rare(data: Mapping[str, Any]) -> Table:
    cells = [
        (r["forecaster"], cell(r["auroc"], 3), cell(r["worst"], 3), str(r["themes"]), str(r["n_prompts"]))
        for r in sorted(data["rare"], key=lambda r: -number(r["auroc"]))
    ]
    heads = ("forecaster", "mean AUROC", "worst theme", "rare themes", "n with one")
    return Table("Rare themes, the next theme", heads, cells, MEANS["rare"], FOOLS["rare"])


def _shifts(data: Mapping[str, Any]) -> Table:
    cells = [
        (
            r["shift"],
            r["forecaster"],
            str(r["step"]),
            f"{cell(r['before'], 3)} → {cell(r['cross_entropy'], 3)}",
            f"{cell(r['explained_before'], 2)} → {cell(r['explained'], 2)}",
            cell(r["explained_blind"], 2),
            cell(r["ece"], 3),
            str(r["n_prompts"]),
        )
        for r in data["shifts"]
    ]
    heads = ("shift", "forecaster", "step", "cross-entropy", "explained", "blind", "ECE", "n")
    return Table("Other prompts, other policies", heads, cells, MEANS["shifts"], FOOLS["shifts"])


def _groups(data: Mapping[str, Any]) -> Table:
    cells = [
        (
            r["group"],
            f"{cell(r['cross_entropy'], 3)} → {cell(r['without'], 3)}",
            f"{cell(r['explained'], 2)} → {cell(r['explained_without'], 2)}",
            str(r["n_prompts"]),
        )
        for r in data["groups"]
    ]
    heads = ("group", "cross-entropy, with → without it", "explained", "n")
    return Table("Group by group, the next theme", heads, cells, MEANS["groups"], FOOLS["groups"])


def _sites(data: Mapping[str, Any]) -> Table:
    rows = sorted(data["sweeps"]["sites"], key=lambda r: last(number(r["validation"])))
    best = data["sweeps"]["chosen"] or {}
    cells = [
        (r["site"], r["normalise"], cell(r["validation"], 3), cell(r["test"], 3),
         "chosen" if r == best else "")
        for r in rows
    ]  # fmt: skip
    heads = ("site", "normalise", "validation, nats", "test, nats", "")
    return Table("Where it is read", heads, cells, MEANS["sites"], FOOLS["sites"])


def _sizes(data: Mapping[str, Any]) -> Table:
    cells = [
        (str(r["prompts"]), str(r["samples"]), str(r["prompts"] * r["samples"]), cell(r["validation"], 3),
         cell(r["test"], 3))
        for r in data["sweeps"]["sizes"]
    ]  # fmt: skip
    heads = ("training prompts", "samples each", "texts", "validation, nats", "test, nats")
    return Table("How much it needs", heads, cells, MEANS["sizes"], FOOLS["sizes"])


def _grid(data: Mapping[str, Any]) -> Table:
    ordered = sorted(data["sweeps"]["grid"], key=lambda r: last(number(r["validation"])))
    cells = [
        (r["site"], r["normalise"], str(r["prompts"]), str(r["samples"]), cell(r["validation"], 3), cell(r["test"], 3))
        for r in ordered
    ]
    heads = ("site", "normalised", "training prompts", "samples each", "validation, nats", "test, nats")
    return Table("Site, normalisation, prompts and samples together", heads, cells, MEANS["sites"], FOOLS["sites"])


def _calibration(data: Mapping[str, Any]) -> Table:
    cells = [
        (r["map"], str(r["step"]), cell(r["ece"], 4), cell(r["cross_entropy"], 3), str(r["n_prompts"]))
        for r in data["calibration"]["steps"]
    ]
    heads = ("map of the odds", "step", "classwise ECE", "cross-entropy, nats", "n")
    return Table("Calibration", heads, cells, MEANS["calibration"], FOOLS["calibration"])


def _promises(data: Mapping[str, Any]) -> Table:
    cells = []
    for r in data["promises"]:
        least = r["least_group"]
        what = "chains" if r["step"] == 0 else f"step {r['step']}"
        cells.append(
            (
                f"{what}, {r['method']}",
                interval(*estimate(r["coverage"])),
                f"{cell(r['size'], 2)} : {cell(r['exact_size'], 2)}" + (" (everything)" if r["everything"] else ""),
                str(r["calibrated_on"]),
                "–" if least is None else f"{least['group']} {cell(least['coverage'], 2)} (n {least['prompts']})",
            )
        )
    heads = ("sets at 90 %", "coverage [95 %]", "size : exact", "calibrated on", "covered least")
    return Table("Sets that promise", heads, cells, MEANS["promises"], FOOLS["promises"])


def _savings(data: Mapping[str, Any]) -> Table:
    cells = [
        (
            str(r["step"]),
            str(r["raw"]),
            cell(r["shrunk"], 1),
            cell(r["fused"], 1),
            interval(*estimate(r["share"]), digits=2),
            cell(r["share_of_shrunk"], 2),
            cell(r["strength"], 1),
        )
        for r in data["savings"]
    ]
    heads = ("step", "raw samples", "shrunk", "fused", "saved [95 %]", "of the shrunk", "forecast counts for")
    return Table("Samples saved at equal error", heads, cells, MEANS["savings"], FOOLS["savings"])


def _strangers(data: Mapping[str, Any]) -> Table:
    cells = [
        (r["method"], r["by"], interval(*estimate(r["auroc"])), cell(r["flagged_new"], 2), cell(r["flagged_old"], 2),
         str(r["n_prompts"]))
        for r in data["strangers"]
    ]  # fmt: skip
    heads = ("method", "new", "AUROC [95 %]", "new flagged", "old flagged", "n")
    return Table("Does it notice what is new?", heads, cells, MEANS["strangers"], FOOLS["strangers"])


def _labels(data: Mapping[str, Any]) -> Table:
    cells = [
        (f"step {r['step']}", cell(r["same_likeliest"], 2), cell(r["total_variation"], 2), str(r["prompts"]))
        for r in data["labels"].get("rounds", [])
    ]
    heads = ("two rounds of samples", "same likeliest theme", "total variation", "n")
    return Table("The labels' own noise", heads, cells, MEANS["labels"], FOOLS["labels"])


def _costs(data: Mapping[str, Any]) -> Table:
    c = data["costs"]
    if not c:
        return Table("Cost", (), [])
    cells = [
        ("reading a prompt", f"{1e3 * c['prefill_seconds']:.2f} ms"),
        ("forecasting from what was read", f"{1e3 * c['forecast_seconds']:.4f} ms"),
        ("one sample of the prompt", f"{1e3 * c['sample_seconds']:.1f} ms, {c['sample_tokens']:.0f} tokens"),
        ("samples one forecast is worth", cell(c["replaced_samples"], 1)),
        ("the same as samples", f"{1e3 * c['replaced_samples'] * c['sample_seconds']:.0f} ms"),
        ("sampling and fitting, once", f"{c['training_seconds']:.0f} s"),
        ("forecasts after which that is paid back", cell(c["break_even_forecasts"], 0)),
        ("operations, forecast : samples", f"{c['forecast_flops']:.2g} : {c['samples_flops']:.2g}"),
    ]
    return Table("Cost", ("what", "measured"), cells, MEANS["costs"], FOOLS["costs"])


def _missing(data: Mapping[str, Any]) -> Table:
    cells = [(r["forecaster"], r["reason"]) for r in data["missing"]]
    return Table("What is not here, and why", ("row", "reason"), cells)
