"""What networks are given of clean pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from blendgan.dni.degradation import (
    check_noise,
    clean_files,
    degrade,
    enlarged,
    luma,
    pattern_seed,
    read_clean,
    shuffled,
)
from stylegan2.errors import InputError


def test_noise_has_the_deviation_that_is_told_and_is_not_clamped():
    clean = torch.zeros(1, 3, 64, 64)
    given = degrade(clean, 1, 25.5, 7)
    assert float(given.std()) == pytest.approx(0.1, rel=0.02)
    assert abs(float(given.mean())) < 0.003
    assert float(given.min()) < -0.2
    torch.testing.assert_close(degrade(clean, 1, 51, 7), 2 * given)  # one pattern for all levels
    assert not torch.equal(degrade(clean, 1, 25.5, 8), given)
    assert degrade(clean, 1, 0, 7) is clean


def test_pictures_are_shrunk_first_as_pillow_does():
    random = np.random.default_rng(1)
    pixels = random.random((24, 40)).astype(np.float32)
    small = degrade(torch.from_numpy(pixels)[None, None], 4, 0, 0)
    theirs = np.asarray(Image.fromarray(pixels).resize((10, 6), Image.Resampling.BICUBIC)).clip(0, 1)
    assert small.shape == (1, 1, 6, 10)
    np.testing.assert_allclose(small[0, 0].numpy(), theirs, atol=1e-5)
    assert enlarged(small, 4).shape == (1, 1, 24, 40)


def test_luma_is_pillows():
    picture = Image.fromarray(np.random.default_rng(2).integers(0, 256, (9, 7, 3), dtype=np.uint8))
    pixels = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None] / 255
    theirs = np.asarray(picture.convert("L"), dtype=np.float32) / 255
    np.testing.assert_allclose(luma(pixels)[0, 0].numpy(), theirs, atol=0.6 / 255)


def test_the_middle_is_taken_in_whole_multiples_of_the_scale(tmp_path):
    pixels = np.zeros((50, 71, 3), np.uint8)
    pixels[25, 35] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (file,) = clean_files(tmp_path)
    assert read_clean(file, 3, 4, None).shape == (1, 3, 48, 68)
    crop = read_clean(file, 1, 1, 11)
    assert crop.shape == (1, 1, 11, 11)
    assert crop[0, 0].argmax() == 6 * 11 + 5  # rows 19 to 29, columns 30 to 40
    assert float(crop.max()) == pytest.approx(1)


def test_files_are_taken_once_and_in_an_order_of_their_own(tmp_path, write_pictures):
    folder = write_pictures(tmp_path / "a", 6, 16)
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    files = clean_files(folder)
    assert [file.name for file in files] == ["0.png", "1.png", "2.png", "3.png", "4.png", "5.png"]
    mixed = shuffled(files, 0)
    assert mixed != files
    assert shuffled(reversed(files), 0) == mixed
    assert shuffled(files, 1) != mixed
    assert len({pattern_seed(0, file) for file in files} | {pattern_seed(1, files[0])}) == 7


@pytest.mark.parametrize(
    ("noise", "scale", "expected"), [((15.0, 25.0, 15.0), 1, (15.0, 25.0)), ((), 4, (0.0,)), ((0.0,), 1, (0.0,))]
)
def test_levels_of_noise(noise, scale, expected):
    assert check_noise(noise, scale) == expected


def test_a_denoiser_needs_a_level():
    with pytest.raises(
        InputError, match=r"noise: found none, expected a standard deviation of 255, such as --noise 25"
    ):
        check_noise((), 1)
    for level in (-1.0, 256.0, float("nan")):
        with pytest.raises(InputError, match=f"noise: found {level:g}, expected a standard deviation from 0 to 255"):
            check_noise((level,), 4)


def test_pictures_that_cannot_be_used(tmp_path, write_pictures):
    with pytest.raises(InputError, match="no such folder; expected one with clean pictures"):
        clean_files(tmp_path / "nowhere")
    (file,) = clean_files(write_pictures(tmp_path / "a", 1, 24))
    with pytest.raises(InputError, match=r"0.png: found 24 x 24 px, expected at least 32 a side"):
        read_clean(file, 3, 4, None)
