"""The page Sheet in a browser: cells come as they are drawn, Enter takes one to Explore, the file is the command's."""

from __future__ import annotations

import shlex
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from blendgan.cli.main import cli as blendgan

pytestmark = pytest.mark.slow

DRAWN = ".cells button:not(:disabled)"
PATIENCE_MS = 60_000
X, Y = "seeds=0-3", "alpha=0,0.25,0.5,1"
RECORD = "window.sheet = []; document.addEventListener('blendgan:sheet', event => window.sheet.push(event.detail));"


def words(url: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}


def serious(complaints: list[str]) -> list[str]:
    """All but what Streamlit itself says below the root, where it tries out what part of the path is the page's."""
    return [line for line in complaints if "404" not in line]


@pytest.fixture
def sheet(server, visit):
    """The page with sixteen cells, all drawn."""
    with visit(f"{server.url}/sheet?x={quote(X)}&y={quote(Y)}&trunc=0.9") as one:
        one.page.locator(DRAWN).nth(15).wait_for(timeout=PATIENCE_MS)
        yield one
        assert one.hosts == {"localhost"} and not serious(one.complaints)


def test_the_file_is_that_of_the_command_that_is_shown(sheet, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with sheet.page.expect_download() as coming:
        sheet.page.get_by_role("button", name="Download the sheet").click()
    command = shlex.split(sheet.page.locator(".stCode code").first.inner_text())
    assert cli.invoke(blendgan, [*command[1:], "--quiet"], catch_exceptions=False).exit_code == 0
    assert coming.value.path().read_bytes() == (tmp_path / "sheet.png").read_bytes()


def test_keys_go_from_cell_to_cell_and_enter_takes_one_to_explore(sheet):
    sheet.page.locator(DRAWN).first.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowRight"):
        sheet.page.keyboard.press(key)
    chosen = sheet.page.locator(".cells button:focus")
    assert chosen.get_attribute("aria-label") == "alpha 0.5, seed 1: take this blend to Explore"
    source = chosen.locator("img").get_attribute("src")
    sheet.page.keyboard.press("Enter")
    sheet.wait_for_pictures()
    assert urlsplit(sheet.page.url).path == "/"
    said = words(sheet.page.url)
    assert (said["schedule"], said["seeds"], said["trunc"]) == ("alpha 0.5", "1", "0.9")
    assert sheet.pictures() == [source]  # the very picture, on the other page


def test_an_address_shows_the_same_again(sheet, visit):
    said = words(sheet.page.url)
    assert (said["x"], said["y"], said["trunc"]) == (X, Y, "0.9")
    sources = "images => images.map(image => image.src)"
    before = sheet.page.locator(".cells img").evaluate_all(sources)
    sheet.page.reload()
    sheet.page.locator(DRAWN).nth(15).wait_for(timeout=PATIENCE_MS)
    assert sheet.page.locator(".cells img").evaluate_all(sources) == before and len(set(before)) == 16
    assert words(sheet.page.url) == said


def test_every_picture_says_what_it_is_and_a_phone_scrolls_the_table_alone(server, visit):
    with visit(f"{server.url}/sheet?x={quote('seeds=0-7')}&y={quote('alpha=0.5,1')}", 400, 800) as one:
        one.page.locator(DRAWN).nth(15).wait_for(timeout=PATIENCE_MS)
        alts = one.page.locator(".cells img").evaluate_all("images => images.map(image => image.alt)")
        assert alts[0] == "alpha 0.5, seed 0" and len(set(alts)) == 16
        assert one.page.evaluate("document.documentElement.scrollWidth") <= 400
        table = one.page.locator(".scroll").evaluate("box => [box.scrollWidth, box.clientWidth]")
        assert table[0] > table[1]
        heads = one.page.locator(".cells tbody th").evaluate_all("heads => heads.map(head => head.clientHeight)")
        assert max(heads) <= 100  # words stay whole


def test_cells_come_piece_by_piece(server, visit):
    with visit(f"{server.url}/sheet?x={quote('seeds=20-27')}&y={quote('alpha=0,0.1,0.2,0.3,0.4,0.6,0.7,1')}") as one:
        one.page.evaluate(RECORD)
        one.page.locator(DRAWN).nth(63).wait_for(timeout=PATIENCE_MS)
        have = [event["have"] for event in one.page.evaluate("window.sheet")]
        assert have == sorted(have) and have[-1] == 64
