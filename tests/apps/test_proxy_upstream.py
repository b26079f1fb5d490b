"""In front of another server: bytes untouched, text heard, secrets passed on and kept nowhere."""

import asyncio
import json
import re
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import numpy as np
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proxy_toys import POLICY, TOKEN, Slow, local_server, make_monitor, toys, wait_for

from forepath.apps.proxy.channel import Channel
from forepath.apps.proxy.hearing import Hearing
from forepath.apps.proxy.server import serving
from forepath.apps.proxy.upstream import Passing, _relay, check_upstream, create_upstream_app
from forepath.apps.proxy.watching import Watcher
from forepath.errors import InputError
from forepath.monitors.actions import Actions
from forepath.monitors.rules import parse_rule

OURS = "our-own-token"
KEY = {"authorization": f"Bearer {TOKEN}", "x-forepath-token": OURS}


def features(prompt: str, text: str, chain: tuple[str, ...]) -> np.ndarray:
    x = np.zeros(6)
    x[(list(toys.THEMES).index(chain[-1]) + 1) % 3 if chain else 2] = 2.0
    return x


@contextmanager
def front(url: str, *, rules=(), monitor=None):
    """A proxy in front of the server at `url`; its side channel."""
    channel = Channel("start")
    monitor = monitor or make_monitor(site=None, features=features, rules=rules)
    watcher = Watcher(monitor, Actions(), channel.publish)
    numbers = iter(range(10**6))
    app = create_upstream_app(f"{url}/v1", channel, watcher, policy=POLICY, names=lambda: f"up-{next(numbers)}")
    try:
        with serving(app, token=OURS, bearer=False) as ours:
            yield ours, channel
    finally:
        watcher.close()


@pytest.fixture(scope="module")
def servers():
    with local_server() as (behind, parts), front(behind) as (ours, channel):
        yield behind, ours, channel, parts


def raw(url: str, headers: dict, **body) -> bytes:
    with httpx2.stream("POST", f"{url}/v1/completions", json={"prompt": "p", "stream": True, **body}, headers=headers,
                       timeout=60) as answer:  # fmt: skip
        return b"".join(answer.iter_raw())


def data_frames(content: bytes) -> list[bytes]:
    return [part for part in content.split(b"\n\n") if part.startswith(b"data: ")]


def without_id(part: bytes) -> dict | bytes:
    content = part[len(b"data: ") :]
    return content if content == b"[DONE]" else {k: v for k, v in json.loads(content).items() if k != "id"}


def test_the_official_client_needs_another_base_url_and_nothing_else(servers):
    _, ours, _, _ = servers
    with openai.OpenAI(base_url=f"{ours}/t/{OURS}/v1", api_key=TOKEN, max_retries=0) as client:
        assert [m.id for m in client.models.list()] == ["writer"]
        parts = client.completions.create(model="writer", prompt="p", seed=4, stream=True)
        text = "".join(p.choices[0].text for p in parts)
        done = client.chat.completions.create(model="writer", messages=[{"role": "user", "content": "p"}], seed=4)
    assert text == done.choices[0].message.content and len(text) > 50


def test_data_frames_are_those_of_the_other_server_and_forecasts_say_text_only(servers):
    behind, ours, _, _ = servers
    direct, through = raw(behind, KEY, seed=4), raw(ours, KEY, seed=4)
    assert [without_id(p) for p in data_frames(direct)] == [without_id(p) for p in data_frames(through)]
    records = [json.loads(p[len(b": forepath ") :]) for p in through.split(b"\n\n") if p.startswith(b": forepath ")]
    assert records and {r["reading"]["source"] for r in records} == {"text only"}
    assert any(r["reading"]["chain"] for r in records)


def test_bytes_pass_as_they_are_whatever_they_are():
    """A server that speaks strangely: odd line ends, comments, frames in pieces, bytes that are no text."""
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    strange = [
        b": hi\r\n\r\n",
        b'data: {"choices":[{"index":0,"te',
        b'xt":"The rain."}]}\r\n\r\n',
        b"data: \xff\xfe\n\n",
        b"event: odd\nid: 3\ndata: {}\n\n",
        b'data: {"choices": 3}\n\n',
        b"data: [DONE]\n\n",
        b"and more",
    ]
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            seen.append(dict(self.headers))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("x-kept", "yes")
            self.end_headers()
            for part in strange:
                self.wfile.write(part)
                self.wfile.flush()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with front(f"http://127.0.0.1:{server.server_port}") as (ours, _):
        answer = httpx2.post(f"{ours}/v1/completions", json={"prompt": "p"}, headers={**KEY, "x-else": "1"})
    server.shutdown()
    thread.join()
    server.server_close()
    left = re.sub(rb": (forepath [^\n]*|waiting)\n\n", b"", answer.content)
    assert left == b"".join(strange) and answer.headers["x-kept"] == "yes"
    headers = {k.lower(): v for k, v in seen[0].items()}
    assert headers["authorization"] == KEY["authorization"] and headers["x-else"] == "1"
    assert "x-forepath-token" not in headers and OURS not in str(headers)


