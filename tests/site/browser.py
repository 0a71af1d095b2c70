"""Pages seen by a real browser: one run of headless Chromium over many pages, at the width of a phone and of a desk."""

import functools
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PHONE, DESK = 390, 1280
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

#: Opens each page in a frame, looks at it at each width, and leaves what it saw as JSON.
LOOK = """<!doctype html><body><script>
const pages = PAGES, widths = WIDTHS, seen = []
const raw = /\\\\[A-Za-z]{2,}|\\\\[()\\[\\]]|\\$[^$\\n]{1,80}\\$/
async function look(page) {
  const frame = document.createElement("iframe")
  frame.style = `width:${widths[0]}px;height:900px;border:0`
  document.body.append(frame)
  await new Promise(done => { frame.onload = done; frame.src = page })
  const inside = frame.contentDocument
  for (const image of inside.images) image.loading = "eager"
  await Promise.all([...inside.images].map(image => image.decode().catch(() => {})))
  await inside.fonts.ready
  const still = inside.createElement("style")  // menus move when the width changes; here they are where they end
  still.textContent = "* { transition: none !important; animation: none !important }"
  inside.head.append(still)
  const words = inside.body.cloneNode(true)
  words.querySelectorAll("code, pre, script, style, .katex").forEach(part => part.remove())
  const report = {
    page, overflow: {},
    marked: inside.querySelectorAll(".arithmatex").length,
    formulas: inside.querySelectorAll(".katex").length,
    mistakes: [...inside.querySelectorAll(".katex-error")].map(part => part.title),
    raw: (words.textContent.match(raw) || [""])[0],
    images: inside.images.length,
    broken: [...inside.images].filter(image => !image.naturalWidth).map(image => image.src.slice(0, 80)),
    elsewhere: frame.contentWindow.performance.getEntriesByType("resource").map(entry => entry.name)
      .filter(name => !name.startsWith(location.origin) && !name.startsWith("data:")),
  }
  for (const width of widths) {
    frame.style.width = width + "px"
    report.overflow[width] = inside.documentElement.scrollWidth - width
  }
  seen.push(report)
  frame.remove()
}
const next = pages[Symbol.iterator]()
const worker = async () => { for (const page of next) await look(page) }
Promise.all([worker(), worker(), worker(), worker()])
  .then(() => fetch("/seen", { method: "POST", body: JSON.stringify(seen) }))
</script></body>"""


def browser() -> str:
    """A Chromium; the test is skipped where there is none."""
    for name in (os.environ.get("BIGBATH_BROWSER", ""), *BROWSERS):
        if name and shutil.which(name) and subprocess.run([name, "--version"], capture_output=True).returncode == 0:
            return name  # Ubuntu's package of that name may be a script that only names a snap
    pytest.skip("no Chromium on this machine: `.ci/setup test` installs Debian's, or set BIGBATH_BROWSER")


class Server(ThreadingHTTPServer):
    """Serves a directory to this machine, and waits for what the page LOOK sends back."""

    def __init__(self, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=directory))
        self.answer: queue.Queue[bytes] = queue.Queue()


class Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.answer.put(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(directory: Path):
    server = Server(directory)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def opened(address: str, profile: Path):
    """A browser that shows a page and can reach this machine only."""
    words = [browser(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"]
    words += [
        f"--window-size={DESK},1000",
        f"--user-data-dir={profile}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ]
    process = subprocess.Popen(
        [*words, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def looked_at(directory: Path, pages: list[str], profile: Path) -> list[dict]:
    """What the browser saw of each page below ``directory``."""
    look = LOOK.replace("PAGES", json.dumps(pages)).replace("WIDTHS", json.dumps([PHONE, DESK]))
    (directory / "look.html").write_text(look)
    with served(directory) as server, opened(f"http://127.0.0.1:{server.server_port}/look.html", profile):
        seen = json.loads(server.answer.get(timeout=300))
    return sorted(seen, key=lambda report: pages.index(report["page"]))
