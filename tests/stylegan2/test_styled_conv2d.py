"""A styled layer as one op: the numbers of its parts, whichever way the rule takes; and the rule against its table."""

from __future__ import annotations

import importlib

import pytest
import torch
from torch import Tensor

from stylegan2 import ops
from stylegan2.ops import reference
from stylegan2.ops.modulation_rule import TABLE, WINOGRAD_TABLE, scales_kernel, uses_winograd
from stylegan2.ops.reference import ACTIVATIONS

modulated_conv2d = importlib.import_module("stylegan2.ops.modulated_conv2d")
styled_conv2d = importlib.import_module("stylegan2.ops.styled_conv2d")
winograd = importlib.import_module("stylegan2.ops.winograd")
TIE = 0.07  # machines differ by as much from one run to the next


def doubles(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def by_definition(x: Tensor, weight: Tensor, styles: Tensor, b: Tensor, noise: Tensor | None, **how: object) -> Tensor:
    """Zeros, convolution with each sample's own kernel, filter, noise, bias, activation."""
    if how["up"] == 2:
        wide = reference.upfirdn2d(x, torch.ones(1, 1).double(), [2, 2], [1, 1], [0] * 4, 0, 1)
        kernel = weight.flip([2, 3])  # the weight is that of a transposed convolution
        y = reference.modulated_conv2d(wide, kernel, styles, demodulate=bool(how["demodulate"]), padding=2)
        f = ops.setup_filter([1, 3, 3, 1]).double()
        y = reference.upfirdn2d(y[:, :, :-1, :-1], f, [1, 1], [1, 1], [1, 1, 1, 1], 0, 4)
    else:
        y = reference.modulated_conv2d(x, weight, styles, demodulate=bool(how["demodulate"]), padding=1)
    y = y if noise is None else y + noise
    act = str(how["act"])
    return reference.bias_act(y, b, 1, act, ACTIVATIONS[act].alpha, 1.3, 0.9)


@pytest.mark.parametrize("way", ["kernel", "activations"])
@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("act", ["lrelu", "linear", "relu", "swish"])
@pytest.mark.parametrize("up", [1, 2])
@pytest.mark.parametrize("demodulate", [True, False])
def test_every_way_is_the_definition(
    monkeypatch: pytest.MonkeyPatch, demodulate: bool, up: int, act: str, quick: bool, way: str
) -> None:
    monkeypatch.setattr(modulated_conv2d, "splits_transposed", lambda x, k: quick)
    monkeypatch.setattr(modulated_conv2d, "uses_winograd", lambda x, weight: quick)
    monkeypatch.setattr(modulated_conv2d, "scales_kernel", lambda n, kernel, activations: way == "kernel" and n == 1)
    monkeypatch.setattr(styled_conv2d, "SLICE_BYTES", 200)  # several slices, the last one smaller
    for n in (1, 3):
        x, weight, styles = doubles(n, 4, 8, 6), doubles(3, 4, 3, 3, seed=1), doubles(n, 4, seed=2)
        b, noise = doubles(3, seed=3), doubles(1, 1, 8 * up, 6 * up, seed=4)
        f = ops.setup_filter([1, 3, 3, 1]).double()
        for given in (noise, None):
            expected = by_definition(x, weight, styles, b, given, up=up, act=act, demodulate=demodulate)
            arguments = {"noise": given, "act": act, "gain": 1.3, "clamp": 0.9, "demodulate": demodulate}
            with torch.no_grad():
                alone = ops.styled_conv2d(x, weight, styles, b, f, up=up, **arguments)
            torch.testing.assert_close(alone, expected)
            torch.testing.assert_close(ops.styled_conv2d(x, weight, styles, b, f, up=up, **arguments), expected)


def test_nothing_that_is_given_is_changed() -> None:
    given = [doubles(1, 4, 5, 6), doubles(3, 4, 3, 3, seed=1), doubles(1, 4, seed=2), doubles(3, seed=3)]
    noise = doubles(1, 1, 5, 6, seed=4)
    before = [tensor.clone() for tensor in (*given, noise)]
    with torch.no_grad():
        ops.styled_conv2d(*given, noise=noise, act="lrelu", gain=1.4, clamp=0.1)
    assert all(map(torch.equal, (*given, noise), before))


def test_the_memory_layout_stays_channels_last() -> None:
    """In the other layout convolutions take up to 1.5 times as long, and nothing would tell."""
    x = torch.randn(1, 8, 16, 16).contiguous(memory_format=torch.channels_last)
    weight, styles, b = torch.randn(8, 8, 3, 3), torch.randn(1, 8), torch.randn(8)
    f, noise = ops.setup_filter([1, 3, 3, 1]), torch.randn(1, 1, 32, 32)
    for with_gradients in (True, False):
        with torch.set_grad_enabled(with_gradients):
            y = ops.styled_conv2d(x, weight, styles, b, f, up=2, noise=noise, act="lrelu", gain=1.4, clamp=5.0)
            assert y.is_contiguous(memory_format=torch.channels_last)
            assert ops.bias_act(x, b, act="lrelu").is_contiguous(memory_format=torch.channels_last)


def test_the_rule_takes_what_was_measured_to_be_cheaper() -> None:
    for row in TABLE:
        activations = row.inputs * (row.resolution // row.up) ** 2 + row.outputs * row.resolution**2
        chosen = scales_kernel(row.samples, 9 * row.inputs * row.outputs, activations)
        taken, left = (row.kernel_ms, row.activations_ms) if chosen else (row.activations_ms, row.kernel_ms)
        assert taken <= left * (1 + TIE), row


def test_winograd_is_taken_where_it_was_measured_to_be_quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    for (resolution, channels, samples), (direct, winograd) in WINOGRAD_TABLE.items():
        x, weight = torch.empty(samples, channels, resolution, resolution), torch.empty(channels, channels, 3, 3)
        if uses_winograd(x, weight):
            assert winograd < direct, (resolution, channels, samples)
    large, kernel = torch.empty(1, 512, 64, 64), torch.empty(512, 512, 3, 3)
    assert uses_winograd(large, kernel)
    assert not uses_winograd(large[..., 1:], kernel)
    assert not uses_winograd(large.half(), kernel)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert not uses_winograd(large, kernel)


@pytest.mark.parametrize("strip_bytes", [1, 3000, 1 << 20])
def test_winograd_in_strips(monkeypatch: pytest.MonkeyPatch, strip_bytes: int) -> None:
    monkeypatch.setattr(winograd, "STRIP_BYTES", strip_bytes)
    x, weight = doubles(2, 5, 10, 6), doubles(4, 5, 3, 3, seed=1)
    y = winograd.convolve_3x3(x, weight)
    torch.testing.assert_close(y, torch.nn.functional.conv2d(x, weight, padding=1))
    assert y.is_contiguous(memory_format=torch.channels_last)


def test_winograd_keeps_the_golden_rule_at_full_size() -> None:
    """1e-4 of the standard deviation, in fp32, where sums are over 512 channels."""
    random = torch.Generator().manual_seed(0)
    x, weight = torch.randn(1, 512, 16, 16, generator=random), torch.randn(512, 512, 3, 3, generator=random)
    exact = torch.nn.functional.conv2d(x.double(), weight.double(), padding=1)
    assert (winograd.convolve_3x3(x, weight) - exact).abs().max() < 1e-4 / 3 * exact.std()
