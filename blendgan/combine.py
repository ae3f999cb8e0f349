"""The loop: a table of coefficients per tensor, applied once. It knows nothing of networks or schedules.

    p = (1 - alpha) BASE + alpha TRANSFER                 two models, in float32 (Pinkney & Adler 2020, eq. 1)
    p = BASE + sum_i alpha_i (TRANSFER_i - BASE)          more, in float64

An alpha is one number for a tensor, or one for each index along an axis of it. Laws, to the bit: alpha 0 is BASE's
tensor and alpha 1 TRANSFER's, whatever their type and even where the other holds an infinity or NaN; elements that are
equal in all models stay as they are; the order of the TRANSFERs is no matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylegan2.errors import RecipeError, ShapeMismatch

Tensors = Mapping[str, Tensor]
CHUNK = 1 << 17  # numbers worked on at a time: between-results stay in the cache, and of a 120 MB model take some 8


@dataclass(frozen=True)
class Channelwise:
    """An alpha for each index along `axis` of a tensor."""

    axis: int
    alphas: tuple[float, ...]


Alpha = float | Channelwise


@dataclass(frozen=True, eq=False)
class Share:
    """One TRANSFER and its column of the table: alpha for each tensor of the result, 1 = all of TRANSFER.

    The fingerprint fixes the order in which more than one TRANSFER is summed.
    """

    fingerprint: str
    tensors: Tensors
    alphas: Mapping[str, Alpha]


def combine(base: Tensors, shares: Sequence[Share]) -> dict[str, Tensor]:
    """Return the combination as new tensors, with a tensor for every name in the shares' tables, sorted as there.

    Nothing given is modified. A model is asked only for the tensors to which it gives something. The result of
    arithmetic has BASE's type; a tensor taken whole keeps its own. Raises ShapeMismatch for tensors of two shapes, and
    RecipeError for a table that differs in its names, or that would average integers.
    """
    return {name: whole(base, shares, name) for name in names_of(shares)}


def names_of(shares: Sequence[Share]) -> list[str]:
    """The names of the result's tensors. Raises RecipeError where the shares differ in them."""
    if not shares or any(share.alphas.keys() != shares[0].alphas.keys() for share in shares):
        raise RecipeError(f"shares: found {len(shares)}, expected at least one, and the same tensor names in each")
    return list(shares[0].alphas)


def whole(base: Tensors, shares: Sequence[Share], name: str) -> Tensor:
    """Return one tensor of the result, as a new tensor; see `combine`."""
    first, *rest = pieces(base, shares, name)
    return torch.cat([first, *rest]) if rest else first.clone()


def pieces(base: Tensors, shares: Sequence[Share], name: str) -> Iterator[Tensor]:
    """Yield one tensor of the result in slices along its first axis, in order, so that little memory is needed.

    What is taken whole comes as one piece, which may be the model's own memory.
    """
    giving = [(share, simplest(share.alphas[name])) for share in shares]
    giving = [(share, alpha) for share, alpha in giving if alpha != 0]
    giving.sort(key=lambda pair: (pair[0].fingerprint, _sortable(pair[1])))
    alphas = [alpha for _, alpha in giving]
    if not alphas:
        yield base[name]
    elif alphas == [1]:
        yield giving[0][0].tensors[name]
    else:
        yield from _between(name, base[name], [share.tensors[name] for share, _ in giving], alphas)


def simplest(alpha: Alpha) -> Alpha:
    """Return one number where all channels have the same: a constant ramp is then the plain schedule, to the bit."""
    if isinstance(alpha, Channelwise) and len(set(alpha.alphas)) == 1:
        return alpha.alphas[0]
    return alpha


def _sortable(alpha: Alpha) -> tuple[float, ...]:
    return alpha.alphas if isinstance(alpha, Channelwise) else (alpha,)


