"""Activations of prompts from a server that writes them as vLLM's hidden-state connector does; it is made here."""

import fcntl
import json
import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import numpy as np
import pytest
from proxy_toys import POLICY, make_monitor, wait_for
from test_proxy_upstream import KEY, OURS, data_frames, features, vllm_frames

from forepath.apps.proxy import hidden
from forepath.apps.proxy.channel import Channel
from forepath.apps.proxy.hidden import HiddenStates, one_token
from forepath.apps.proxy.server import serving
from forepath.apps.proxy.start import Serving, serve
from forepath.apps.proxy.upstream import create_upstream_app
from forepath.apps.proxy.watching import Watcher
from forepath.errors import InputError, MismatchError
from forepath.forecasters import LinearForecaster
from forepath.monitors.actions import Actions
from forepath.records import Futures
from forepath.store.tensors import pack

TEXT = "The rain and the wet were 3. The umbrella and the rain were 4.\n\nThe soup and the bread were 5.\n"
RNG = np.random.default_rng(0)
STATES = RNG.standard_normal((7, 1, 6)).astype(np.float32)
"""(tokens, layers, width)"""


@pytest.fixture(scope="module")
def forecaster():
    x = RNG.standard_normal((60, 6))
    drawn = (x[:, None, :1] > RNG.standard_normal((60, 8, 1))).astype(np.int16)
    return LinearForecaster(penalty=0.1).fit(x, Futures(("rain", "food", "end"), drawn))


class Behind(BaseHTTPRequestHandler):
    """Streams a text; asked for one token, it leaves a file, its lock held for a while."""

    states, named, asked, wait = STATES, None, [], 0.1
    own = None
    """The file that a client's own request leaves."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append((body, self.headers["authorization"]))
        self.send_response(200)
        if body.get("stream"):
            self.send_header("content-type", "text/event-stream; charset=utf-8")
            self.end_headers()
            if self.own is not None:
                self.leave(self.own)
            for part in vllm_frames(TEXT, chat=False):
                self.wfile.write(part)
                self.wfile.flush()
            return
        answer = {"choices": [{"index": 0, "text": "T", "finish_reason": "length"}]}
        if self.named is not None:
            self.leave(self.named)
            answer["kv_transfer_params"] = {"hidden_states_path": str(self.named)}
        content = json.dumps(answer).encode()
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def leave(self, path):
        lock = open(f"{path}.lock", "w")  # noqa: SIM115
        fcntl.flock(lock, fcntl.LOCK_EX)

        def write():
            arrays = {"hidden_states": self.states, "token_ids": np.arange(7.0)}
            path.write_bytes(pack(arrays, {"hidden_states": "bfloat16"}))
            lock.close()

        threading.Timer(self.wait, write).start()

    def log_message(self, *_):
        pass


@contextmanager
def between(handler, states):
    """(our URL, side channel) in front of `handler`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    channel = Channel("start")
    watcher = Watcher(make_monitor(site=None, features=features), Actions(), channel.publish)
    numbers = iter(range(100))
    app = create_upstream_app(f"http://127.0.0.1:{server.server_port}", channel, watcher, policy=POLICY,
                              names=lambda: f"up-{next(numbers)}", hidden=states)  # fmt: skip
    try:
        with serving(app, token=OURS, bearer=False) as ours:
            yield ours, channel
    finally:
        watcher.close()
        server.shutdown()
        thread.join()
        server.server_close()


def told(channel, kind, words):
    """The first record of a kind with these words."""
    found = lambda: [f for _, _, f in list(channel._events) if f"event: {kind}".encode() in f and words.encode() in f]  # noqa: E731
    assert wait_for(found)
    return json.loads(found()[0].split(b"data: ")[1])


def ask(ours, **more):
    body = {"model": "m", "prompt": "p", "stream": True, "max_tokens": 40, "stream_options": {"include_usage": True}}
    body |= more
    answer = httpx2.post(f"{ours}/v1/completions", json=body, headers=KEY, timeout=60)
    assert data_frames(answer.content) == [f.rstrip(b"\n") for f in vllm_frames(TEXT, chat=False)], "bytes untouched"


def test_the_prompt_is_forecast_from_what_the_connector_left(tmp_path, forecaster):
    handler = type("Mine", (Behind,), {"named": tmp_path / "one.safetensors", "asked": []})
    states = HiddenStates(tmp_path.resolve(), "resid.1", forecaster, "model")
    with between(handler, states) as (ours, channel):
        ask(ours)
        found = told(channel, "reading", "activations of the prompt")
        assert told(channel, "reading", '"reason": "end"')["source"] == "text only"
    wanted = forecaster.predict(STATES[-1:, 0].view(np.uint32).__and__(0xFFFF0000).view(np.float32)).steps[0]
    assert np.abs(np.array(found["steps"]) - wanted).max() < 2e-2 and "cannot be known" in found["source"]
    assert np.abs(np.array(found["steps"]) - forecaster.predict(STATES[:1, 0]).steps[0]).max() > 0.05, "the last token"
    assert found["reason"] == "prompt" and found["token"] == 0
    assert not list(tmp_path.iterdir()), "what was asked for is tidied away"
    (short,) = [body for body, _ in handler.asked if not body.get("stream")]
    assert (short["max_tokens"], short["n"], short["prompt"]) == (1, 1, "p") and "stream_options" not in short
    assert {key for _, key in handler.asked} == {KEY["authorization"]}


