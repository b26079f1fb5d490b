"""Activations of prompts from the server behind: vLLM's hidden-state connector.

`ExampleHiddenStatesConnector` (vLLM 0.18 and later, with `extract_hidden_states`; docs.vllm.ai names the fields) writes
what the asked-for layers hold into a file when a request has finished. So while a text is written, its prompt is asked
for once more, for one token; the answer names the file. It is read only within the directory named on the command line,
which both share, and deleted then; so is the file that the text's own request has left when it is over, unless the
client asked for it. Layer N there is the stream before block N, counted from 0: our `resid.N`. The text itself is
followed by its words, for in its middle nothing is written. Knows answers and files, not who asks for them.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forepath.errors import ForepathError, InputError, MismatchError
from forepath.monitors.readings import Reading

if TYPE_CHECKING:
    from forepath.apps.runs import OpenRun

PATIENCE = 10.0
"""Seconds that a file may take to be written."""
LARGEST = 2**30
"""Bytes of a file that is read."""
OWN = "kv_transfer_params"
"""Field of a request by which a client says something of its file, which is then left alone."""


@dataclass(frozen=True, slots=True)
class HiddenStates:
    """Where the other server leaves them, and the forecaster that reads them."""

    folder: Path
    """Resolved."""
    site: str
    forecaster: Any
    """The run's own, fitted at prompt ends."""
    behind: str
    """What the forecaster was fitted on, for people."""

    @classmethod
    def of(cls, run: OpenRun, folder: Path) -> HiddenStates:
        """For a run's forecaster. Raises `InputError` where its site is none that the connector writes."""
        site = run.forecaster.origin.site  # type: ignore[union-attr]  # loaded forecasters have one
        if not re.fullmatch(r"resid\.\d+", site):
            raise InputError(
                f"the run's forecaster reads {site}; the connector writes the stream after a block (resid.N) only: "
                "make the run with --set sites=resid.N"
            )
        if not folder.is_dir():
            raise InputError(f"no directory {folder}; name the connector's shared_storage_path")
        return cls(folder.resolve(), site, run.forecaster, run.settings.subject)

    @property
    def source(self) -> str:
        """What a forecast made from them says of itself."""
        return (
            f"activations of the prompt ({self.site}) from the server behind, forecaster fitted at prompt ends; "
            f"whether that server writes as {self.behind!r} did cannot be known"
        )

    def reading(self, answer: bytes) -> dict[str, Any]:
        """A reading of the prompt, as JSON, from the answer to `one_token`; its file is deleted.

        Waits until the file is written. Raises `MismatchError` for an answer or a file that is not as documented,
        `ActivationError`, `RunError`.
        """
        path = self._file(answer)
        try:
            last = self._last(path)
        finally:
            _delete(path)
        forecast = self.forecaster.predict(last[None])
        return {"source": self.source, **Reading(0, 0, "prompt", None, (), forecast).to_json(full=True)}

    def tidy(self, name: str) -> int:
        """Delete what the request that was answered under this name (`id`) left, once it is written: a file for each
        choice, `NAME-0-1a2b3c4d.safetensors` or, of several, `0_NAME-0-1a2b3c4d.safetensors`. How many there were.
        Raises `MismatchError` for one that is not written within `PATIENCE`.
        """
        if not re.fullmatch(r"[\w-]+", name):
            return 0
        theirs = re.compile(rf"((?:\d+_)?{name}(?:-\d+)?-[0-9a-f]{{8}}\.safetensors)(?:\.lock)?")
        found = {match[1] for path in self.folder.glob(f"*{name}-*") if (match := theirs.fullmatch(path.name))}
        for file in found:
            _await(self.folder / file)
            _delete(self.folder / file)
        return len(found)

    def _file(self, answer: bytes) -> Path:
        try:
            named = json.loads(answer)[OWN]["hidden_states_path"]
            path = Path(named).resolve()
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise MismatchError(
                "the server behind names no file of hidden states (kv_transfer_params.hidden_states_path): start it "
                "with extract_hidden_states and ExampleHiddenStatesConnector, or leave --hidden-states out"
            ) from error
        if not path.is_relative_to(self.folder):
            raise MismatchError(f"the server behind names a file outside {self.folder}: it is not read")
        return path

    def _last(self, path: Path) -> Any:
        """(width,) at the prompt's last token."""
        from forepath.store.tensors import unpack

        _await(path)
        if path.stat().st_size > LARGEST:
            raise MismatchError(f"{path.name} has {path.stat().st_size} bytes; at most {LARGEST} are read")
        states = unpack(path, "hidden_states")
        states = states[:, 0] if states.ndim == 3 and states.shape[1] == 1 else states
        if states.ndim != 2 or not len(states):
            raise MismatchError(
                f"hidden states of shape {states.shape}; wanted (tokens, 1, width): have the server write one layer, "
                f"eagle_aux_hidden_state_layer_ids=[{self.site.removeprefix('resid.')}]"
            )
        return states[-1]


_WITHOUT = frozenset({"stream_options", "best_of", "echo", "max_tokens", "request_id", OWN})


def one_token(body: bytes) -> bytes:
    """A request for one token after the same prompt, in one piece. Raises `InputError` for what is no JSON object."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the request is no JSON ({error})") from error
    if not isinstance(asked, dict):
        raise InputError(f"the request is {type(asked).__name__}, not an object")
    limit = "max_completion_tokens" if "max_completion_tokens" in asked else "max_tokens"
    kept = {k: v for k, v in asked.items() if k not in _WITHOUT}
    return json.dumps({**kept, limit: 1, "n": 1, "stream": False}).encode()


def why(error: Exception) -> str:
    """What may be told of what went wrong: our own errors in full, others by their kind."""
    return str(error) if isinstance(error, ForepathError) else type(error).__name__


def _await(path: Path) -> None:
    """Until the connector, which holds the file's lock while it writes, has let go of it."""
    import fcntl

    until = time.monotonic() + PATIENCE
    while True:
        try:
            if not _lock_of(path).exists() and path.exists():
                return  # written without locks
            with _lock_of(path).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if path.exists():
                return
        except OSError:
            pass
        if time.monotonic() > until:
            raise MismatchError(f"{path.name} was not written within {PATIENCE:g} s")
        time.sleep(0.005)


def _delete(path: Path) -> None:
    for done in (path, _lock_of(path)):
        done.unlink(missing_ok=True)


def _lock_of(path: Path) -> Path:
    return path.with_name(path.name + ".lock")
