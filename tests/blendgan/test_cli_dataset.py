"""`blendgan dataset`, and `train` on what it makes: words, exits, and what is said."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blendgan.cli import main

SMALL = ("--resolution", "8")
PICO = (
    "--resolution 8 --channel-base 64 --channel-max 8 --latent 8 --mapping-layers 2 --device cpu --kimg 0.016".split()
)


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A working directory with a folder `in` of four pictures, in two sub-folders."""
    monkeypatch.chdir(tmp_path)
    for i in range(4):
        (tmp_path / "in" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 256, (12, 16, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "in" / "ab"[i % 2] / f"{i}.png")
    return tmp_path


def run(*words: str) -> int:
    return main.run(["dataset", *words])


def test_a_folder_becomes_a_zip(place, capsys):
    assert run("in", "sets/out.zip", *SMALL, "--labels", "folders") == 0
    assert capsys.readouterr() == ("sets/out.zip\n4 pictures, 0 left out\n", "")
    with zipfile.ZipFile("sets/out.zip") as made:
        assert b'"class_names": ["a", "b"]' in made.read("dataset.json")


def test_bad_files_are_listed_with_exit_3_and_the_rest_is_written(place, capsys):
    (place / "in" / "a" / "bad.png").write_bytes(b"once upon a time")
    (place / "in" / "b" / "again.png").write_bytes((place / "in" / "b" / "1.png").read_bytes())
    assert run("in", "out.zip", *SMALL) == 3
    out, err = capsys.readouterr()
    assert out == "out.zip\n4 pictures, 2 left out\n"
    assert err.splitlines() == [
        "blendgan: a/bad.png: cannot be read as a picture (of no known kind)",
        "blendgan: b/again.png: is a copy of b/1.png (0 bits)",
        "blendgan: 1 of 6 inputs failed",
    ]
    assert run("in", "quiet.zip", *SMALL, "--quiet") == 3
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 2)
    assert (place / "quiet.zip").read_bytes() == (place / "out.zip").read_bytes()


def test_duplicates_can_stay(place, capsys):
    (place / "in" / "b" / "again.png").write_bytes((place / "in" / "b" / "1.png").read_bytes())
    assert run("in", "out.zip", *SMALL, "--duplicates", "off") == 0
    assert capsys.readouterr().out.endswith("5 pictures, 0 left out\n")


def test_a_zip_that_is_there_is_replaced_only_by_force(place, capsys):
    (place / "out.zip").write_bytes(b"mine")
    assert run("in", "out.zip", *SMALL) == 2
    assert capsys.readouterr().err == (
        "blendgan: out.zip: is there already; replace it with --force, or choose another name\n"
    )
    assert (place / "out.zip").read_bytes() == b"mine"
    assert run("in", "out.zip", *SMALL, "--force") == 0
    assert zipfile.is_zipfile("out.zip")
    assert run("out.zip", "./out.zip", *SMALL, "--force") == 2
    assert "would be written over SOURCE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("in", "out.tar"), "out.tar: found the ending '.tar', expected .zip"),
        (("nowhere", "out.zip"), "'nowhere' does not exist"),
        (("in", "out.zip", "--resolution", "100"), "resolution: found 100, expected a power of two from 4 to 4096"),
        (("in", "out.zip", "--duplicates", "200"), "200 is not in the range 0<=x<=127"),
        (("in", "out.zip", "--duplicates", "none"), "'none' is not a valid"),
        (("in", "out.zip", "--every", "1"), "--every is for videos, in is none; leave it out"),
        (
            ("in", "out.zip", "--min-native", "500"),
            "in: nothing is left of 4 pictures, the first is a/0.png: has 12 px",
        ),
        (("in/a", "out.zip", "--labels", "folders"), "0.png is in no sub-folder, expected each picture in one named"),
        (("in/a/0.png", "out.zip"), "in/a/0.png: found a file that is no zip, or a damaged one, expected a folder"),
        (("empty", "out.zip"), "empty: found no pictures; expected .png"),
    ],
)
def test_what_cannot_be_made_is_one_line_and_exit_2(place, capsys, words, line):
    (place / "empty").mkdir()
    assert run(*words) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert line in said
    assert not (place / "out.zip").exists()


def test_the_test_split_is_said_to_be_left_aside(place, capsys):
    (place / "in" / "a").rename(place / "in" / "train")
    (place / "in" / "b").rename(place / "in" / "test")
    assert run("in", "out.zip", *SMALL) == 0
    out, err = capsys.readouterr()
    assert out == "out.zip\n2 pictures, 0 left out\n"
    assert err == "blendgan: 2 pictures of test are left aside, train is taken\n"


def test_training_takes_the_zip_and_names_what_it_skips(place, capsys):
    assert run("in", "out.zip", *SMALL) == 0
    file = io.BytesIO((place / "out.zip").read_bytes())
    with zipfile.ZipFile(file, "a") as made:
        made.writestr("zz/bad.png", b"once upon a time")
    (place / "out.zip").write_bytes(file.getvalue())
    capsys.readouterr()
    assert main.run(["train", "--data", "out.zip", "--outdir", "run", *PICO]) == 0
    out, err = capsys.readouterr()
    assert out == "run\n"
    assert err == "blendgan: zz/bad.png: cannot be read as a picture (of no known kind); it is skipped\n"
    assert main.run(["train", "--data", "in", "--outdir", "plain", *PICO, "--quiet"]) == 0
    snapshots = [(place / name / "fakes000000.png").read_bytes() for name in ("run", "plain")]
    pixels = [np.asarray(Image.open(io.BytesIO(data))) for data in snapshots]
    np.testing.assert_array_equal(*pixels)  # the zip trains as its folder does


def test_training_on_labels_that_are_wrong_exits_2(place, capsys):
    (place / "in" / "dataset.json").write_text('{"labels": [["a/9.png", 0]]}')
    assert main.run(["train", "--data", "in", "--outdir", "run", *PICO]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "in: dataset.json: names 1 of 1 pictures that are not there, the first is 'a/9.png'" in line
    assert not (place / "run").exists()
