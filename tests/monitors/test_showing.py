"""The notebook's view: model text is only ever text, and what is shown is what was read."""

import re
import sys
import types
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
from monitor_toys import THEMES, Writer, pattern_codebook

from forepath.errors import InputError
from forepath.forecasters.base_rate import BaseRate
from forepath.monitors.monitor import Monitor
from forepath.monitors.rules import parse_rule
from forepath.records import Futures, Policy
from forepath.themes.labelling import PatternLabeller

NAMES = (*THEMES, "other", "end")
HOSTILE = "<img src=x onerror=alert(1)>\"'&<script>alert(2)</script>\u202e</div><svg onload=alert(3)>"


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.text += data


def monitor(**options) -> Monitor:
    steps = np.random.default_rng(0).integers(0, 5, size=(9, 4, 2)).astype(np.int16)
    forecaster = BaseRate().fit(np.zeros((9, 6)), Futures(NAMES, steps))
    return Monitor(forecaster, PatternLabeller(pattern_codebook()), themes=NAMES, site="site", horizon=2,
                   rules=[parse_rule("P(war next) > 0.01")], **options)  # fmt: skip


class Hostile(Writer):
    def decode(self, tokens):
        return super().decode(tokens).replace("rain", HOSTILE)


def test_hostile_text_is_only_ever_text():
    view = monitor(source=HOSTILE).watch(Hostile(lambda p, s: ["rain", "war"]), HOSTILE, policy=Policy(max_tokens=200))
    view.text += HOSTILE
    parsed = Tags()
    parsed.feed(view.html())
    assert set(parsed.tags) <= {"div", "span", "ul", "li", "p", "b"}
    assert not [a for a in parsed.attributes if a not in ("style", "title", "aria-live")]
    assert "onerror=alert(1)" in parsed.text and "\u202e" not in view.html()
    tree = ET.fromstring(view.svg())
    assert {e.tag.rpartition("}")[2] for e in tree.iter()} <= {"svg", "style", "rect", "text", "path", "title"}


def test_what_is_shown_is_what_was_read(tmp_path):
    view = monitor().watch(Writer(lambda p, s: ["rain", "war"]), "p", seed=2, policy=Policy(max_tokens=200))
    assert [r.reason for r in view.readings] == ["prompt", "theme", "end"] and view.readings[-1].chain[-1] == "end"
    parsed = Tags()
    parsed.feed(view._repr_html_())
    assert view.text in parsed.text and "raised after 0 tokens: P(war next) > 0.01" in parsed.text
    assert re.search(r'<path d="M40\.0 20', view.plot(tmp_path / "x.svg").read_text())
    with pytest.raises(InputError, match="another path"):
        view.plot(tmp_path / "no" / "x.svg")


@pytest.mark.parametrize("themes", [["rain", "war"], ["rain"]])
def test_a_sentence_that_was_cut_off_is_no_theme_s(themes):
    whole = monitor().watch(Writer(lambda p, s: themes), "p", seed=2, policy=Policy(max_tokens=200))
    assert len(painted(whole)) == len(themes) and painted(whole)[-1].endswith(".")
    most = len(whole.text) - 4
    view = monitor().watch(Writer(lambda p, s: themes), "p", seed=2, policy=Policy(max_tokens=most))
    assert view.text == whole.text[:most] and len(painted(view)) == len(themes) - 1


def painted(view) -> list[str]:
    """Pieces of the text that are underlined."""
    return re.findall(r'<span style="border-bottom[^>]*>([^<]*)</span>', view.html())


def test_doubts_are_shown_instead_of_odds():
    view = monitor(subject="another").watch(Writer(lambda p, s: ["rain"]), "p", policy=Policy(max_tokens=100))
    assert "Do not trust me" in view.html() and "next" not in view.html()


def test_it_is_drawn_live_where_a_notebook_is(monkeypatch):
    drawn = []

    class Handle:
        def update(self, html):
            drawn.append(html)

    ipython, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: object()
    display.HTML = str
    display.display = lambda html, display_id: drawn.append(html) or Handle()
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr("forepath.monitors.showing.OFTEN", 0.0)
    view = monitor().watch(Writer(lambda p, s: ["rain"]), "p", policy=Policy(max_tokens=100))
    assert len(drawn) > 10 and drawn[-1] == view.html() and drawn[0] != drawn[-1]
