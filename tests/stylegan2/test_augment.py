"""Augmentation: each transformation does what its definition says, is drawn with p, and cannot leak below p = 1."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from stylegan2.train import augment, augment_colour, augment_corruption, augment_geometry
from stylegan2.train.config import AUGPIPES
from stylegan2.train.dice import Dice

MANY = 20_000
SINGLE = [name for name, kinds in AUGPIPES.items() if len(kinds) == 1]


def source(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int, size: int = 16) -> Tensor:
    """Smooth random pictures, as photographs are."""
    coarse = torch.rand([count, 3, 4, 4], generator=source(0)) * 2 - 1
    return torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic").clamp(-1, 1)


def share(flags: Tensor) -> float:
    return float(flags.float().mean())


# ---- pipes ------------------------------------------------------------------------------------------------------


def test_the_pipes_are_those_of_the_paper() -> None:
    assert AUGPIPES["bgcfnc"] == ("blit", "geom", "color", "filter", "noise", "cutout")
    assert set(AUGPIPES) == {*SINGLE, "bg", "bgc", "bgcf", "bgcfn", "bgcfnc"}
    changes = augment.draw_changes("bgcf", 4, (8, 8), 0.5, source(0))
    drawn = {name for name, tensor in vars(changes).items() if tensor is not None}
    assert drawn == {"matrices", "colours", "gains"}
    assert all(tensor is None for tensor in vars(augment.draw_changes("bgcfnc", 4, (8, 8), 0.0, source(0))).values())


@pytest.mark.parametrize("pipe", AUGPIPES)
def test_a_share_of_the_pictures_stays_as_it_is(pipe: str) -> None:
    x = pictures(256, size=8)
    y = augment.augment(x, 0.03, source(0), pipe)
    changed = (x - y).abs().amax(dim=[1, 2, 3]) > 1e-5
    assert 0.005 < share(changed) < 0.5
    everything = (x - augment.augment(x, 1.0, source(0), pipe)).abs().amax(dim=[1, 2, 3]) > 1e-5
    assert share(everything) > 0.7  # a mirror, a quarter turn and a luma flip may come out as none at all


@pytest.mark.parametrize("pipe", [*SINGLE, "bgcfnc"])
def test_gradients_flow_through_every_pipe_twice(pipe: str) -> None:
    """What is done is affine in the picture, so differences over any step are exact, to rounding."""
    changes = augment.draw_changes(pipe, 3, (8, 8), 1.0, source(1))
    x = torch.randn(3, 3, 8, 8, generator=source(2)).requires_grad_()

    def energy(x: Tensor) -> Tensor:
        return augment.apply_changes(x, changes).square().sum() / 2

    def penalty(x: Tensor) -> Tensor:
        (gradient,) = torch.autograd.grad(energy(x), x, create_graph=True)
        return gradient.square().sum() / 2

    for function in (energy, penalty):
        (gradient,) = torch.autograd.grad(function(x), x)
        step = gradient / gradient.norm()
        expected = (function(x + step) - function(x - step)).item() / 2
        assert expected > 1
        assert float((gradient * step).sum()) == pytest.approx(expected, rel=1e-3)


def test_parts_of_a_batch_are_changed_as_in_the_whole() -> None:
    x = pictures(6, size=8)
    changes = augment.draw_changes("bgcfnc", 6, (8, 8), 0.7, source(3))
    whole = augment.apply_changes(x, changes)
    torch.testing.assert_close(augment.apply_changes(x[[4, 1]], changes.at((4, 1))), whole[[4, 1]])


# ---- each by its definition, of images [N, 3, H, W] ---------------------------------------------------------------


def blits_of(p: float) -> Tensor:
    return augment_geometry.blit_matrices(Dice(MANY, p, source(0)), (16, 16))


def test_blits_mirror_turn_and_move_by_whole_pixels() -> None:
    moves = blits_of(1.0)
    torch.testing.assert_close(moves, moves.round(), atol=1e-5, rtol=0)
    orientation, counts = moves[:, :2, :2].round().flatten(1).unique(dim=0, return_counts=True)
    assert len(orientation) == 8  # the symmetries of the square, all as likely
    assert counts.min() > 0.9 * MANY / 8
    moved = moves[:, :2, 2].abs().amax(dim=1)
    assert float(moved.max()) == pytest.approx(2)  # an eighth of 16 px


def test_geometry_scales_turns_and_stretches_by_the_papers_amounts() -> None:
    moves = augment_geometry.geometry_matrices(Dice(MANY, 1.0, source(0)), (100, 50))
    sizes = torch.linalg.svdvals(moves[:, :2, :2]).log()  # zoom + |stretch|, zoom − |stretch|
    zoom, stretch = sizes.mean(dim=1), (sizes[:, 0] - sizes[:, 1]) / 2
    std = 0.2 * math.log(2)
    assert float(zoom.std()) == pytest.approx(std, rel=0.03)
    assert float(stretch.square().mean().sqrt()) == pytest.approx(std, rel=0.03)
    shift = torch.linalg.solve(moves[:, :2, :2], moves[:, :2, 2:])[..., 0]
    assert shift.std(dim=0).tolist() == pytest.approx([12.5, 6.25], rel=0.03)


def test_geometry_is_drawn_with_p_where_the_two_rotations_count_as_one() -> None:
    moves = augment_geometry.geometry_matrices(Dice(MANY, 0.4, source(0)), (16, 16))
    still = (moves - torch.eye(3)).abs().flatten(1).amax(dim=1) < 1e-6
    assert share(still) == pytest.approx(0.6**4, abs=0.01)  # zoom, rotation, stretch, move


@pytest.mark.parametrize(
    ("index", "value", "expected"),
    [
        (0, torch.tensor([0.3]), lambda x: x + 0.3),
        (1, torch.tensor([1.7]), lambda x: x * 1.7),
        (2, torch.tensor([1.0]), lambda x: x - 2 * x.mean(dim=1, keepdim=True)),
        (3, torch.tensor([2 * math.pi / 3]), lambda x: x.roll(1, 1)),
        (4, torch.tensor([0.4]), lambda x: x.mean(1, keepdim=True) + 0.4 * (x - x.mean(1, keepdim=True))),
    ],
    ids=["brightness", "contrast", "luma flip", "hue", "saturation"],
)
def test_colour_is_its_definition(
    index: int, value: Tensor, expected: Callable[[Tensor], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Draw one of the five alone, with a known value."""
    drawn = iter(i == index for i in range(5))
    monkeypatch.setattr(Dice, "drawn", lambda self, p=None: torch.tensor([float(next(drawn))]))
    log = value.log() if index in (1, 4) else value
    monkeypatch.setattr(Dice, "normal", lambda self, std: log.clone())
    monkeypatch.setattr(Dice, "uniform", lambda self, low, high: value.clone())
    x = pictures(1)
    colours = augment_colour.colour_matrices(Dice(1, 1.0, source(0)))
    torch.testing.assert_close(augment_colour.apply_colour(x, colours), expected(x))


