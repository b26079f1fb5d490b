"""The built page that ships: of this source, small, self-contained; types and description of this server."""

import gzip
import hashlib
import json
import re
from pathlib import Path

from forepath.apps.colours import HATCHES
from forepath.apps.dashboard.application import STATIC
from forepath.apps.dashboard.openapi import describe

WEB = Path(__file__).parents[3] / "web"
MOST = 60_000
"""Bytes, gzipped."""


def source_hash(web):
    """As web/vite.config.ts computes it."""
    files = [*(web / "src").rglob("*"), web / "index.html", web / "package.json", web / "vite.config.ts"]
    digest = hashlib.sha256()
    for name in sorted(p.relative_to(web).as_posix() for p in files if p.is_file()):
        digest.update(f"{name}\0".encode() + (web / name).read_bytes())
    return digest.hexdigest()


def built():
    return [p for p in STATIC.rglob("*") if p.is_file()]


def test_the_build_belongs_to_the_source(tmp_path):
    import shutil

    stamp = json.loads((STATIC / "build.json").read_text())
    assert stamp["source"] == source_hash(WEB), "web/ has changed since the page was built: make web"
    shutil.copytree(WEB, tmp_path / "web", ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / "web" / "src" / "main.ts").write_text("// changed")
    assert source_hash(tmp_path / "web") != stamp["source"]


def test_the_page_is_small():
    total = sum(len(gzip.compress(p.read_bytes(), 9)) for p in built() if p.name != "build.json")
    assert total <= MOST, f"{total:,} bytes gzipped"


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing_inline():
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|style=", page)
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    for file in built():
        text = file.read_text()
        allowed = {"http://www.w3.org", "https://svelte.dev"}  # namespaces, and where the framework explains its errors
        assert {m for m in re.findall(r"https?://[\w.-]+", text)} <= allowed, file
        assert "eval(" not in text and "new Function" not in text and ".map" not in text.splitlines()[-1][-40:]


def test_model_text_is_never_markup():
    for file in (WEB / "src").rglob("*"):
        if file.suffix in (".svelte", ".ts"):
            text = file.read_text()
            for forbidden in ("{@html", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser"):
                assert forbidden not in text, f"{file}: {forbidden}"


def test_the_lock_file_names_no_registry():
    lock = (WEB / "package-lock.json").read_text()
    assert set(re.findall(r"https?://[^/\"]+", lock)) <= {
        "https://registry.npmjs.org",
        *re.findall(r"\"url\": \"(https?://[^/\"]+)", lock),  # where to thank their authors
    }
    assert not re.search(r"localhost|127\.0\.0\.1|file:", lock)
    assert not {d for d in json.loads((WEB / "package.json").read_text()) if d == "dependencies"}


def test_the_description_of_the_api_is_the_server_s_and_the_types_are_of_it():
    kept = json.loads((WEB / "openapi.json").read_text())
    now = json.loads(json.dumps(describe()))
    assert kept["paths"].keys() == now["paths"].keys(), "the API has changed: make web"
    names = [n for n in now["components"]["schemas"] if n not in ("HTTPValidationError", "ValidationError")]
    for name in names:
        assert kept["components"]["schemas"][name] == now["components"]["schemas"][name], (
            f"{name} has changed: make web"
        )
    types = (WEB / "src" / "api" / "schema.d.ts").read_text()
    for name in names:
        assert f" {name}: {{" in types or f" {name}:" in types
        for field in now["components"]["schemas"][name].get("properties", {}):
            assert re.search(rf"\b{field}\??:", types), f"{name}.{field}: make web"


def test_textures_are_those_of_the_pictures():
    drawn = (WEB / "src" / "figures" / "Textures.svelte").read_text()
    assert re.findall(r'"(M[^"]+)"', drawn) == [h for h in HATCHES if h]
