"""The blends of a run: what its figures say, by their definitions, and the sheet."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from blendgan import blend
from blendgan.blend_watch import BlendWatch, draw, styles_of_photos, styles_of_seeds
from blendgan.schedule import Swap
from projector.optimise import ProjectionConfig
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.errors import InputError
from stylegan2.loading import load_discriminator, open_model
from stylegan2.train import TrainingConfig
from stylegan2.train.config import fresh_configs
from stylegan2.train.data import seeded
from stylegan2.train.snapshots import checkpoint_to_state, state_to_checkpoint
from stylegan2.train.state import TrainingState, new_state

CPU = torch.device("cpu")
CONFIG = TrainingConfig(batch=4)


@pytest.fixture(scope="module")
def base() -> Checkpoint:
    sizes = fresh_configs(16, channel_base=128, channel_max=8, latent=8, mapping_layers=2)
    return state_to_checkpoint(new_state(*sizes, CONFIG, CPU), {"format": "test"})


def moved(base: Checkpoint) -> TrainingState:
    """A run that has left BASE behind in every layer."""
    state = checkpoint_to_state(base, CONFIG, CPU)
    for i, network in enumerate((state.average, state.discriminator)):
        for parameter in network.parameters():
            parameter.data += 0.3 * torch.randn(parameter.shape, generator=seeded(0, 9, i))
    return state


def test_figures_follow_their_definitions(base, tmp_path) -> None:
    state, styles = moved(base), styles_of_seeds(base, range(3))
    figures = BlendWatch(base, (4, 8), styles, tmp_path)(state, 12.3)
    run = state_to_checkpoint(state, {"format": "test"})
    pictures = [draw(m, styles) for m in (base, blend(base, run, Swap(8, "high")), run)]
    with torch.no_grad():
        logits = [state.discriminator(some).mean().item() for some in pictures]
    style = (logits[1] - logits[0]) / (logits[2] - logits[0])
    features = [load_discriminator(base).unit_features(some) for some in pictures]
    apart = [
        sum((a - b).square().sum(dim=1).mean() for a, b in zip(some, features[0], strict=True)) for some in features
    ]
    distance = float(apart[1] / apart[2])
    assert figures["blend8_style"] == pytest.approx(style, rel=1e-3)
    assert figures["blend8_distance"] == pytest.approx(distance, rel=1e-3)
    assert figures["blend8_score"] == pytest.approx(style - distance, abs=1e-3)
    assert 0 < figures["blend8_distance"] < figures["blend4_distance"]  # the lower the swap, the more is TRANSFER's
    assert -1 < figures["blend8_light"] < 1


def test_each_resolution_tells_how_far_it_has_moved(base, tmp_path) -> None:
    state = checkpoint_to_state(base, CONFIG, CPU)
    state.average.synthesis.b8.conv1.weight.data *= 1.5  # type: ignore[union-attr]
    figures = BlendWatch(base, (8,), styles_of_seeds(base, range(2)), tmp_path)(state, 1)
    assert figures["b4_distance"] == figures["b16_distance"] == 0
    assert 0.1 < figures["b8_distance"] < 0.5


def test_a_run_that_still_is_base_has_gained_nothing(base, tmp_path) -> None:
    figures = BlendWatch(base, (8,), styles_of_seeds(base, range(2)), tmp_path)(
        checkpoint_to_state(base, CONFIG, CPU), 0
    )
    assert figures["blend8_style"] == figures["blend8_distance"] == figures["blend8_score"] == 0
    assert figures["blend8_light"] == pytest.approx(1)


def test_the_sheet_shows_base_every_swap_and_transfer(base, tmp_path) -> None:
    BlendWatch(base, (4, 8), styles_of_seeds(base, range(3)), tmp_path)(moved(base), 12.3)
    with Image.open(tmp_path / "blends000012.png") as sheet:
        assert sheet.height == 4 * 130 - 2  # BASE, > 4 px, > 8 px, TRANSFER
        assert sheet.width > 3 * 130


def test_swaps_without_layers_above_them_are_refused(base, tmp_path) -> None:
    with pytest.raises(InputError, match="preview: found swap resolutions 16, expected some of 4, 8"):
        BlendWatch(base, (16,), styles_of_seeds(base, range(2)), tmp_path)


def test_a_folder_without_photos_is_refused(base, tmp_path) -> None:
    with pytest.raises(InputError, match="found no photos; expected some of .png"):
        styles_of_photos(base, tmp_path, ProjectionConfig())


def test_photos_are_projected_into_base(shared, tmp_path) -> None:
    photo = sorted((shared / "data/photos").glob("*.jpg"))[0]
    (tmp_path / photo.name).write_bytes(photo.read_bytes())
    portraits = open_model("portraits")
    styles = styles_of_photos(portraits, tmp_path, ProjectionConfig(steps=3))
    assert styles.shape == (1, portraits.config.num_ws, portraits.config.w_dim)