def test_colours_spread_as_in_the_paper() -> None:
    colours = augment_colour.colour_matrices(Dice(MANY, 1.0, source(0)))
    contrast = torch.linalg.det(colours[:, :3, :3]).abs().log()  # contrast³ · saturation²
    expected = math.log(2) * math.sqrt((3 * 0.5) ** 2 + 2**2)
    assert float(contrast.std()) == pytest.approx(expected, rel=0.03)
    flips = torch.linalg.det(colours[:, :3, :3]) < 0
    assert share(flips) == pytest.approx(0.5, abs=0.02)


def test_the_bands_share_out_the_spectrum() -> None:
    filters = augment_corruption.band_filters()
    assert filters.shape == (4, 43)
    unit = np.zeros(43)
    unit[21] = 1
    np.testing.assert_allclose(filters.sum(axis=0), unit, atol=1e-12)
    np.testing.assert_allclose(filters, filters[:, ::-1], atol=1e-12)  # zero phase
    spectra = np.abs(np.fft.rfft(filters, 1024, axis=1))  # at 0 … π
    middle = [int(512 * place) for place in (0, 3 / 16, 3 / 8, 3 / 4)]  # of [0, π/8], [π/8, π/4], [π/4, π/2], [π/2, π]
    for band, frequency in enumerate(middle):
        assert spectra[:, frequency].argmax() == band
        assert spectra[band, frequency] > 0.6


@pytest.mark.parametrize(("band", "waves"), [(0, 0), (1, 6), (2, 12), (3, 28)])
def test_a_gain_acts_on_its_own_band(band: int, waves: int) -> None:
    size, inner = 64, slice(24, 40)  # the rim mirrors
    x = torch.cos(2 * math.pi * waves * (torch.arange(64) + 0.5) / size).expand(1, 3, size, size).contiguous()
    ratios = []
    for place in range(4):
        gains = torch.ones(1, 4)
        gains[0, place] = 3
        y = augment_corruption.apply_gains(x, gains) / (3 if place == 0 else 1)  # along the other axis x is constant
        ratios.append(float(y[..., inner].norm() / x[..., inner].norm()))
    assert max(range(4), key=ratios.__getitem__) == band
    assert ratios[band] > 2.2


def test_equal_gains_give_the_picture_to_the_rim() -> None:
    for size in (1, 4, 16, 64):
        x = torch.randn(2, 3, size, size, generator=source(0))
        torch.testing.assert_close(augment_corruption.apply_gains(x, torch.full([2, 4], 1.0)), x, atol=1e-5, rtol=0)
        torch.testing.assert_close(augment_corruption.apply_gains(x, torch.full([2, 4], 2.0)), 4 * x, atol=1e-4, rtol=0)


