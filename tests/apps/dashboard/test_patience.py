"""A run that somebody else writes for a moment is written a moment later; other troubles are told at once."""

import threading
import time

import pytest

from forepath.apps.dashboard.patience import patiently
from forepath.errors import RunCorruptError, RunError
from forepath.store import Run


def test_a_moment_s_writer_is_waited_for_and_a_lasting_one_is_told(opened):
    other, held = Run.open(opened.path), threading.Event()

    def hold():
        with other.lock():
            held.set()
            time.sleep(0.2)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    with pytest.raises(RunError):
        patiently(lambda: opened.store.write_document("note", [1]), seconds=0.0)
    patiently(lambda: opened.store.write_document("note", [2]), seconds=30.0)
    thread.join()
    assert opened.store.read_document("note") == [2]


def test_what_is_not_a_matter_of_waiting_is_told_at_once():
    calls = []

    def torn():
        calls.append(1)
        raise RunCorruptError("torn")

    with pytest.raises(RunCorruptError):
        patiently(torn)
    assert calls == [1]
