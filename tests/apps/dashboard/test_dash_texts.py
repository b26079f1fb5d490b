"""The Explorer's database against the records themselves; overlays that change nothing of the run."""

import json

import pytest
from dash_toys import contents

from forepath.apps.dashboard.exploring import count_changes
from forepath.apps.dashboard.texts import Filter, Texts
from forepath.apps.labelling import read_labelled
from forepath.store import prompts_from
from forepath.themes.overlays import Overlay


@pytest.fixture
def texts(opened):
    return Texts(opened)


@pytest.fixture
def trajectories(opened):
    return list(read_labelled(opened.store))


def ids(texts, **wanted):
    total, rows = texts.page(Filter(**wanted), 0, 500)
    assert total == len(rows)
    return {r["id"] for r in rows}


def test_every_text_is_there_with_its_own_chain(texts, trajectories):
    _, rows = texts.page(Filter(), 0, 500)
    names = texts.themes
    assert {r["id"]: tuple(names[t] for t in r["chain"]) for r in rows} == {t.id: t.chain for t in trajectories}
    assert {r["length"] for r in rows} == {len(t.tokens) for t in trajectories}


def test_filters_find_what_a_person_would(texts, trajectories, opened):
    themes = texts.themes
    fold = {p.id: opened.settings.fold_of(p) for p in prompts_from(opened.store.table("prompts"))}
    assert ids(texts, q="Deims") == {t.id for t in trajectories if "deims" in t.text + "|" + t.prompt}
    assert ids(texts, q="/de(im|an)s ba/") == {
        t.id for t in trajectories if any(p in x for p in ("deims ba", "deans ba") for x in (t.text, t.prompt))
    }
    assert ids(texts, themes=(1, 2)) == {t.id for t in trajectories if {"sky", "wood"} <= set(t.chain)}
    start = (2, 0)
    assert ids(texts, chain=start) == {t.id for t in trajectories if t.chain[:2] == ("wood", "sea")}
    assert ids(texts, ended="no") == {t.id for t in trajectories if not t.finished}
    assert ids(texts, fold="test") == {t.id for t in trajectories if fold[t.prompt_id] == "test"}
    assert ids(texts, prompt=trajectories[0].prompt_id) == {t.id for t in trajectories[:6]}
    assert themes[-1] == "end"


def test_pages_together_are_the_whole_list_in_one_order(texts):
    whole = [r["id"] for r in texts.page(Filter(order="rarest"), 0, 500)[1]]
    parts = [r["id"] for at in range(0, 300, 50) for r in texts.page(Filter(order="rarest"), at, 50)[1]]
    assert parts == whole and len(set(whole)) == 288
    longest = [r["length"] for r in texts.page(Filter(order="longest"), 0, 500)[1]]
    assert longest == sorted(longest, reverse=True)


def test_a_search_cannot_leave_its_cell(client, texts):
    for hostile in ("'; DROP TABLE texts; --", "%", '" OR 1=1', "\\", "/(/", "/" + "(a+)+" * 20 + "$/"):
        answer = client.get("/api/runs/one/texts", params={"q": hostile})
        assert answer.status_code in (200, 422), hostile
    assert client.get("/api/runs/one/texts", params={"chain": "1);DROP"}).status_code == 422
    assert client.get("/api/runs/one/texts").json()["total"] == 288
    with pytest.raises(Exception, match=r"disabled|not allowed|Permission"):
        texts.rows("SELECT * FROM read_text('/etc/passwd')")


def test_a_text_comes_in_pieces_that_make_it_up(client, trajectories):
    for t in trajectories[:20]:
        got = client.get(f"/api/runs/one/texts/{t.id}").json()
        assert "".join(p["text"] for p in got["pieces"]) == t.text
        assert len([p for p in got["pieces"] if p["segment"] is not None]) == len(
            [s for s in t.segments if s.start < s.stop]
        )
        assert got["seed"] == str(t.seed)
    assert client.get("/api/runs/one/texts/nobody/0").status_code == 422


