"""`blendgan dfi`: wiring, what is printed, exit codes, one line for every error."""

from __future__ import annotations

import pytest
from PIL import Image

from blendgan.cli import main
from blendgan.dfi import editing
from blendgan.dfi import features as module


@pytest.fixture
def here(tmp_path, monkeypatch, sets, features, picture, save):
    """Folders plain and barred, a photo and a wide mask in the working directory; a pico network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "open_features", lambda choice, device: features)
    monkeypatch.setattr(editing, "FEW", 3)  # the sets of five are enough here
    save(tmp_path / "photo.png", picture(50))
    Image.new("L", (50, 20), 255).save("wide.png")
    (tmp_path / "none").mkdir()
    (tmp_path / "text.jpg").write_text("no picture", encoding="utf-8")
    (tmp_path / "barred.txt").write_text("b0.png\nb1.png\n", encoding="utf-8")
    return tmp_path


WORDS = ["dfi", "--aligned", "--size", "32", "--steps", "5", "photo.png"]


def test_a_run(here, capsys):
    assert main.run([*WORDS, "--source", "plain", "--target", "barred", "--strip"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ["photo.dfi.png", "photo.dfi.strip.png"]
    assert err.splitlines()[0] == "features: pico"
    assert err.splitlines()[1].startswith("plain to barred: 5 neighbours, whose means lie ")
    assert (here / "photo.dfi.png").is_file()
    assert (here / "photo.dfi.strip.png").is_file()


def test_lists_in_turn_and_quiet(here, capsys):
    pairs = ["--source", "barred.txt", "--target", "plain", "--source", "plain", "--target", "barred.txt"]
    assert main.run([*WORDS, *pairs, "--pictures", "barred", "--alpha", ".2", "--quiet", "-o", "new/a.jpg"]) == 0
    assert capsys.readouterr() == ("", "")
    assert (here / "new" / "a.jpg").is_file()


def test_one_picture_is_warned_of(here, capsys, picture, save):
    save(here / "onedir" / "o.png", picture(10))
    words = [*WORDS, "--source", "plain", "--target", "onedir"]
    assert main.run(words) == 0
    warning, _, found = capsys.readouterr().err.splitlines()
    assert warning == (
        "blendgan: only 1 picture of onedir: what sets it apart beside the attribute is moved too; the paper takes 100"
    )
    assert found.startswith("plain to onedir: 1 neighbour, whose means lie ")
    assert main.run([*words, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_inpainting(here, capsys):
    hole = Image.new("L", (32, 32), 0)
    hole.paste(255, (8, 8, 24, 16))
    hole.save("hole.png")
    assert main.run([*WORDS, "--inpaint", "--target", "barred", "--mask", "hole.png", "-k", "3"]) == 0
    assert "barred: 3 neighbours" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "edits: found 0 sources and 0 targets, expected one --source for each --target"),
        (["--source", "plain"], "edits: found 1 source and 0 targets"),
        (["--source", "none", "--target", "barred"], "none: found no pictures in it or below"),
        (["--source", "plain", "--target", "nowhere"], "nowhere: no such folder or file"),
        (["--source", "plain", "--target", "barred.txt"], "'b0.png' is not in .; say where the pictures are"),
        (["--source", "plain", "--target", "barred", "-k", "6"], "plain: found 5 pictures"),
        (
            ["--source", "plain", "--target", "barred", "--alpha", "nan"],
            "'nan': expected a number of at most 100 either way",
        ),
        (
            ["--source", "plain", "--target", "barred", "--alpha", "1e5"],
            "'1e5': expected a number of at most 100 either way",
        ),
        (["--source", "plain", "--target", "barred", "--tv", "-1"], "tv: found -1, expected a weight of 0 or more"),
        (["--source", "plain", "--target", "barred", "--mask", "wide.png"], "wide.png: found a mask of 50 x 20 px"),
        (["--source", "plain", "--target", "barred", "--mask", "knees"], "mask: found 'knees', expected a picture"),
        (["--source", "plain", "--target", "barred", "--size", "3"], "size: found 3 px, expected at least 8"),
        (["--source", "plain", "--target", "barred", "--faces", "1"], "--faces and --aligned exclude each other"),
        (["--source", "plain", "--target", "plain"], "sets: their mean features differ by 0"),
        (["--source", "plain", "--target", "barred", "--inpaint"], "--inpaint takes no --source"),
        (["--target", "barred", "--inpaint"], "inpaint: found no mask"),
        (["--source", "plain", "--target", "barred", "-o", "photo.png"], "would be written over the photo"),
        (["--source", "plain", "--target", "barred", "-o", "a.xyz"], "found the ending '.xyz'"),
        (["--source", "plain", "--target", "barred", "--like", "text.jpg"], "text.jpg: a file that is no list"),
    ],
)
def test_errors_are_one_line(here, capsys, words, line):
    before = sorted(here.rglob("*"))
    assert main.run([*WORDS, *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert line in err
    assert len(err.splitlines()) == 1
    assert sorted(here.rglob("*")) == before


def test_photos_that_are_none(here, capsys):
    for photo, line in {"gone.png": "gone.png: no such file", "text.jpg": "text.jpg: not a picture"}.items():
        assert main.run(["dfi", photo, "--aligned", "--source", "plain", "--target", "barred"]) == 2
        assert capsys.readouterr().err.startswith(f"blendgan: {line}")
    (here / "plain" / "p9.png").write_text("no picture", encoding="utf-8")
    assert main.run([*WORDS, "--source", "plain", "--target", "barred"]) == 2
    assert "p9.png: not a picture that can be read" in capsys.readouterr().err
    assert not list(here.glob("*.dfi.*"))
