"""What a person does: type, press keys, search, think again, take a picture along, watch a text being written."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

from conftest import HOSTILE, PATIENCE
from playwright.sync_api import expect

PROMPT = "baols deuls koams"


def ask(page, prompt=PROMPT):
    page.fill("#prompt", prompt)
    page.press("#prompt", "Enter")
    page.wait_for_selector("[role=treeitem]")


def write(page, pace="0", rules=""):
    page.fill("#live-prompt", PROMPT)
    page.get_by_label("pace").select_option(pace)
    page.get_by_role("spinbutton", name="tokens").fill("100")  # seed 0 writes as many
    if rules:
        page.get_by_text("Watch rules").click()
        page.get_by_label("Watch rules, one a line").fill(rules)
    page.get_by_role("button", name="Write").click()
    page.wait_for_selector(".stream .badge")


def written(page):
    return page.locator(".stream .text").inner_text()


def test_the_token_opens_the_page_and_leaves_the_address(chromium, serving):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(serving.base)
    page.get_by_label("Token").fill("guess")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_contain_text("not the token")
    page.get_by_label("Token").fill(serving.keys.token)
    page.get_by_role("button", name="Open").click()
    page.wait_for_selector("nav")
    expect(page).not_to_have_url(re.compile("token"))
    page.goto(f"{serving.base}/#token={serving.keys.token}")
    page.wait_for_selector("nav")
    expect(page).not_to_have_url(re.compile("token"))
    assert serving.keys.token not in page.evaluate("document.cookie")
    page.reload()
    page.wait_for_selector("nav")
    context.close()


def test_the_keyboard_does_everything(open_page):
    page = open_page()
    page.keyboard.press("/")
    page.keyboard.type(PROMPT)
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("baols")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=treeitem]")
    assert quote(f"{PROMPT}\nbaols").replace("%20", "+") in page.url
    page.keyboard.press("Escape")
    for key, wanted in (("2", "g[role=img]"), ("3", ".gauge"), ("4", "td .chip"), ("1", "[role=treeitem]")):
        page.keyboard.press(key)
        page.wait_for_selector(wanted)
    first = page.locator("[role=treeitem][tabindex='0']")
    first.focus()
    assert first.get_attribute("aria-level") == "1"
    page.keyboard.press("ArrowRight")
    focused = page.locator("[role=treeitem]:focus")
    expect(focused).to_have_attribute("aria-level", "2")
    expect(focused).to_have_attribute("aria-label", re.compile("%"))
    expect(page.locator("[data-card]")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(focused).to_have_attribute("aria-level", "1")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("light or dark")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    for key, screen in (
        ("e", "explorer"),
        ("r", "runs"),
        ("j", "judge"),
        ("c", "compare"),
        ("l", "live"),
        ("f", "forecast"),
    ):
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page.locator("nav [aria-current=page]")).to_have_attribute("href", f"#/{screen}?run=one")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("t")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != ground
    page.reload()
    page.wait_for_selector("nav")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != ground  # remembered
    assert page.said == []


def test_every_state_is_a_link_and_back_goes_back(open_page):
    page = open_page()
    ask(page)
    ask(page, "koens koens")
    page.get_by_role("button", name="Flow").click()
    page.get_by_label("Least likely branch shown").select_option("0.1")
    address = page.url
    other = open_page(address.split("#", 1)[1])
    other.wait_for_selector("g[role=img]")
    assert other.locator("#prompt").input_value() == "koens koens"
    assert other.get_by_label("Least likely branch shown").input_value() == "0.1"
    page.go_back()
    expect(page.locator("#prompt")).to_have_value(PROMPT)


def test_hovering_shows_what_a_theme_is(open_page):
    page = open_page()
    ask(page)
    page.locator("[role=treeitem]").first.hover()
    card = page.locator("[data-card]")
    expect(card).to_contain_text("base rate")
    expect(card.locator("li").first).to_be_visible()
    page.mouse.move(5, 400)
    expect(card).to_have_count(0)


def test_a_forecast_says_how_sure_it_is(open_page):
    page = open_page()
    ask(page)
    expect(page.locator(".sets")).to_contain_text("90 % set")  # fitted in the background
    assert page.locator(".sets p.row").count() == 2
    sets, notes = page.locator(".sets").bounding_box(), page.locator(".notes").bounding_box()
    assert sets["y"] + sets["height"] <= notes["y"] + 1  # nothing lies over the other
    page.locator("[role=treeitem]").first.hover()
    expect(page.locator("[data-card]")).to_contain_text("[")
    page.get_by_role("button", name="By step").click()
    expect(page.locator(".gauge .whisker").first).to_be_visible()


def test_two_runs_are_compared_and_their_numbers_taken_along(open_page):
    page = open_page("/compare?run=one&other=three&what=runs")
    tabs = page.get_by_role("group", name="What is compared")
    assert tabs.bounding_box()["height"] > 25
    contrast = page.get_by_label("What moved and what stayed")
    expect(contrast).to_contain_text("themes moved")
    expect(contrast.get_by_role("button", name="Moved")).to_have_attribute("aria-pressed", "true")
    assert contrast.locator("circle.mark").count() > 0
    contrast.get_by_role("button", name="Still fluent?").click()
    contrast.get_by_text("Numbers", exact=True).click()
    expect(contrast.get_by_role("row", name=re.compile("tokens")).first).to_be_visible()
    with page.expect_download() as caught:
        contrast.get_by_role("button", name="CSV").click()
    rows = Path(caught.value.path()).read_text().splitlines()
    assert rows[0].startswith("measure,before,after,shift,low,high,q") and any(
        r.startswith("guard: tokens") for r in rows
    )
    page.get_by_label("a share has stayed below").select_option("0.1")
    expect(page).to_have_url(re.compile("margin=0.1"))
    assert page.said == []


def test_two_prompts_are_forecast_then_sampled(open_page):
    page = open_page(f"/compare?run=one&a={quote(PROMPT)}&b={quote(PROMPT + ' koens')}")
    page.get_by_role("button", name="Sample 64 texts of each").click()
    contrast = page.get_by_label("What moved and what stayed")
    expect(contrast).to_contain_text("on 64 texts")
    page.get_by_role("button", name="Two runs, before and after").click()
    expect(contrast).to_have_count(0)
    expect(page.get_by_text("Choose two runs")).to_be_visible()
    assert page.said == []


def test_figures_can_be_taken_along(open_page, tmp_path):
    page = open_page()
    ask(page)
    for kind, begins in (("SVG", b"<svg"), ("PNG", b"\x89PNG"), ("CSV", b"probability,step 1,step 2\r\n")):
        with page.expect_download() as taken:
            page.get_by_role("button", name=kind, exact=True).click()
        path = tmp_path / taken.value.suggested_filename
        taken.value.save_as(path)
        data = path.read_bytes()
        assert data.startswith(begins) and len(data) > 150, kind
    svg = Path(tmp_path / "forecast.svg").read_text()
    assert "<script" not in svg and 'class="' not in svg and "sky" in svg
    alone = page.context.browser.new_page()
    alone.goto((tmp_path / "forecast.svg").as_uri())
    assert alone.locator("text=sky").count() and alone.evaluate("window.pwned") is None
    alone.close()
    assert page.said == []


def test_texts_are_searched_opened_and_relabelled(open_page, serving):
    page = open_page("/explorer?run=one")
    status = page.locator(".bar [role=status]")
    expect(status).to_have_text("288 texts")
    page.keyboard.press("/")
    page.keyboard.type("deims")
    expect(page).to_have_url(re.compile("q=deims"))
    expect(status).not_to_have_text("288 texts")
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    expect(status).to_have_text("288 texts")
    page.keyboard.press("j")
    page.wait_for_selector(".piece")
    name = page.get_by_role("region", name="Text").locator(".mono").first
    first = name.inner_text()
    page.keyboard.press("j")
    expect(page.locator("[role=option][aria-selected=true]")).to_have_attribute("aria-posinset", "2")
    expect(name).not_to_have_text(first)  # the text follows its row
    page.locator(".piece").first.focus()
    page.keyboard.press("Enter")
    choose = page.get_by_label("this segment is")
    before = choose.input_value()
    choose.select_option("3" if before != "3" else "2")
    expect(page.get_by_text("the run says")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("the run says")).to_have_count(0)
    assert (serving.folder / "one" / "overlay.json").exists()
    assert page.said == []


def test_a_key_pressed_before_the_list_is_there_is_not_lost(open_page):
    page = open_page("/explorer?run=one")
    held = []
    page.route("**/texts?**", lambda route: held.append(route))
    page.reload()
    page.wait_for_selector(".bar input")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.wait_for_function("document.querySelector('.bar [role=status]').textContent === '…'")
    while held:
        held.pop().continue_()
    expect(page.locator("[role=option][aria-selected=true]")).to_have_attribute("aria-posinset", "2")
    expect(page.locator(".piece").first).to_be_visible()
    assert page.said == []


def test_a_text_that_comes_late_does_not_replace_the_one_chosen_since(open_page):
    page = open_page("/explorer?run=one")
    expect(page.locator(".bar [role=status]")).to_have_text("288 texts")
    held = []
    page.route(re.compile("/texts/"), lambda route: route.continue_() if held else held.append(route))
    page.keyboard.press("j")
    page.wait_for_timeout(500)
    page.keyboard.press("j")
    page.wait_for_selector(".piece")
    shown = page.get_by_role("region", name="Text").inner_text()
    held[0].continue_()
    page.wait_for_timeout(1000)
    assert page.get_by_role("region", name="Text").inner_text() == shown
    assert page.said == []


def test_what_is_chosen_stays_when_labels_change(open_page):
    page = open_page("/explorer?run=one&q=deims")
    expect(page.locator(".bar [role=status]")).not_to_have_text("…")
    page.keyboard.press("j")
    page.keyboard.press("j")
    chosen = page.locator("[role=option][aria-selected=true]")
    expect(chosen).to_have_attribute("aria-posinset", "2")
    page.wait_for_timeout(1000)  # the text follows its row
    page.locator(".piece").first.click()
    with page.expect_response("**/texts?**"):  # the list is read again
        choose = page.get_by_label("this segment is")
        choose.select_option("3" if choose.input_value() != "3" else "2")
    expect(page.get_by_text("the run says")).to_be_visible()
    expect(chosen).to_have_attribute("aria-posinset", "2")
    page.keyboard.press("Escape")  # away from the choice of a theme
    page.keyboard.press("k")
    expect(chosen).to_have_attribute("aria-posinset", "1")
    page.keyboard.press("j")
    page.wait_for_timeout(1000)  # again
    page.locator(".piece").first.click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("the run says")).to_have_count(0)
    assert page.said == []


def test_merging_themes_shows_what_changes_and_can_be_undone(open_page):
    page = open_page("/explorer?run=one&tab=themes")
    other = open_page("/explorer?run=one&tab=themes")
    other.route("**/api/events**", lambda route: route.abort())  # a second browser that hears of nothing
    with other.expect_response("**/changes"):
        other.reload()
    expect(other.get_by_label("Count wood as")).to_be_visible()
    page.get_by_label("Count wood as").select_option(index=1)
    side = page.get_by_label("What changes")
    expect(side).to_contain_text("counted as")
    expect(side.locator("td").first).not_to_have_text("0 of 288")
    page.get_by_role("button", name="Judge it with these labels").click()
    expect(side).to_contain_text("base rate, nats")
    other.get_by_label("Count wood as").select_option(index=1)  # with what it knew
    expect(other.get_by_role("alert")).to_contain_text("meanwhile")
    side.get_by_role("button", name="Undo").click()
    expect(side).to_contain_text("Nothing yet")


def test_a_long_list_has_few_rows(open_page):
    page = open_page("/explorer?run=one")
    page.wait_for_selector("[role=option]")
    box = page.get_by_role("listbox")
    assert page.locator("[role=option]").count() < 40
    box.evaluate("e => (e.scrollTop = e.scrollHeight)")
    expect(page.locator("[aria-posinset='288'] .chip").first).to_be_visible()
    assert page.locator("[role=option]").count() < 40


def test_runs_show_a_job_as_it_goes_on(open_page, serving):
    import shutil

    from forepath.store import Run

    page = open_page("/runs?run=one")
    expect(page.locator("li h2")).to_have_text(["three", "two", "one"])
    page.wait_for_timeout(1200)  # the watcher has looked once
    shutil.copytree(serving.folder / "one", serving.folder / "four")
    expect(page.locator("li h2")).to_have_count(4)
    with Run.open(serving.folder / "four").lock():
        expect(page.get_by_text("running").first).to_be_visible()
    expect(page.get_by_text("running")).to_have_count(0)


def test_a_text_streams_and_is_paused_stopped_and_branched(open_page):
    page = open_page("/live?run=one")
    write(page, pace="8")
    expect(page.locator(".stream .badge")).to_have_text("running")
    expect(page.locator(".stream .text")).not_to_be_empty()
    page.locator("h2").first.click()
    page.keyboard.press("p")
    expect(page.locator(".stream .badge")).to_have_text("paused")
    page.wait_for_timeout(400)
    seen = written(page)
    page.wait_for_timeout(500)
    assert written(page) == seen
    page.keyboard.press("p")
    expect(page.locator(".stream .badge")).to_have_text("running")
    page.keyboard.press("s")
    expect(page.locator(".stream .badge")).to_have_text("stopped")
    parent = page.url
    page.get_by_role("button", name="Branch from here").click()
    expect(page).not_to_have_url(parent)
    expect(page.locator(".stream .prompt")).to_contain_text(PROMPT)
    expect(page.locator(".past li")).to_have_count(2)
    assert page.said == []


def test_alarms_are_shown_logged_and_obeyed(open_page):
    page = open_page("/live?run=one")
    write(page, rules="P(wood | other | end within 2) > 0.01 then pause")
    expect(page.locator(".stream .badge")).to_have_text("paused")
    alarms = page.get_by_role("log")
    expect(alarms).to_contain_text("P(wood | other | end within 2) > 0.01")
    expect(alarms).to_contain_text("pause")
    expect(page.locator(".flag")).to_have_count(1)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".stream .badge")).to_have_text("over")


def test_an_answer_that_comes_late_does_not_undo_what_happened_since(open_page, serving):
    page, late = open_page("/live?run=one"), []

    def hold(route):
        answer = route.fetch()  # as it is now, being written; handed over once it is over
        late.append(answer.json()["state"])
        ask = Request(route.request.url, headers={"authorization": f"Bearer {serving.keys.token}"})
        until = time.monotonic() + PATIENCE / 1000
        while json.load(urlopen(ask))["state"] == "running" and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.3)
        route.fulfill(response=answer)

    page.route(re.compile(r"/api/sessions/\d{8}-"), hold)
    write(page, pace="30")
    expect(page.locator(".stream .badge")).to_have_text("over")
    assert late[0] == "running" and len(written(page)) > 50


def test_the_ledger_of_live_forecasts_is_always_there_and_grows(open_page):
    page = open_page("/live?run=one")
    ledger, said = page.locator("section[aria-label=Ledger]"), re.compile(r"(\d+) forecasts in (\d+) texts")
    expect(ledger).to_contain_text("theme before")  # before anything is written here
    write(page)
    expect(page.locator(".stream .badge")).to_have_text("over")
    expect(ledger.locator("circle.mark").first).to_be_visible()
    expect(ledger).to_contain_text("too few to say")
    seen = said.search(ledger.inner_text())
    assert seen and int(seen[1]) > 1 and int(seen[2]) >= 1
    page.reload()
    expect(ledger).to_contain_text(said)
    other = open_page("/live?run=one")  # another tab, nothing chosen: told as it happens
    expect(other.locator("section[aria-label=Ledger]")).to_contain_text(said)
    write(page)
    expect(other.locator("section[aria-label=Ledger]")).not_to_contain_text(seen[0])
    with page.expect_download() as taken:
        ledger.get_by_role("button", name="CSV").click()
    assert "theme before" in Path(taken.value.path()).read_text()


def test_a_bad_rule_says_how_one_is_written(open_page):
    page = open_page("/live?run=one")
    page.fill("#live-prompt", PROMPT)
    page.get_by_text("Watch rules").click()
    page.get_by_label("Watch rules, one a line").fill("whatever")
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_role("alert")).to_contain_text("is no rule")


def test_a_text_survives_reload_and_another_browser(open_page):
    page = open_page("/live?run=one")
    write(page, pace="8")
    page.wait_for_timeout(700)
    page.reload()
    expect(page.locator(".stream .text")).not_to_be_empty()
    other = open_page(page.url.split("#", 1)[1])
    expect(other.locator(".stream .text")).not_to_be_empty()
    for each in (page, other):
        expect(each.locator(".stream .badge")).to_have_text("over")
    assert written(page) == written(other)


def test_a_text_survives_kill_9_of_the_server(chromium, serving, tmp_path):
    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", "from forepath.apps.cli import main; main()", "dash", str(serving.folder),
             "--port", port], env={**os.environ, "XDG_STATE_HOME": str(tmp_path)}, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        return process, process.stdout.readline().removeprefix("token: ").strip()

    serving.end()
    port = str(serving.port)
    server, token = start()
    page = chromium.new_context().new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{serving.base}/#token={token}")
    page.wait_for_selector("nav")
    page.goto(f"{serving.base}/#/live?run=one")
    write(page, pace="8")
    expect(page.locator(".stream .text")).not_to_be_empty(timeout=3 * PATIENCE)  # a new process loads the model first
    page.wait_for_timeout(1500)
    server.kill()
    server.communicate()
    expect(page.get_by_text("the server is silent")).to_be_visible()
    before = written(page)
    server, again = start()
    try:
        assert again != token
        expect(page.locator(".stream .badge")).to_have_text("interrupted")  # still signed in
        assert written(page) == before != ""
        page.get_by_role("button", name="Go on where it was interrupted").click()
        expect(page.locator(".stream .badge")).to_have_text("over", timeout=3 * PATIENCE)
        assert written(page).startswith(before) and len(written(page)) > len(before)
    finally:
        server.kill()
        server.communicate()
        page.context.close()


def test_hostile_names_are_only_names(open_page):
    page = open_page("/explorer?run=one&tab=themes")
    page.get_by_role("button", name="Rename wood").click()
    field = page.get_by_label("Name", exact=True)
    field.fill(HOSTILE[1])
    field.press("Enter")
    expect(page.locator("a.name").nth(2)).to_have_text(HOSTILE[1])
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None and page.locator("img").count() == 0
