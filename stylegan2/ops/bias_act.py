"""Bias, activation, gain and clamp in one op: `torch.ops.blendgan.bias_act`, with a gradient op of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from stylegan2.ops import reference
from stylegan2.ops.dispatcher import register
from stylegan2.ops.reference import ACTIVATIONS

SCHEMA = "(Tensor x, Tensor? b, int dim, str act, float alpha, float gain, float clamp) -> Tensor"
GRADIENT_SCHEMA = (
    "(Tensor dy, Tensor saved, Tensor? b, int dim, str act, float alpha, float gain, float clamp) -> Tensor"
)
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al. 2017


def bias_act(
    x: Tensor,
    b: Tensor | None = None,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """clamp(gain · act(x + b)): x of any shape, b [x.shape[dim]] or None.

    act: one of linear, relu, lrelu, tanh, sigmoid, elu, selu, softplus, swish. alpha: slope of lrelu (0.2). gain:
    √2 for relu, lrelu and swish, else 1. clamp: to ± this, or None. Raises ValueError for another act or shape, a
    gain that is not positive, or a negative alpha.
    """
    if act not in ACTIVATIONS:
        raise ValueError(f"bias_act: act is {act!r}; expected one of {', '.join(ACTIVATIONS)}")
    alpha = ACTIVATIONS[act].alpha if alpha is None else float(alpha)
    gain = ACTIVATIONS[act].gain if gain is None else float(gain)
    if gain <= 0 or alpha < 0:
        raise ValueError(f"bias_act: gain is {gain}, alpha {alpha}; expected gain > 0 and alpha >= 0")
    y: Tensor = torch.ops.blendgan.bias_act(x, b, dim, act, alpha, gain, -1.0 if clamp is None else float(clamp))
    return y


# ---- derivatives of the smooth acts, by u = x + b -------------------------------------------------------------


def _negative_exp(u: Tensor) -> Tensor:
    """exp(u) where u <= 0, else 0; the detour over the minimum keeps large u from overflowing."""
    return torch.where(u > 0, 0, u.clamp(max=0).exp())


def _sigmoid_slope(u: Tensor) -> Tensor:
    s = torch.sigmoid(u)
    return s * (1 - s)


Derivative = Callable[[Tensor, float], Tensor]
FIRST: dict[str, Derivative] = {
    "tanh": lambda u, alpha: 1 - torch.tanh(u).square(),
    "sigmoid": lambda u, alpha: _sigmoid_slope(u),
    "elu": lambda u, alpha: (u > 0).to(u.dtype) + _negative_exp(u),
    "selu": lambda u, alpha: SELU_SCALE * ((u > 0).to(u.dtype) + SELU_ALPHA * _negative_exp(u)),
    "softplus": lambda u, alpha: torch.sigmoid(u),
    "swish": lambda u, alpha: torch.sigmoid(u) + u * _sigmoid_slope(u),
}
SECOND: dict[str, Derivative] = {
    "tanh": lambda u, alpha: -2 * torch.tanh(u) * (1 - torch.tanh(u).square()),
    "sigmoid": lambda u, alpha: _sigmoid_slope(u) * (1 - 2 * torch.sigmoid(u)),
    "elu": lambda u, alpha: _negative_exp(u),
    "selu": lambda u, alpha: SELU_SCALE * SELU_ALPHA * _negative_exp(u),
    "softplus": lambda u, alpha: _sigmoid_slope(u),
    "swish": lambda u, alpha: _sigmoid_slope(u) * (2 + u * (1 - 2 * torch.sigmoid(u))),
}


# Piecewise linear through zero: they commute with a positive gain, and the output's sign tells the slope, so that
# neither the bias nor the input need be kept for the backward pass.
HOMOGENEOUS = ("linear", "relu", "lrelu")
ALPHA_OF = {"linear": 1.0, "relu": 0.0}  # as slopes of a leaky ReLU


# ---- the ops --------------------------------------------------------------------------------------------------


def _bias_act(x: Tensor, b: Tensor | None, dim: int, act: str, alpha: float, gain: float, clamp: float) -> Tensor:
    _check(x, b, dim)
    if act not in HOMOGENEOUS:
        return reference.bias_act(x, b, dim, act, alpha, gain, clamp)
    slope = ALPHA_OF.get(act, alpha)
    y: Tensor
    if b is None and gain == 1 and act != "linear":
        y = torch.ops.aten.leaky_relu(x, slope)
    else:  # in place: the fewer passes over memory, the faster
        y = _scaled_sum(x, None if b is None else _along(b, dim, x.ndim), gain)
        y = y if act == "linear" else torch.ops.aten.leaky_relu_(y, slope)
    return y.clamp_(-clamp, clamp) if clamp >= 0 else y


def _scaled_sum(x: Tensor, b: Tensor | None, gain: float) -> Tensor:
    """gain · (x + b), as a new tensor, in one pass."""
    if b is None:
        return x * gain
    return x + b if gain == 1 else torch.add(b * gain, x, alpha=gain)


def _bias_act_gradient(
    dy: Tensor, saved: Tensor, b: Tensor | None, dim: int, act: str, alpha: float, gain: float, clamp: float
) -> Tensor:
    """dx = dy · gain · act'(x + b), zero where the clamp holds. `saved` is the output of homogeneous acts, else x."""
    if act in HOMOGENEOUS:
        dx: Tensor = torch.ops.aten.leaky_relu_backward(dy, saved, ALPHA_OF.get(act, alpha), False)
        dx = dx if gain == 1 else dx.mul_(gain)
        return dx.mul_(saved.abs() < clamp) if clamp >= 0 else dx
    dx = dy * FIRST[act](_preactivation(saved, b, dim), alpha) * gain
    return dx if clamp < 0 else dx * _open(saved, b, dim, act, alpha, gain, clamp)


