"""The anchor: what it measures, what it moves, and that its blends are the blender's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from blendgan import blend
from blendgan.anchor import Anchor, light_correlation
from blendgan.schedule import Swap
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.loading import load_generator


def styles(generator: Generator, count: int = 12) -> Tensor:
    return torch.randn([count, generator.config.num_ws, 8], generator=torch.Generator().manual_seed(5))


def learning(generator: Generator) -> Generator:
    return generator.requires_grad_(True)


def smooth(count: int, seed: int) -> Tensor:
    coarse = torch.randn([count, 3, 4, 4], generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=32, mode="bicubic")


def test_light_does_not_depend_on_tint_brightness_and_contrast() -> None:
    pictures = smooth(2, 0)
    tinted = 0.3 * pictures + torch.tensor([0.5, -0.2, 0.1])[:, None, None]
    torch.testing.assert_close(light_correlation(tinted, pictures), torch.ones(2))
    torch.testing.assert_close(light_correlation(-pictures, pictures), -torch.ones(2))


def test_light_is_blind_to_detail_and_sees_a_move() -> None:
    pictures = smooth(2, 0)
    checks = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(16, 16)  # gone in every 2×2 mean
    torch.testing.assert_close(light_correlation(pictures + checks, pictures), torch.ones(2))
    assert (light_correlation(pictures.roll(6, dims=3), pictures) < 0.9).all()


def test_nothing_is_lost_while_the_run_still_is_base(pico) -> None:
    base = load_generator(pico(0))
    anchor = Anchor(base, (4, 8), weight=3.0)
    assert anchor(load_generator(pico(0)), styles(base)).abs() < 1e-5
    assert anchor(load_generator(pico(1)), styles(base)) > 0.1


def test_its_blends_are_those_of_the_blender(pico) -> None:
    base, ws = load_generator(pico(0)), styles(load_generator(pico(0)))  # of 12 pictures, the anchor blends 3
    expected = []
    for swap in (4, 8):
        blended = load_generator(blend(pico(0), pico(1), Swap(swap, "high")))
        expected.append(1 - light_correlation(blended.synthesis(ws[:3]), base.synthesis(ws[:3])))
    lost = Anchor(base, (4, 8), weight=2.0)(load_generator(pico(1)), ws)
    torch.testing.assert_close(lost, 2 * torch.stack(expected).mean())


def test_it_moves_the_layers_above_the_lowest_swap_and_nothing_else(pico) -> None:
    base, run = load_generator(pico(0)), learning(load_generator(pico(1)))
    ws = styles(base).requires_grad_()
    Anchor(base, (8,), weight=1.0)(run, ws).backward()
    moved = {name for name, parameter in run.named_parameters() if parameter.grad is not None}
    assert moved == {name for name, _ in run.named_parameters() if name.startswith("synthesis.b16.")}
    assert ws.grad is None
    assert all(parameter.grad is None for parameter in base.parameters())


@pytest.mark.parametrize("swaps", [(), (16,), (8, 5)])
def test_swaps_without_layers_above_them_are_refused(pico, swaps) -> None:
    with pytest.raises(InputError, match=r"anchor: found swap resolutions .*, expected some of 4, 8: above them"):
        Anchor(load_generator(pico(0)), swaps, weight=1.0)
