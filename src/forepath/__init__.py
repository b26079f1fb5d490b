"""forepath: where a language model is going, before it goes there.

The front door. Names load on first use; importing does nothing and costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Chain": "records",
    "Codebook": "themes.codebook",
    "Effect": "records",
    "Forecast": "records",
    "ForepathError": "errors",
    "Futures": "records",
    "Intervention": "records",
    "LinearForecaster": "forecasters.linear",
    "Monitor": "monitors.monitor",
    "Policy": "records",
    "Score": "records",
    "Segment": "records",
    "Settings": "apps.settings",
    "Trajectory": "records",
    "compare": "effects.comparing",
    "load": "apps.models",
    "open_monitor": "apps.monitoring",
    "open_run": "apps.runs",
    "read_prompts": "apps.prompts",
    "resume": "apps.pipeline",
    "run": "apps.pipeline",
    "sample": "subjects.sampling",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"forepath has no {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(f"forepath.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
