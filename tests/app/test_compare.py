"""The page Compare: its sides are what their words say, in the pictures, the address and the commands."""

from __future__ import annotations

import base64
import io
import shlex
import zipfile

import numpy as np
import pytest
from PIL import Image

from blendgan.cli.main import cli as blendgan
from blendgan.contrasts import contrast
from blendgan.images import png_bytes
from stylegan2.errors import InputError


@pytest.fixture
def shown(monkeypatch) -> list:
    """What the wipe was last given: its faces, the names of its sides, the place of its line."""
    pytest.importorskip("streamlit", reason="the explorer needs streamlit: blendgan[app]")
    from app.screens import compare

    given: list = []
    monkeypatch.setattr(compare, "wipe", lambda *words: given.append(words))
    return given


def pictures(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


SIDES = ("base", "transfer", "present", "recommended", "sigmoid 8,1.5 high", "pinkney-1c")


@pytest.mark.parametrize(("left", "right"), list(zip(SIDES, SIDES[1:] + SIDES[:1], strict=True)))
def test_each_side_is_the_picture_of_its_command(explorer, downloads, shown, elsewhere, cli, left, right):
    test = explorer("compare", left=left, right=right, schedule="alpha 0.3", seeds="4,2")
    assert not test.exception and not test.error and not test.warning
    faces = shown[-1][0]
    assert [face.name for face in faces] == ["seed 4", "seed 2"]
    commands = [code.value for code in test.code if code.value.startswith("blendgan generate")]
    for side, command in zip(("left", "right"), commands, strict=True):
        words = [*shlex.split(command)[1:], "--quiet", "--outdir", side]
        assert cli.invoke(blendgan, words, catch_exceptions=False).exit_code == 0
        files = {file.name: file.read_bytes() for file in (elsewhere / side).iterdir()}
        assert files == pictures(downloads[f"compare:{side}:Pictures"])
        for face, name in zip(faces, ("seed0004.png", "seed0002.png"), strict=True):
            pixels = [np.asarray(Image.open(io.BytesIO(file))) for file in (getattr(face, side), files[name])]
            assert np.array_equal(*pixels)


def test_base_and_transfer_differ_and_a_side_of_its_own_does_not(explorer, shown):
    explorer("compare", left="base", right="transfer")
    assert all(face.left != face.right for face in shown[-1][0])
    explorer("compare", left="transfer", right="transfer")
    assert all(face.left == face.right for face in shown[-1][0])


def test_sides_are_swapped_and_the_address_says_it(explorer, shown):
    test = explorer("compare", left="base", right="alpha 0.5", wipe="0.35")
    before = shown[-1]
    assert before[1] == ("BASE", "alpha 0.5") and before[2] == 0.35
    test.button(key="compare:swap").click().run()
    assert (test.query_params["left"], test.query_params["right"]) == ("alpha 0.5", "base")
    assert shown[-1][1] == ("alpha 0.5", "BASE")
    assert [face.left for face in shown[-1][0]] == [face.right for face in before[0]]
    query = dict(test.query_params.items())
    again = explorer("compare", **query)
    assert dict(again.query_params.items()) == query and shown[-1] == shown[-2]


def test_a_schedule_in_words(explorer, shown):
    test = explorer("compare")
    test.selectbox(key="compare:Right").set_value("in words").run()
    test.text_input(key="compare:Right:words").set_value("swap-res 4 high").run()
    assert test.query_params["right"] == "swap-res 4 high" and shown[-1][1] == ("BASE", "swap-res 4 high")
    test.text_input(key="compare:Right:words").set_value("swop 4").run()
    assert "expected one of swap-res" in test.error[0].value.replace("\\", "")
    assert test.query_params["right"] == "swap-res 4 high" and shown[-1][1] == ("BASE", "swap-res 4 high")
    test.text_input(key="compare:Right:words").set_value("alpha 1").run()
    assert not test.error and shown[-1][1] == ("BASE", "alpha 1")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"left": "middle"}, "schedule: found 'middle'"),
        ({"right": "sigmoid x"}, "expected a form such as"),
        ({"wipe": "2"}, "expected a number between 0 and 1"),
        ({"wipe": "nan"}, "expected a number between 0 and 1"),
        ({"wipe": "half"}, "expected a number between 0 and 1"),
    ],
)
def test_wrong_words_in_the_address_are_told_and_the_usual_is_shown(explorer, shown, query, words):
    test = explorer("compare", **query)
    (warning,) = test.warning
    assert words in warning.value.replace("\\", "")
    assert shown[-1][1:3] == (("BASE", "the present blend"), 0.5)


def test_a_ready_recipe_for_other_sizes_is_one_sentence(explorer, shown):
    test = explorer("compare", left="vtoonify-comic")
    (error,) = test.error
    assert "is for models of other sizes" in error.value.replace("\\", "") and not shown


def test_where_they_differ(explorer, shown, monkeypatch):
    from app.screens import compare

    rows = []
    monkeypatch.setattr(compare, "faces", lambda given, *rest, **words: rows.append(given))
    test = explorer("compare", left="base", right="base", seeds="0-1")
    test.toggle(key="compare:differ").set_value(True).run()
    assert "seed 0 0.0, seed 1 0.0" in test.caption[0].value
    test.selectbox(key="compare:Right").set_value("transfer").run()
    assert "seed 0 0.0" not in test.caption[0].value
    (row,) = rows[-1]
    assert len(row.pictures) == 2 and row.alts[0].startswith("seed 0: where the two differ, mean ")


def test_contrast_is_black_where_two_agree_and_says_by_how_much():
    grey = np.full((4, 4, 3), 119, dtype=np.uint8)
    other = grey.copy()
    other[0, 0] = 255
    one, two = (png_bytes(Image.fromarray(pixels)) for pixels in (grey, other))
    found = contrast(one, two)
    pixels = np.asarray(Image.open(io.BytesIO(found.picture)))
    assert pixels[0, 0].min() > 250 and pixels.reshape(-1, 3)[1:].max() == 0
    assert found.largest == pytest.approx(50, abs=0.3)  # L* of sRGB 119 is 50.03, of white 100
    assert found.mean == pytest.approx(found.largest / 16)
    with pytest.raises(InputError, match="found 4 x 4 px and 2 x 2 px, expected two of one size"):
        contrast(one, png_bytes(Image.fromarray(grey[:2, :2])))


@pytest.mark.parametrize("sent", [{"moved": -0.1}, {"moved": 1.5}, {"moved": True}, {"moved": "0.3"}, {}, 7])
def test_events_of_another_form_move_nothing(monkeypatch, sent):
    st = pytest.importorskip("streamlit", reason="the explorer needs streamlit: blendgan[app]")
    from app.parts import wipe

    monkeypatch.setattr(st, "session_state", {"wipe": sent})
    assert wipe.moved("wipe") is None
    monkeypatch.setattr(st, "session_state", {"wipe": {"moved": 0.3}})
    assert wipe.moved("wipe") == 0.3


def test_the_wipe_sends_its_pictures_as_they_are(monkeypatch):
    pytest.importorskip("streamlit", reason="the explorer needs streamlit: blendgan[app]")
    from app.parts import wipe

    sent = []
    monkeypatch.setattr(wipe, "_wipe", lambda **words: sent.append(words["data"]))
    wipe.wipe([wipe.Sides("seed 0", b"left", b"right")], ("A", "B"), 0.5, "wipe")
    (pair,) = sent[0]["pairs"]
    assert base64.b64decode(pair["left"]) == b"left" and base64.b64decode(pair["right"]) == b"right"