@pytest.mark.parametrize("number", ["", "1_"])
@pytest.mark.parametrize("wanted", [None, {"include_output_tokens": True}])
def test_what_a_client_s_own_request_leaves_is_tidied_away_unless_it_asked_for_it(tmp_path, forecaster, wanted, number):
    """vLLM 0.32 writes a file for every choice of every request, named after its id with something around it."""
    own, other = tmp_path / f"{number}cmpl-8f-0-ab12cd34.safetensors", tmp_path / "cmpl-8f-1-0-ab12cd34.safetensors"
    other.write_bytes(b"of a request that goes on")
    handler = type("Mine", (Behind,), {"named": tmp_path / "one.safetensors", "own": own, "asked": [], "wait": 0.3})
    with between(handler, HiddenStates(tmp_path.resolve(), "resid.1", forecaster, "model")) as (ours, channel):
        ask(ours, **({} if wanted is None else {"kv_transfer_params": wanted}))
        told(channel, "reading", "activations of the prompt")
        assert wait_for(own.exists if wanted else lambda: {*tmp_path.iterdir()} == {other}), list(tmp_path.iterdir())
        time.sleep(0.5 if wanted else 0)
    assert {*tmp_path.iterdir()} == ({other, own, tmp_path / f"{own.name}.lock"} if wanted else {other})


def test_what_is_written_only_after_the_client_has_left_is_tidied_away_too(tmp_path, forecaster):
    """A server that is told to stop writes its file after that: here half a second later."""
    own = tmp_path / "cmpl-8f-0-ab12cd34.safetensors"

    class Slow(Behind):
        named = tmp_path / "one.safetensors"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if not body.get("stream"):
                self.send_error(503)
                return
            self.send_response(200)
            self.send_header("content-type", "text/event-stream; charset=utf-8")
            self.end_headers()
            try:
                for part in vllm_frames(TEXT * 50, chat=False):
                    self.wfile.write(part)
                    self.wfile.flush()
                    time.sleep(0.01)
            except OSError:
                left.set()
                threading.Timer(0.5, self.leave, [own]).start()

    left = threading.Event()
    with between(Slow, HiddenStates(tmp_path.resolve(), "resid.1", forecaster, "model")) as (ours, _):
        body = {"model": "m", "prompt": "p", "stream": True, "max_tokens": 40}
        with httpx2.stream("POST", f"{ours}/v1/completions", json=body, headers=KEY, timeout=60) as answer:
            next(answer.iter_raw())
        assert left.wait(10)
        assert wait_for(own.exists) and wait_for(lambda: not list(tmp_path.iterdir()))


@pytest.mark.parametrize(
    ("named", "states", "says"),
    [
        (None, STATES, "names no file"),
        ("../outside.safetensors", STATES, "outside"),
        ("two.safetensors", np.concatenate([STATES, STATES], axis=1), r"eagle_aux_hidden_state_layer_ids=\[1\]"),
        ("wide.safetensors", RNG.standard_normal((7, 1, 9)).astype(np.float32), "9"),
    ],
)
def test_what_is_not_as_documented_is_said_and_the_text_goes_on(tmp_path, forecaster, named, states, says):
    folder = tmp_path / "shared"
    folder.mkdir()
    handler = type("Mine", (Behind,), {"named": named and folder / named, "states": states, "asked": [], "wait": 0.0})
    with between(handler, HiddenStates(folder, "resid.1", forecaster, "model")) as (ours, channel):
        ask(ours)
        failed = told(channel, "failed", "failed")
        assert told(channel, "reading", '"reason": "end"')["chain"] == ["rain", "food", "end"]
    assert re.search(says, failed["failed"]), failed
    if named == "../outside.safetensors":
        assert (tmp_path / "outside.safetensors").exists(), "neither read nor deleted"


def test_a_file_that_is_never_written_is_given_up(tmp_path, forecaster, monkeypatch):
    monkeypatch.setattr(hidden, "PATIENCE", 0.1)
    answer = json.dumps({"kv_transfer_params": {"hidden_states_path": str(tmp_path / "never")}}).encode()
    with pytest.raises(MismatchError, match="was not written"):
        HiddenStates(tmp_path.resolve(), "resid.1", forecaster, "model").reading(answer)


def test_one_token_is_asked_for_in_one_piece():
    chat = {"messages": [], "stream": True, "n": 4, "best_of": 4, "max_completion_tokens": 90, "max_tokens": 80,
            "kv_transfer_params": {"hidden_states_path": "elsewhere"}, "request_id": "r"}  # fmt: skip
    assert json.loads(one_token(json.dumps(chat).encode())) == {
        "messages": [], "stream": False, "n": 1, "max_completion_tokens": 1}  # fmt: skip
    for wrong in (b"nonsense", b"[1]"):
        with pytest.raises(InputError):
            one_token(wrong)


def test_hidden_states_are_of_a_server_behind(tmp_path):
    with pytest.raises(InputError, match="--upstream"):
        serve(Serving(tmp_path, hidden_states=tmp_path))
