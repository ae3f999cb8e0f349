"""The page Models in a browser: files are brought, refused in words, used, and forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PATIENCE_MS = 60_000


@pytest.fixture
def models(server, visit):
    """The page, drawn, its field for a file open."""
    with visit(f"{server.url}/models") as one:
        one.page.locator("table").first.wait_for(timeout=PATIENCE_MS)
        one.page.get_by_text("Bring a model file").click()
        yield one
        assert one.hosts == {"localhost"} and not [line for line in one.complaints if "404" not in line]


def bring(one, path: Path) -> None:
    one.page.locator("input[type=file]").set_input_files(path)


def test_a_hostile_file_then_a_good_one_that_is_used_and_forgotten(models, pico_files, tmp_path):
    page = models.page
    hostile = tmp_path / "hostile.pkl"
    hostile.write_bytes(f"cos\nsystem\n(S'touch {tmp_path}/canary'\ntR.".encode())
    bring(models, hostile)
    page.get_by_text("asks for os.system, which no model file needs; nothing of it was run").wait_for(
        timeout=PATIENCE_MS
    )
    assert not (tmp_path / "canary").exists()
    assert page.locator("table").count() == 2  # the page goes on
    bring(models, Path(pico_files[2]))
    forget = page.get_by_role("button", name="Forget stranger.safetensors")
    forget.wait_for(timeout=PATIENCE_MS)
    page.get_by_role("heading", name="stranger.safetensors", exact=True).wait_for(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Use as TRANSFER").click()
    page.get_by_text("TRANSFER is stranger.safetensors now").wait_for(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Compare").click()
    page.locator(".pair img").first.wait_for(timeout=PATIENCE_MS)
    assert "upload" not in page.url and "stranger" not in page.url
    page.get_by_role("link", name="Models").click()
    forget.click()
    forget.wait_for(state="detached", timeout=PATIENCE_MS)
    page.get_by_role("heading", name="stranger.safetensors", exact=True).wait_for(state="detached", timeout=PATIENCE_MS)


def test_another_visitor_does_not_see_it(models, server, visit, pico_files):
    bring(models, Path(pico_files[2]))
    models.page.get_by_role("button", name="Forget stranger.safetensors").wait_for(timeout=PATIENCE_MS)
    with visit(f"{server.url}/models") as other:
        other.page.locator("table").first.wait_for(timeout=PATIENCE_MS)
        other.page.get_by_role("combobox", name="Model").first.click()
        options = other.page.get_by_role("option").all_inner_texts()
        assert len(options) == 2 and not [name for name in options if "stranger" in name]


def test_a_phone_shows_all_of_a_fingerprint(server, visit):
    with visit(f"{server.url}/models", 400, 800) as one:
        one.page.locator("table").first.wait_for(timeout=PATIENCE_MS)
        widths = one.page.locator(".stTable").evaluate_all(
            "boxes => boxes.map(box => [box.scrollWidth, box.clientWidth])"
        )
        assert all(content <= box + 1 for content, box in widths)
        assert one.page.evaluate("document.documentElement.scrollWidth") <= 400
