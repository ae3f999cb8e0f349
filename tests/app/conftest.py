"""What tests of the app share: `blendgan explore` on the pico pair, and pages in a real browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT))  # neither app nor benchmarks is a package that an installation has; what is installed wins

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from benchmarks.browser import Explorer, Visit


@pytest.fixture(scope="session")
def models(pico_pair: list[str]) -> list[str]:
    """Two pico models, BASE and TRANSFER, as files."""
    return pico_pair[1::2]


@pytest.fixture(scope="session")
def server(models: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    """A `blendgan explore` on the pico pair, in an empty folder: `.url`, `.process`."""
    pytest.importorskip("streamlit", reason="the explorer needs the extra `app`")
    pytest.importorskip("playwright", reason="pages are looked at with playwright")
    from benchmarks.browser import explorer

    with explorer(*models, "--threads", "1", folder=tmp_path_factory.mktemp("explorer")) as one:
        yield one


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser; tests are skipped where there is none."""
    pytest.importorskip("playwright", reason="pages are looked at with playwright")
    from benchmarks.browser import chromium, find_browser

    if find_browser() is None:
        pytest.skip("no Chromium on this machine: `apt-get install chromium`")
    with chromium() as one:
        yield one


@pytest.fixture
def visit(browser: Browser) -> Callable[..., AbstractContextManager[Visit]]:
    """`with visit(url, width, height) as one`: an address in a profile of its own; see `benchmarks.browser.Visit`."""
    from benchmarks.browser import visit

    return partial(visit, browser)


@pytest.fixture
def browser_page(server: Explorer, visit: Callable[..., AbstractContextManager[Visit]]) -> Iterator[Visit]:
    """The Explore page of the pico pair, one seed, drawn; afterwards it must have asked nobody else, and be at ease."""
    with visit(f"{server.url}/?seeds=0") as one:
        one.wait_for_pictures()
        yield one
        assert one.hosts == {"localhost"}
        assert one.complaints == []
