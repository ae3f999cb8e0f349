"""The weighted mean of networks, theta = sum_i w_i theta_i (Wang et al. 2018, eq. 1 and 2), by the loop of all blends.

With w_i >= 0 and sum w_i = 1 it is BASE + sum_i w_i (theta_i - BASE), so `combine` does it, and its laws hold: a weight
of 1 gives that network's very tensors, whatever the others hold. BASE is the network of the largest weight; where
weights are equal, fingerprints decide. So the order in which networks are given is no matter, to the bit.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from blendgan import combine
from blendgan.combine import Share
from blendgan.dni.agreement import Named, check_numbers, check_tensors, is_real
from blendgan.dni.network_files import NetworkFile
from blendgan.dni.state_dicts import shown
from stylegan2.checkpoints.fingerprints import fingerprint
from stylegan2.checkpoints.lazy import Description, LazyTensors, describe, number_format
from stylegan2.errors import CheckpointError, RecipeError

Integers = Literal["nearest", "first", "same", "round"]
POLICIES: dict[Integers, str] = {  # for counters and flags, which have no values between
    "nearest": "those of the network with the largest weight",
    "first": "the first network's",
    "same": "the same in all networks, else an error",
    "round": "the mean, rounded",
}
SAME_ADVICE = "expected the same integers in all networks; choose another policy for them, such as --integers nearest"
TOLERANCE = 2e-5  # of the sum of the weights: three times 0.33333 is meant to be 1


class Mixture(LazyTensors):
    """The mean of networks of one architecture, each tensor computed when it is asked for.

    `states` are their tensors, `weights` at least 0 with sum 1, `fingerprints` decide between equal weights. Types are
    those of the first network; a tensor that one network gives alone keeps its own. Nothing given is modified.
    """

    def __init__(
        self,
        states: Sequence[Mapping[str, Tensor]],
        weights: Sequence[float],
        fingerprints: Sequence[str],
        integers: Integers = "nearest",
    ) -> None:
        if integers not in get_args(Integers):
            raise RecipeError(f"integers: found {integers!r}, expected one of {', '.join(POLICIES)}")
        ranks = sorted(range(len(states)), key=lambda i: (-weights[i], fingerprints[i]))
        giving = [i for i in ranks if weights[i] > 0]
        self._states, self._integers, self._giving = states, integers, sorted(giving)
        self.leader = ranks[0]  # the network whose integers are the nearest
        self._changed: dict[str, Tensor] = {}
        self._order = [states[i] for i in giving]
        self._alphas = [weights[i] for i in giving[1:]]
        self._described = [describe(state) for state in self._order]
        first = describe(states[0])
        self.description: Description = {
            name: first[name] if len(giving) > 1 and is_real(first[name][0]) else self._described[0][name]
            for name in first
        }
        if integers == "first":
            self.description |= {name: kind for name, kind in first.items() if not is_real(kind[0])}

    @property
    def integers(self) -> list[str]:
        """The tensors without values between, by name."""
        return [name for name, (dtype, _) in self.description.items() if not is_real(dtype)]

    def with_changed(self, changed: Mapping[str, Tensor]) -> Mixture:
        """Return the mixture with others in place of some tensors, of the same types and shapes."""
        other = copy.copy(self)
        other._changed = {**self._changed, **changed}
        return other

    def check_integers(self) -> None:
        """Raise RecipeError for integers that the policy does not allow, before any tensor is written."""
        if self._integers == "same":
            differing = [name for name in self.integers if not self._is_same(name)]
            if differing:
                values = [_told(self._states[i][differing[0]]) for i in self._giving]
                more = f" ({len(differing) - 1} more like that)" if len(differing) > 1 else ""
                raise RecipeError(f"{shown(differing[0])}: found {' and '.join(values)}{more}; {SAME_ADVICE}")

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.description:
            raise KeyError(name)
        first, *rest = self.pieces(name)
        return torch.cat([first, *rest]) if rest else first.clone()

    def pieces(self, name: str) -> Iterator[Tensor]:
        """Yield one tensor in slices along its first axis."""
        if name in self._changed:
            yield self._changed[name]
        elif not is_real(self.description[name][0]):
            yield self._integer(name)
        elif len(self._order) == 1:
            yield self._order[0][name]
        else:
            yield from self._mean(name)

    def _mean(self, name: str) -> Iterator[Tensor]:
        """Wider than the result where the types differ, so that BASE's own type never narrows what the first keeps."""
        dtype = _torch_type(self.description[name][0])
        base = self._order[0][name]
        if any(number_format(kind[name][0]) != number_format(self.description[name][0]) for kind in self._described):
            base = base.to(torch.promote_types(torch.promote_types(base.dtype, dtype), torch.float32))
        for piece in combine.pieces({name: base}, self._shares(name, self._order[1:]), name):
            narrow = piece.to(dtype)
            if narrow.dtype != piece.dtype and torch.isinf(narrow).sum() > torch.isinf(piece).sum():
                raise CheckpointError(
                    f"{name}: its mean is beyond {dtype}, the first network's type; give another first"
                )
            yield narrow

    def _shares(self, name: str, others: Sequence[Mapping[str, Tensor]]) -> list[Share]:
        """The others of the table, for one tensor; their rank, in digits that sort, is the order of the sum."""
        return [
            Share(f"{rank:09d}", state, {name: alpha})
            for rank, (state, alpha) in enumerate(zip(others, self._alphas, strict=True))
        ]

    def _integer(self, name: str) -> Tensor:
        if self._integers == "first":
            return self._states[0][name]
        base, *others = (state[name] for state in self._order)
        if self._integers == "round" and others:
            shares = self._shares(name, [{name: other.double()} for other in others])
            mean = combine.whole({name: base.double()}, shares, name)
            alike = torch.stack([other == base for other in others]).all(dim=0)  # beyond 2**53 doubles are no integers
            return torch.where(alike, base, mean.round().to(base.dtype))
        return base

    def _is_same(self, name: str) -> bool:
        base, *others = (state[name] for state in self._order)
        return all(torch.equal(base, other) for other in others)


