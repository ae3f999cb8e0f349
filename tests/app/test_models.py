"""The page Models: what it says of files, and files that are brought: hostile ones refused, good ones forgotten."""

from __future__ import annotations

import gc
import json
import os
import pickle
import struct
import sys
from pathlib import Path

import pytest
import torch

from blendgan.ancestry import family_tree
from blendgan.comparison import inspect_pair, sentences
from blendgan.inspection import inspect

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def words(text: str) -> str:
    return text.replace("\\", "")


def table(test, index: int = 0) -> list[list[str]]:
    return [[words(str(cell)) for cell in row] for row in test.table[index].value.to_numpy().tolist()]


def bring(test, name: str, data: bytes):
    return test.file_uploader[0].set_value((name, data, "application/octet-stream")).run()


def test_it_says_what_inspect_says(explorer, pico_files):
    test = explorer("models")
    assert not test.exception and not test.error
    expected = {label: text for label, text in inspect(pico_files[0]).items() if label not in ("file", "lineage")}
    assert dict(table(test)) == expected
    base, transfer, _ = pico_files
    (success,) = test.success
    assert words(success.value) == sentences(inspect_pair(base, transfer))[0]
    assert [row[0] for row in table(test, 1)] == ["mapping", "4 px", "8 px", "16 px"]


def test_strangers_and_one_alone(explorer, pico_files):
    test = explorer("models", model=pico_files[0], other=pico_files[2])
    assert "same architecture only" in words(test.warning[0].value)
    test = explorer("models", model=pico_files[1], other="")
    assert not test.success and not test.warning and len(test.table) == 1
    assert test.query_params["model"] == pico_files[1] and test.query_params["other"] == ""


def test_two_architectures_are_one_sentence(explorer, pico_files, pico, tmp_path):
    import dataclasses

    other = tmp_path / "wide.safetensors"
    pico(0, config=dataclasses.replace(pico().config, channels=(8, 6, 6))).save(other)
    test = explorer("models", models=[pico_files[0], str(other)])
    assert words(test.error[0].value).startswith("incompatible: ") and len(test.table) == 1


@pytest.mark.parametrize("query", [{"model": "/etc/passwd"}, {"other": "../secret.pkl"}, {"model": "upload:x"}])
def test_an_address_opens_no_other_file(explorer, query):
    test = explorer("models", **query)
    assert "which are offered here" in words(test.warning[0].value) and not test.exception
    assert test.table