def test_gains_keep_the_expected_energy() -> None:
    power = torch.tensor([10.0, 1, 1, 1]) / 13
    gains = augment_corruption.draw_gains(Dice(MANY, 0.05, source(1)))
    drawn = ((gains / gains.median(dim=1, keepdim=True).values - 1).abs() > 1e-4).sum(dim=1)  # the others are alike
    torch.testing.assert_close(gains[drawn == 1].square() @ power, torch.ones(int((drawn == 1).sum())))
    assert share((gains - 1).abs().amax(dim=1) < 1e-6) == pytest.approx(0.95**4, abs=0.01)
    ratio = augment_corruption.draw_gains(Dice(MANY, 1.0, source(0))).log().diff(dim=1)  # of two independent bands
    assert ratio.std(dim=0).tolist() == pytest.approx([math.sqrt(2) * math.log(2)] * 3, rel=0.03)


def test_noise_has_a_half_normal_strength() -> None:
    noise = augment_corruption.draw_noise(Dice(4000, 1.0, source(0)), (8, 6))
    assert noise.shape == (4000, 3, 6, 8)
    strength = noise.square().mean(dim=[1, 2, 3]).sqrt()
    assert float(strength.mean()) == pytest.approx(0.1 * math.sqrt(2 / math.pi), rel=0.05)
    assert float(noise.mean()) == pytest.approx(0, abs=1e-3)
    few = augment_corruption.draw_noise(Dice(4000, 0.2, source(0)), (2, 2))
    assert share(few.abs().amax(dim=[1, 2, 3]) > 0) == pytest.approx(0.2, abs=0.02)


def test_a_hole_is_half_as_wide_and_high_and_grey() -> None:
    x = torch.full([1, 3, 8, 16], 0.7)
    y = augment_corruption.apply_holes(x, torch.tensor([[0.5, 0.25, 0.5]]))
    assert (y[:, :, :4, 4:12] == 0).all()
    assert share(y != 0) == 1 - 0.25
    holes = augment_corruption.draw_holes(Dice(MANY, 0.3, source(0)))
    assert share(holes[:, 2] == 0.5) == pytest.approx(0.3, abs=0.02)
    assert set(holes[:, 2].tolist()) == {0.0, 0.5}
    assert holes[:, :2].mean(dim=0).tolist() == pytest.approx([0.5, 0.5], abs=0.01)


# ---- no leak: what is done to the distribution of pictures can be undone (appendix C of the paper) ----------------


def mixing(shares: Tensor, operations: list[Tensor], starts: Tensor) -> Tensor:
    """The matrix by which random operations act on the shares of what they permute: [to, from]."""
    matrix = torch.zeros(len(starts), len(starts), dtype=torch.float64)
    for chance, operation in zip(shares, operations, strict=True):
        for place, start in enumerate(starts):
            arrived = (starts - operation @ start).abs().flatten(1).sum(dim=1).argmin()
            matrix[arrived, place] += chance
    return matrix


@pytest.mark.parametrize(("p", "is_invertible"), [(0.5, True), (0.8, True), (1.0, False)])
def test_orientations_can_be_told_apart_below_p_one(p: float, is_invertible: bool) -> None:
    """Of pictures in eight orientations, each a share; at p = 1 all come out alike, and nobody could tell."""
    moves, counts = blits_of(p)[:, :2, :2].round().flatten(1).unique(dim=0, return_counts=True)
    operations = list(moves.reshape(-1, 2, 2))
    everything = blits_of(1.0)[:, :2, :2].round().flatten(1).unique(dim=0).reshape(-1, 2, 2)
    smallest = float(torch.linalg.svdvals(mixing(counts / MANY, operations, everything)).min())
    assert (smallest > 0.5 * (1 - p) ** 2) if is_invertible else smallest < 0.05


@pytest.mark.parametrize(("p", "is_invertible"), [(0.5, True), (0.8, True), (1.0, False)])
def test_dark_and_light_can_be_told_apart_below_p_one(p: float, is_invertible: bool) -> None:
    flips = torch.linalg.det(augment_colour.colour_matrices(Dice(MANY, p, source(0)))[:, :3, :3]) < 0
    contrast = abs(1 - 2 * share(flips))  # eigenvalue of the mixing of negatives with positives: 1 − p
    assert (contrast == pytest.approx(1 - p, abs=0.02)) if is_invertible else contrast < 0.02


def test_corruption_leaves_a_share_of_the_pictures_below_p_one() -> None:
    p, x = 0.6, torch.full([4000, 3, 4, 4], -0.9)
    drawn = augment.draw_changes("bgcfnc", 4000, (4, 4), p, source(0))
    corrupted = augment.apply_changes(x, augment.Changes(gains=drawn.gains, noise=drawn.noise, holes=drawn.holes))
    same = (corrupted - x).abs().amax(dim=[1, 2, 3]) < 1e-5
    assert share(same) == pytest.approx((1 - p) ** 6, abs=0.01)  # four bands, noise, a hole
