"""Requests as OpenTelemetry spans: what is in them, what is not, and that nothing is made unless somebody listens."""

import subprocess
import sys

import httpx2
import pytest
from proxy_toys import POLICY, TOKEN, local_server, make_monitor, wait_for
from test_proxy import HEADERS, truth
from test_proxy_upstream import KEY, OURS, features

from forepath.apps.proxy.channel import Channel
from forepath.apps.proxy.server import serving
from forepath.apps.proxy.telemetry import Spans
from forepath.apps.proxy.upstream import create_upstream_app
from forepath.apps.proxy.watching import Watcher
from forepath.monitors.actions import Actions
from forepath.monitors.rules import parse_rule

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
RULES = [parse_rule("P(war next) > 0.5"), parse_rule("P(end within 2) > 0.5")]


@pytest.fixture
def heard():
    """(spans, the exporter that keeps them)"""
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="needs the extra otel: pip install 'forepath[otel]'")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield Spans(provider), exporter
    provider.shutdown()


def the_span(exporter):
    assert wait_for(exporter.get_finished_spans)
    (span,) = exporter.get_finished_spans()
    exporter.clear()
    return span


def ask(url, headers=HEADERS, path="completions", **body):
    given = {"prompt": "p", "seed": 3, **body}
    return httpx2.post(f"{url}/v1/{path}", json=given, headers=headers, timeout=60)


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_is_a_span_with_its_usage_and_its_forecasts(heard, stream):
    spans, exporter = heard
    with local_server(monitor=make_monitor(rules=RULES), spans=spans) as (url, _):
        answer = ask(url, {**HEADERS, "traceparent": PARENT}, stream=stream, temperature=1, forepath=True)
        span = the_span(exporter)
    found, text = dict(span.attributes), truth(3)
    assert (
        span.name == "text_completion writer"
        and span.kind.name == "INTERNAL"
        and span.status.status_code.name == "UNSET"
    )
    assert format(span.parent.span_id, "016x") == PARENT.split("-")[2]
    wanted = {"operation.name": "text_completion", "provider.name": "forepath", "request.model": "writer",
              "response.model": "writer", "request.seed": 3, "request.temperature": 1.0, "request.stream": stream,
              "response.finish_reasons": ("stop",), "usage.output_tokens": len(text)}  # fmt: skip
    assert {k: found[f"gen_ai.{k}"] for k in wanted} == wanted
    assert found["gen_ai.response.id"] in answer.text
    assert found["forepath.readings"] > 3 and found["forepath.chain"][-1] == "end" and found["forepath.evidence"] > 0
    assert 0 < found["forepath.forecast.probability"] <= 1 and found["forepath.source"] in answer.text
    raised = [e for e in span.events if e.attributes["forepath.alarm.raised"]]
    assert len(raised) == found["forepath.alarms"] > 0 and raised[0].attributes["forepath.alarm.rule"] == str(RULES[0])
    assert text[:20] not in span.to_json() and TOKEN not in span.to_json()  # no text, no secret


def test_a_chat_is_called_one_and_what_fails_says_so(heard):
    spans, exporter = heard
    with local_server(spans=spans) as (url, parts):
        ask(url, path="chat/completions", messages=[{"role": "user", "content": "p"}], prompt=None)
        assert the_span(exporter).name == "chat writer"
        ask(url, max_tokens=-1)
        assert exporter.get_finished_spans() == ()  # nothing was asked of the model

        def fails(*_, **__):
            raise ValueError("made up")

        parts["subject"].stream = fails
        assert ask(url).status_code == 500
        span = the_span(exporter)
        assert span.attributes["error.type"] == "ValueError" and span.status.status_code.name == "ERROR"


def test_what_passes_through_is_a_span_of_a_client(heard):
    spans, exporter = heard
    channel = Channel("start")
    watcher = Watcher(make_monitor(site=None, features=features), Actions(), channel.publish)
    with local_server() as (behind, _):
        app = create_upstream_app(behind, channel, watcher, policy=POLICY, names=lambda: "up", spans=spans)
        with serving(app, token=OURS, bearer=False) as ours:
            plain = ask(behind, stream=True).content
            assert ask(ours, KEY, stream=True, model="writer").content != b"" != plain
            span = the_span(exporter)
            assert span.kind.name == "CLIENT" and span.attributes["gen_ai.request.model"] == "writer"
            assert span.attributes["forepath.upstream"] == behind and span.attributes["forepath.readings"] > 1
            assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
            assert span.attributes["forepath.source"] == "text only"
            ask(ours, KEY, model="writer")
            span = the_span(exporter)
            assert span.attributes["gen_ai.usage.output_tokens"] == len(truth(3))
            assert TOKEN not in span.to_json() and OURS not in span.to_json()
            ask(ours, KEY, model="nobody")
            assert the_span(exporter).attributes["error.type"] == "404"
    watcher.close()


SENT = {"max_tokens": 17, "seed": 7, "n": 4, "stop": ["X"]}


@pytest.mark.parametrize(
    ("path", "body", "stated"),
    [
        ("completions", {"prompt": "p"}, {}),
        ("completions", {"prompt": "p", **SENT},
         {"max_tokens": 17, "seed": 7, "choice.count": 4, "stop_sequences": ("X",)}),
        ("chat/completions", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}], "n": 1, "stop": "X",
                              "max_completion_tokens": 5, "stream": False},
         {"max_tokens": 5, "choice.count": 1, "stop_sequences": ("X",), "stream": False}),
        ("completions", {"prompt": "p", "temperature": 0, "top_p": 0.5, "top_k": 3, "stream": True},
         {"temperature": 0.0, "top_p": 0.5, "top_k": 3, "stream": True}),
        ("completions", {"prompt": "p", "temperature": "hot", "max_tokens": None, "seed": 2**70, "n": True,
                         "stop": [5], "stream": 1}, {}),
        ("completions", [], {}),
    ],
)  # fmt: skip
def test_of_what_passes_through_only_what_was_sent_is_stated(heard, path, body, stated):
    spans, exporter = heard
    with local_server() as (behind, _):
        app = create_upstream_app(behind, Channel("start"), None, policy=POLICY, names=lambda: "up", spans=spans)
        with serving(app, token=OURS, bearer=False) as ours:
            sent = {"model": "writer", **body} if isinstance(body, dict) else body
            httpx2.post(f"{ours}/v1/{path}", json=sent, headers=KEY, timeout=60)
            span = the_span(exporter)
    found = {k.removeprefix("gen_ai.request."): v for k, v in span.attributes.items() if k.startswith("gen_ai.request")}
    assert found == {"model": "writer" if sent else "", **stated}
    assert span.attributes["gen_ai.operation.name"] == ("chat" if path.startswith("chat") else "text_completion")


def test_served_here_the_values_in_force_are_stated(heard):
    spans, exporter = heard
    with local_server(spans=spans) as (url, _):
        ask(url, n=2)
        found = the_span(exporter).attributes
    wanted = {"max_tokens": POLICY.max_tokens, "temperature": 1.0, "top_p": 1.0, "seed": 3, "stream": False,
              "choice.count": 2}  # fmt: skip
    assert {k: found[f"gen_ai.request.{k}"] for k in wanted} == wanted


def test_without_a_provider_or_without_the_extra_nothing_is_made():
    assert not Spans().begin(None, "m", {}).recording  # the process has no provider
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from forepath.apps.proxy.telemetry import Spans\n"
        "asked = Spans().begin(None, 'm', {}); asked.read(0, {}); asked.over(error='x'); print(asked.recording)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
