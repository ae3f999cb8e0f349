"""The portrait to try things on is the one that scikit-image carries."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from blendgan.cli import main
from blendgan.samples import PORTRAIT


@pytest.mark.parametrize(("name", "form"), [("photo.jpg", "JPEG"), ("a/b/photo.JPEG", "JPEG"), ("photo.png", "PNG")])
def test_the_portrait(tmp_path, capsys, name, form):
    path = tmp_path / name
    assert main.run(["sample", str(path)]) == 0
    assert capsys.readouterr().out == f"wrote {path}\n"
    with Image.open(path) as picture:
        assert (picture.format, picture.mode, picture.size) == (form, "RGB", (512, 512))
        difference = np.asarray(picture).astype(int) - astronaut().astype(int)
    assert np.abs(difference).mean() < 2  # levels of 256: JPEG of quality 95


def test_a_picture_is_replaced(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"old")
    assert main.run(["sample", str(path), "--quiet"]) == 0
    assert path.read_bytes() == PORTRAIT.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["photo.jpg"]


def test_another_ending_is_refused(tmp_path, capsys):
    assert main.run(["sample", str(tmp_path / "photo.gif")]) == 2
    assert capsys.readouterr().err == (
        f"blendgan: {tmp_path / 'photo.gif'}: found the ending '.gif', expected .jpg, .jpeg or .png\n"
    )
