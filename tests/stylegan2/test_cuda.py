"""The CUDA kernels against the definitions: on a device where there is one, and always their bodies on the CPU."""

from __future__ import annotations

import itertools
import logging

import pytest
import torch
from torch import Tensor

from stylegan2 import ops
from stylegan2.errors import InputError, KernelError
from stylegan2.ops import cuda, native, reference
from stylegan2.ops.reference import ACTIVATIONS
from stylegan2.ops.selfcheck import check

RESAMPLINGS = {  # name: (filter shape, up, down, padding, flip)
    "blur": ((4, 4), [1, 1], [1, 1], [1, 1, 1, 1], False),
    "blur, padded by 2": ((4, 4), [1, 1], [1, 1], [2, 2, 2, 2], True),
    "blur, padded and cropped": ((4, 4), [1, 1], [1, 1], [3, -1, -2, 4], False),
    "up": ((4, 4), [2, 2], [1, 1], [2, 1, 2, 1], False),
    "up, padded by 4 and 0": ((4, 4), [2, 2], [1, 1], [4, 1, 0, 3], True),
    "up, padded oddly": ((4, 4), [2, 2], [1, 1], [3, 1, 1, 2], False),
    "down": ((4, 4), [1, 1], [2, 2], [1, 1, 1, 1], False),
    "down, padded by 2": ((4, 4), [1, 1], [2, 2], [2, 0, 2, 1], True),
    "up and down": ((4, 4), [2, 2], [2, 2], [2, 1, 2, 1], False),
    "uneven": ((3, 5), [2, 1], [1, 3], [2, 0, 1, 3], True),
    "crop": ((2, 2), [1, 1], [1, 1], [-1, 0, 2, -2], False),
    "one tap": ((1, 1), [3, 2], [1, 1], [0, 0, 0, 0], False),
    "large": ((32, 31), [2, 2], [2, 2], [16, 15, 15, 16], False),
    "by 3 and 2": ((5, 3), [3, 2], [1, 1], [1, 0, 3, 4], True),
}
SHAPES = [(2, 16, 4, 16), (1, 8, 11, 24), (1, 3, 9, 7)]  # whole vectors, of them parts of a strip, nothing whole
LAYOUTS = {
    "contiguous": lambda x: x.contiguous(),
    "channels-last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "not aligned": lambda x: torch.cat([x.new_zeros(1), x.flatten()])[1:].view(x.shape),
    "part of a picture": lambda x: torch.cat([x, x], dim=3)[..., x.shape[3] :],
    "transposed": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
}
DTYPES = {torch.float64: 1e-13, torch.float32: 1e-6, torch.float16: 1e-6, torch.bfloat16: 1e-6}  # -> rounding of a sum


