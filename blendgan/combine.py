"""The loop: a table of coefficients per tensor, applied once. It knows nothing of networks or schedules.

    p = (1 - alpha) BASE + alpha TRANSFER                 two models, in float32 (Pinkney & Adler 2020, eq. 1)
    p = BASE + sum_i alpha_i (TRANSFER_i - BASE)          more, in float64

Laws, to the bit: alpha 0 is BASE's tensor and alpha 1 TRANSFER's, whatever their type and even where the other holds
an infinity or NaN; elements that are equal in all models stay as they are; the order of the TRANSFERs is no matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylegan2.errors import RecipeError, ShapeMismatch

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Share:
    """One TRANSFER and its column of the table: alpha for each tensor of the result, 1 = all of TRANSFER.

    The fingerprint fixes the order in which more than one TRANSFER is summed.
    """

    fingerprint: str
    tensors: Tensors
    alphas: Mapping[str, float]


def combine(base: Tensors, shares: Sequence[Share]) -> dict[str, Tensor]:
    """Return the combination as new tensors, with a tensor for every name in the shares' tables, sorted as there.

    Nothing given is modified. A model is asked only for the tensors to which it gives something. The result of
    arithmetic has BASE's type; a tensor taken whole keeps its own. Raises ShapeMismatch for tensors of two shapes, and
    RecipeError for a table that differs in its names, or that would average integers.
    """
    return dict(combined(base, shares))


def combined(base: Tensors, shares: Sequence[Share]) -> Iterator[tuple[str, Tensor]]:
    """Yield (name, tensor) one at a time; see `combine`."""
    for name in _names(shares):
        giving = [share for share in shares if share.alphas[name] != 0]
        giving.sort(key=lambda share: (share.fingerprint, share.alphas[name]))
        alphas = [share.alphas[name] for share in giving]
        transfers = [share.tensors[name] for share in giving]
        if alphas == [1]:
            yield name, transfers[0].clone()
        elif not alphas:
            yield name, base[name].clone()
        else:
            yield name, _between(name, base[name], transfers, alphas)


def _names(shares: Sequence[Share]) -> list[str]:
    if not shares or any(share.alphas.keys() != shares[0].alphas.keys() for share in shares):
        raise RecipeError(f"shares: found {len(shares)}, expected at least one, and the same tensor names in each")
    return list(shares[0].alphas)


def _between(name: str, base: Tensor, transfers: Sequence[Tensor], alphas: Sequence[float]) -> Tensor:
    for transfer in transfers:
        if transfer.shape != base.shape:  # torch would broadcast some of these without a word
            raise ShapeMismatch(f"{name}: BASE has shape {tuple(base.shape)}, TRANSFER {tuple(transfer.shape)}")
    if not all(tensor.is_floating_point() for tensor in (base, *transfers)):
        return _kept(name, base, transfers)
    if len(transfers) == 1:
        return _lerp(base, transfers[0], alphas[0])
    return _sum(base, transfers, alphas)


def _kept(name: str, base: Tensor, transfers: Sequence[Tensor]) -> Tensor:
    """Integers have no values between: they are all the same, or the table must choose."""
    if not all(bool((base == transfer).all()) for transfer in transfers):
        raise RecipeError(f"{name}: {base.dtype} cannot be averaged; give it alpha 0 (BASE's) or 1 (TRANSFER's)")
    return base.clone()


def _lerp(base: Tensor, transfer: Tensor, alpha: float) -> Tensor:
    dtype = torch.promote_types(torch.promote_types(base.dtype, transfer.dtype), torch.float32)
    a, b = base.to(dtype), transfer.to(dtype)
    # lerp starts from the nearer end. Only infinities and the sign of zero would not survive where a equals b.
    return torch.where(a == b, a, torch.lerp(a, b, alpha)).to(base.dtype)


def _sum(base: Tensor, transfers: Sequence[Tensor], alphas: Sequence[float]) -> Tensor:
    a = base.to(torch.float64)
    change = torch.zeros_like(a)
    for transfer, alpha in zip(transfers, alphas, strict=True):
        b = transfer.to(torch.float64)
        change += torch.where(a == b, 0.0, alpha * (b - a))  # where: infinity - infinity is no number
    return torch.where(change == 0, a, a + change).to(base.dtype)
