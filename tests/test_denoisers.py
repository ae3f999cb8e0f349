"""The shipped denoisers, by numbers: each is best at its own noise, and their family can be interpolated.

Slow, since they restore whole pictures; CI runs it.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest
import skimage.data
import torch

from blendgan.dni import correlation, interpolate
from blendgan.dni.barrier import barrier
from blendgan.dni.degradation import clean_files, degrade, pattern_seed, read_clean
from blendgan.dni.network_files import open_network
from blendgan.dni.quality import mse, psnr
from blendgan.kinship import WORKS_FROM
from blendgan.restoration.recognition import recognise
from stylegan2.store import manifest

pytestmark = pytest.mark.slow

LEVELS = (20, 30, 40, 50, 60)
TESTED = ("astronaut.png", "chelsea.png", "rocket.jpg")  # never trained on
LARGEST_BYTES = 3_000_000  # of all
CROP_PX = 192


@pytest.fixture(scope="module")
def networks():
    return {level: open_network(f"denoise-{level}") for level in LEVELS}


@pytest.fixture(scope="module")
def tested():
    """(clean, seed of its noise) of the middle of each test picture."""
    found = [file for file in clean_files(Path(skimage.data.__file__).parent) if file.name in TESTED]
    assert len(found) == len(TESTED)
    return [(read_clean(file, 3, 1, CROP_PX), pattern_seed(0, file)) for file in found]


def restored(tensors, tested, noise):
    """Of each picture: clean, as given, restored."""
    network = recognise(tensors, "network").network
    with torch.inference_mode():
        for clean, seed in tested:
            given = degrade(clean, 1, noise, seed)
            yield clean, given, network(given)


def test_they_are_small_and_have_their_papers(networks):
    entries = [manifest()[f"denoise-{level}"] for level in LEVELS]
    assert sum(entry.size for entry in entries) <= LARGEST_BYTES
    for entry, network in zip(entries, networks.values(), strict=True):
        assert entry.kind == "restorer"
        assert network.metadata["licence"] == entry.licence == "Apache-2.0"
        assert network.metadata["source"] == entry.source
        assert {tensor.dtype for tensor in network.tensors.values()} == {torch.float16}


@pytest.mark.parametrize("level", LEVELS)
def test_each_takes_away_the_noise_of_its_level(networks, tested, level):
    gains = [
        psnr(out, clean) - psnr(given, clean) for clean, given, out in restored(networks[level].tensors, tested, level)
    ]
    assert min(gains) > 6  # dB; a Gaussian blur of the best width gains 2 to 8 on these


def test_each_is_best_at_its_own_level(networks, tested):
    for noise in LEVELS:
        means = {
            level: sum(psnr(out, clean) for clean, _, out in restored(network.tensors, tested, noise))
            for level, network in networks.items()
        }
        assert max(means, key=means.__getitem__) == noise


def test_filters_drift_from_the_parents_with_the_level(networks):
    parent = networks[LEVELS[0]].tensors
    index = [median(correlation(parent, networks[level].tensors).values()) for level in LEVELS]
    assert index[0] == 1
    assert index == sorted(index, reverse=True)
    assert WORKS_FROM < index[-1] < 1


def test_the_ends_interpolate(networks, tested):
    ends = [networks[LEVELS[0]].tensors, networks[LEVELS[-1]].tensors]
    alphas = (0, 0.25, 0.5, 0.75, 1)
    for noise in (30, 40, 50):
        losses = [
            sum(mse(out, clean) for clean, _, out in restored(interpolate(ends, [1 - a, a]), tested, noise))
            for a in alphas
        ]
        found = barrier(alphas, losses)
        assert found.verdict == "interpolates"
        assert found.over_ends_db > 0  # a network between beats both