def _between(name: str, base: Tensor, transfers: Sequence[Tensor], alphas: Sequence[Alpha]) -> Iterator[Tensor]:
    for transfer in transfers:
        if transfer.shape != base.shape:  # torch would broadcast some of these without a word
            raise ShapeMismatch(f"{name}: BASE has shape {tuple(base.shape)}, TRANSFER {tuple(transfer.shape)}")
    if not all(tensor.is_floating_point() for tensor in (base, *transfers)):
        yield _kept(name, base, transfers)
        return
    weights = [_broadcast(alpha, base) for alpha in alphas]
    if base.numel() <= CHUNK:
        yield _mixed(base, transfers, weights)
        return
    for rows in _slices(base):
        parts = [transfer[rows] for transfer in transfers]
        shares = [weight[rows] if weight.ndim and weight.shape[0] > 1 else weight for weight in weights]
        yield _mixed(base[rows], parts, shares)


def _mixed(base: Tensor, transfers: Sequence[Tensor], alphas: Sequence[Tensor]) -> Tensor:
    return _lerp(base, transfers[0], alphas[0]) if len(transfers) == 1 else _sum(base, transfers, alphas)


def _slices(tensor: Tensor) -> Iterator[slice]:
    step = max(CHUNK * tensor.shape[0] // tensor.numel(), 1)
    yield from (slice(start, start + step) for start in range(0, tensor.shape[0], step))


def _broadcast(alpha: Alpha, tensor: Tensor) -> Tensor:
    """Return the alphas in float64: 0-d for one number, else of `tensor`'s rank, one long on all axes but their own."""
    if not isinstance(alpha, Channelwise):
        return torch.tensor(alpha, dtype=torch.float64)
    if len(alpha.alphas) != tensor.shape[alpha.axis]:
        raise RecipeError(
            f"channels: found {len(alpha.alphas)} alphas along axis {alpha.axis} of shape {tuple(tensor.shape)}"
        )
    shape = [-1 if axis == alpha.axis else 1 for axis in range(tensor.ndim)]
    return torch.tensor(alpha.alphas, dtype=torch.float64).reshape(shape)


def _kept(name: str, base: Tensor, transfers: Sequence[Tensor]) -> Tensor:
    """Integers have no values between: they are all the same, or the table must choose."""
    if not all(bool((base == transfer).all()) for transfer in transfers):
        raise RecipeError(f"{name}: {base.dtype} cannot be averaged; give it alpha 0 (BASE's) or 1 (TRANSFER's)")
    return base


def _lerp(base: Tensor, transfer: Tensor, alpha: Tensor) -> Tensor:
    dtype = torch.promote_types(torch.promote_types(base.dtype, transfer.dtype), torch.float32)
    a, b = base.to(dtype), transfer.to(dtype)
    # lerp starts from the nearer end. Only infinities and the sign of zero would not survive where a equals b.
    mixed = torch.lerp(a, b, alpha.to(dtype) if alpha.ndim else alpha.item())
    mixed = torch.where(a == b, a, mixed)
    if alpha.ndim:
        mixed = torch.where(alpha == 0, a, torch.where(alpha == 1, b, mixed))
    return mixed.to(base.dtype)


def _sum(base: Tensor, transfers: Sequence[Tensor], alphas: Sequence[Tensor]) -> Tensor:
    a = base.to(torch.float64)
    change = torch.zeros_like(a)
    for transfer, alpha in zip(transfers, alphas, strict=True):
        b = transfer.to(torch.float64)
        # where: infinity - infinity is no number, nor is 0 times infinity
        change += torch.where((a == b) | (alpha == 0), 0.0, alpha * (b - a))
    total = torch.where(change == 0, a, a + change)
    givers = sum((alpha != 0).to(torch.int8) for alpha in alphas)  # of each channel
    for transfer, alpha in zip(transfers, alphas, strict=True):
        total = torch.where((alpha == 1) & (givers == 1), transfer.to(torch.float64), total)
    return total.to(base.dtype)
