"""What tests of the explorer share: one page of it on pico models, what its buttons give; a server and a browser."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from blendgan.explorer_options import ExplorerOptions, dumps

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT))  # neither app nor benchmarks is a package that an installation has; what is installed wins

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from benchmarks.browser import Explorer, Visit

PATIENCE_S = 60  # the first run imports torch and streamlit


@pytest.fixture(scope="session")
def pico_files(tmp_path_factory, pico) -> list[str]:
    """Files of three pico models: two of one family, which draw different faces for different seeds, and a stranger."""
    folder = tmp_path_factory.mktemp("models")
    config = dataclasses.replace(pico().config, lr_multiplier=1.0)  # times 0.01 all z would be one w
    base, other, stranger = (pico(seed, config=config) for seed in range(3))
    near = {name: tensor.lerp(other.tensors[name], 0.2) for name, tensor in base.tensors.items()}
    models = {"base": base, "transfer": dataclasses.replace(base, tensors=near), "stranger": stranger}
    for name, model in models.items():
        model.save(folder / f"{name}.safetensors")
    return [str(folder / f"{name}.safetensors") for name in models]


@pytest.fixture
def explorer(pico_files, monkeypatch) -> Callable[..., object]:
    """`explorer("sheet", x="seeds=0-1")`: a page as an AppTest, run once; `models=` are those that it offers."""
    testing = pytest.importorskip("streamlit.testing.v1", reason="the explorer needs streamlit: blendgan[app]")
    import streamlit as st

    st.cache_resource.clear()  # engines of other tests

    def open_page(page: str, models: list[str] | None = None, max_upload_mb: int = 1, **query: str) -> object:
        given = ExplorerOptions(tuple(models or pico_files), threads=1, max_upload_mb=max_upload_mb)
        monkeypatch.setattr(sys, "argv", ["main.py", dumps(given)])
        script = f"from app.screens import {page}\n{page}.page()\n"
        test = testing.AppTest.from_string(script, default_timeout=PATIENCE_S)
        for key, value in query.items():
            test.query_params[key.replace("_", "-")] = value
        return test.run()

    yield open_page
    st.cache_resource.clear()


@pytest.fixture(scope="session")
def network_files(tmp_path_factory) -> dict[str, Path]:
    """Files of pico networks: the denoisers `weak` and `strong` of one family, `wide` of another architecture.

    `stranger` shares no ancestor with them; `large` and `larger` double a picture's size.
    """
    import torch
    from safetensors.torch import save_file

    from blendgan.restoration.networks import Compact, DnCNN

    folder, tensors = tmp_path_factory.mktemp("networks"), {}
    for seed, (name, width) in enumerate((("weak", 4), ("stranger", 4), ("wide", 5))):
        torch.manual_seed(seed)
        tensors[name] = dict(DnCNN(3, width, 3).state_dict())
    tensors["large"], tensors["larger"] = (dict(Compact(3, 4, 1, 2).state_dict()) for _ in range(2))
    tensors["strong"] = {name: one.lerp(tensors["stranger"][name], 0.3) for name, one in tensors["weak"].items()}
    for name, state in tensors.items():
        save_file(state, folder / f"{name}.safetensors")
    return {name: folder / f"{name}.safetensors" for name in tensors}


@pytest.fixture
def shipped_networks(network_files, monkeypatch) -> Callable[..., None]:
    """`shipped_networks("weak", "strong")`: let these be the networks that travel with the project."""
    from stylegan2 import store

    def ship(*names: str) -> None:
        entries = {
            name: store.ShippedWeights(name, str(network_files[name]), "", 0, "test", "test", "restorer")
            for name in names
        }
        monkeypatch.setattr(store, "manifest", lambda: entries)

    return ship


@pytest.fixture
def downloads(monkeypatch) -> dict[str, bytes]:
    """What each download button gives, by its key, once a page has run."""
    st = pytest.importorskip("streamlit", reason="the explorer needs streamlit: blendgan[app]")
    given: dict[str, bytes] = {}

    def remembering(original):
        def button(*words, **named):
            data = next(word for word in words if callable(word) or isinstance(word, bytes))
            given[named["key"]] = data() if callable(data) else data
            return original(*words, **named)

        return button

    places = st.delta_generator.DeltaGenerator
    monkeypatch.setattr(places, "download_button", remembering(places.download_button))
    monkeypatch.setattr(st, "download_button", remembering(st.download_button))
    return given


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    assert not os.listdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def server(pico_files: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    """A `blendgan explore` on two pico models, in an empty folder: `.url`, `.process`."""
    pytest.importorskip("streamlit", reason="the explorer needs the extra `app`")
    pytest.importorskip("playwright", reason="pages are looked at with playwright")
    from benchmarks.browser import explorer

    with explorer(*pico_files[:2], "--threads", "1", folder=tmp_path_factory.mktemp("explorer")) as one:
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
    """The Explore page of two pico models, one seed, drawn; afterwards it must have asked nobody else."""
    with visit(f"{server.url}/?seeds=0") as one:
        one.wait_for_pictures()
        yield one
        assert one.hosts == {"localhost"}
        assert one.complaints == []
