"""Decoded photos of all sessions: bounded, and gone with the file."""

from __future__ import annotations

import gc
import io

import pytest
from PIL import Image

pytest.importorskip("streamlit", reason="the explorer needs streamlit: blendgan[app]")

from app.photo import memory as module
from app.photo.memory import Photos
from blendgan.photo_files import PhotoFile
from stylegan2.errors import InputError


def photo(name: str, px: int = 10) -> PhotoFile:
    file = io.BytesIO()
    Image.new("RGB", (px, px), (1, 2, 3)).save(file, "PNG")
    return PhotoFile(name, file.getvalue())


def test_a_photo_is_decoded_once_and_the_least_recently_used_makes_room():
    kept = Photos(250)
    files = [photo(name) for name in "abc"]
    first = kept.read(files[0])
    assert kept.read(files[0]) is first
    kept.read(files[1])
    kept.read(files[0])  # now b is the oldest
    kept.read(files[2])
    assert kept.pixels == 200 and kept.read(files[0]) is first


def test_the_newest_stays_however_large():
    kept = Photos(250)
    large, small = photo("large", 20), photo("small")
    kept.read(small)
    assert kept.read(large) is kept.read(large) and kept.pixels == 400


def test_a_photo_goes_with_its_file():
    kept = Photos()
    file = photo("a")
    kept.read(file)
    assert kept.pixels == 100
    del file
    gc.collect()
    assert kept.pixels == 0


def test_large_files_are_refused_unopened(monkeypatch):
    monkeypatch.setattr(module, "LARGEST_MB", 0)
    with pytest.raises(InputError, match=r"^a: found 0 MB, expected at most 0; save it smaller$"):
        Photos().read(photo("a"))
    monkeypatch.setattr(module, "LARGEST_MB", 25)
    monkeypatch.setattr(module, "LARGEST_PX", 99)
    with pytest.raises(InputError, match=r"^a: found 10 x 10 = 100 pixels, expected at most 99; shrink"):
        Photos().read(photo("a"))
