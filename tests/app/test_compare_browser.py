"""The page Compare in a browser: the line is dragged, touched and moved by keys, and the address keeps it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.slow

PATIENCE_MS = 60_000


@pytest.fixture
def compared(server, visit):
    """BASE and TRANSFER of two seeds, drawn."""
    with visit(f"{server.url}/compare?left=base&right=transfer&seeds=3,5&wipe=0.25") as one:
        one.page.locator(".pair img").nth(3).wait_for(timeout=PATIENCE_MS)
        yield one
        assert one.hosts == {"localhost"} and not [line for line in one.complaints if "404" not in line]


def wait_for_wipe(one, share: str) -> None:
    one.page.wait_for_url(lambda url: parse_qs(urlsplit(url).query).get("wipe") == [share], timeout=PATIENCE_MS)


def cut(one) -> list[str]:
    return one.page.locator(".over").evaluate_all("images => images.map(image => image.style.clipPath)")


def test_keys_move_the_line_of_all_pairs(compared):
    handle = compared.page.get_by_role("slider", name="Dividing line")
    assert handle.get_attribute("aria-valuetext") == "25 % BASE, 75 % TRANSFER"
    handle.focus()
    for key, now in (
        ("ArrowRight", "26"),
        ("PageUp", "36"),
        ("ArrowLeft", "35"),
        ("End", "100"),
        ("Home", "0"),
        ("PageUp", "10"),
    ):
        compared.page.keyboard.press(key)
        assert handle.get_attribute("aria-valuenow") == now
    assert cut(compared) == ["inset(0px 90% 0px 0px)"] * 2
    wait_for_wipe(compared, "0.1")


def test_a_drag_on_any_pair_moves_it_and_a_reload_keeps_it(compared):
    box = compared.page.locator(".pair").nth(1).bounding_box()
    mouse = compared.page.mouse
    mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 40, steps=4)
    assert cut(compared) == ["inset(0px 25% 0px 0px)"] * 2  # at once, without Python
    mouse.up()
    wait_for_wipe(compared, "0.75")
    compared.page.reload()
    handle = compared.page.get_by_role("slider", name="Dividing line")
    handle.wait_for(timeout=PATIENCE_MS)
    assert handle.get_attribute("aria-valuenow") == "75"


def test_the_pictures_are_named_and_change_sides(compared):
    def alts() -> list[str]:
        return compared.page.locator(".pair img").evaluate_all("images => images.map(image => image.alt)")

    def sources(side: str) -> list[str]:
        return compared.page.locator(f".pair .{side}").evaluate_all("images => images.map(image => image.src)")

    assert sorted(alts()) == ["BASE, seed 3", "BASE, seed 5", "TRANSFER, seed 3", "TRANSFER, seed 5"]
    left, right = sources("over"), sources("under")
    assert len({*left, *right}) == 4
    compared.page.get_by_role("button", name="Swap sides").click()
    compared.page.wait_for_url(lambda url: "left=transfer" in url, timeout=PATIENCE_MS)
    compared.page.get_by_role("slider", name="Dividing line: TRANSFER to its left").wait_for(timeout=PATIENCE_MS)
    assert (sources("over"), sources("under")) == (right, left)


def test_a_finger_moves_it_on_a_phone(server, browser):
    context = browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True)
    try:
        page = context.new_page()
        page.goto(f"{server.url}/compare?left=base&right=transfer&seeds=3")
        page.locator(".pair img").nth(1).wait_for(timeout=PATIENCE_MS)
        box = page.locator(".pair").bounding_box()
        assert box["width"] > 300 and page.evaluate("document.documentElement.scrollWidth") <= 400
        page.touchscreen.tap(box["x"] + box["width"] * 0.2, box["y"] + 30)
        assert page.get_by_role("slider", name="Dividing line").get_attribute("aria-valuenow") == "20"
    finally:
        context.close()
