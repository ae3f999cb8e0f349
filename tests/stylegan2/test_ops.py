"""The ops against their definitions, their derivatives, and numbers that another implementation gave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from stylegan2 import ops
from stylegan2.ops import reference
from stylegan2.ops.reference import ACTIVATIONS

RESAMPLINGS = {  # name: (filter shape, up, down, padding, flip)
    "up": ((4, 4), [2, 2], [1, 1], [2, 1, 2, 1], False),
    "down": ((4, 4), [1, 1], [2, 2], [1, 1, 1, 1], False),
    "uneven": ((3, 4), [2, 1], [1, 3], [2, 0, 1, 2], True),
    "crop": ((2, 2), [1, 1], [1, 1], [-1, 0, 2, -2], False),
    "padded convolution": ([4, 3], [1, 1], [2, 1], [1, 1, 2, 2], False),
    "transposed convolution": ([4, 4], [2, 2], [1, 1], [2, 1, 2, 1], False),
    "transposed, by 3 and 2, turned": ([5, 3], [3, 2], [1, 1], [1, 0, 3, 4], True),
}


def doubles(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def direct_upfirdn2d(
    x: Tensor, f: Tensor, up: list[int], down: list[int], padding: list[int], flip: bool
) -> np.ndarray:
    """The definition, one output pixel at a time."""
    n, c, h, w = x.shape
    big = np.zeros((n, c, h * up[1], w * up[0]))
    big[:, :, :: up[1], :: up[0]] = x.numpy()
    x0, x1, y0, y1 = padding
    big = np.pad(big, [(0, 0), (0, 0), (max(y0, 0), max(y1, 0)), (max(x0, 0), max(x1, 0))])
    big = big[:, :, max(-y0, 0) : big.shape[2] - max(-y1, 0), max(-x0, 0) : big.shape[3] - max(-x1, 0)]
    kernel = f.numpy() if flip else f.numpy()[::-1, ::-1]
    kh, kw = kernel.shape
    rows, columns = range(0, big.shape[2] - kh + 1, down[1]), range(0, big.shape[3] - kw + 1, down[0])
    return np.array(
        [[(big[:, :, i : i + kh, j : j + kw] * kernel).sum((2, 3)) for j in columns] for i in rows]
    ).transpose(2, 3, 0, 1)


@pytest.mark.parametrize("case", RESAMPLINGS)
def test_upfirdn2d_is_its_definition(case: str) -> None:
    shape, up, down, padding, flip = RESAMPLINGS[case]
    x, f = doubles(2, 3, 7, 6), doubles(*shape, seed=1)
    y = ops.upfirdn2d(x, f, up, down, padding, flip_filter=flip, gain=1.5)
    np.testing.assert_allclose(y.numpy(), 1.5 * direct_upfirdn2d(x, f, up, down, padding, flip), atol=1e-12)


@pytest.mark.parametrize("case", RESAMPLINGS)
def test_upfirdn2d_has_two_derivatives(case: str) -> None:
    shape, up, down, padding, flip = RESAMPLINGS[case]
    x, f = doubles(1, 2, 6, 5).requires_grad_(), doubles(*shape, seed=1)

    def op(x: Tensor) -> Tensor:
        return ops.upfirdn2d(x, f, up, down, padding, flip_filter=flip, gain=0.7)

    assert torch.autograd.gradcheck(op, x)
    assert torch.autograd.gradgradcheck(op, x)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_upfirdn2d_keeps_half_precision(dtype: torch.dtype) -> None:
    x, f = doubles(1, 2, 6, 6).to(dtype), ops.setup_filter([1, 3, 3, 1])
    y = ops.upsample2d(x, f)
    assert y.dtype == dtype
    torch.testing.assert_close(y.double(), ops.upsample2d(x.double(), f.double()), atol=0.02, rtol=0.02)


def test_separable_filters_may_be_given_by_their_taps() -> None:
    x, taps = doubles(1, 2, 6, 6), doubles(4, seed=2)
    assert torch.equal(ops.upfirdn2d(x, taps, up=2), ops.upfirdn2d(x, taps.outer(taps), up=2))


def test_resampling_keeps_a_flat_picture_flat() -> None:
    f = ops.setup_filter([1, 3, 3, 1])
    flat = torch.full([1, 1, 16, 16], 0.5)
    torch.testing.assert_close(ops.upsample2d(flat, f)[:, :, 2:-2, 2:-2], torch.full([1, 1, 28, 28], 0.5))
    torch.testing.assert_close(ops.downsample2d(flat, f)[:, :, 1:-1, 1:-1], torch.full([1, 1, 6, 6], 0.5))


@pytest.mark.parametrize("arguments", [{"up": 0}, {"padding": -4}, {"down": [1, 1, 1]}])
def test_upfirdn2d_refuses_what_it_cannot_do(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="upfirdn2d"):
        ops.upfirdn2d(torch.zeros(1, 1, 8, 8), torch.ones(4, 4), **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("clamp", [None, 0.8])
@pytest.mark.parametrize("act", ACTIVATIONS)
def test_bias_act_is_its_definition_with_two_derivatives(act: str, clamp: float | None) -> None:
    x, b = doubles(2, 3, 4, 2).requires_grad_(), doubles(3, seed=1).requires_grad_()
    settings = ACTIVATIONS[act]
    expected = reference.bias_act(x, b, 1, act, settings.alpha, settings.gain, -1 if clamp is None else clamp)

    def op(x: Tensor, b: Tensor) -> Tensor:
        return ops.bias_act(x, b, act=act, clamp=clamp)

    torch.testing.assert_close(op(x, b), expected)
    assert torch.autograd.gradcheck(op, (x, b))
    assert torch.autograd.gradgradcheck(op, (x, b))


def test_bias_act_along_any_axis_and_without_bias() -> None:
    x, b = doubles(3, 4), doubles(3, seed=1)
    torch.testing.assert_close(ops.bias_act(x, b, dim=0, act="relu", gain=1), (x + b[:, None]).relu())
    torch.testing.assert_close(ops.bias_act(x, act="lrelu", alpha=0.5, gain=2), 2 * torch.where(x > 0, x, 0.5 * x))


def test_bias_act_never_changes_its_input() -> None:
    x = doubles(2, 3)
    before = x.clone()
    for act in ACTIVATIONS:
        ops.bias_act(x, act=act, gain=1, clamp=0.1)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    "arguments", [{"act": "gelu"}, {"gain": 0}, {"b": torch.zeros(4)}, {"alpha": -1, "act": "lrelu"}]
)
def test_bias_act_refuses_what_it_cannot_do(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="bias_act"):
        ops.bias_act(torch.zeros(2, 3), **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("up", [1, 2])
def test_modulated_conv2d_has_two_derivatives(up: int, demodulate: bool) -> None:
    x, weight = doubles(2, 3, 4, 3).requires_grad_(), doubles(4, 3, 3, 3, seed=1).requires_grad_()
    styles, f = doubles(2, 3, seed=2).requires_grad_(), ops.setup_filter([1, 3, 3, 1]).double()

    def op(x: Tensor, weight: Tensor, styles: Tensor) -> Tensor:
        return ops.modulated_conv2d(x, weight, styles, f, up, demodulate=demodulate)

    assert torch.autograd.gradcheck(op, (x, weight, styles))
    assert torch.autograd.gradgradcheck(op, (x, weight, styles))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # of opcheck itself
def test_the_dispatcher_finds_nothing_wrong() -> None:
    """opcheck: schemas, fake tensors, autograd registration, tracing (slow, so one case for each op)."""
    x, f, b = doubles(2, 3, 4, 3).requires_grad_(), ops.setup_filter([1, 3, 3, 1]).double(), doubles(3).requires_grad_()
    weight, styles = doubles(4, 3, 3, 3, seed=1).requires_grad_(), doubles(2, 3, seed=2).requires_grad_()
    torch.library.opcheck(torch.ops.blendgan.upfirdn2d.default, (x, f, [2, 1], [1, 2], [2, 1, 1, 2], True, 0.7))
    torch.library.opcheck(torch.ops.blendgan.upfirdn2d.default, (x, f, [1, 1], [2, 2], [1, 1, 1, 1], False, 1.0))
    torch.library.opcheck(torch.ops.blendgan.upfirdn2d.default, (x, f, [2, 2], [1, 1], [2, 1, 2, 1], False, 4.0))
    torch.library.opcheck(torch.ops.blendgan.bias_act.default, (x, b, 1, "lrelu", 0.2, 1.4, 0.8))
    torch.library.opcheck(torch.ops.blendgan.bias_act.default, (x, b, 1, "swish", 0.0, 1.4, -1.0))
    torch.library.opcheck(torch.ops.blendgan.bias_act_gradient.default, (x, x, b, 1, "swish", 0.0, 1.4, -1.0))
    torch.library.opcheck(torch.ops.blendgan.modulated_conv2d.default, (x, weight, styles, f, 2, True))


@pytest.mark.parametrize("demodulate", [True, False])
def test_both_ways_of_modulating_are_equations_1_and_3(demodulate: bool) -> None:
    x, weight, styles = doubles(3, 4, 5, 5), doubles(6, 4, 3, 3, seed=1), doubles(3, 4, seed=2)
    expected = reference.modulated_conv2d(x, weight, styles, demodulate=demodulate, padding=1)
    with torch.no_grad():  # one sample: the weight is modulated; several: the activations
        alone = ops.modulated_conv2d(x[:1], weight, styles[:1], demodulate=demodulate)
        together = ops.modulated_conv2d(x, weight, styles, demodulate=demodulate)
    torch.testing.assert_close(alone, expected[:1])
    torch.testing.assert_close(together, expected)


def test_upsampling_convolution_is_zeros_convolution_filter() -> None:
    x, weight, styles = doubles(1, 2, 5, 4), doubles(3, 2, 3, 3, seed=1), torch.ones(1, 2, dtype=torch.float64)
    f = ops.setup_filter([1, 3, 3, 1]).double()
    wide = reference.upfirdn2d(x, torch.ones(1, 1).double(), [2, 2], [1, 1], [0, 0, 0, 0], 0, 1)
    convolved = torch.nn.functional.conv2d(wide, weight.flip([2, 3]), padding=2)  # a true convolution
    expected = ops.upfirdn2d(convolved[:, :, :-1, :-1], f, padding=1, gain=4)
    torch.testing.assert_close(ops.modulated_conv2d(x, weight, styles, f, up=2, demodulate=False), expected)


@pytest.mark.parametrize("case", ["up2", "down2", "blur", "updown", "crop", "nonsep"])
def test_upfirdn2d_matches_the_golden_file(case: str, golden: dict[str, dict[str, np.ndarray]]) -> None:
    numbers = {key: torch.from_numpy(a) for key, a in golden[f"upfirdn2d.{case}"].items()}
    up, down, x0, x1, y0, y1, flip, gain = numbers["args"].tolist()
    x = numbers["x"].requires_grad_()
    y = ops.upfirdn2d(x, numbers["f"], int(up), int(down), [int(p) for p in (x0, x1, y0, y1)], bool(flip), gain)
    torch.testing.assert_close(y, numbers["y"], atol=1e-5, rtol=1e-5)
    if "dy" in numbers:
        y.backward(numbers["dy"])
        torch.testing.assert_close(x.grad, numbers["dx"], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("act", ACTIVATIONS)
def test_bias_act_matches_the_golden_file(act: str, golden: dict[str, dict[str, np.ndarray]]) -> None:
    numbers = {key: torch.from_numpy(a) for key, a in golden[f"bias_act.{act}"].items()}
    x, b = numbers["x"].requires_grad_(), numbers["b"].requires_grad_()
    y = ops.bias_act(x, b, act=act, clamp=1.5)
    y.backward(numbers["dy"])
    torch.testing.assert_close(y, numbers["y"], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(x.grad, numbers["dx"], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(b.grad, numbers["db"], atol=1e-5, rtol=1e-5)


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, dict[str, np.ndarray]]:
    cases: dict[str, dict[str, np.ndarray]] = {}
    with np.load(shared / "golden" / "ops.npz") as file:
        for key in file.files:
            op, case, name = key.split(".")
            cases.setdefault(f"{op}.{case}", {})[name] = file[key]
    return cases
