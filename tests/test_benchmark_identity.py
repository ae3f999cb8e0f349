"""The recogniser by which likeness is judged tells people apart, and does not mind how a picture was saved."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from blendgan.images import write_png
from blendgan.samples import write_portrait
from projector.latent import Latent, save_latent
from stylegan2.errors import InputError
from stylegan2.loading import load_generator

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for package in ("dlib", "face_recognition_models"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not there (extra `benchmark`)")
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.identity")


@pytest.mark.slow  # dlib needs a third of a second for each face
def test_people_differ_and_a_mirrored_picture_does_not(identity: ModuleType, shared: Path) -> None:
    names = ("us_0001", "us_0150", "us_0300")
    faces = [np.asarray(Image.open(shared / "data" / "faces" / f"{name}.jpg")) for name in names]
    recogniser = identity.Recogniser()
    for i, face in enumerate(faces):
        mirrored = recogniser.distance(face, np.ascontiguousarray(face[:, ::-1]))
        strangers = [recogniser.distance(face, other) for j, other in enumerate(faces) if j != i]
        assert 0 < mirrored < identity.SAME_PERSON / 2
        assert min(strangers) > identity.SAME_PERSON
        assert recogniser.distance(face, face) == 0


@pytest.mark.slow
def test_results_are_compared_with_their_photos(identity: ModuleType, tmp_path: Path) -> None:
    likeness = importlib.import_module("benchmarks.likeness")
    photo, results, base = tmp_path / "photo.jpg", tmp_path / "results", load_generator("portraits")
    write_portrait(photo)
    recogniser = identity.Recogniser()
    assert list(likeness.measure([photo], results, base, recogniser)) == []  # nothing was redrawn
    with Image.open(photo) as opened:
        picture = opened.convert("RGB")
    write_png(results / "photo.toon.png", picture)
    (same,) = likeness.measure([photo], results, base, recogniser)
    assert same == likeness.Likeness("photo", 0.0, None)
    w = base.mapping.w_avg.expand(1, base.config.num_ws, -1)
    save_latent(Latent(w.clone(), base.mapping_fingerprint), results / "photo.toon.npz")
    (stranger,) = likeness.measure([photo], results, base, recogniser)
    assert stranger.projected > identity.SAME_PERSON  # the mean face is nobody's
    assert "| same person (≤ 0.6) | 1 of 1 | 0 of 1 |" in likeness.table([stranger])
    write_png(results / "photo.toon.png", picture.resize((64, 64)))
    with pytest.raises(InputError, match=r"photo.toon.png: found \(64, 64\) px, expected \(512, 512\)"):
        list(likeness.measure([photo], results, base, recogniser))
