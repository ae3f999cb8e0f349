"""In what do two generators differ, so that their tensors cannot be paired? Names and shapes, then their configs."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

from stylegan2.checkpoints.checkpoint import DISCRIMINATOR_PREFIX, RAW_PREFIX, Checkpoint
from stylegan2.checkpoints.lazy import describe
from stylegan2.sites import NOISE_BUFFER, W_AVG, sites

OPTIONAL_ROLES = (W_AVG, NOISE_BUFFER)  # rosinality's training files have no w_avg; noise can be drawn anew
# How a network trained or is run, not what its tensors mean (BASE's value stays); and widths that mean nothing without
# labels or hidden layers, where readers may fill them in differently. Where they mean something the shapes differ too.
FREE_FIELDS = ("conv_clamp", "w_avg_decay", "embed_dim", "mapping_width")
SIZE_FIELDS = ("resolution", "channels")  # differ between the sizes of one architecture

NONE, STRANGE = "none", "a tensor of no architecture"


@dataclass(frozen=True)
class Difference:
    """One thing (a tensor or a field of the config) in which two models differ, and what each of them has."""

    what: str
    base: str
    transfer: str


def differences(base: Checkpoint, transfer: Checkpoint) -> tuple[Difference, ...]:
    """Return what keeps two generators from being of one architecture and size: tensors first, then fields.

    Tensors are paired by name, in the table's order; names outside the table come last. Those of OPTIONAL_ROLES may be
    missing.
    """
    return (*_of_tensors(base, transfer), *_of_fields(base, transfer))


def differences_in_common(base: Checkpoint, transfer: Checkpoint) -> tuple[Difference, ...]:
    """Return those that concern the resolutions that both have: none for two sizes of one architecture."""
    shared = sites(base.config).keys() & sites(transfer.config).keys() | (vars(base.config).keys() - SIZE_FIELDS)
    return tuple(found for found in differences(base, transfer) if found.what in shared)


def _of_tensors(base: Checkpoint, transfer: Checkpoint) -> Iterator[Difference]:
    table = sites(base.config) | sites(transfer.config)
    optional = {name for name, site in table.items() if site.role in OPTIONAL_ROLES}
    ours, theirs = _told(base, table), _told(transfer, table)
    for name in [*table, *sorted((ours.keys() | theirs.keys()) - table.keys())]:
        a, b = ours.get(name, NONE), theirs.get(name, NONE)
        missing = NONE in (a, b)
        if name not in table or (missing and name not in optional) or (not missing and a != b):
            yield Difference(name, a, b)


def _told(checkpoint: Checkpoint, table: Container[str]) -> dict[str, str]:
    """Name → the shape of each tensor of the generator, or that the table has no place for it."""
    described = describe(checkpoint.tensors).items()
    mine = {name: shape for name, (_, shape) in described if not name.startswith((DISCRIMINATOR_PREFIX, RAW_PREFIX))}
    return {name: f"shape {shape}" if name in table else STRANGE for name, shape in mine.items()}


def _of_fields(base: Checkpoint, transfer: Checkpoint) -> Iterator[Difference]:
    for field, value in vars(base.config).items():
        other = vars(transfer.config)[field]
        if value != other and field not in FREE_FIELDS:
            yield Difference(field, str(value), str(other))
