"""PSNR and SSIM against scikit-image's, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from blendgan.dni.quality import LARGEST_DB, mse, open_metric, psnr, ssim
from stylegan2.errors import InputError


def pictures(channels: int, height: int = 40, width: int = 33) -> tuple[np.ndarray, np.ndarray]:
    """A ramp with a texture, and the same with noise, clamped; [H, W, C] in [0, 1]."""
    random = np.random.default_rng(3)
    y, x = np.mgrid[0:height, 0:width]
    clean = np.stack([0.5 + 0.4 * np.sin((x + k * y) / 3) for k in range(1, channels + 1)], axis=-1)
    noisy = np.clip(clean + random.normal(0, 0.1, clean.shape), 0, 1)
    return clean, noisy


def batch(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None]


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_is_that_of_wang_et_al(channels):
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is a dev dependency")
    clean, noisy = pictures(channels)
    theirs = metrics.structural_similarity(
        clean, noisy, channel_axis=2, data_range=1, gaussian_weights=True, use_sample_covariance=False, sigma=1.5
    )
    assert 0.3 < theirs < 0.95
    assert ssim(batch(clean), batch(noisy)) == pytest.approx(theirs, abs=1e-12)


def test_psnr_is_scikit_images():
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is a dev dependency")
    clean, noisy = pictures(3)
    theirs = metrics.peak_signal_noise_ratio(clean, noisy, data_range=1)
    assert psnr(batch(clean), batch(noisy)) == pytest.approx(theirs, abs=1e-9)
    assert mse(batch(clean), batch(noisy)) == pytest.approx(10 ** (-theirs / 10))


def test_psnr_of_several_pictures_is_the_mean_of_theirs():
    clean = torch.full((2, 1, 4, 4), 0.5)
    other = clean + torch.tensor([0.1, 0.01]).reshape(2, 1, 1, 1)
    assert psnr(clean, other) == pytest.approx((20 + 40) / 2, abs=1e-4)


def test_values_outside_the_range_are_clamped_first():
    clean = torch.ones(1, 1, 12, 12)
    assert psnr(clean, clean + 0.5) == LARGEST_DB
    assert ssim(clean, clean + 0.5) == pytest.approx(1)


def test_equal_pictures_have_the_largest_figures():
    clean = batch(pictures(3)[0])
    assert psnr(clean, clean) == LARGEST_DB == 100
    assert ssim(clean, clean) == pytest.approx(1)


def test_what_cannot_be_compared():
    with pytest.raises(InputError, match=r"shapes \[1, 3, 8, 8\] and \[1, 1, 8, 8\], expected two of one shape"):
        psnr(torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8))
    with pytest.raises(InputError, match="ssim: found pictures of 10 px, expected at least 11; ask for psnr"):
        ssim(torch.zeros(1, 1, 10, 20), torch.zeros(1, 1, 10, 20))
    with pytest.raises(InputError, match="metric: found 'fid', expected psnr, ssim or lpips"):
        open_metric("fid")


def test_lpips_without_its_weights_is_one_line(tmp_path):
    with pytest.raises(InputError, match="found no VGG16 weights; fetch") as caught:
        open_metric("lpips", tmp_path / "vgg16.pth")
    assert "\n" not in str(caught.value)


def test_more_is_better_or_worse():
    assert open_metric("psnr").gain(31, 30) == 1
    assert open_metric("ssim").gain(0.5, 0.75) == -0.25


def test_lpips_gets_three_channels_between_minus_one_and_one(monkeypatch, tmp_path):
    from stylegan2.train import metric_lpips

    class Distance:
        fingerprint = "known"

        def __call__(self, x, y):
            assert x.shape == y.shape == (2, 3, 16, 20)
            assert float(x.min()) == -1
            assert float(y.max()) == 1
            return (x - y).abs().mean(dim=(1, 2, 3))

    monkeypatch.setattr(metric_lpips, "find_vgg", lambda file, advice: file)
    monkeypatch.setattr(metric_lpips, "open_lpips", lambda file, device: Distance())
    metric = open_metric("lpips", tmp_path)
    grey = torch.zeros(2, 1, 16, 20)
    assert metric.measure(grey, grey + 2) == 2
    assert (metric.is_higher_better, metric.fingerprint, metric.gain(0.1, 0.3)) == (False, "known", pytest.approx(0.2))
    with pytest.raises(InputError, match="lpips: found pictures of 15 px, expected at least 16"):
        metric.measure(torch.zeros(1, 3, 15, 20), torch.zeros(1, 3, 15, 20))


def test_strips_change_nothing(monkeypatch):
    from blendgan.dni import quality

    clean, noisy = (batch(picture) for picture in pictures(3))
    whole = psnr(clean, noisy), ssim(clean, noisy), mse(clean, noisy)
    monkeypatch.setattr(quality, "STRIP_NUMBERS", 7 * 3 * 33)  # strips of 7 rows of 40
    assert (psnr(clean, noisy), ssim(clean, noisy), mse(clean, noisy)) == pytest.approx(whole, abs=1e-12)
