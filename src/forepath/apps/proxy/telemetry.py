"""Each request as an OpenTelemetry span, named by the semantic conventions for generative AI, with what was forecast.

Spans go to the tracer provider that the user set up for the process (`opentelemetry-instrument forepath serve …`);
without one, or without the extra `otel`, nothing is made and nothing leaves the machine. No prompt and no text is put
into a span: names of themes, numbers and rules only. Attributes: `gen_ai.*` (in development, see
opentelemetry.io/docs/specs/semconv/gen-ai) and `forepath.*`, listed in docs/monitor.md.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forepath import __version__
from forepath.apps.proxy.wanted import Wanted

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer, TracerProvider


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that another server answers."""

    chat: bool
    body: Mapping[str, Any]
    """As it was sent, unchecked; empty if it cannot be read."""


class Spans:
    """Where spans are begun."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        """`provider`: None is the one that was set up for the process."""
        self._tracer: Tracer | None = None
        with contextlib.suppress(ModuleNotFoundError):
            from opentelemetry import trace

            self._tracer = trace.get_tracer("forepath.serve", __version__, provider)

    def begin(self, wanted: Wanted | Sent | None, model: str, headers: Mapping[str, str], *, behind: str = "") -> Asked:
        """The span of a request. `headers` may name its parent (W3C Trace Context); `behind`: the upstream's URL.

        Of what is `Wanted` it states the values in force, of what is `Sent` on only the values that stand in it.
        """
        if self._tracer is None:
            return Asked(None)
        from opentelemetry import propagate, trace

        chat = wanted is not None and wanted.chat
        attributes: dict[str, Any] = {"gen_ai.operation.name": "chat" if chat else "text_completion",
                                      "gen_ai.provider.name": "openai" if behind else "forepath",
                                      "gen_ai.request.model": model}  # fmt: skip
        if behind:
            attributes["forepath.upstream"] = behind
        if wanted is not None:
            found = _in_force(wanted) if isinstance(wanted, Wanted) else _as_sent(wanted.body)
            attributes |= {f"gen_ai.request.{k}": v for k, v in found.items() if v is not None}
        span = self._tracer.start_span(
            f"{attributes['gen_ai.operation.name']} {model}", context=propagate.extract(dict(headers)),
            kind=trace.SpanKind.CLIENT if behind else trace.SpanKind.INTERNAL, attributes=attributes,
        )  # fmt: skip
        return Asked(span if span.is_recording() else None)


def _in_force(wanted: Wanted) -> dict[str, Any]:
    policy = wanted.policy
    out = {"max_tokens": policy.max_tokens, "temperature": policy.temperature, "top_p": policy.top_p,
           "seed": wanted.seed, "stream": wanted.stream}  # fmt: skip
    more = {"top_k": policy.top_k or None, "stop_sequences": list(policy.stop) or None,
            "choice.count": wanted.choices if wanted.choices > 1 else None}  # fmt: skip
    return {**out, **more}


def _as_sent(body: Mapping[str, Any]) -> dict[str, Any]:
    """None for what was not sent, or is of a type that a span cannot hold or the field cannot have."""

    def whole(name: str) -> int | None:
        value = body.get(name)
        right = isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
        return value if right else None

    def number(name: str) -> float | None:
        value = body.get(name) if isinstance(body.get(name), float) else whole(name)
        return None if value is None else float(value)

    stop, stream = body.get("stop"), body.get("stream")
    stops = [stop] if isinstance(stop, str) else stop
    texts = isinstance(stops, list) and all(isinstance(s, str) for s in stops)
    most = whole("max_completion_tokens")
    return {"max_tokens": whole("max_tokens") if most is None else most, "temperature": number("temperature"),
            "top_p": number("top_p"), "top_k": whole("top_k"), "seed": whole("seed"), "choice.count": whole("n"),
            "stop_sequences": stops if texts else None, "stream": stream if isinstance(stream, bool) else None,
            }  # fmt: skip


class Asked:
    """One request's span, or nothing. From any thread; what comes after its end is not told."""

    def __init__(self, span: Span | None) -> None:
        self._span = span
        self._lock = threading.Lock()
        self._readings = self._alarms = 0

    @property
    def recording(self) -> bool:
        """Whether anybody will hear of it."""
        return self._span is not None

    def read(self, index: int, record: Mapping[str, Any]) -> None:
        """A reading of one choice, as `Reading.to_json` gives it, with its `source`."""
        with self._lock:
            if self._span is None:
                return
            self._readings += 1
            for alarm in record.get("alarms", ()):
                self._alarms += alarm["raised"]
                known = {k: alarm[k] for k in ("kind", "rule", "raised", "token", "value", "limit")}
                told = {f"forepath.alarm.{k}": v for k, v in known.items() if v is not None}
                self._span.add_event("forepath.alarm", {**told, "forepath.choice": index})
            found: dict[str, Any] = {"source": record["source"], "readings": self._readings, "alarms": self._alarms}
            if index == 0:
                found |= {"chain": list(record["chain"]), "doubts": list(record.get("doubts", ()))}
                found |= {"evidence": record["evidence"]} if record["evidence"] is not None else {}
                if record["reason"] == "prompt" and record.get("next"):
                    theme, share = max(record["next"][0].items(), key=lambda item: item[1])
                    found |= {"forecast.theme": theme, "forecast.probability": share}
            self._span.set_attributes({f"forepath.{k}": v for k, v in found.items()})

    def over(self, *, error: str = "", **response: Any) -> None:
        """It is answered, or could not be. `response`: id, model, finish_reasons, input_tokens, output_tokens."""
        with self._lock:
            span, self._span = self._span, None
        if span is None:
            return
        from opentelemetry.trace import Status, StatusCode

        for name, value in response.items():
            if value not in (None, "", []):
                place = "usage" if name.endswith("_tokens") else "response"
                span.set_attribute(f"gen_ai.{place}.{name}", value)
        if error:
            span.set_attribute("error.type", error)
            span.set_status(Status(StatusCode.ERROR))
        span.end()
