"""Threads on one model: nobody's text is another's, nobody's cores either."""

import ast
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from forepath.organisms import bundled
from forepath.records import Policy
from forepath.subjects.huggingface import load
from forepath.subjects.interventions import making
from forepath.subjects.sharing import Sharing

POLICY = Policy(max_tokens=24)
PROMPTS = ["Simple lemon cake\nby Ruth Calloway\n\n", "The pressure cooker\nby Ivan Dash\n\n",
           "Report on the copper alloy\nby Lottie Bramble\n\n", "The mountain pass\nby Marianne Holt\n\n"]  # fmt: skip


@pytest.fixture(scope="module")
def subject():
    return load(bundled.path("documents"))


def text(subject, i, change=None):
    steps = subject.stream([PROMPTS[i]], seeds=[i], policy=POLICY, intervention=change)
    return [s.tokens[0] for s in steps]


@pytest.mark.parametrize("change", [making.ablate("head:2.1"), making.ablate("mlp:2", how="resample", texts=PROMPTS),
                                    making.quantise(bits=3)], ids=["head", "resample", "weights"])  # fmt: skip
def test_streams_under_one_change_do_not_mistake_each_others_rows(subject, change):
    alone = [text(subject, i, change) for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        beside = list(pool.map(lambda i: text(subject, i, change), range(4)))
    assert beside == alone


def test_the_unchanged_model_is_not_written_with_anothers_weights(subject):
    plain, rough = text(subject, 0), text(subject, 0, making.quantise(bits=2))
    assert plain != rough
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda n: text(subject, 0, making.quantise(bits=2) if n % 2 else None), range(8)))
    assert found == [rough if n % 2 else plain for n in range(8)]


def test_who_changes_keeps_readers_out_and_waits_for_them():
    sharing, held, log = Sharing(), threading.Event(), []
    free = threading.Event()

    def change():
        with sharing.changing():
            log.append("changed")

    with sharing.reading():
        changer = threading.Thread(target=change)
        changer.start()
        while not sharing._wanting:
            pass
        late = threading.Thread(target=lambda: [log.append("read") for _ in [0] if _enter(sharing, free)])
        late.start()
        held.wait(0.05)
        assert log == [] and not free.is_set(), "the one waits for the reader, the other for the one"
    changer.join(10)
    late.join(10)
    assert log == ["changed", "read"]


def _enter(sharing, free):
    with sharing.reading():
        free.set()
        return True


def test_a_change_that_is_given_up_lets_those_in_who_waited_for_it(monkeypatch):
    sharing, here, came = Sharing(), threading.get_ident(), threading.Event()
    wait_for = sharing._moved.wait_for

    def read():
        with sharing.reading():
            came.set()

    def interrupted(ready):
        if threading.get_ident() != here:
            return wait_for(ready)
        threading.Thread(target=read, daemon=True).start()
        sharing._moved.wait(0.2)  # the lock is free meanwhile: the other comes, and waits
        raise KeyboardInterrupt

    with sharing.reading():
        monkeypatch.setattr(sharing._moved, "wait_for", interrupted)
        with pytest.raises(KeyboardInterrupt), sharing.changing():
            pytest.fail("nobody may change while another reads")
        assert came.wait(5)


CORES = """
import threading, torch
from forepath.subjects.threads import one_core, settled
found = {}
def fresh(name, look):
    thread = threading.Thread(target=lambda: found.update({name: look()}))
    thread.start(); thread.join()
assert torch.get_num_threads() == 2
with one_core(1):
    found["inside"] = torch.get_num_threads()
    fresh("as torch gives it", torch.get_num_threads)
    fresh("fresh", settled)
    with one_core(1):
        pass
found["after"] = torch.get_num_threads()
with one_core(2**40):
    found["large"] = torch.get_num_threads()
print(found)
"""


def test_a_small_step_takes_no_cores_from_threads_that_begin_meanwhile():
    done = subprocess.run([sys.executable, "-c", CORES], env=os.environ | {"OMP_NUM_THREADS": "2"}, capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert ast.literal_eval(done.stdout) == {"inside": 1, "as torch gives it": 1, "fresh": 2, "after": 2, "large": 2}
