"""The assurance of every run, fitted or read in the background: a forecast never waits for it. Knows no requests.

It is fitted in a process of its own, of low priority and on one core: beside it in one process, a forecast would wait
for the interpreter and for the matrix products' threads.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Literal

from forepath.apps.assurance import FOLDER, Assurance, assure, fit_assurance
from forepath.apps.runs import OpenRun
from forepath.errors import ForepathError, RunError

Progress = Literal["none", "fitting", "ready"]


class Assurances:
    """One per run that was asked for."""

    def __init__(self) -> None:
        self._found: dict[OpenRun, Assurance | None] = {}
        self._failed: dict[OpenRun, str] = {}
        self._lock = threading.Lock()

    def of(self, run: OpenRun) -> tuple[Assurance | None, Progress]:
        """What there is by now; the first to ask sets it going."""
        with self._lock:
            if run not in self._found:
                self._found[run] = None
                threading.Thread(target=self._make, args=(run,), daemon=True, name="assurance").start()
        found = self._found[run]
        return found, "ready" if found is not None else "none" if run in self._failed else "fitting"

    def why_not(self, run: OpenRun) -> str:
        """Why a run has none; empty if it has, or may yet have."""
        return self._failed.get(run, "")

    def _make(self, run: OpenRun) -> None:
        try:
            if not run.store.has(FOLDER):
                _fit_apart(run)
            try:
                self._found[run] = assure(run)
            except (RunError, OSError):  # it cannot be kept there now: another writer, or a disk that is only read
                self._found[run] = fit_assurance(run)
        except ForepathError as error:
            self._failed[run] = str(error)
        except Exception as error:  # a thread has nobody to tell
            self._failed[run] = f"{type(error).__name__}: {error}"


def _fit_apart(run: OpenRun) -> None:
    """Have another process fit and keep it. Where that fails nothing is said: whoever reads it next fits it here."""
    alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-P", "-m", "forepath.apps.assurance", str(run.path)]  # -P: nothing from here
    with suppress(OSError):
        subprocess.run(command, env=os.environ | alone, stdin=subprocess.DEVNULL, capture_output=True, check=False)