def test_an_overlay_is_what_applying_it_to_the_records_says(texts, trajectories):
    key = f"{trajectories[0].id}:0"
    overlay = Overlay(1, merged={"sea": "sky"}, relabelled={key: "other"})
    texts.lay(overlay)
    _, rows = texts.page(Filter(), 0, 500)
    laid = {t.id: overlay.label(t).chain for t in trajectories}
    assert {r["id"]: tuple(texts.themes[i] for i in r["chain"]) for r in rows} == laid
    assert {r["id"] for r in rows if r["changed"]} == {t.id for t in trajectories if t.chain != laid[t.id]}
    changes = count_changes(texts)
    assert changes.changed_texts == sum(t.chain != laid[t.id] for t in trajectories)
    assert changes.themes[0].after == 0 and changes.themes[0].before > 0
    texts.lay(Overlay())
    assert count_changes(texts).changed_segments == 0


def test_an_overlay_is_kept_in_the_run_and_changes_nothing_of_it(client, runs):
    before = contents(runs / "one")
    put = client.put(
        "/api/runs/one/overlay", json={"revision": 0, "merged": {"sea": "sky"}, "renamed": {"sky": "either"}}
    )
    assert put.status_code == 200 and put.json()["overlay"]["revision"] == 1
    after = contents(runs / "one")
    assert {k: after[k] for k in before if k != ".lock"} == {k: v for k, v in before.items() if k != ".lock"}
    assert set(after) - set(before) <= {"overlay.json", "commit/overlay.json", ".lock"}
    assert json.loads(after["overlay.json"])["merged"] == {"sea": "sky"}
    plain = client.post("/api/runs/one/forecast", json={"prompt": "baols baols"}).json()["steps"][0]
    laid = client.post("/api/runs/one/forecast", json={"prompt": "baols baols", "overlay": True}).json()["steps"][0]
    assert laid[0] == 0 and abs(laid[1] - plain[0] - plain[1]) < 1e-9


def test_two_who_edit_the_same_overlay_notice(client):
    assert client.put("/api/runs/one/overlay", json={"revision": 0, "merged": {"sea": "sky"}}).status_code == 200
    late = client.put("/api/runs/one/overlay", json={"revision": 0, "merged": {"wood": "sky"}})
    assert late.status_code == 422 and "meanwhile" in late.json()["error"]
    assert client.get("/api/runs/one/changes").json()["overlay"]["merged"] == {"sea": "sky"}


@pytest.mark.parametrize(
    "overlay",
    [{"merged": {"sea": "nobody"}}, {"merged": {"sea": "sky", "sky": "sea"}}, {"merged": {"end": "sea"}},
     {"renamed": {"sea": " "}}, {"renamed": {"sea": "sky"}}, {"relabelled": {"x:0": "nobody"}}],
)  # fmt: skip
def test_an_overlay_that_does_not_fit_is_refused(client, overlay):
    assert client.put("/api/runs/one/overlay", json={"revision": 0, **overlay}).status_code == 422


def test_judging_again_with_no_overlay_is_the_score_there_is(client, opened):
    got = client.get("/api/runs/one/rescore").json()
    own = next(r for r in opened.scores().rows if r.forecaster.startswith("linear@") and r.step == 1)
    assert abs(got["before"] - own.cross_entropy) < 1e-9 and got["after"] == got["before"]
    client.put("/api/runs/one/overlay", json={"revision": 0, "merged": {"sea": "sky", "wood": "sky"}})
    merged = client.get("/api/runs/one/rescore").json()
    assert merged["before"] == got["before"] and merged["base_after"] < got["base_before"]


def test_a_run_that_goes_on_is_read_again(client, runs, opened):
    from forepath.apps.dashboard import texts as room

    assert client.get("/api/runs/one/texts").json()["total"] == 288
    marks = room.marks(opened)
    assert marks == (4, 4)
