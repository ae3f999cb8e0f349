"""DnCNN and the compact super-resolution network in the layouts one meets: which tensor is which layer.

Both are chains, stored as `prefix{i}.weight`, with whatever words before. Met in the wild:

    compact    body.{0, 2, ...}     convolutions, between them PReLUs body.{1, 3, ...}
    DnCNN      conv.{0, 1, ...}     normalisation merged, or as bn.{i}
    DnCNN      model.{0, 2, 4, ...} KAIR's, merged; the gaps are ReLUs
    DnCNN      model.{0, 2, 3, 5, 6, ..., last}  KAIR's with batch norms 3, 6, ... (also as dncnn.{i})
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from blendgan.restoration.networks import Compact, DnCNN
from blendgan.restoration.restorer import Sizes
from stylegan2.errors import ShapeMismatch

LAYER = re.compile(r"((?:.*\.)?)(\d+)\.(weight|bias|running_mean|running_var|num_batches_tracked)")
OWN_WORDS = ("body", "conv", "dncnn", "model")  # of the layouts above: a damaged file under one of them is still ours
MOSTLY = 0.8  # of a file's tensors belong to the chain: the others are left over, and told as such
KAIR_EPS = 1e-4  # of the batch norms in KAIR's DnCNN and in its author's first code; elsewhere torch's own
COUNTER = "num_batches_tracked"


@dataclass(frozen=True, eq=False)
class Layout:
    """A network without weights, its reach in px and its name in words; and its modules' names in the file."""

    network: nn.Module
    words: str
    channels: int
    scale: int
    reach: int
    modules: Mapping[str, str]  # "norm.3" -> "module.model.9"
    sizes: Sizes = Sizes()

    def fill(self, tensors: Mapping[str, Tensor], name: str) -> nn.Module:
        """Give the network these tensors, as float32; evaluation mode, no gradients.

        Raises ShapeMismatch, which names the first tensor that is missing, left over or of another shape.
        """
        state, wanted = {}, self.network.state_dict()
        known = {f"{self.modules[ours.rpartition('.')[0]]}.{ours.rpartition('.')[2]}": ours for ours in wanted}
        for theirs, ours in known.items():
            found = tensors.get(theirs)
            if ours.endswith(COUNTER):
                continue  # of no use in evaluation, and old files lack it
            if found is None or found.shape != wanted[ours].shape or not found.is_floating_point():
                raise ShapeMismatch(f"{name}: {self._complaint(theirs, found, wanted[ours])}")
            state[ours] = found
        left = [key for key in tensors if key not in known and not key.endswith(COUNTER)]
        if left:
            raise ShapeMismatch(
                f"{name}: found {left[0]}, which a {self.words} does not have ({len(left)} tensors are left over); "
                "expected the whole file of one network"
            )
        self.network.load_state_dict(state, strict=False)  # the counters alone are missing
        return self.network.eval().requires_grad_(False)

    def _complaint(self, name: str, found: Tensor | None, wanted: Tensor) -> str:
        expected = f"expected {list(wanted.shape)} for a {self.words}"
        if found is None:
            return f"{name} is missing, {expected}; is the file whole?"
        kind = "" if found.is_floating_point() else f"{found.dtype} "
        return f"{name}: found {kind}{list(found.shape)}, {expected}"


@dataclass(frozen=True, eq=False)
class _Chain:
    """The tensors `prefix{i}.leaf` of a file."""

    prefix: str
    tensors: Mapping[str, Tensor]  # of the whole file
    indexes: tuple[int, ...]

    @property
    def last(self) -> int:
        return self.indexes[-1]

    @property
    def word(self) -> str:
        return self.prefix.rstrip(".").rpartition(".")[2]

    def at(self, index: int, leaf: str) -> Tensor | None:
        return self.tensors.get(f"{self.prefix}{index}.{leaf}")

    def having(self, leaf: str, axes: int = 1) -> list[int]:
        """The members with such a tensor of so many axes."""
        found = ((index, self.at(index, leaf)) for index in self.indexes)
        return [index for index, tensor in found if tensor is not None and tensor.ndim == axes]


def find_layout(tensors: Mapping[str, Tensor], name: str) -> Layout | None:
    """Return the layout of a state dict; None where it is neither network.

    Raises ShapeMismatch where it clearly is one, but its first or last tensor is missing or of no possible shape.
    """
    chain = _longest_chain(tensors)
    if chain is None:
        return None
    activations = [i for i in chain.having("weight") if chain.at(i, "running_mean") is None]
    if activations and not chain.having("running_mean"):
        return _compact(chain, name)
    return None if chain.word == "body" else _dncnn(chain, name)


def _longest_chain(tensors: Mapping[str, Tensor]) -> _Chain | None:
    found = [match for match in map(LAYER.fullmatch, tensors) if match]
    if not found:
        return None
    counts = Counter(match[1] for match in found)
    filters = {match[1] for match in found if tensors[match[0]].ndim == 4}  # norms alone may be more tensors
    if not filters:
        return None
    prefix, count = max(((prefix, counts[prefix]) for prefix in counts if prefix in filters), key=lambda pair: pair[1])
    beside = _norms_beside(prefix, tensors)
    if count + (counts[beside] if beside else 0) < MOSTLY * len(tensors):
        return None
    return _Chain(prefix, tensors, tuple(sorted({int(match[2]) for match in found if match[1] == prefix})))


