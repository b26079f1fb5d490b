"""Compiles `stats._quick` where a C compiler is at hand. Where none is, numpy does its work (`stats.quick`)."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Quick(BuildHookInterface):  # type: ignore[type-arg]
    """Run by hatchling for each wheel, an editable one too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the compiled module into the wheel; for an editable one, beside its source."""
        self._folder = tempfile.TemporaryDirectory()
        package = Path(self.root, "src", "forepath", "stats")
        try:
            made = _compiled(package / "_quick.c", self._folder.name)
            if version == "editable":  # what runs now keeps what it has loaded
                beside = Path(shutil.copy(made, package / f"{made.name}.{os.getpid()}.new"))
                os.replace(beside, package / made.name)
        except Exception as error:  # whatever a compiler or a disk can say: forepath works without it
            self.app.display_warning(
                f"forepath.stats._quick was not compiled ({type(error).__name__}: {error}); numpy is used"
            )
            return
        if version != "editable":
            build_data["force_include"][str(made)] = f"forepath/stats/{made.name}"
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Let go of what was compiled; the wheel has its copy."""
        self._folder.cleanup()


def _compiled(source: Path, folder: str) -> Path:
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    flags = [] if os.name == "nt" else ["-O3"]
    extension = Extension("_quick", [str(source)], extra_compile_args=flags, py_limited_api=True)
    command = build_ext(Distribution({"name": "forepath", "ext_modules": [extension]}))
    command.build_lib = command.build_temp = folder
    command.ensure_finalized()
    command.run()
    [made] = command.get_outputs()
    return Path(made)
