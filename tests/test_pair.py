"""The shipped pair, by numbers: are its faces faces, do they keep their place, does a projection keep the person?

Slow, since it draws and optimises with real models; CI runs it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from blendgan.blending import preset
from blendgan.faces import ALL, align_faces
from blendgan.images import from_uint8, to_pictures
from blendgan.projection import finder_of
from blendgan.rendering import latent_of
from blendgan.sources import open_source
from projector.detection import Face, detect
from projector.optimise import project
from projector.perceptual import Target
from projector.photo import read_photo
from stylegan2 import load_discriminator, load_generator
from stylegan2.generator import Generator
from stylegan2.store import manifest, weights_dir

pytestmark = pytest.mark.slow

LARGEST_ENCODER_BYTES = 10_000_000
LARGEST_BYTES = 20_000_000  # of the pair, discriminator included
PSI = 0.7


@pytest.fixture(scope="module")
def base() -> Generator:
    return load_generator("portraits")


def ws_of(generator: Generator, seeds: range) -> Tensor:
    z = torch.cat([latent_of(seed, generator.config.z_dim) for seed in seeds])
    return generator.mapping(z, truncation_psi=PSI)


def largest_face(picture: Image.Image) -> Face | None:
    """The face that fills a generated picture; half a picture or more, so that no spot on a wall counts."""
    faces = detect(picture.resize((256, 256), Image.Resampling.LANCZOS))
    return max(faces, key=lambda face: face.score, default=None)


def test_the_pair_is_small_and_has_its_papers() -> None:
    entries = manifest()
    assert sum(entries[name].size for name in ("portraits", "paintings")) <= LARGEST_BYTES
    for name, licence in (("portraits", "CC-BY-4.0"), ("paintings", "CC-BY-SA-4.0")):
        source = open_source(name)
        assert source.checkpoint.metadata["licence"] == entries[name].licence == licence
        assert source.checkpoint.config.resolution >= 64
        assert next(iter(source.checkpoint.tensors.values())).dtype == torch.float16
    assert (weights_dir() / "README.md").is_file()
    assert load_discriminator("portraits").config.resolution >= 64
    assert not preset(open_source("paintings").checkpoint).models


def test_portraits_are_faces(base: Generator) -> None:
    pictures = to_pictures(base.synthesis(ws_of(base, range(1000, 1100))))
    assert sum(largest_face(picture) is not None for picture in pictures) >= 95


def test_the_same_latent_keeps_its_place_in_both_models(base: Generator) -> None:
    """The detector knows photographs and not paintings, so compare where light and dark lie."""
    ws = ws_of(base, range(40))
    photographs, paintings = layout(base.synthesis(ws)), layout(load_generator("paintings").synthesis(ws))
    likeness = photographs @ paintings.t()  # [40, 40] of correlations
    own = likeness.diagonal()
    others = likeness[~torch.eye(40, dtype=torch.bool)]
    assert own.mean() - others.mean() > 0.1
    assert (likeness.argmax(dim=1) == torch.arange(40)).float().mean() >= 0.1  # by chance 1 in 40


def layout(pictures: Tensor) -> Tensor:
    """Brightness at 16 px, each picture with mean 0 and length 1: [N, 256]."""
    small = torch.nn.functional.adaptive_avg_pool2d(pictures.mean(dim=1), 16).flatten(1)
    return torch.nn.functional.normalize(small - small.mean(dim=1, keepdim=True), dim=1)


@pytest.fixture(scope="module")
def crops(base: Generator, shared: Path) -> Tensor:
    """The faces of ten portraits of people whom no model has seen: [10, 3, R, R]."""
    photos = sorted((shared / "data" / "photos").glob("photo_*.jpg"))
    found = [align_faces(read_photo(path), path.name, ALL, base.config.resolution)[0].crop for path in photos]
    return from_uint8(np.stack(found))


def test_a_projection_is_nearest_to_its_own_photo(base: Generator, crops: Tensor) -> None:
    """By the distance that is minimised: discriminator features and pixels."""
    finder = finder_of("portraits")
    assert finder.encoder is not None
    start = finder.encoder.encode(crops, base)
    *_, last = project(crops, base, finder.discriminator, finder.config, start=start, curvature=finder.curvature)
    projected = base.synthesis(last.w, noise=last.noise)
    mean = base.synthesis(base.mapping.w_avg.expand(1, base.config.num_ws, -1))
    kept = 0
    for i in range(len(crops)):
        target = Target(crops[i : i + 1].expand(len(crops), -1, -1, -1), finder.discriminator)
        distances = target.distance(projected)
        to_mean = Target(crops[i : i + 1], finder.discriminator).distance(mean)
        kept += int(distances.argmin()) == i and bool(distances[i] < 0.25 * to_mean)
    assert kept >= 9


def test_the_encoder_is_small_and_a_better_start_than_the_mean_face(base: Generator, crops: Tensor) -> None:
    finder = finder_of("portraits")
    assert finder.encoder is not None
    assert manifest()["portraits-encoder"].size <= LARGEST_ENCODER_BYTES
    target = Target(crops, finder.discriminator)
    mean = target.distance(base.synthesis(finder.encoder.start(len(crops))))
    encoded = target.distance(base.synthesis(finder.encoder.encode(crops, base)))
    assert bool((encoded < 0.5 * mean).all())
    config = replace(finder.config, steps=4)
    *_, far = project(crops, base, finder.discriminator, config, curvature=finder.curvature)
    start = finder.encoder.encode(crops, base)
    *_, near = project(crops, base, finder.discriminator, config, start=start, curvature=finder.curvature)
    assert near.distances.mean() < 0.7 * far.distances.mean()