def _norms_beside(prefix: str, tensors: Mapping[str, Tensor]) -> str | None:
    """The prefix of batch norms that are kept in a list of their own beside the convolutions."""
    parent = prefix.rstrip(".").rpartition(".")[0]
    for match in filter(None, map(LAYER.fullmatch, tensors)):
        other = match[1]
        if match[3] == "running_mean" and other != prefix and other.rstrip(".").rpartition(".")[0] == parent:
            return other
    return None


def _compact(chain: _Chain, name: str) -> Layout | None:
    last = chain.last + chain.last % 2  # it ends with a convolution
    ends = _ends(chain, 0, last, name)
    if ends is None:
        return None
    (width, channels), out = ends
    scale = math.isqrt(out // channels)
    if channels * scale**2 != out:
        raise ShapeMismatch(
            f"{name}: {chain.prefix}{last}.weight: found {out} channels, expected {channels} times a square number, "
            "which is the scale's"
        )
    convolutions = last // 2 - 1
    words = f"compact super-resolution network x{scale} of {convolutions} convolutions of {width} channels"
    modules = {f"body.{i}": f"{chain.prefix}{i}" for i in range(last + 1)}
    return Layout(Compact(channels, width, convolutions, scale), words, channels, scale, convolutions + 2, modules)


def _dncnn(chain: _Chain, name: str) -> Layout | None:
    places, norms = _places(chain)
    ends = _ends(chain, places[0], places[-1], name)
    if ends is None or len(places) < 3:
        return None
    (width, channels), out = ends
    if out != channels:
        if chain.word not in OWN_WORDS or out != width:
            return None  # a network that changes the number of channels is another one
        raise ShapeMismatch(
            f"{name}: {chain.prefix}{places[-1]}.weight: found {out} channels, expected {channels} as the last "
            "convolution of a DnCNN; is the file whole?"
        )
    unbiased = _unbiased(chain, places, norms)
    eps = KAIR_EPS if chain.word in ("model", "dncnn") else 1e-5
    network = DnCNN(channels, width, len(places), norms, unbiased, eps)
    words = f"DnCNN of {len(places)} convolutions of {width} channels{' with batch norms' if norms else ''}"
    modules = {f"conv.{i}": f"{chain.prefix}{place}" for i, place in enumerate(places)}
    modules |= {f"norm.{i}": norm for i, norm in norms.items()}
    return Layout(network, words, channels, 1, len(places), modules)


def _places(chain: _Chain) -> tuple[list[int], dict[int, str]]:
    """The members that are convolutions, in order; and of those with a batch norm behind them, its module's name."""
    if chain.having("running_mean"):
        last = 2 + 3 * -(-(chain.last - 2) // 3)
        places = [0, *range(2, last + 1, 3)]
        return places, {i: f"{chain.prefix}{place + 1}" for i, place in enumerate(places) if 0 < place < last}
    step = 1 if any(index % 2 for index in chain.indexes) else 2
    places = list(range(0, chain.last + 1, step))
    beside = _norms_beside(chain.prefix, chain.tensors)
    return places, {} if beside is None else dict(_numbered(beside, chain.tensors, len(places)))


def _numbered(prefix: str, tensors: Mapping[str, Tensor], depth: int) -> Iterator[tuple[int, str]]:
    """Batch norms in a list of their own: one for each inner convolution, or numbered as their convolutions are."""
    own = (match for match in map(LAYER.fullmatch, tensors) if match and match[1] == prefix)
    indexes = sorted({int(match[2]) for match in own})
    shift = 1 if indexes == list(range(depth - 2)) else 0
    return ((index + shift, f"{prefix}{index}") for index in indexes if index + shift < depth)


def _unbiased(chain: _Chain, places: list[int], norms: Mapping[int, str]) -> set[int]:
    """Convolutions before a batch norm have often no bias: then none of them has."""
    biased = {i for i, place in enumerate(places) if chain.at(place, "bias") is not None}
    groups = [set(norms), set(range(len(places))) - set(norms)]
    return {i for group in groups if not group & biased for i in group}


def _ends(chain: _Chain, first: int, last: int, name: str) -> tuple[tuple[int, int], int] | None:
    """((width, channels) of the first convolution, channels that the last one gives); None for another network's.

    Raises ShapeMismatch where one is missing under a name of ours.
    """
    opening, closing = chain.at(first, "weight"), chain.at(last, "weight")
    if opening is None or closing is None:
        if chain.word not in OWN_WORDS:
            return None
        missing = f"{chain.prefix}{first if opening is None else last}.weight"
        raise ShapeMismatch(f"{name}: {missing} is missing, expected a convolution's; is the file whole?")
    if opening.ndim != 4 or closing.ndim != 4 or opening.shape[1] not in (1, 3) or opening.shape[2:] != (3, 3):
        return None
    return (opening.shape[0], opening.shape[1]), closing.shape[0]