def interpolate(
    states: Sequence[Mapping[str, Tensor]], weights: Sequence[float], *, integers: Integers = "nearest"
) -> dict[str, Tensor]:
    """Return the mean of networks of one architecture as new tensors, in the first one's order and of its types.

    Two networks A, B with weights (1 - alpha, alpha): alpha is B's share. All tensors are mixed, statistics of
    normalisation layers too; `integers` says what becomes of those without values between (`POLICIES`). Arithmetic is
    float32 at least, float64 for more than two. Raises RecipeError for weights that are negative or do not add up to 1,
    ShapeMismatch for networks of two architectures, and CheckpointError for a NaN, or an infinity that only some of
    the networks have, where it would count. Wang et al. 2018, eq. 1 and 2.
    """
    shares = checked_weights(len(states), weights)
    detached = [{name: tensor.detach() for name, tensor in state.items()} for state in states]
    check_states([Named(f"network {i}", state) for i, state in enumerate(detached, 1)], shares)
    mixture = Mixture(detached, shares, _fingerprints(detached, shares), integers)
    mixture.check_integers()
    return {name: mixture[name] for name in mixture}


def check_alike(networks: Sequence[NetworkFile], weights: Sequence[float] | None = None) -> None:
    """Raise ShapeMismatch or CheckpointError for networks that cannot be mixed; see `check_states`."""
    check_states([Named(network.name, network.tensors) for network in networks], weights)


def check_states(networks: Sequence[Named], weights: Sequence[float] | None = None, where: str = "") -> None:
    """Raise ShapeMismatch, which names the first differing tensor and counts the rest, for two architectures.

    Raises CheckpointError for a NaN or a lone infinity in a network that gives something (without weights: in any).
    """
    check_tensors(networks, where)
    check_numbers([network for i, network in enumerate(networks) if weights is None or weights[i]], where)


def checked_weights(count: int, weights: Sequence[float]) -> tuple[float, ...]:
    """Return the weights with sum 1, to rounding. Raises RecipeError for too many, too few, or negative ones."""
    found = f"weights: found {', '.join(f'{weight:g}' for weight in weights)}"
    if count == 0 or len(weights) != count:
        raise RecipeError(f"{found}, {len(weights)} for {count} networks; expected one for each, the first's first")
    if not all(weight >= 0 for weight in weights) or not math.isclose(sum(weights), 1, abs_tol=TOLERANCE):
        raise RecipeError(f"{found} (sum {sum(weights):g}), expected numbers of at least 0 with sum 1")
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights)


def shares_of(count: int, alpha: float | None, weights: str | None) -> tuple[float, ...]:
    """Return the weights of networks from what a command line says: B's share alpha, or `.5,.3,.2`, or 1 network alone.

    Raises RecipeError where they do not fit the number of networks.
    """
    if alpha is not None and weights is not None:
        raise RecipeError("--alpha and --weights: found both, expected one: alpha is B's share, weights are all shares")
    if weights is not None:
        return checked_weights(count, _parsed(weights))
    if alpha is not None:
        if count != 2:
            raise RecipeError(
                f"--alpha: for two networks, A and B, and found {count}; for more give --weights .5,.3,.2"
            )
        if not 0 <= alpha <= 1:
            raise RecipeError(f"--alpha: found {alpha:g}, expected B's share, from 0 (A alone) to 1 (B alone)")
        return (1 - alpha, alpha)
    if count == 1:
        return (1.0,)
    raise RecipeError(f"shares: found none for {count} networks; give --alpha 0.3 (B's share), or --weights .5,.3,.2")


def _parsed(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError as error:
        raise RecipeError(f"--weights: found {text!r}, expected numbers with commas between: .5,.3,.2") from error


def _fingerprints(states: Sequence[Mapping[str, Tensor]], weights: Sequence[float]) -> list[str]:
    """Only where weights are equal is the order not theirs."""
    times = Counter(weights)
    return [fingerprint(s) if w and times[w] > 1 else "" for s, w in zip(states, weights, strict=True)]


def _torch_type(dtype: str) -> torch.dtype:
    found: torch.dtype = getattr(torch, number_format(dtype))
    return found


def _told(tensor: Tensor) -> str:
    return str(tensor.item()) if tensor.numel() == 1 else f"{tensor.dtype} {list(tensor.shape)}"
