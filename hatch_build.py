"""Compiles `forepath._quick` where a C compiler is at hand. Where none is, numpy does its work (`forepath.quick`)."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Quick(BuildHookInterface):  # type: ignore[type-arg]
    """Run by hatchling for each wheel, an editable one too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the compiled module beside its source, and into the wheel if it is not an editable one."""
        package = Path(self.root, "src", "forepath")
        for old in (*package.glob("_quick*.so"), *package.glob("_quick*.pyd")):
            old.unlink()
        try:
            made = _compiled(package)
        except Exception as error:  # whatever a compiler can say: forepath works without it
            self.app.display_warning(
                f"forepath._quick was not compiled ({type(error).__name__}: {error}); numpy is used"
            )
            return
        if version != "editable":
            build_data["force_include"][str(made)] = f"forepath/{made.name}"
        build_data["pure_python"] = False
        build_data["infer_tag"] = True


def _compiled(package: Path) -> Path:
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    flags = [] if os.name == "nt" else ["-O3"]
    extension = Extension("_quick", [str(package / "_quick.c")], extra_compile_args=flags, py_limited_api=True)
    command = build_ext(Distribution({"name": "forepath", "ext_modules": [extension]}))
    with tempfile.TemporaryDirectory() as folder:
        command.build_lib = command.build_temp = folder
        command.ensure_finalized()
        command.run()
        [made] = command.get_outputs()
        return Path(shutil.copy(made, package))
