"""The Explore page as somebody has it before them: in a real browser, on a real server."""

from __future__ import annotations

import base64
import shlex
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow
DEEP_ACTIVE = """() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element?.getAttribute("aria-label");
}"""


def bytes_of(picture: str) -> bytes:
    """The file behind a data URL."""
    return base64.b64decode(picture.partition(",")[2])


def run_shown_command(text: str, folder, *more: str) -> None:
    """Run a command line that the page shows."""
    from benchmarks.browser import environment

    program, *words = shlex.split(text)
    assert program == "blendgan"
    command = [sys.executable, "-m", "blendgan", *words, *more, "--outdir", str(folder)]
    subprocess.run(command, check=True, env=environment())


def moved(one, point: int = 1) -> list[str]:
    """Drag a point, wait until the last move is answered and the page at rest; the blend's pictures."""
    before = one.pictures()
    one.drag(point, [one.inwards(point) * step for step in (20, 45, 90, 120)])
    one.wait_for_shown()
    one.page.wait_for_timeout(1500)
    assert one.pictures() != before
    return one.pictures()


def test_a_point_that_is_dragged_changes_the_picture_before_it_is_let_go(browser_page):
    one = browser_page
    before, way = one.pictures(), one.inwards(1)
    x, y = one.take_hold(1)
    one.page.mouse.move(x, y + 60 * way)
    one.page.mouse.move(x, y + 120 * way)
    one.wait_for_shown()
    assert one.pictures() != before  # the button is still down
    one.page.mouse.up()
    assert all(event["taken"] > 0 for event in one.shown())


def test_the_picture_shown_is_the_one_that_the_command_makes(browser_page, tmp_path):
    one = browser_page
    pictures = moved(one)
    one.page.get_by_text("Take it with you").click()
    text = one.page.locator("code").filter(has_text="blendgan generate").inner_text()
    run_shown_command(text, tmp_path / "bare", "--no-metadata")
    assert bytes_of(pictures[0]) == (tmp_path / "bare/seed0000.png").read_bytes()
    with one.page.expect_download() as download:
        one.page.get_by_role("button", name="Picture", exact=True).click()
    run_shown_command(text, tmp_path / "full")
    assert download.value.suggested_filename == "seed0000.png"
    assert download.value.path().read_bytes() == (tmp_path / "full/seed0000.png").read_bytes()


def test_the_address_shows_the_same_again(browser_page, visit):
    one = browser_page
    pictures = moved(one)
    assert "schedule=" in one.page.url or "recipe=" in one.page.url
    with visit(one.page.url) as again:
        again.wait_for_pictures()
        assert again.pictures() == pictures
        assert again.shown() == []  # nobody moved anything


def test_keys_alone_move_a_point(browser_page):
    one = browser_page
    before = one.pictures()
    for _ in range(40):
        one.page.keyboard.press("Tab")
        if one.page.evaluate(DEEP_ACTIVE) == "8 px":
            break
    else:
        pytest.fail("the point of 8 px cannot be reached with Tab")
    share = float(one.handle(1).get_attribute("aria-valuenow"))
    one.page.keyboard.press("Home" if share > 0.5 else "End")
    one.wait_for_shown()
    assert one.handle(1).get_attribute("aria-valuenow") == ("0" if share > 0.5 else "1")
    one.page.wait_for_timeout(500)
    assert one.pictures() != before


def test_nothing_is_written_and_a_dead_command_leaves_no_server(pico_files, visit, tmp_path):
    from benchmarks.browser import explorer

    with explorer(*pico_files[:2], folder=tmp_path) as own:
        with visit(own.url) as one:
            one.wait_for_pictures()
            assert one.hosts == {"localhost"}
        own.process.kill()
        own.process.wait()
        with pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"), visit(own.url) as one:
            one.page.wait_for_timeout(5000)
            one.page.reload()
    assert list(tmp_path.iterdir()) == []
