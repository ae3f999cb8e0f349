"""The page Photo as somebody has it before them: a photo is brought, a point dragged, the result downloaded."""

from __future__ import annotations

import shlex
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from blendgan.samples import PORTRAIT

pytestmark = pytest.mark.slow
PIXELS = """() => {
  const canvas = window.photo_canvas(), paper = canvas.getContext("2d");
  return [canvas.width, canvas.height, [...paper.getImageData(0, 0, canvas.width, canvas.height).data]];
}"""
# Streamlit looks for its server below a page's own address first, then above it.
FIRST_GUESS = "Failed to load resource: the server responded with a status of 404 (Not Found)"
FIND = """
window.photo_canvas = () => {
  const within = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.matches("figure.photo canvas")) return element;
      const found = element.shadowRoot && within(element.shadowRoot);
      if (found) return found;
    }
    return null;
  };
  return within(document);
};
"""


@pytest.fixture
def photo_page(server, visit):
    """The page, with few steps of a search; afterwards it must have asked nobody else, and be at ease."""
    with visit(f"{server.url}/photo?steps=2&schedule=table+4=0,8=0,16=1") as one:
        one.page.evaluate(FIND)
        one.page.locator("input[type=file]").first.wait_for(state="attached", timeout=60_000)
        yield one
        assert one.hosts == {"localhost"}
        assert [text for text in one.complaints if text != FIRST_GUESS] == []


def bring(one, *files) -> None:
    one.page.locator("input[type=file]").first.set_input_files(*files)
    one.page.locator("figure.photo canvas[aria-label]").wait_for(timeout=60_000)
    at_rest(one)


def at_rest(one) -> None:
    one.page.wait_for_timeout(700)
    one.page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')", timeout=60_000)


def pixels(one) -> np.ndarray:
    """What the canvas shows: uint8 RGB [H, W, 3]."""
    width, height, values = one.page.evaluate(PIXELS)
    return np.array(values, np.uint8).reshape(height, width, 4)[..., :3]


def test_a_photo_is_brought_moved_shown_and_downloaded(photo_page, tmp_path):
    one, photo = photo_page, tmp_path / "me.jpg"
    photo.write_bytes(PORTRAIT.read_bytes())
    bring(one, photo)
    before = pixels(one)
    one.drag(1, [-20, -45, -30])
    one.wait_for_shown()
    at_rest(one)
    shown = pixels(one)
    assert shown.shape == (512, 512, 3) and not np.array_equal(shown, before)
    assert all(event["taken"] > 0 for event in one.shown())
    one.page.get_by_text("Take it with you").click()
    command = one.page.locator("code").filter(has_text="blendgan toonify").inner_text()
    with one.page.expect_download() as download:
        one.page.get_by_role("button", name="Redrawn photo").click()
    subprocess.run([sys.executable, "-m", "blendgan", *shlex.split(command)[1:]], check=True, cwd=tmp_path)
    made = tmp_path / "me.toon.png"
    assert download.value.suggested_filename == made.name
    assert download.value.path().read_bytes() == made.read_bytes()
    assert np.array_equal(shown, np.asarray(Image.open(made).convert("RGB")))  # what was on the screen, to the pixel


def test_the_wipe_goes_back_to_the_photo(photo_page):
    one = photo_page
    one.page.get_by_text("Try it on a portrait").click()
    one.page.locator("figure.photo canvas[aria-label]").wait_for(timeout=60_000)
    at_rest(one)
    redrawn, photo = pixels(one), np.asarray(Image.open(PORTRAIT))
    assert not np.array_equal(redrawn, photo)
    wipe = one.page.get_by_label("How much of the redrawn photo is shown, from the left")
    wipe.focus()
    one.page.keyboard.press("Home")
    assert np.array_equal(pixels(one), photo)
    one.page.keyboard.press("End")
    assert np.array_equal(pixels(one), redrawn)


def test_a_hostile_file_is_one_sentence_and_the_next_photo_works(photo_page, tmp_path):
    one = photo_page
    (tmp_path / "words.jpg").write_text("just words")
    one.page.locator("input[type=file]").first.set_input_files(tmp_path / "words.jpg")
    one.page.get_by_text("not a picture that can be read").wait_for(timeout=60_000)
    at_rest(one)
    one.page.get_by_text("Another photo").click()
    at_rest(one)  # the fold opens slowly, and a button that moves may miss its click
    one.page.get_by_text("Try it on a portrait").click()
    one.page.locator("figure.photo canvas[aria-label]").wait_for(timeout=60_000)
    assert not one.page.get_by_text("not a picture that can be read").count()


def test_a_file_that_replaces_another_is_not_lost(photo_page, tmp_path):
    one, field = photo_page, photo_page.page.locator("input[type=file]").first
    for name in ("words.jpg", "more.jpg"):
        (tmp_path / name).write_text("just words")
        field.set_input_files(tmp_path / name)
        one.page.get_by_text(f"{name}: not a picture that can be read").wait_for(timeout=60_000)
        at_rest(one)
    assert one.page.get_by_text("not a picture that can be read").count() == 1


def test_another_page_and_back_keeps_the_photo(photo_page):
    one = photo_page
    one.page.get_by_text("Try it on a portrait").click()
    one.page.locator("figure.photo canvas[aria-label]").wait_for(timeout=60_000)
    at_rest(one)
    before = pixels(one)
    one.page.get_by_role("link", name="Explore").click()
    one.page.get_by_role("heading", name="Explore").wait_for(timeout=60_000)
    one.page.get_by_role("link", name="Photo").click()
    one.page.locator("figure.photo canvas[aria-label]").wait_for(timeout=60_000)
    at_rest(one)
    assert np.array_equal(pixels(one), before)