CALL = b"cos\nsystem\n(S'touch canary'\ntR."
HOSTILE = {  # name → a file, and words of the sentence that refuses it
    "a command": (b"\x80\x02" + CALL, "asks for os.system, which no model file needs; nothing of it was run"),
    "a command without protocol": (CALL, "asks for os.system"),
    "eval": (b"\x80\x04c__builtin__\neval\n(S'1'\ntR.", "asks for builtins.eval"),
    "a command beside tensors": (
        pickle.dumps({"G_ema": None, "x": os.system}),
        "system, which no model file needs",
    ),
    "bytes of 1 TB": (b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x", "x.pkl"),
    "memo of 4e9 places": (b"\x80\x04Nr\xff\xff\xff\xff.", "x.pkl"),
    "a deep list": (b"\x80\x04" + b"]" * 50_000 + b"a" * 49_999 + b".", "x.pkl"),
    "a web page": (b"<!DOCTYPE html><html>", "a web page, not a model"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer"),
    "nothing": (b"", "the file is empty"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(64), "no model that we know"),
    "another pickle": (pickle.dumps({"weights": [1], "<b>": 2}), "found weights, <b>"),
    "a cut zip": (b"PK\x03\x04" + bytes(30), "a zip file without its end"),
    "cut safetensors": ((1000).to_bytes(8, "little") + b'{"a":', "ends before its tensors do"),
    "safetensors of others": ((2).to_bytes(8, "little") + b"{}", "without our header"),
    "an index of 1 EB": ((1 << 60).to_bytes(8, "little") + b'{"a":', "an index of 1152921504606846976 bytes"),
    "too large": (bytes(3 << 20), "found 3 MB, expected at most 1"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_sentence_and_the_page_goes_on(explorer, elsewhere, name):
    data, expected = HOSTILE[name]
    test = explorer("models")
    before = table(test)
    bring(test, "x.pkl", data)
    assert not test.exception and len(test.error) == 1
    assert expected in words(test.error[0].value) and words(test.error[0].value).startswith("x.pkl: ")
    assert table(test) == before and not os.listdir(elsewhere)
    assert "uploads" not in test.session_state or not test.session_state["uploads"]


def test_the_same_command_does_run_in_a_real_unpickler(elsewhere):
    pickle.loads(HOSTILE["a command"][0])
    assert os.listdir(elsewhere) == ["canary"]


@pytest.fixture
def brought(explorer, pico_files):
    """A page to which a good file was brought, and the name that it has there."""
    test = bring(explorer("models", max_upload_mb=8), "mine.safetensors", Path(pico_files[2]).read_bytes())
    assert not test.exception and not test.error
    (name,) = test.session_state["uploads"]
    return test, name


def test_a_good_file_is_shown_and_named_nowhere(brought, pico_files):
    test, name = brought
    assert name.startswith("upload:") and name.endswith("/mine.safetensors")
    assert dict(table(test))["fingerprint"] == inspect(pico_files[2])["fingerprint"]
    assert "same architecture only" in words(test.warning[0].value)  # beside BASE
    assert not any("upload" in value or "mine" in value for _, value in test.query_params.items())


def test_a_file_that_was_brought_can_be_used_and_forgotten(brought, pico_files):
    from app.engine import engine

    test, name = brought
    test.button(key="models:transfer").click().run()
    scene = test.session_state["scene"]
    assert (scene.base, scene.transfer) == (pico_files[0], name) and "transfer" not in test.query_params
    assert engine().pair(scene.base, scene.transfer).sources[1].name == "mine.safetensors"
    test.button(key="models:forget").click().run()
    assert not test.exception and not engine().knows(name)
    assert test.session_state["scene"].transfer == pico_files[1]
    assert dict(table(test))["fingerprint"] == inspect(pico_files[0])["fingerprint"]


def test_the_next_file_takes_the_place_of_the_last(brought, pico_files):
    from app.engine import engine

    test, name = brought
    bring(test, "../../other\x07name.pkl", Path(pico_files[1]).read_bytes())
    (second,) = test.session_state["uploads"]
    assert second.endswith("/othername.pkl") and engine().knows(second) and not engine().knows(name)


def test_sessions_do_not_see_each_others_files(brought, explorer, pico_files):
    test, name = brought
    testing = pytest.importorskip("streamlit.testing.v1")
    other = testing.AppTest.from_string("from app.screens import models\nmodels.page()\n", default_timeout=60).run()
    assert not any("mine" in option for option in other.selectbox[0].options)
    bring(other, "mine.safetensors", Path(pico_files[1]).read_bytes())
    assert other.session_state["uploads"] != test.session_state["uploads"]
    test.run()
    assert dict(table(test))["fingerprint"] == inspect(pico_files[2])["fingerprint"]


def test_a_file_is_forgotten_with_its_session(brought, pico_files):
    from app.engine import engine
    from app.uploads import Keeper

    session = {"upload": Keeper(engine().add("upload:1/x", engine().source(pico_files[0]).checkpoint), engine().remove)}
    assert engine().knows("upload:1/x")
    session.clear()
    gc.collect()
    assert not engine().knows("upload:1/x")


def test_the_oldest_makes_room_and_its_user_is_told(brought, pico_files):
    from app.engine import MOST_UPLOADS, engine

    test, name = brought
    test.button(key="models:base").click().run()
    for i in range(MOST_UPLOADS):
        engine().add(f"upload:{i}/x", engine().source(pico_files[0]).checkpoint)
    assert not engine().knows(name)
    test.run()
    assert not test.exception and "had to make room" in test.warning[0].value
    assert test.session_state["scene"].base == pico_files[0]
    assert dict(table(test))["fingerprint"] == inspect(pico_files[0])["fingerprint"]


RECORDED: list[str] = []


def test_bringing_a_file_writes_nothing(explorer, pico_files, elsewhere):
    test = explorer("models", max_upload_mb=8)
    root = {"g_ema": {"conv1.conv.weight": torch.ones(1, 2, 2, 3, 3), "style.1.weight": torch.ones(4, 4)}}
    torch.save(root, elsewhere / "cut.pt")
    foreign = (elsewhere / "cut.pt").read_bytes()
    (elsewhere / "cut.pt").unlink()
    watching = [True]

    def hook(event: str, given: tuple[object, ...]) -> None:
        if watching[0] and event == "open" and isinstance(given[2], int) and given[2] & WRITES:
            RECORDED.append(str(given[0]))

    sys.addaudithook(hook)  # cannot be taken off, only be made to look away
    try:
        bring(test, "mine.safetensors", Path(pico_files[2]).read_bytes())
        bring(test, "mine.pt", foreign)
    finally:
        watching[0] = False
    assert len(test.error) == 1 and not RECORDED and not os.listdir(elsewhere)


def test_a_family_tree_reads_top_down_and_survives_strangers():
    parent = {"name": "n" * 99, "fingerprint": "f" * 64, "licence": "CC0"}
    lineage = {"blend": [{"name": "a", "lineage": {"transfer": parent}}, {"name": "b"}, 7], "x": None}
    tree = family_tree(lineage)
    assert [(one.depth, one.how, one.name[:3]) for one in tree] == [
        (0, "blend", "a"),
        (1, "transfer", "nnn"),
        (0, "blend", "b"),
    ]
    assert (len(tree[1].name), len(tree[1].fingerprint), tree[1].licence) == (60, 12, "CC0")
    assert family_tree(json.loads('{"transfer": {"name": 3, "lineage": "self"}}'))[0].name == ""
    deep: dict = {}
    for _ in range(5000):
        deep = {"transfer": {"name": "x", "lineage": deep}}
    assert len(family_tree(deep)) == 100
