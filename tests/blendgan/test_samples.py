"""The portrait to try things on is the one that scikit-image carries."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from blendgan.cli import main


@pytest.mark.parametrize(("name", "form"), [("photo.jpg", "JPEG"), ("a/b/photo.JPEG", "JPEG"), ("photo.png", "PNG")])
def test_the_portrait(tmp_path, capsys, name, form):
    path = tmp_path / name
    assert main.run(["sample", str(path)]) == 0
    assert capsys.readouterr().out == f"wrote {path}\n"
    with Image.open(path) as picture:
        assert (picture.format, picture.mode, picture.size) == (form, "RGB", (512, 512))
        difference = np.asarray(picture).astype(int) - astronaut().astype(int)
    assert np.abs(difference).mean() < 2  # levels of 256: JPEG of quality 95


def test_the_portrait_is_written_again_but_no_other_picture_is_lost(tmp_path, capsys):
    for name in ("photo.jpg", "photo.png"):
        photo = tmp_path / name
        assert main.run(["sample", str(photo), "--quiet"]) == 0
        first = photo.read_bytes()
        assert main.run(["sample", str(photo), "--quiet"]) == 0
        assert photo.read_bytes() == first
        photo.write_bytes(b"my own photo")
        assert main.run(["sample", str(photo)]) == 2
        assert capsys.readouterr().err == (
            f"blendgan: {photo}: is there already, and another picture; choose another name\n"
        )
        assert photo.read_bytes() == b"my own photo"


def test_another_ending_is_refused(tmp_path, capsys):
    assert main.run(["sample", str(tmp_path / "photo.gif")]) == 2
    assert capsys.readouterr().err == (
        f"blendgan: {tmp_path / 'photo.gif'}: found the ending '.gif', expected .jpg, .jpeg or .png\n"
    )