def test_authorization_is_kept_nowhere(servers, capfd):
    _, ours, channel, _ = servers
    secret = {**KEY, "authorization": "Bearer top-secret-key"}
    refused = httpx2.post(f"{ours}/v1/completions", json={"prompt": "p"}, headers=secret)
    assert refused.status_code == 401, "the other server's own answer"
    raw(ours, KEY, seed=1)
    kept = str(list(channel._events)) + "".join(capfd.readouterr())
    assert "top-secret" not in kept and TOKEN not in kept and OURS not in kept


def test_the_upstream_never_comes_from_a_request(servers):
    _, ours, _, _ = servers
    for path in ("/v1/http://evil.example/x", "/v1//evil.example/x", "/v1/%2e%2e/x"):
        answer = httpx2.get(f"{ours}{path}", headers={**KEY, "x-upstream": "http://evil.example"})
        assert answer.status_code in (400, 404), path
    assert httpx2.get(f"{ours}/v1/models?upstream=http://evil.example", headers=KEY).status_code == 200
    assert httpx2.get(f"{ours}/v1/models", headers={"authorization": f"Bearer {OURS}"}).status_code == 401


@pytest.mark.parametrize("url", ["ftp://a/v1", "http://", "http://u:p@a/v1", "http://a/v1?x=1", "a:8000"])
def test_an_upstream_that_is_no_base_url_is_refused(url):
    with pytest.raises(InputError, match="upstream"):
        check_upstream(url)


def test_a_server_that_is_not_there_is_a_bad_gateway():
    with front("http://127.0.0.1:9") as (ours, _):
        answer = httpx2.post(f"{ours}/v1/completions", json={"prompt": "p"}, headers=KEY)
    assert answer.status_code == 502 and "error" in answer.json()


def test_a_client_who_leaves_stops_the_other_server_too():
    subject = Slow(lambda p, s: ["rain"] * 60)
    subject.pause = 0.002
    with local_server(subject) as (behind, _), front(behind) as (ours, _):
        with httpx2.stream("POST", f"{ours}/v1/completions", json={"prompt": "p", "stream": True}, headers=KEY) as one:
            reading = one.iter_raw()
            next(reading)
        assert wait_for(lambda: subject.open == 0) and subject.drawn < 1500


def test_a_crash_of_the_monitor_never_breaks_the_stream(servers):
    behind = servers[0]

    def broken(*_):
        raise ValueError("planted")

    with front(behind, monitor=make_monitor(site=None, features=broken)) as (ours, channel):
        through = raw(ours, KEY, seed=4)
        assert wait_for(lambda: any(b"event: failed" in e[2] for e in channel._events))
    assert [without_id(p) for p in data_frames(through)] == [
        without_id(p) for p in data_frames(raw(behind, KEY, seed=4))
    ]


def test_a_rule_may_stop_what_comes_from_behind():
    subject = Slow(lambda p, s: ["food", "rain", "war", "food", "rain", "war", "food"] * 3)
    subject.pause = 0.003
    with (
        local_server(subject) as (behind, _),
        front(behind, rules=[parse_rule("P(war next) > 0.5 then stop")]) as (ours, _),
    ):
        through = raw(ours, KEY, seed=1)
        assert wait_for(lambda: subject.open == 0)
    frames = [without_id(p) for p in data_frames(through)]
    assert frames[-1] == b"[DONE]" and frames[-2]["choices"][0]["finish_reason"] == "content_filter"
    assert sum(len(f["choices"][0]["text"]) for f in frames[:-1] if "choices" in f) < 400


class Looked(deque):
    """Comments that notice who looks for them without end."""

    looks = 0

    def __bool__(self):
        self.looks += 1
        assert self.looks < 1000, "nobody waits for the other server"
        return len(self) > 0


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("pieces", [[b'data: {"cho', b'ices": []}\n\n', b"data: [DONE]\n\n"],
                                    [b"data: [DONE]\n\n", b": more\n\n"]])  # fmt: skip
def test_a_comment_that_cannot_be_said_yet_does_not_keep_the_other_server_waiting(pieces, stopped):
    """Within a frame, or after the last one, there is something to say and no place for it."""

    class Answer:
        async def aiter_raw(self):
            yield pieces[0]
            await asyncio.sleep(0.01)
            one.comments.append({"id": "a"})
            one.stopped = stopped
            one.news.set()
            await asyncio.sleep(0.05)
            for piece in pieces[1:]:
                yield piece

        async def aclose(self):
            pass

    async def relayed() -> bytes:
        nonlocal one
        one = Passing("p", None, (), asyncio.get_running_loop(), "a", comments=Looked())
        one.going.set()
        return b"".join([part async for part in _relay(Answer(), one, bool)])

    one = None
    content = asyncio.run(relayed())
    if stopped and len(pieces) == 3:
        assert content.startswith(pieces[0] + pieces[1]) and content.count(b"[DONE]") == 1
    else:
        left = content.replace(b': forepath {"id": "a"}\n\n', b"").replace(b': forepath {"id":"a"}\n\n', b"")
        assert left == b"".join(pieces)