def doubles(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def assert_near(found: Tensor, expected: Tensor, bound: float) -> None:
    """Equal but for one rounding to the dtype, and sums whose terms are together at most `bound`."""
    rounding = torch.finfo(found.dtype).eps
    torch.testing.assert_close(found.cpu().double(), expected, rtol=rounding, atol=DTYPES[found.dtype] * bound)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("case", RESAMPLINGS)
def test_upfirdn2d_and_its_derivative(device: torch.device, case: str, dtype: torch.dtype) -> None:
    shape, up, down, padding, flip = RESAMPLINGS[case]
    f = doubles(*shape, seed=1).float()
    bound = 3 * f.abs().sum().item() * 5
    for size, layout in itertools.product(SHAPES if shape == (4, 4) else SHAPES[-1:], LAYOUTS.values()):
        x = layout(doubles(*size).to(device, dtype)).requires_grad_()
        y = ops.upfirdn2d(x, f.to(device), up, down, padding, flip_filter=flip, gain=3.0)
        exact = x.detach().cpu().double().requires_grad_()
        expected = reference.upfirdn2d(exact, f.double(), up, down, padding, flip, 3.0)
        dy = doubles(*y.shape, seed=2).to(dtype)
        (dx,) = torch.autograd.grad(y, x, dy.to(device))
        (expected_dx,) = torch.autograd.grad(expected, exact, dy.double())
        assert_near(y, expected, bound)
        assert_near(dx, expected_dx, bound)


@pytest.mark.parametrize("case", RESAMPLINGS)
def test_upfirdn2d_has_two_derivatives(device: torch.device, case: str) -> None:
    shape, up, down, padding, flip = RESAMPLINGS[case]
    x, f = doubles(1, 1, 4, 4).to(device).requires_grad_(), doubles(*shape, seed=1).to(device)

    def op(x: Tensor) -> Tensor:
        return ops.upfirdn2d(x, f, up, down, padding, flip_filter=flip, gain=0.7)

    assert torch.autograd.gradcheck(op, x)
    assert torch.autograd.gradgradcheck(op, x)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("act", ACTIVATIONS)
def test_bias_act_and_its_derivative(device: torch.device, act: str, dtype: torch.dtype) -> None:
    alpha, gain = ACTIVATIONS[act].alpha, 2.5
    sizes = [(2, 16, 8, 24), (2, 3, 37, 5)]
    for size, layout, dim in itertools.product(sizes, LAYOUTS.values(), range(4)):
        clamp = 0.75 if dim % 2 else -1.0
        x = layout(doubles(*size).to(device, dtype)).requires_grad_()
        b = doubles(size[dim], seed=1).to(device, dtype) if dim else None
        y = ops.bias_act(x, b, dim, act, gain=gain, clamp=None if clamp < 0 else clamp)
        exact = x.detach().cpu().double().requires_grad_()
        expected = reference.bias_act(exact, None if b is None else b.cpu().double(), dim, act, alpha, gain, clamp)
        dy = doubles(*size, seed=2).to(dtype)
        (dx,) = torch.autograd.grad(y, x, dy.to(device))
        (expected_dx,) = torch.autograd.grad(expected, exact, dy.double())
        assert_near(y, expected, 20)
        rounded_up = (y.detach().abs().cpu() == clamp) & (expected_dx != 0)  # to the clamp: there either is right
        assert rounded_up.double().mean() < 0.01
        assert_near(torch.where(rounded_up, 0, dx.cpu()), torch.where(rounded_up, 0, expected_dx), 50)


@pytest.mark.parametrize("clamp", [None, 0.8])
@pytest.mark.parametrize("act", ACTIVATIONS)
def test_bias_act_has_two_derivatives(device: torch.device, act: str, clamp: float | None) -> None:
    x, b = doubles(2, 3, 2, 1).to(device).requires_grad_(), doubles(3, seed=1).to(device).requires_grad_()

    def op(x: Tensor, b: Tensor) -> Tensor:
        return ops.bias_act(x, b, act=act, clamp=clamp)

    assert torch.autograd.gradcheck(op, (x, b))
    assert torch.autograd.gradgradcheck(op, (x, b))


def test_large_gains_and_numbers_that_are_none(device: torch.device) -> None:
    x = torch.tensor([float("nan"), float("inf"), -float("inf"), 3.0e30, -2.0], device=device)
    for act in ("linear", "relu", "lrelu"):
        y = ops.bias_act(x, act=act, gain=1e4, clamp=256)
        expected = reference.bias_act(x, None, 1, act, ACTIVATIONS[act].alpha, 1e4, 256)
        torch.testing.assert_close(y, expected, equal_nan=True)
    big = ops.upfirdn2d(doubles(1, 8, 8, 8).half().to(device), torch.ones(4, 4), padding=2, gain=1e6)
    assert big.isinf().any()
    assert not big.isnan().any()


@pytest.mark.parametrize("act", ["linear", "swish"])
def test_nothing_passes_a_clamp_that_half_precision_rounds(device: torch.device, act: str) -> None:
    x = torch.full([3], 5.0, dtype=torch.float16, device=device).requires_grad_()
    y = ops.bias_act(x, act=act, clamp=0.8)
    assert y.max().item() < 0.8
    assert torch.equal(torch.autograd.grad(y.sum(), x)[0], torch.zeros_like(x))


def test_the_layout_stays(device: torch.device) -> None:
    x, f = doubles(2, 8, 6, 6).float().to(device), ops.setup_filter([1, 3, 3, 1]).to(device)
    last = x.contiguous(memory_format=torch.channels_last)
    assert ops.upsample2d(last, f).is_contiguous(memory_format=torch.channels_last)
    assert ops.upsample2d(x, f).is_contiguous()
    assert ops.bias_act(last, act="relu").stride() == last.stride()
    assert torch.equal(ops.upsample2d(last, f), ops.upsample2d(x, f))


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 0, 4, 4), (1, 1, 1, 1)])
def test_empty_and_single(device: torch.device, shape: tuple[int, ...]) -> None:
    x, f = torch.ones(shape, device=device), torch.ones(4, 4)
    assert ops.upfirdn2d(x, f, up=2, padding=2).shape == (*shape[:2], 2 * shape[2] + 1, 2 * shape[3] + 1)
    y = ops.bias_act(x, torch.full(shape[1:2], 0.5, device=device), act="linear")
    assert torch.equal(y, torch.full(shape, 1.5, device=device))


def test_scalars_and_vectors_have_activations_too(device: torch.device) -> None:
    x = doubles(5, 4).float().to(device)
    torch.testing.assert_close(ops.bias_act(x, x[0].contiguous(), act="relu", gain=1), (x + x[0]).relu())
    torch.testing.assert_close(ops.bias_act(x[0, 0], act="linear", gain=2), 2 * x[0, 0])


