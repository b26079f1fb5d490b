"""One OpenAI-compatible endpoint: a question out, a JSON answer back, with retries, limits and a count of both.

Standard library only; nothing is sent anywhere but to the address given, and no redirect is followed: it would carry
the key and the text to an address that nobody gave.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from forepath.errors import InputError, SubjectError

TRANSIENT = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""HTTP answers after which the same question may be answered later."""
LONGEST_REPLY = 1_000_000
"""Bytes of an answer read."""
LONGEST_WAIT = 60.0
PATIENCE = 3
"""Questions in a row without an answer after which the endpoint is taken to be down."""


@dataclass(slots=True)
class Asked:
    """What asking has cost so far, as the endpoint counts it."""

    requests: int = 0
    """Sent, those that failed included."""
    prompt_tokens: int = 0
    reply_tokens: int = 0
    retries: int = 0


@dataclass
class Endpoint:
    """An address that answers questions in JSON."""

    url: str
    """Of the API, such as "http://localhost:8000/v1"; a path is appended."""
    key: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    """Seconds one request may take."""
    tries: int = 4
    """Most requests per question, at least 1."""
    wait: float = 1.0
    """Seconds before the first retry; doubled each time, unless the endpoint names a time. At most 60."""
    asked: Asked = field(default_factory=Asked)

    def __post_init__(self) -> None:
        check_address(self.url)
        if self.tries < 1 or not self.timeout > 0:
            raise InputError(f"tries is {self.tries}, timeout {self.timeout}; wanted at least 1 and more than 0")
        self._silences = 0
        self._opener = urllib.request.build_opener(_NoRedirect)

    def ask(self, path: str, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a POST, after as many retries as it takes and is allowed.

        Raises `SubjectError` where there is none or it is no JSON object, and `InputError` after `PATIENCE` questions
        in a row without one: the endpoint is down, and going on would only take longer.
        """
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        address = f"{self.url.rstrip('/')}/{path}"
        wait = self.wait
        for left in range(self.tries - 1, -1, -1):
            self.asked.requests += 1
            request = urllib.request.Request(address, json.dumps(question).encode(), headers)
            try:
                with self._opener.open(request, timeout=self.timeout) as answer:
                    reply = answer.read(LONGEST_REPLY)
                self._silences = 0
                return self._read(reply)
            except urllib.error.HTTPError as error:
                with error:
                    after = error.headers.get("Retry-After", "")
                if error.code not in TRANSIENT or not left:
                    if error.code in TRANSIENT:
                        self._give_up_if_down(address, error)
                    raise SubjectError(
                        f"{address} answered {error.code} {error.reason}; check address, model "
                        f"{question.get('model')!r} and key"
                    ) from error
                wait = float(after) if after.isdigit() else wait
            except (OSError, http.client.HTTPException) as error:
                if not left:
                    self._give_up_if_down(address, error)
                    raise SubjectError(
                        f"{address} gave no answer in {self.tries} tries of {self.timeout:g} s ({error}); is it up?"
                    ) from error
            self.asked.retries += 1
            time.sleep(min(wait, LONGEST_WAIT))
            wait *= 2
        raise AssertionError("unreachable: the last try returns or raises")

    def _give_up_if_down(self, address: str, error: Exception) -> None:
        self._silences += 1
        if self._silences >= PATIENCE:
            raise InputError(
                f"{address} gave no answer to {self._silences} questions in a row, {self.tries} tries each ({error}); "
                "start it or mend its address, and resume: what was done before stays"
            ) from error

    def _read(self, body: bytes) -> dict[str, Any]:
        try:
            data = json.loads(body)
            usage = data.get("usage") or {}
            self.asked.prompt_tokens += int(usage.get("prompt_tokens") or 0)
            self.asked.reply_tokens += int(usage.get("completion_tokens") or 0)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise self.strange(body) from error
        return dict(data)

    def strange(self, answer: object) -> SubjectError:
        """What to raise for an answer that is not of the form asked for."""
        return SubjectError(
            f"{self.url} answered {str(answer)[:80]!r}; wanted an OpenAI-compatible completion: check the address"
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


def check_address(url: str) -> None:
    """Raises `InputError` unless `url` can be that of an endpoint."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        fits = False
    if not fits:
        raise InputError(
            f"endpoint {url!r}: wanted an http:// or https:// address such as http://host:8000/v1, without a key in it"
        )
