"""Do networks fit each other? Their tensors' names and shapes must be the same, and their numbers must be numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from blendgan.dni.state_dicts import shown
from stylegan2.checkpoints.lazy import Description, describe, number_format
from stylegan2.errors import CheckpointError, ShapeMismatch

NUMBERS = {"float64", "float32", "float16", "bfloat16"}  # the types that have values between
ADVICE = "only networks of one architecture, fine-tuned from one parent, can be mixed"


@dataclass(frozen=True, eq=False)
class Named:
    """One network's tensors, and what messages call it."""

    name: str
    tensors: Mapping[str, Tensor]


@dataclass(frozen=True)
class Clash:
    """A tensor that two networks do not have alike; `place` is its rank in the first network's order."""

    place: int
    tensor: str
    words: str


def is_real(dtype: str) -> bool:
    """Whether a type, by a description's name, has values between: floating point, not a counter or a flag."""
    return number_format(dtype) in NUMBERS


def check_tensors(networks: Sequence[Named], where: str = "") -> None:
    """Raise ShapeMismatch for networks of two architectures.

    It names the first tensor, in the first network's order, that another lacks or has otherwise, then those that only
    others have, and counts the rest. `where` goes before the tensors' names.
    """
    described = [describe(network.tensors) for network in networks]
    clashes = [
        clash
        for network, description in zip(networks[1:], described[1:], strict=True)
        for clash in _clashes(networks[0].name, described[0], network.name, description, where)
    ]
    if not clashes:
        return
    first = min(clashes, key=lambda clash: clash.place)
    others = len({clash.tensor for clash in clashes}) - 1
    more = f" ({others} more tensor{'s differ' if others > 1 else ' differs'})" if others else ""
    raise ShapeMismatch(f"{first.words}{more}; {ADVICE}")


def check_numbers(networks: Sequence[Named], where: str = "") -> None:
    """Raise CheckpointError for a NaN, or for an infinity that is not in all of the networks: they have no mean.

    All the networks given are looked at, so leave out those of weight 0. Tensors are read one name at a time.
    """
    spoilt = _spoilt(networks)
    first = next(spoilt, None)
    if first is None:
        return
    name, words = first
    others = sum(1 for _ in spoilt)
    more = f" ({others} more tensor{'s' if others > 1 else ''} like that)" if others else ""
    raise CheckpointError(
        f"{words} in {where}{shown(name)}{more}; expected finite numbers: such a network cannot be mixed"
    )


def _spoilt(networks: Sequence[Named]) -> Iterator[tuple[str, str]]:
    """The tensors without a mean, and whose numbers are why."""
    description = describe(networks[0].tensors)
    for name in description:
        tensors = [network.tensors[name] for network in networks]
        wrong = [i for i, tensor in enumerate(tensors) if not torch.isfinite(tensor).all()]
        without = [i for i in wrong if torch.isnan(tensors[i]).any()]
        if without:
            yield name, f"{networks[without[0]].name}: found NaN"
        elif wrong and not _same_infinities(tensors):
            yield name, f"{networks[wrong[0]].name}: found an infinity"


def _same_infinities(tensors: Sequence[Tensor]) -> bool:
    """Whether infinities stand at the same places, of the same sign."""
    signs = [torch.where(torch.isinf(tensor), tensor, 0).sign().to(torch.int8) for tensor in tensors]
    return all(torch.equal(signs[0], other) for other in signs[1:])


def _clashes(base: str, ours: Description, other: str, theirs: Description, where: str) -> Iterator[Clash]:
    for place, (name, (dtype, shape)) in enumerate(ours.items()):
        if name not in theirs:
            yield Clash(
                place, name, f"{where}{shown(name)}: missing in {other}, expected as {base} has it, {list(shape)}"
            )
            continue
        their_type, their_shape = theirs[name]
        if shape != their_shape:
            yield Clash(
                place, name, f"{where}{shown(name)}: {base} has shape {list(shape)}, {other} {list(their_shape)}"
            )
        elif is_real(dtype) != is_real(their_type):
            types = number_format(dtype), number_format(their_type)
            yield Clash(place, name, f"{where}{shown(name)}: {base} has type {types[0]}, {other} {types[1]}")
    for place, name in enumerate((name for name in theirs if name not in ours), len(ours)):
        yield Clash(place, name, f"{where}{shown(name)}: found in {other} alone, not in {base}")
