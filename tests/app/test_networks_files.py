"""Network files that are brought to the page: both sides, what is wrong with one, bounds, and being forgotten."""

from __future__ import annotations

import gc
import io
import os

import pytest
import torch
from safetensors.torch import load_file, save

pytest.importorskip("streamlit", reason="the explorer needs streamlit: blendgan[app]")


def words(text: str) -> str:
    return text.replace("\\", "")


def bring(test, side: int, name: str, data: bytes):
    return test.file_uploader[side].set_value((name, data, "application/octet-stream")).run()


def in_torch_form(state: dict[str, torch.Tensor]) -> bytes:
    file = io.BytesIO()
    torch.save({"params_ema": state, "epoch": 3}, file)
    return file.getvalue()


@pytest.fixture
def test(explorer, shipped_networks, monkeypatch, elsewhere):
    """The page without shipped networks, in an empty folder."""
    from app.networks.pair import NetworkPair
    from app.screens import networks

    shipped_networks()
    monkeypatch.setattr(NetworkPair, "side_px", 96)
    monkeypatch.setattr(networks, "wipe", lambda *words: drawn.append(words))
    drawn: list = []
    page = explorer("networks", alpha="0.3")
    page.drawn = drawn
    return page


@pytest.fixture
def both(test, network_files):
    """With a file on either side."""
    bring(test, 0, "weak.safetensors", network_files["weak"].read_bytes())
    return bring(test, 1, "strong.pth", in_torch_form(load_file(network_files["strong"])))


def test_a_file_of_each_form_makes_a_pair_that_no_address_names(both, elsewhere):
    assert not both.exception and not both.error and both.drawn
    assert [box.value.rpartition("/")[2] for box in both.selectbox[:2]] == ["weak.safetensors", "strong.pth"]
    assert dict(both.query_params.items()) == {"alpha": "0.3", "wipe": "0.5"}
    assert both.code[0].value.startswith(
        "blendgan dni run weak.safetensors strong.pth portrait.noise40.png --alpha 0.3"
    )
    assert not os.listdir(elsewhere)


@pytest.mark.parametrize("name", ["x.pt", "x.ckpt", "x.bin"])
def test_other_endings_of_torch_are_let_in(test, network_files, name):
    bring(test, 0, name, in_torch_form(load_file(network_files["weak"])))
    assert not test.exception and not test.error and test.selectbox[0].value.endswith(f"/{name}")
    assert f".{name[2:]}" in test.file_uploader[0].proto.type


HOSTILE = {
    "a command": (b"\x80\x02cos\nsystem\n(S'touch canary'\ntR.", "asks for os.system"),
    "a web page": (b"<!DOCTYPE html><html>", "a web page"),
    "nothing": (b"", "the file is empty"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(64), "x.pth: "),
    "too large": (bytes(3 << 20), "found 3 MB, expected at most 1; start the explorer with a larger --max-upload"),
    "no network": (in_torch_form({}), "a file without named tensors"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_sentence_and_the_page_goes_on(both, elsewhere, name):
    data, expected = HOSTILE[name]
    before = len(both.drawn)
    bring(both, 0, "x.pth", data)
    (error,) = both.error
    assert not both.exception and expected in words(error.value) and words(error.value).startswith("x.pth: ")
    assert len(both.drawn) > before and not os.listdir(elsewhere)
    assert both.selectbox[0].value.endswith("/weak.safetensors")


def test_two_architectures_name_the_first_tensor_that_differs(both, network_files):
    bring(both, 1, "wide.safetensors", network_files["wide"].read_bytes())
    (error,) = both.error
    assert "conv.0." in words(error.value) and "wide.safetensors" in words(error.value) and not both.exception


def test_a_nan_and_a_network_that_restores_nothing_are_a_sentence_each(both, network_files):
    state = load_file(network_files["strong"])
    state["conv.1.weight"][0, 0, 0, 0] = float("nan")
    bring(both, 1, "broken.safetensors", save(state))
    assert "conv.1.weight" in words(both.error[0].value) and not both.exception
    other = save({"fc.weight": torch.ones(3, 3)})
    bring(both, 0, "other.safetensors", other)
    bring(both, 1, "other.safetensors", other)
    assert "other.safetensors" in words(both.error[0].value) and len(both.error) == 1 and not both.exception


def test_forgetting_one_leaves_the_other(both, network_files):
    from app.networks.store import networks

    (gone,) = [name for name in networks()._brought if name.endswith("weak.safetensors")]
    both.button(key="networks:forget:a").click().run()
    assert not both.exception and not both.error and not networks().knows(gone)
    assert [box.value.rpartition("/")[2] for box in both.selectbox[:2]] == ["strong.pth"] * 2
    assert all(gone not in key for key in networks()._pairs)
    bring(both, 0, "weak.safetensors", network_files["weak"].read_bytes())
    assert both.selectbox[0].value.endswith("/weak.safetensors") and not both.error


def test_what_had_to_make_room_is_told(both, network_files, monkeypatch):
    from app.networks import store

    monkeypatch.setattr(store, "MOST_BROUGHT", 2)
    store.networks().add("others.safetensors", network_files["weak"].read_bytes())
    both.run()
    (warning,) = both.warning
    assert "weak.safetensors had to make room" in words(warning.value) and not both.exception
    assert not both.run().warning
    store.networks().limit_bytes = 1
    store.networks().add("others.safetensors", network_files["weak"].read_bytes())
    assert not store.networks()._brought


def test_other_sessions_do_not_see_them(both):
    from streamlit.testing import v1 as testing

    other = testing.AppTest.from_string("from app.screens import networks\nnetworks.page()\n", default_timeout=60).run()
    assert not other.exception and other.info and not other.selectbox[0].options
    name = both.selectbox[0].value
    other = testing.AppTest.from_string("from app.screens import networks\nnetworks.page()\n", default_timeout=60)
    other.query_params["a"] = name
    assert "expected a shipped network" in words(other.run().warning[0].value)


def test_they_go_with_their_session(both):
    from app.networks.store import networks
    from app.uploads import Keeper

    known = networks()
    name = known.add("x.safetensors", save({"conv.0.weight": torch.ones(1, 1, 3, 3)}))
    keeper = Keeper(name, known.remove)
    assert known.knows(name)
    del keeper
    gc.collect()
    assert not known.knows(name)


def test_all_that_is_kept_is_bounded(both, network_files, monkeypatch):
    from app.networks import store

    monkeypatch.setattr(store, "MOST_PAIRS", 2)
    known = store.networks()
    names = [known.add(f"{i}.safetensors", network_files["weak"].read_bytes()) for i in range(3)]
    for name in names:
        assert known.pair(name, names[0]) is known.pair(name, names[0])  # parsed once
    assert len(known._pairs) == 2
    known._pictures.limit_bytes = 20
    for i in range(5):
        known.drawn(i, lambda: store.Shown(bytes(8)))
    assert known._pictures.bytes <= 20
