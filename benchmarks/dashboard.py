"""How quick the dashboard is in Chromium: first paint, forecast after Enter, scrolling all texts of a run.

    python benchmarks/dashboard.py [RUNS_DIR]

RUNS_DIR holds a finished run; by default runs/, where `forepath demo` writes. Limits: first paint < 1 s, forecast
after Enter < 300 ms on the bundled model. The peer of a frame time is 16.7 ms, a screen at 60 Hz.
"""

import gzip
import re
import shutil
import statistics
import subprocess
import sys

from playwright.sync_api import sync_playwright

from forepath.apps.dashboard.application import STATIC

SCROLL = """async () => {
  const box = document.querySelector("[role=listbox]"), gaps = [];
  let last = performance.now();
  for (let n = 0; n < 120; n++) {
    box.scrollTop = (box.scrollHeight - box.clientHeight) * (n + 1) / 120;
    await new Promise(requestAnimationFrame);
    const now = performance.now(); gaps.push(now - last); last = now;
  }
  return gaps;
}"""

# In the page, at each frame: what waits outside looks every 100 ms only.
ENTER = """wanted => { window.shown = new Promise(resolve => {
  document.getElementById("prompt").addEventListener("keydown", () => {
    const began = performance.now();
    const look = () => [...document.querySelectorAll("figure h2")].some(h => h.textContent.includes(wanted))
      ? resolve(performance.now() - began) : requestAnimationFrame(look);
    look();
  }, { once: true, capture: true });
}); }"""


def main(folder: str) -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("no Chromium here (`apt-get install chromium`): nothing was measured")
        return
    command = [sys.executable, "-c", "from forepath.apps.cli import main; main()", "dash", folder, "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address = re.search(r"http://\S+", server.stderr.readline())[0]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(address)
        page.get_by_text("model ready").wait_for(timeout=600_000)
        paints = []
        for _ in range(10):
            page.reload()
            page.wait_for_selector(".picks li")
            paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        print(f"first contentful paint: median {statistics.median(paints):.0f} ms, worst {max(paints):.0f} ms of 10")
        waits = []
        for n in range(30):
            page.fill("#prompt", f"Simple lemon cake, number {n}\nby Ruth Calloway\n\n")
            page.evaluate(ENTER, f"number {n}")
            page.press("#prompt", "Enter")
            waits.append(page.evaluate("window.shown"))
        print(f"forecast shown after Enter: median {statistics.median(waits):.0f} ms, worst {max(waits):.0f} of 30")
        page.goto(address.split("#")[0] + "#/explorer")
        page.locator("[role=option] .chip").first.wait_for()
        rows = int(page.locator("[role=option]").first.get_attribute("aria-setsize"))
        gaps = page.evaluate(SCROLL)
        print(f"scrolling through {rows} texts in 120 jumps: frame median {statistics.median(gaps):.1f} ms, "
              f"worst {max(gaps):.1f} ms")  # fmt: skip
        browser.close()
    server.kill()
    server.communicate()
    sizes = {
        p.name: len(gzip.compress(p.read_bytes(), 9)) for p in STATIC.rglob("*") if p.suffix in (".js", ".css", ".html")
    }
    print(f"page: {sum(sizes.values()):,} bytes gzipped")


if __name__ == "__main__":
    main(*sys.argv[1:] or ["runs"])
