"""Draw the screenshots of docs/explore.md in a real browser:  python docs/make_explore.py

Only faces that models made up, and the public-domain portrait, redrawn or restored. Needs the extra `dev` and Chromium.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # benchmarks is no installed package

from playwright.sync_api import expect

from benchmarks.browser import PATIENCE_MS, Visit, chromium, explorer, visit

PICTURES = Path(__file__).resolve().parent / "pictures"
REST_MS = 3000  # until all that follows on the last picture is drawn
PORTRAIT = "Try it on a portrait"


def dragged(one: Visit) -> None:
    """Explore, after the point of 16 px was moved."""
    one.wait_for_pictures()
    one.drag(2, [-20, -40, -60], 1000)
    one.page.wait_for_timeout(REST_MS)


def redrawn(one: Visit) -> None:
    """Photo, with the portrait redrawn."""
    one.page.get_by_text(PORTRAIT).click(timeout=PATIENCE_MS)
    expect(one.page.locator("canvas").first).to_be_visible(timeout=PATIENCE_MS)
    one.page.wait_for_timeout(REST_MS)


def waited(one: Visit) -> None:
    """Any page, at rest."""
    expect(one.page.locator("h2").first).to_be_visible(timeout=PATIENCE_MS)
    one.page.wait_for_timeout(4 * REST_MS)


PAGES = {  # picture → address, width and height, what is done there
    "explore.png": ("/?seeds=0-5&schedule=sigmoid 16,1 high", 1280, 820, dragged),
    "explore-400.png": ("/?seeds=0-2&schedule=sigmoid 16,1 high", 400, 800, dragged),
    "explore-photo.png": ("/photo", 1280, 900, redrawn),
    "explore-photo-400.png": ("/photo", 400, 900, redrawn),
    "explore-sheet.png": ("/sheet?x=seeds=0-5&y=schedules=alpha 0; swap-res 8 high; alpha 1", 1280, 960, waited),
    "explore-compare.png": ("/compare?seeds=3,7", 1280, 900, waited),
    "explore-networks.png": ("/networks", 1280, 900, waited),
    "explore-models.png": ("/models", 1280, 1200, waited),
}


def main() -> None:
    """Draw them all."""
    with chromium() as browser, explorer() as server:
        for name, (address, width, height, act) in PAGES.items():
            with visit(browser, server.url + address, width, height) as one:
                act(one)
                one.page.screenshot(path=PICTURES / name)


if __name__ == "__main__":
    main()