def test_wrong_shapes_are_refused_as_ever(device: torch.device) -> None:
    with pytest.raises(ValueError, match="smaller than the filter"):
        ops.upfirdn2d(torch.zeros(1, 1, 3, 3, device=device), torch.ones(4, 4))
    with pytest.raises(ValueError, match="expected one number along axis 1"):
        ops.bias_act(torch.zeros(1, 2, device=device), torch.zeros(3, device=device))


def test_the_self_check_passes_and_finds_a_wrong_kernel(host_ops, monkeypatch: pytest.MonkeyPatch) -> None:
    check(host_ops, torch.device("cpu"))
    wrong = host_ops.bias_act_gradient
    monkeypatch.setattr(host_ops, "bias_act_gradient", lambda y, *rest: wrong(y, *rest).mul_(1.01))
    with pytest.raises(KernelError, match=r"bias_act_gradient: the kernel is 1\.0e-02 from its definition"):
        check(host_ops, torch.device("cpu"))


@pytest.mark.gpu
@pytest.mark.slow
def test_more_elements_than_32_bits_count(monkeypatch: pytest.MonkeyPatch) -> None:
    if not torch.cuda.is_available() or torch.cuda.mem_get_info()[0] < 12 << 30:
        pytest.skip("no CUDA device with 12 GB free")
    monkeypatch.setenv(cuda.VARIABLE, "cuda")
    x = torch.ones(1, 4, 2**15, 2**14 + 8, dtype=torch.bfloat16, device="cuda")  # 2^31 and a little
    x[0, 3, -1, -1] = 3
    y = ops.bias_act(x, torch.tensor([0, 0, 0, 1], device="cuda").to(x), act="linear")
    assert (y[0, 3, -1, -1].item(), y[0, 3, -1, -2].item(), y[0, 0, 0, 0].item()) == (4, 2, 1)
    del y
    y = ops.upfirdn2d(x, torch.ones(1, 1), gain=2)
    assert (y[0, 3, -1, -1].item(), y[0, 0, 0, 0].item()) == (6, 2)


# ---- the choice ---------------------------------------------------------------------------------------------------


@pytest.fixture
def chooses(monkeypatch: pytest.MonkeyPatch):
    """`chooses(mode, load)`: whether the op would use kernels; the tensor says it is on a device of capability 9.0."""

    def choose(mode: str, load) -> bool:
        monkeypatch.setenv(cuda.VARIABLE, mode)
        monkeypatch.setattr(cuda, "load", load)
        return cuda._chosen("upfirdn2d", (torch.zeros(1, 1, 1, 1),)) is not None

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    cuda._warn.cache_clear()
    return choose


def fail(index: int) -> native.NativeOps:
    raise KernelError("nvcc: not found")


def test_auto_does_not_choose_what_no_device_ran(chooses, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chooses("auto", lambda index: "kernels")
    assert chooses("", lambda index: "kernels")
    assert not chooses("reference", fail)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    assert not chooses("auto", fail)
    assert not chooses("", fail)
    monkeypatch.setattr(cuda, "PROVEN", dict.fromkeys(cuda.PROVEN, ()))
    assert not chooses("auto", fail)


def test_a_failed_build_is_one_warning_or_an_error(chooses, monkeypatch, caplog) -> None:
    with pytest.raises(KernelError, match="nvcc: not found"):
        chooses("cuda", fail)
    with caplog.at_level(logging.WARNING):
        assert not chooses("auto", fail)
        assert not chooses("auto", fail)
    assert [record.getMessage() for record in caplog.records] == ["CUDA kernels are not used: nvcc: not found"]
    assert chooses("auto", lambda index: "kernels")


def test_an_unknown_mode_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cuda.VARIABLE, "gpu")
    with pytest.raises(InputError, match="BLENDGAN_OPS: found 'gpu', expected auto, reference or cuda"):
        cuda.mode()


def test_other_dtypes_are_left_to_pytorch() -> None:
    x = torch.zeros(2, 3)
    assert native.takes(x, x, None)
    assert not native.takes(x.int())
    assert not native.takes(x, x.half())


@pytest.mark.parametrize(("nvcc", "driver", "clashes"), [("13.0.88", 12080, True), ("12.4.1", 13000, False)])
def test_a_compiler_newer_than_the_driver_is_told(monkeypatch, nvcc: str, driver: int, clashes: bool) -> None:
    monkeypatch.setattr(cuda.toolchain, "find_nvcc", lambda: None)
    monkeypatch.setattr(cuda.toolchain, "nvcc_version", lambda path: nvcc)
    monkeypatch.setattr(torch._C, "_cuda_getDriverVersion", lambda: driver, raising=False)
    if not clashes:
        return cuda.check_driver()
    with pytest.raises(KernelError, match=r"nvcc is of CUDA 13\.0\.88, the driver runs up to 12\.8; update the driver"):
        cuda.check_driver()


def test_without_a_driver_to_ask_pytorch_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch._C, "_cuda_getDriverVersion", raising=False)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    assert cuda.driver_version() == "12.8"
