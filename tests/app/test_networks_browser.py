"""The page Networks as somebody has it before them: two files are brought, α is dragged, the result downloaded."""

from __future__ import annotations

import shlex
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from blendgan.samples import PORTRAIT

pytestmark = pytest.mark.slow

PATIENCE_MS = 60_000


def at_rest(one) -> None:
    one.page.wait_for_timeout(700)
    one.page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')", timeout=PATIENCE_MS)


def bring(one, network_files) -> None:
    """Put a file on either side; where networks are shipped the fields are folded away at first."""
    if one.page.locator("details", has_text="Bring network files").get_attribute("open") is None:
        one.page.get_by_text("Bring network files").click()
    fields = one.page.get_by_test_id("stFileUploader")
    for side, name in (("A", "weak"), ("B", "strong")):
        field = fields.filter(has_text=f"{side}, a file of yours")
        field.locator("input[type=file]").last.set_input_files(network_files[name])
        one.page.get_by_role("button", name=f"Forget {name}.safetensors").wait_for(timeout=PATIENCE_MS)
        at_rest(one)


@pytest.fixture
def networks(server, visit, network_files):
    """The page with two files; afterwards it must have asked nobody else, and be at ease."""
    with visit(f"{server.url}/networks?alpha=0.5&noise=25&wipe=0.3") as one:
        one.page.locator("input[type=file][accept*=safetensors]").first.wait_for(state="attached", timeout=PATIENCE_MS)
        at_rest(one)
        bring(one, network_files)
        one.page.locator(".pair img").nth(1).wait_for(timeout=PATIENCE_MS)
        yield one
        assert one.hosts == {"localhost"} and not [line for line in one.complaints if "404" not in line]


def sources(one) -> list[str]:
    return one.page.locator(".pair img").evaluate_all("images => images.map(image => image.src)")


def wait_for_alpha(one, share: str) -> None:
    one.page.wait_for_url(lambda url: parse_qs(urlsplit(url).query).get("alpha") == [share], timeout=PATIENCE_MS)


def test_alpha_is_dragged_and_the_whole_is_downloaded(networks, network_files, tmp_path):
    one, page = networks, networks.page
    slider = page.get_by_role("slider", name="Share of B")
    assert slider.get_attribute("aria-valuetext") == "α 0.50: 50 % A, 50 % B"
    seen = {tuple(sources(one))}
    box = slider.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for count, step in enumerate((0.1, 0.2, 0.3), 1):
        page.mouse.move(x + box["width"] * step, y)
        one.wait_for_shown(count)  # while it is held
        seen.add(tuple(sources(one)))
    page.mouse.up()
    assert len(seen) == 4 and len({under for under, _ in seen}) + len({over for _, over in seen}) == 5
    alpha = slider.get_attribute("aria-valuetext").split()[1].rstrip(":")
    wait_for_alpha(one, f"{float(alpha):g}")


def test_what_is_downloaded_has_the_bytes_of_the_commands(networks, network_files, tmp_path):
    page = networks.page
    page.get_by_text("Take it with you").click()
    page.get_by_role("button", name="Restore the whole picture").click()
    page.get_by_role("button", name="Restored picture").wait_for(timeout=PATIENCE_MS)
    at_rest(networks)  # a run makes all buttons anew
    restore, blend = (shlex.split(text)[1:] for text in page.locator("code").all_inner_texts())
    for name, file in network_files.items():
        (tmp_path / f"{name}.safetensors").write_bytes(file.read_bytes())
    with page.expect_download() as noisy:
        page.get_by_role("button", name="Picture with noise").click()
    with page.expect_download() as whole:
        page.get_by_role("button", name="Restored picture").click(timeout=PATIENCE_MS)
    with page.expect_download() as mixed:
        page.get_by_role("button", name="Mixed network").click()
    noisy.value.save_as(tmp_path / noisy.value.suggested_filename)
    for words, download in (([*restore, "--no-metadata"], whole), (blend, mixed)):
        subprocess.run([sys.executable, "-m", "blendgan", *words], check=True, cwd=tmp_path)
        assert download.value.path().read_bytes() == (tmp_path / download.value.suggested_filename).read_bytes()
    assert np.asarray(Image.open(whole.value.path())).shape == np.asarray(Image.open(PORTRAIT)).shape


def test_keys_move_it_and_a_reload_forgets_the_files_alone(networks):
    one, page = networks, networks.page
    slider = page.get_by_role("slider", name="Share of B")
    slider.focus()
    page.keyboard.press("ArrowRight")
    wait_for_alpha(one, "0.51")
    page.keyboard.press("End")
    wait_for_alpha(one, "1")
    assert slider.get_attribute("aria-valuetext") == "α 1.00: 0 % A, 100 % B"
    assert "weak" not in page.url and "strong" not in page.url
    line = page.get_by_role("slider", name="Dividing line")
    assert line.get_attribute("aria-valuetext") == "30 % noise 25, 70 % restored"
    page.reload()
    page.get_by_text("Bring network files").wait_for(timeout=PATIENCE_MS)
    at_rest(one)
    assert not page.get_by_role("button", name="Forget").count() and not page.get_by_text("weak.safetensors").count()
    query = parse_qs(urlsplit(page.url).query)
    assert (query["alpha"], query["noise"], query["wipe"]) == (["1"], ["25"], ["0.3"])


def test_it_fits_a_phone(server, browser, network_files):
    from benchmarks.browser import Visit

    context = browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True)
    try:
        one = Visit(context.new_page())
        one.page.goto(f"{server.url}/networks?noise=40")
        one.page.locator("input[type=file][accept*=safetensors]").first.wait_for(state="attached", timeout=PATIENCE_MS)
        at_rest(one)
        bring(one, network_files)
        one.page.locator(".pair img").nth(1).wait_for(timeout=PATIENCE_MS)
        assert one.page.evaluate("document.documentElement.scrollWidth") <= 400
        slider, pair = one.page.get_by_role("slider", name="Share of B"), one.page.locator(".pair")
        assert slider.bounding_box()["width"] > 300 and pair.bounding_box()["width"] > 300
        box = slider.bounding_box()
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        one.page.touchscreen.tap(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
        one.page.wait_for_url(lambda url: float(parse_qs(urlsplit(url).query)["alpha"][0]) > 0.8, timeout=PATIENCE_MS)
    finally:
        context.close()
