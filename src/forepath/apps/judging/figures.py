"""The figures of a judgement: which numbers go into which chart. Their data are in the JSON and in the tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from forepath.apps.judging.charts import Chart, Series
from forepath.apps.judging.keeping import number

BITS = 1 / math.log(2)


def skill_by_step(data: Mapping[str, Any]) -> Chart:
    """Explained fraction with intervals, a line per forecaster."""
    names = list(dict.fromkeys(r["forecaster"] for r in data["decay"]))
    series = []
    for name in names:
        rows = [r for r in data["decay"] if r["forecaster"] == name]
        spans = [r["explained"] for r in rows]
        series.append(
            Series(
                name,
                [(r["step"], number(e["value"])) for r, e in zip(rows, spans, strict=True)],
                [(number(e["low"]), number(e["high"])) for e in spans],
            )
        )
    steps = sorted({r["step"] for r in data["decay"]})
    marks = [(float(s), "next" if s == 1 else str(s)) for s in steps]
    return Chart("Skill by step", "steps ahead", "explained fraction", series, marks=marks, level=0.0)


def worth_curve(data: Mapping[str, Any]) -> Chart:
    """Squared error of k samples as k grows, raw and shrunk, and the forecast's as a level."""
    if not data["worth"]:
        return Chart("Worth in samples", "", "", [])
    first = data["worth"][0]
    main = next(r for r in data["rows"] if (r["forecaster"], r["step"]) == (data["main"], first["step"]))
    k_raw = number(main["k_raw"])
    level = number(first["spread"]) / k_raw if math.isfinite(k_raw) and k_raw > 0 else None
    ks = [number(k) for k in first["k"]]
    series = [
        Series(f"{kind} samples", [(k, number(v)) for k, v in zip(ks, first[key], strict=True)])
        for kind, key in (("k raw", "raw"), ("k shrunk", "shrunk"))
    ]
    title = f"Worth in samples, the next theme (dashed: {data['main']})"
    return Chart(title, "samples of the prompt", "squared error", series, log_x=True, log_y=True, level=level)


def reliability_curves(data: Mapping[str, Any]) -> list[Chart]:
    """All themes together, then the most written ones."""
    charts = []
    for curve in data["calibration"]["curves"]:
        points = [(number(f), number(o)) for f, o in zip(curve["forecast"], curve["observed"], strict=True)]
        errors = [number(e) for e in curve["error"]]
        bars = [(max(o - 1.96 * e, 0.0), min(o + 1.96 * e, 1.0)) for (_, o), e in zip(points, errors, strict=True)]
        name = curve["theme"] or "all themes"
        charts.append(Chart(f"Reliability: {name}", f"{name}: odds", "share of samples", [Series(name, points, bars)],
                            diagonal=True))  # fmt: skip
    return charts


def size_curve(data: Mapping[str, Any]) -> Chart:
    """Test loss against the number of training prompts, a line per number of samples."""
    sizes = data["sweeps"]["sizes"]
    series = []
    for k in sorted({r["samples"] for r in sizes}):
        rows = [r for r in sizes if r["samples"] == k]
        many = "sample" if k == 1 else "samples"
        series.append(Series(f"{k} {many} each", [(r["prompts"], number(r["test"])) for r in rows]))
    return Chart("Training size", "training prompts", "test cross-entropy, nats", series, log_x=True)


def site_sweep(data: Mapping[str, Any]) -> Chart:
    """Validation loss (what it was chosen by) by site, a line per normalisation; test loss of the first beside it."""
    rows = data["sweeps"]["sites"]
    sites = list(dict.fromkeys(r["site"] for r in rows))
    place = {site: float(i) for i, site in enumerate(sites)}
    series = []
    for how in dict.fromkeys(r["normalise"] for r in rows):
        mine = [r for r in rows if r["normalise"] == how]
        series.append(Series(f"{how}, validation", [(place[r["site"]], number(r["validation"])) for r in mine]))
    first = [r for r in rows if rows and r["normalise"] == rows[0]["normalise"]]
    tested = [(place[r["site"]], number(r["test"])) for r in first]
    series.append(Series(f"{rows[0]['normalise']}, test", tested, line=False) if rows else Series("", []))
    marks = [(i, site) for site, i in place.items()]
    return Chart("Skill by site", "where it is read", "cross-entropy, nats", series, marks=marks)


def cost_frontier(data: Mapping[str, Any]) -> Chart:
    """Bits gained over the base rate against seconds per prompt: forecasts, and shrunk samples."""
    costs = data["costs"]
    rows = {r["forecaster"]: r for r in data["rows"] if r["step"] == 1}
    if not costs or "base_rate" not in rows:
        return Chart("Cost frontier", "", "", [])
    base = number(rows["base_rate"]["cross_entropy"])

    def gained(name: str) -> float:
        return BITS * (base - number(rows[name]["cross_entropy"]))

    read = costs["prefill_seconds"] + costs["forecast_seconds"]
    ours = [n for n in (data["main"], "chain", "layers", "ridge") if n in rows]
    series = [Series(name, [(read, gained(name))], line=False) for name in ours]
    sampled = sorted((int(n.partition("@")[2]), n) for n in rows if n.startswith("mc_shrunk@"))
    series.append(Series("k shrunk samples", [(k * costs["sample_seconds"], gained(n)) for k, n in sampled]))
    return Chart("Cost frontier, the next theme", "seconds per prompt", "bits gained over the base rate", series,
                 log_x=True)  # fmt: skip
