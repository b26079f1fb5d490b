"""Trainings in processes of their own, a core each: torch is hardly quicker on two cores than on one.

Each process opens the run by itself, reads only, and fits what it is told, one after the other; the judge, which holds
the lock, keeps what comes back. What fails there is left: the judge does it again by itself, and says why it fails.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from forepath.apps.judging.case import Case, Options, open_case
from forepath.apps.judging.entrants import Entrant
from forepath.apps.judging.fits import key_of, note_share, odds_of
from forepath.apps.judging.rivals import rivals
from forepath.apps.judging.together import usable_cores
from forepath.apps.settings import settings_in
from forepath.store import Run

MOST = 4
"""Processes, whatever the number of cores: each holds the subject and what it fits."""
LARGE = 2**30
"""Bytes of weights from which a subject is not loaded again for this."""
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
STAGE = "train"


def trained_apart(case: Case) -> bool:
    """Whether it is done: not with one core, nor with a subject that is large or not on the CPU."""
    weights = list(case.trial.subject.model.parameters())
    large = sum(w.nbytes for w in weights) > LARGE or any(w.device.type != "cpu" for w in weights)
    return usable_cores() > 1 and not large


def train_apart(case: Case, wanted: Sequence[tuple[Entrant, int]]) -> None:
    """Keep the odds of these (entrant, refit), as `fits.forecast_of` would make them."""
    works = [(e, refit) for e, refit in wanted if not case.kept.has_odds(key_of(e, refit))]
    if len(works) < 2:
        return
    units: list[list[tuple[Entrant, int]]] = []
    for work in works:  # those that read the same are fitted by one process: they may start from the same
        if units and units[-1][0][0].features == work[0].features and units[-1][0][1] == work[1]:
            units[-1].append(work)
        else:
            units.append([work])
    left, done, turn = iter(units), count(1), threading.Lock()
    started: list[subprocess.Popen[str]] = []
    with tempfile.TemporaryDirectory(prefix="forepath-") as folder:

        def serve(process: subprocess.Popen[str]) -> None:
            while True:
                with turn:
                    unit = next(left, None)
                if unit is None:
                    return
                for entrant, refit in unit:
                    if not _answered(process, case, entrant, refit, Path(folder)):
                        return
                    with turn:
                        case.report(STAGE, next(done), len(works), entrant.name)

        case.report(STAGE, 0, len(works), works[0][0].name)
        try:
            for _ in range(min(MOST, usable_cores(), len(works))):
                started.append(_started(case))
            with ThreadPoolExecutor(len(started)) as pool:
                try:
                    for served in as_completed([pool.submit(serve, process) for process in started]):
                        served.result()
                finally:  # at Ctrl-C the threads wait for answers: an ended process gives them one
                    for process in started:
                        process.kill()
        finally:
            for process in started:
                process.kill()
                process.communicate()


def _started(case: Case) -> subprocess.Popen[str]:
    told = {"run": str(case.trial.store.path), "options": asdict(case.options),
            "trust_remote_code": case.settings.trust_remote_code}  # fmt: skip
    return subprocess.Popen(  # -P: nothing from here
        [sys.executable, "-P", "-m", "forepath.apps.judging.apart", json.dumps(told)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **ONE_CORE},
    )  # fmt: skip


def _answered(process: subprocess.Popen[str], case: Case, entrant: Entrant, refit: int, folder: Path) -> bool:
    """Whether the process is fit for more: it did this one, or failed at it, but did not die."""
    assert process.stdin is not None and process.stdout is not None  # both are pipes
    path = folder / f"{entrant.name} {refit}.npy"
    try:
        process.stdin.write(json.dumps([entrant.name, refit, str(path)]) + "\n")
        process.stdin.flush()
        found = json.loads(process.stdout.readline())
        odds = None if found is None else np.load(path)
    except (OSError, ValueError):  # it died, or something else speaks there
        return False
    if odds is not None:
        note_share(case, entrant, refit, found["share"])
        case.kept.keep(key_of(entrant, refit), odds, found["seconds"])
    return True


def _serve(told: dict[str, Any]) -> None:
    """In the other process: a line, a fit, a line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the judge ends it
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    store = Run.open(told["run"])
    settings = replace(settings_in(store), trust_remote_code=told["trust_remote_code"])
    options = Options(**{**told["options"], "without": tuple(told["options"]["without"])})
    case = open_case(store, settings, options)
    entrants = {e.name: e for e in rivals(case)[0]}
    while True:
        name, refit, path = json.loads(lines.get())
        print(json.dumps(_fitted(case, entrants[name], refit, path)), file=answers, flush=True)


def _listen(lines: SimpleQueue[str]) -> None:
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)  # nobody is left who asks, not even in the middle of a fit


def _fitted(case: Case, entrant: Entrant, refit: int, path: str) -> dict[str, float | None] | None:
    began = time.perf_counter()
    try:
        odds, share = odds_of(case, entrant, refit)
        np.save(path, odds)
    except Exception:  # whatever it is, the judge will meet it, too
        return None
    return {"seconds": time.perf_counter() - began, "share": share}


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
