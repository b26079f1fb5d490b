"""The local server through the official client, and by hand where bytes matter."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2
import openai
import pytest
from proxy_toys import POLICY, TOKEN, Slow, local_server, make_monitor, toys, wait_for

from forepath.monitors.actions import Actions
from forepath.monitors.monitor import Monitor
from forepath.monitors.rules import parse_rule

HEADERS = {"authorization": f"Bearer {TOKEN}"}


def truth(seed: int, prompt: str = "p") -> str:
    subject = toys.Writer(toys.wander)
    return subject.decode([s.tokens[0] for s in subject.stream([prompt], seeds=[seed], policy=POLICY)])


def client_of(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key=TOKEN, max_retries=0)


@pytest.fixture(scope="module")
def server():
    rules = [parse_rule("P(war next) > 0.5"), parse_rule("P(end within 2) > 0.5")]
    with local_server(monitor=make_monitor(rules=rules)) as (url, parts):
        yield url, parts


@pytest.fixture(scope="module")
def plain():
    with local_server() as (url, parts):
        yield url, parts


# --- the official client, unchanged ---


def test_models_completions_and_chats(server):
    with client_of(server[0]) as client:
        assert [m.id for m in client.models.list()] == ["writer"] == [client.models.retrieve("writer").id]
        done = client.completions.create(model="writer", prompt="p", seed=3)
        assert done.choices[0].text == truth(3) and done.choices[0].finish_reason == "stop"
        assert done.usage.completion_tokens == len(truth(3))
        chat = client.chat.completions.create(model="writer", messages=[{"role": "user", "content": "p"}], seed=3)
        assert chat.choices[0].message.content == truth(3)
        cut = client.completions.create(model="writer", prompt="p", seed=3, max_tokens=9)
        assert cut.choices[0].text == truth(3)[:9] and cut.choices[0].finish_reason == "length"


def test_streams_of_both_kinds(server):
    with client_of(server[0]) as client:
        parts = list(client.completions.create(model="writer", prompt="p", seed=4, stream=True))
        assert "".join(p.choices[0].text for p in parts) == truth(4)
        assert [p.choices[0].finish_reason for p in parts][-2:] == [None, "stop"]
        messages = [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "p"}]}]
        parts = list(client.chat.completions.create(model="writer", messages=messages, seed=4, stream=True,
                                                    stream_options={"include_usage": True}))  # fmt: skip
        assert "".join(p.choices[0].delta.content or "" for p in parts if p.choices) == truth(4)
        assert parts[-1].usage.completion_tokens == len(truth(4)) and not parts[-1].choices


def test_several_choices_are_several_texts(server):
    with client_of(server[0]) as client:
        done = client.completions.create(model="writer", prompt="p", seed=5, n=3)
        assert [c.text for c in done.choices] == [truth(5), truth(6), truth(7)]
        parts = client.completions.create(model="writer", prompt="p", seed=5, n=3, stream=True)
        texts = ["", "", ""]
        for part in parts:
            texts[part.choices[0].index] += part.choices[0].text
        assert texts == [truth(5), truth(6), truth(7)]


@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_text_is_cut_off_wherever_its_pieces_lie(server, stream):
    whole = truth(4)
    with client_of(server[0]) as client:
        done = client.completions.create(model="writer", prompt="p", seed=4, stop=["nothing", " were"], stream=stream)
        text = "".join(p.choices[0].text for p in done) if stream else done.choices[0].text
    assert text == whole[: whole.index(" were")]


def test_the_readings_come_in_the_extension_field_when_asked_for(server):
    with client_of(server[0]) as client:
        done = client.completions.create(model="writer", prompt="p", seed=3, extra_body={"forepath": True})
        again = client.completions.create(model="writer", prompt="p", seed=3)
    record = done.model_extra["forepath"]
    assert record["source"] == "activations at site" and record["complete"]
    assert record["choices"][0]["readings"][-1]["chain"] == [*toys.wander("p", 3), "end"]
    assert "forepath" not in (again.model_extra or {})


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"prompt": 3}, 400, "prompt"), ({"prompt": "p", "temperature": -1}, 400, "temperature"),
        ({"prompt": "p", "n": 99}, 400, "n:"), ({"prompt": "p", "logprobs": 5}, 400, "logprobs"),
        ({"prompt": "p", "model": "gpt"}, 404, "writer"), ({"prompt": "p", "seed": "x"}, 400, "seed"),
        ({"prompt": "p", "stop": [""]}, 400, "stop"), ({"prompt": "p", "max_tokens": True}, 400, "max_tokens"),
        ([], 400, "object"), ({"prompt": "p", "top_p": 0}, 400, "top_p"),
        ({"prompt": "p", "stream": "yes"}, 400, "true"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_told_what_is_wrong_in_the_apis_own_form(server, body, status, message):
    answer = httpx2.post(f"{server[0]}/v1/completions", json=body, headers=HEADERS)
    assert answer.status_code == status and message in answer.json()["error"]["message"]


def test_unknown_paths_and_torn_bodies_are_errors_of_the_api_too(server):
    assert httpx2.get(f"{server[0]}/v1/nothing", headers=HEADERS).json()["error"]["type"] == "invalid_request_error"
    for body in (b"{", b"[" * 100_000, b"\xff"):
        assert httpx2.post(f"{server[0]}/v1/completions", content=body, headers=HEADERS).status_code == 400


# --- the bytes ---


def frames(url: str, **body) -> tuple[bytes, list[bytes], list[dict]]:
    """(all bytes, the data frames, the records in the comments)."""
    with httpx2.stream("POST", f"{url}/v1/completions", json={"prompt": "p", "stream": True, **body}, headers=HEADERS,
                       timeout=60) as answer:  # fmt: skip
        raw = b"".join(answer.iter_raw())
    parts = [p + b"\n\n" for p in raw.split(b"\n\n") if p]
    records = [json.loads(p[len(b": forepath ") :]) for p in parts if p.startswith(b": forepath ")]
    return raw, [p for p in parts if p.startswith(b"data: ")], records


def test_data_frames_are_byte_identical_to_the_unmonitored_stream():
    for seed in (1, 5, 9):
        with local_server(monitor=make_monitor(every=5)) as (url, _):
            watched = frames(url, seed=seed)
        with local_server() as (url, _):
            unwatched = frames(url, seed=seed)
        assert watched[1] == unwatched[1] and unwatched[0] == b"".join(unwatched[1])
        assert watched[1][-1] == b"data: [DONE]\n\n" and len(watched[2]) > 3


def test_forecasts_ride_as_comments_and_say_where_they_come_from(server):
    _, _, records = frames(server[0], seed=4)
    readings = [r["reading"] for r in records if "reading" in r]
    assert {r["source"] for r in readings} == {"activations at site"}
    assert readings[0]["reason"] == "prompt" and readings[-1]["chain"] == [*toys.wander("p", 4), "end"]
    themes = toys.wander("p", 4)
    assert [max(r["next"][0], key=r["next"][0].get) for r in readings[:-1]] == themes


# --- faults ---


class Crashing(Monitor):
    """Raises at some point of each text."""

    where = "open"

    def open(self, prompt, *, doubts=()):
        if self.where == "open":
            raise MemoryError("planted")
        follower, count = super().open(prompt, doubts=doubts), [0]
        feed, finish = follower.feed, follower.finish

        def fail_late(piece, activation):
            count[0] += 1
            if self.where == "feed" and count[0] > 20:
                raise RuntimeError("planted")
            return feed(piece, activation)

        def fail_at_last(activation, *, ended):
            if self.where == "finish":
                raise SystemError("planted")
            return finish(activation, ended=ended)

        follower.feed, follower.finish = fail_late, fail_at_last
        return follower


@pytest.mark.parametrize("where", ["open", "feed", "finish"])
def test_a_crash_of_the_monitor_never_breaks_the_stream(where):
    base = make_monitor()
    crashing = Crashing(base.forecaster, base.labeller, themes=base.themes, site="site", horizon=2)
    crashing.where = where
    with local_server(monitor=crashing) as (url, _):
        _, data, records = frames(url, seed=2)
        second = frames(url, seed=2)[1]
    assert any("planted" in r["failed"]["failed"] for r in records if "failed" in r)
    with local_server() as (url, _):
        assert data == frames(url, seed=2)[1] and len(second) == len(data)


def test_a_monitor_that_hangs_holds_no_text_up():
    release = threading.Event()

    class Hanging(Monitor):
        def open(self, prompt, *, doubts=()):
            release.wait(30)
            return super().open(prompt, doubts=doubts)

    base = make_monitor()
    hanging = Hanging(base.forecaster, base.labeller, themes=base.themes, site="site", horizon=2)
    with local_server(monitor=hanging) as (url, _):
        texts = [b"".join(frames(url, seed=2, max_tokens=50)[1]) for _ in range(2)]
        release.set()
    assert all(t.endswith(b"data: [DONE]\n\n") for t in texts)


def test_a_model_that_fails_ends_its_own_stream_with_an_error_and_no_other():
    class Failing(Slow):
        def stream(self, prompts, **options):
            for n, step in enumerate(super().stream(prompts, **options)):
                if prompts[0] == "bad" and n == 5:
                    raise RuntimeError("secret detail")
                yield step

    with local_server(Failing(toys.wander), make_monitor()) as (url, _):
        raw, data, _ = frames(url, seed=2, prompt="bad")
        assert b'"server_error"' in data[-1] and b"secret" not in raw
        assert httpx2.post(f"{url}/v1/completions", json={"prompt": "bad"}, headers=HEADERS).status_code == 500
        assert frames(url, seed=2)[1][-1] == b"data: [DONE]\n\n"


# --- many at once ---


@pytest.mark.parametrize("many", [12])
def test_streams_at_once_are_not_mixed(server, many):
    with client_of(server[0]) as client, ThreadPoolExecutor(many) as pool:

        def one(seed: int) -> str:
            parts = client.completions.create(model="writer", prompt="p", seed=seed, stream=True)
            return "".join(p.choices[0].text for p in parts)

        assert list(pool.map(one, range(many))) == [truth(seed) for seed in range(many)]


def test_a_client_who_leaves_stops_the_writing():
    subject = Slow(lambda p, s: ["rain"] * 60)
    subject.pause = 0.002
    with local_server(subject, make_monitor()) as (url, parts):
        with httpx2.stream("POST", f"{url}/v1/completions", json={"prompt": "p", "stream": True}, headers=HEADERS) as a:
            next(a.iter_raw())
        assert wait_for(lambda: subject.open == 0)
        drawn = subject.drawn
        assert drawn < 500 and parts["engine"].load == (0, 0)
        with pytest.raises(httpx2.TimeoutException):
            httpx2.post(f"{url}/v1/completions", json={"prompt": "p"}, headers=HEADERS, timeout=0.3)
        assert wait_for(lambda: subject.open == 0) and subject.drawn < drawn + 1000


def test_a_client_that_stalls_holds_no_one_up_and_its_text_waits():
    subject = Slow(lambda p, s: ["rain"] * (900 if p == "long" else 2))
    with local_server(subject, make_monitor()) as (url, parts):
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as stalled:
            body = json.dumps({"prompt": "long", "stream": True, "max_tokens": 25_000}).encode()
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            head = f"POST /t/{TOKEN}/v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
            stalled.sendall(head.encode() + body)
            for seed in range(3):
                assert frames(url, seed=seed)[1][-1] == b"data: [DONE]\n\n"
            assert wait_for(lambda: parts["engine"].load == (1, 0))
        assert wait_for(lambda: parts["engine"].load == (0, 0))
        assert subject.drawn < 25_000


def test_when_all_places_are_taken_the_next_is_told_to_come_again():
    subject = Slow(lambda p, s: ["rain"] * 60)
    subject.pause = 0.005
    with local_server(subject, most_streams=1, most_waiting=1) as (url, parts):
        body = {"prompt": "p", "stream": True}
        with httpx2.stream("POST", f"{url}/v1/completions", json=body, headers=HEADERS) as one:
            reading = one.iter_raw()  # held: a reader that is forgotten hangs up
            next(reading)
            with httpx2.stream("POST", f"{url}/v1/completions", json=body, headers=HEADERS):
                assert wait_for(lambda: parts["engine"].load == (1, 1))
                refused = httpx2.post(f"{url}/v1/completions", json=body, headers=HEADERS)
                assert refused.status_code == 429 and refused.headers["retry-after"] == "1"
                with pytest.raises(openai.RateLimitError), client_of(url) as client:
                    client.completions.create(model="writer", prompt="p")
        assert wait_for(lambda: parts["engine"].load == (0, 0))


# --- alarms, actions, the side channel ---


def test_a_rule_may_stop_a_stream_and_the_client_learns_that_it_was_cut():
    monitor = make_monitor(rules=[parse_rule("P(war next) > 0.5 then stop")])
    subject = Slow(lambda p, s: ["food", "rain", "war", "food", "rain", "food", "rain"])
    subject.pause = 0.002
    with local_server(subject, monitor) as (url, _), client_of(url) as client:
        done = client.completions.create(model="writer", prompt="p", seed=1)
    assert done.choices[0].finish_reason == "content_filter"
    assert not done.choices[0].text.endswith("food") and len(done.choices[0].text) < 110


def test_a_rule_may_pause_a_stream_until_someone_lets_it_go_on():
    monitor = make_monitor(rules=[parse_rule("P(war next) > 0.5 then ask")])
    subject = Slow(lambda p, s: ["food", "rain", "war", "food"], noise=0.1)
    log = []
    with local_server(subject, monitor, actions=Actions(log=log.append)) as (url, _), ThreadPoolExecutor() as pool:
        waiting = pool.submit(frames, url, seed=1)

        def paused():
            return [s for s in httpx2.get(f"{url}/forepath/streams", headers=HEADERS).json()["streams"] if s["paused"]]

        assert wait_for(paused) and not waiting.done()
        name = paused()[0]["id"]
        assert httpx2.post(f"{url}/forepath/streams/{name}/resume", headers=HEADERS).status_code == 200
        _, data, records = waiting.result(20)
        assert httpx2.post(f"{url}/forepath/streams/{name}/resume", headers=HEADERS).status_code == 404
    assert data[-1] == b"data: [DONE]\n\n" and any(r.get("paused") for r in records)
    assert [(r["action"], r["outcome"]) for r in log][:2] == [("log", "raised"), ("ask", "paused")]


def test_the_side_channel_replays_what_was_missed(server):
    url, _ = server
    frames(url, seed=8)

    def listen(count: int, **headers) -> list[tuple[str, dict]]:
        out = []
        with httpx2.stream("GET", f"{url}/forepath/events", headers={**HEADERS, **headers}, timeout=10) as answer:
            event = {}
            for line in answer.iter_lines():
                if not line and event:
                    out.append((event["id"], json.loads(event["data"])))
                    event = {}
                    if len(out) == count:
                        return out
                elif line and not line.startswith(":"):
                    key, _, value = line.partition(": ")
                    event[key] = value
        return out

    first = listen(4)
    assert [i for i, _ in first] == [f"start-{n}" for n in range(1, 5)]
    assert listen(2, **{"last-event-id": "start-2"}) == first[2:4]
    assert listen(1, **{"last-event-id": "another-99"}) == first[:1], "numbers of another start mean nothing"
    assert set(first[0][1]) >= {"conversation", "source", "steps", "hazards"}


def test_what_is_kept_for_replay_is_bounded_in_bytes(monkeypatch):
    from forepath.apps.proxy import channel as room

    monkeypatch.setattr(room, "MOST_BYTES", 10_000)
    channel = room.Channel("s")
    for i in range(200):
        channel.publish("reading", "c", {"n": i, "text": "x" * 900})
    assert 5 < len(channel._events) < 12 and channel._events[-1][0] == 200
    assert channel._bytes == sum(len(frame) for _, _, frame in channel._events)
    assert [number for number, _, _ in channel._since(198)] == [199, 200] and channel._since(200) == []


def test_what_is_lost_is_told():
    import asyncio

    from forepath.apps.proxy.channel import Channel

    channel = Channel("s", kept=3)
    for n in range(10):
        channel.publish("reading", "c", {"n": n})

    async def read():
        out, listening = [], channel.listen("s-2")
        async for frame in listening:
            out.append(frame)
            if len(out) == 4:
                await listening.aclose()
                return out

    got = asyncio.run(read())
    assert json.loads(got[0].split(b"data: ")[1]) == {"lost": 5} and got[1].startswith(b"id: s-8\n")


def test_about_says_what_is_watched(server, plain):
    about = httpx2.get(f"{server[0]}/forepath/about", headers=HEADERS).json()
    assert about["source"] == "activations at site" and about["rules"][0] == "P(war next) > 0.5"
    assert httpx2.get(f"{plain[0]}/forepath/about", headers=HEADERS).json()["monitored"] is False


def test_the_ledger_of_live_forecasts_and_its_metrics(server):
    def settled():
        return httpx2.get(f"{server[0]}/forepath/about", headers=HEADERS).json()["ledger"]["forecasts"]

    before = settled()
    httpx2.post(f"{server[0]}/v1/completions", json={"prompt": "p", "seed": 4}, headers=HEADERS, timeout=60)
    assert wait_for(lambda: settled() > before)
    metrics = httpx2.get(f"{server[0]}/forepath/metrics", headers=HEADERS)
    assert metrics.headers["content-type"].startswith("text/plain")
    assert f"forepath_forecasts_total {settled()}" in metrics.text.splitlines()
    assert httpx2.get(f"{server[0]}/forepath/metrics").status_code == 401


# --- the door ---


def test_the_door_lets_in_only_who_has_the_token(server):
    url = server[0]
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}, {"cookie": f"token={TOKEN}"}):
        answer = httpx2.get(f"{url}/v1/models", headers=headers)
        assert answer.status_code == 401 and answer.json()["error"]["type"] == "authentication_error"
    assert httpx2.get(f"{url}/v1/models", headers={"x-forepath-token": TOKEN}).status_code == 200
    assert httpx2.get(f"{url}/t/{TOKEN}/v1/models").status_code == 200
    assert httpx2.get(f"{url}/t/wrong/v1/models").status_code == 401
    with pytest.raises(openai.AuthenticationError), openai.OpenAI(base_url=f"{url}/v1", api_key="no") as client:
        client.models.list()


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"host": "evil.example"}, 400), ({"host": "127.0.0.1.evil.example:80"}, 400), ({"host": "localhost:1"}, 200),
     ({"origin": "http://evil.example"}, 403), ({"origin": "null"}, 403), ({"origin": "http://127.0.0.1:9"}, 200)],
)  # fmt: skip
def test_other_hosts_and_foreign_pages_are_refused(server, headers, status):
    assert httpx2.get(f"{server[0]}/v1/models", headers={**HEADERS, **headers}).status_code == status


def test_a_body_without_end_is_refused(server):
    def endless():
        for _ in range(20):
            yield b" " * 1_000_000

    taken = 0

    def counted():
        nonlocal taken
        for part in endless():
            taken += len(part)
            yield part

    try:
        assert httpx2.post(f"{server[0]}/v1/completions", content=counted(), headers=HEADERS).status_code == 413
    except httpx2.TransportError:  # answered and hung up while we were still talking
        assert taken < 20_000_000