def _along(b: Tensor, dim: int, ndim: int) -> Tensor:
    return b.reshape([-1 if axis == dim else 1 for axis in range(ndim)])


def _preactivation(x: Tensor, b: Tensor | None, dim: int) -> Tensor:
    return x if b is None else x + _along(b, dim, x.ndim)


def _open(x: Tensor, b: Tensor | None, dim: int, act: str, alpha: float, gain: float, clamp: float) -> Tensor:
    """Where the clamp lets the gradient through, as 0 or 1."""
    return (reference.bias_act(x, b, dim, act, alpha, gain, -1).abs() < clamp).to(x.dtype)


def _check(x: Tensor, b: Tensor | None, dim: int) -> None:
    if b is not None and (not 0 <= dim < x.ndim or b.shape != (x.shape[dim],)):
        raise ValueError(
            f"bias_act: b has shape {tuple(b.shape)}; expected one number along axis {dim} of {tuple(x.shape)}"
        )


def _bias_act_shape(x: Tensor, b: Tensor | None, dim: int, act: str, alpha: float, gain: float, clamp: float) -> Tensor:
    _check(x, b, dim)
    return torch.empty_like(x)


def _bias_act_gradient_shape(
    dy: Tensor, saved: Tensor, b: Tensor | None, dim: int, act: str, alpha: float, gain: float, clamp: float
) -> Tensor:
    return torch.empty_like(saved)


def _save_for_backward(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, b, *ctx.arguments = inputs
    ctx.has_bias = b is not None
    if ctx.arguments[1] in HOMOGENEOUS:
        ctx.save_for_backward(output)
    else:
        ctx.save_for_backward(x, *([b] if ctx.has_bias else []))


def _backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
    saved, b = (*ctx.saved_tensors, None)[:2]
    dx = torch.ops.blendgan.bias_act_gradient(dy, saved, b, *ctx.arguments)
    return dx, _sum_to_bias(dx, ctx.arguments[0]) if ctx.has_bias else None, None, None, None, None, None


def _save_for_second(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    dy, saved, b, *ctx.arguments = inputs
    ctx.has_bias = b is not None
    ctx.save_for_backward(dy, saved, *([b] if ctx.has_bias else []))


def _second_backward(ctx: Any, ddx: Tensor) -> tuple[Tensor | None, ...]:
    dy, saved, b = (*ctx.saved_tensors, None)[:3]
    ddy = torch.ops.blendgan.bias_act_gradient(ddx, saved, b, *ctx.arguments)
    dim, act, alpha, gain, clamp = ctx.arguments
    if act in HOMOGENEOUS:
        return ddy, None, None, None, None, None, None, None
    dx = ddx * dy * SECOND[act](_preactivation(saved, b, dim), alpha) * gain
    if clamp >= 0:
        dx = dx * _open(saved, b, dim, act, alpha, gain, clamp)
    return ddy, dx, _sum_to_bias(dx, dim) if ctx.has_bias else None, None, None, None, None, None


def _sum_to_bias(dx: Tensor, dim: int) -> Tensor:
    return dx.sum([axis for axis in range(dx.ndim) if axis != dim])


register("bias_act", SCHEMA, _bias_act, _bias_act_shape, (_backward, _save_for_backward))
register(
    "bias_act_gradient",
    GRADIENT_SCHEMA,
    _bias_act_gradient,
    _bias_act_gradient_shape,
    (_second_backward, _save_for_second),
)
