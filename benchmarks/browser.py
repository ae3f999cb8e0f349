"""The explorer as somebody has it before them: `blendgan explore` as a process, and a page in a real browser.

Chromium without a window, driven by Playwright, which must not have brought a browser of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

import blendgan

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE_MS = 60_000  # until a first page is drawn, on a machine with other work
END_S = 10
RECORD = """
window.shown = [];
document.addEventListener("blendgan:shown", (event) => window.shown.push(event.detail));
"""
BLEND = 'section[data-name="blend"] img'


def find_browser() -> str | None:
    """Return the program, or None where there is none that runs: Ubuntu's may be one that only asks for a snap."""
    return next((program for name in BROWSERS if (program := shutil.which(name)) and _runs(program)), None)


@dataclass
class Explorer:
    """A `blendgan explore` that runs: its process and its address."""

    process: subprocess.Popen[str]
    url: str


def environment() -> dict[str, str]:
    """The environment in which Python finds, from any folder, the very `blendgan` that is imported here."""
    return os.environ | {"PYTHONPATH": str(Path(blendgan.__file__).resolve().parent.parent)}


@contextmanager
def explorer(*words: str, folder: Path | None = None) -> Iterator[Explorer]:
    """Start `blendgan explore WORDS`, and end it with the block; `folder`: where it is, and what it takes for home.

    Raises RuntimeError if it ends at once; it has said why on stderr.
    """
    command = [sys.executable, "-m", "blendgan", "explore", "--no-browser", *words]
    home = {} if folder is None else {"HOME": str(folder), "TMPDIR": str(folder)}
    process = subprocess.Popen(
        command, cwd=folder, env=environment() | home, text=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if "http://" not in line:
            raise RuntimeError(f"{' '.join(command)} ended with {process.wait(END_S)}")
        yield Explorer(process, line.split()[4])
    finally:
        process.terminate()
        process.wait(END_S)
        if process.stdout:
            process.stdout.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser, without any profile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page that is open: which hosts it asked, and what its console complained of."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def handle(self, point: int) -> Locator:
        """Return the handle of one of the curve's points, 0 = coarsest."""
        return self.page.locator("circle.handle").nth(point)

    def pictures(self) -> list[str]:
        """Return the blend's pictures, as data URLs."""
        found: list[str] = self.page.locator(BLEND).evaluate_all("images => images.map(image => image.src)")
        return found

    def shown(self) -> list[dict[str, float]]:
        """Return what the page told of every picture that answered a move: `taken` ms, `number`, `complete`."""
        found: list[dict[str, float]] = self.page.evaluate("window.shown")
        return found

    def wait_for_pictures(self) -> None:
        """Wait until the first pictures are there and nothing runs any more."""
        expect(self.page.locator(BLEND).first).to_be_visible(timeout=PATIENCE_MS)
        self.page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')", timeout=PATIENCE_MS)

    def wait_for_shown(self, count: int = 1) -> None:
        """Wait until so many moves were answered."""
        self.page.wait_for_function(f"window.shown.length >= {count}", timeout=PATIENCE_MS)

    def alerts(self) -> list[str]:
        """Return the errors that the page shows."""
        return self.page.locator("[data-testid=stAlert], [data-testid=stException]").all_inner_texts()

    def take_hold(self, point: int) -> tuple[float, float]:
        """Press the mouse on a point, and return where it is."""
        box = self.handle(point).bounding_box()
        if box is None:
            raise RuntimeError(f"point {point} is not on the page")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        return x, y

    def inwards(self, point: int) -> int:
        """Return the way from a point's place to the middle of the curve: 1 = down, -1 = up."""
        return 1 if float(self.handle(point).get_attribute("aria-valuenow") or 0) > 0.5 else -1

    def drag(self, point: int, downwards: Sequence[float], pause_ms: float = 30) -> None:
        """Drag a point through places, px below where it is; a move every `pause_ms`."""
        x, y = self.take_hold(point)
        for step in downwards:
            self.page.mouse.move(x, y + step)
            self.page.wait_for_timeout(pause_ms)
        self.page.mouse.up()


@contextmanager
def visit(browser: Browser, url: str, width: int = 1280, height: int = 800) -> Iterator[Visit]:
    """Open an address in a profile of its own."""
    context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
    page = context.new_page()
    one = Visit(page)
    page.add_init_script(RECORD)
    context.on("request", lambda request: _note(one.hosts, request.url))
    page.on("websocket", lambda socket: _note(one.hosts, socket.url))
    page.on("console", lambda message: one.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: one.complaints.append(str(error)))
    try:
        page.goto(url)
        yield one
    finally:
        context.close()


def _runs(program: str) -> bool:
    return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0


def _note(hosts: set[str], url: str) -> None:
    host = urlsplit(url).hostname
    if host is not None:  # data: and blob: have none
        hosts.add(host)