def test_streams_at_once_are_not_mixed(servers):
    behind, ours, _, _ = servers
    with ThreadPoolExecutor(6) as pool:
        through = list(pool.map(lambda seed: raw(ours, KEY, seed=seed), range(6)))
    for seed, content in enumerate(through):
        direct = data_frames(raw(behind, KEY, seed=seed))
        assert [without_id(p) for p in data_frames(content)] == [without_id(p) for p in direct]


# --- hearing ---


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_hearing_does_not_depend_on_how_the_bytes_were_cut(noise, cuts):
    frames = b'data: {"choices":[{"index":0,"text":"a"}]}\n\n'
    content = frames + noise + b"\n\n" + frames.replace(b'"a"', b'"b"').replace(b"\n", b"\r\n")
    cuts = sorted(min(c, len(content)) for c in cuts)

    def hear(pieces) -> tuple[list, bool]:
        hearing = Hearing()
        return [s for piece in pieces for s in hearing.feed(piece)], hearing.done

    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    joined = b"".join(pieces)
    if b"\r" not in noise:  # a cut between \r and \n of a boundary may end an empty event more
        assert hear(pieces) == hear([joined])
    assert [s.text for s in hear([joined])[0]][:1] == ["a"]


KEYS = st.sampled_from(["choices", "text", "delta", "index", "content", "message", "finish_reason"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(LEAVES, lambda x: st.lists(x) | st.dictionaries(KEYS, x), max_leaves=12))
def test_no_frame_makes_hearing_raise_and_the_next_is_heard(value):
    good = b'data: {"choices":[{"index":0,"text":"yes"}]}\n\n'
    said = list(Hearing().feed(b"data: " + json.dumps(value).encode() + b"\n\n" + good))
    assert [s.text for s in said][-1:] == ["yes"]
    assert all(isinstance(s.text, str) and 0 <= s.index < 128 for s in said)


def test_a_frame_that_raised_would_be_seen(monkeypatch):
    from forepath.apps.proxy import hearing as room

    monkeypatch.setattr(room, "_choice", lambda place, choice: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(Hearing().feed(b'data: {"choices":[{"text":"a"}]}\n\n'))


def vllm_frames(text: str, *, chat: bool) -> list[bytes]:
    """A stream in the shape that vLLM documents: fields of its own in every choice and frame, the usage last."""
    head = {"id": "cmpl-8f", "object": "chat.completion.chunk" if chat else "text_completion", "created": 17,
            "model": "org/model"}  # fmt: skip

    def frame(choices: list[dict], usage: dict | None = None) -> bytes:
        return b"data: " + json.dumps({**head, "choices": choices, "usage": usage}).encode() + b"\n\n"

    def choice(piece: str, **more) -> dict:
        own = {"delta": {"content": piece}} if chat else {"text": piece}
        return {
            "index": 0,
            **own,
            "logprobs": None,
            "finish_reason": None,
            "stop_reason": None,
            "token_ids": None,
            **more,
        }

    frames = []
    if chat:
        frames += [frame([choice("", delta={"role": "assistant", "content": ""})])]
        frames += [frame([choice("", delta={"reasoning_content": "The war and the army were 3. "})])]
    frames += [frame([choice(text[i : i + 5])]) for i in range(0, len(text), 5)]
    frames += [frame([choice("", finish_reason="stop", stop_reason=2)])]
    frames += [
        frame([], {"prompt_tokens": 5, "completion_tokens": 40, "total_tokens": 45, "prompt_tokens_details": None})
    ]
    return [*frames, b"data: [DONE]\n\n"]


@pytest.mark.parametrize("path", ["completions", "chat/completions"])
def test_a_server_that_speaks_as_vllm_does_is_heard(path):
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    text = "The rain and the wet were 3. The umbrella and the rain were 4.\n\nThe soup and the bread were 5.\n"
    chat = path.startswith("chat")
    sent = vllm_frames(text, chat=chat)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream; charset=utf-8")
            self.end_headers()
            for part in sent:
                self.wfile.write(part)
                self.wfile.flush()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with front(f"http://127.0.0.1:{server.server_port}") as (ours, channel):
        answer = httpx2.post(f"{ours}/v1/{path}", json={"model": "org/model", "stream": True, "prompt": "p",
                             "messages": [{"role": "user", "content": "p"}]}, headers=KEY, timeout=60)  # fmt: skip
        ends = lambda: [f for _, _, f in list(channel._events) if b'"reason": "end"' in f]  # noqa: E731
        assert wait_for(ends)
        told = json.loads(ends()[0].split(b"data: ")[1])
        about = httpx2.get(f"{ours}/forepath/about", headers=KEY).json()
    server.shutdown()
    thread.join()
    server.server_close()
    assert data_frames(answer.content) == [f.rstrip(b"\n") for f in sent]
    assert told["chain"] == ["rain", "food", "end"]  # what it thought aloud is not what it wrote
    assert told["source"] == about["source"] == "text only" and told["at"] == len(text)
    assert about["ledger"]["forecasts"] > 0
