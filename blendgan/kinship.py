"""Are two models of one family? Their filters say it: fine-tuning keeps a filter's place and pattern.

    rho = (F_a - mean F_a) . (F_b - mean F_b) / (|F_a - mean F_a| |F_b - mean F_b|)        (Wang et al. 2018, eq. 3)

F is one output filter [in k k] as a vector, and a layer's value the median over its filters, as in their figure 4. (The
printed equation has the square roots of the norms below the line; they call it "similar to Pearson", and only without
the roots does it ignore scale, as they say it does.) Filters of models that share no beginning give 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

import torch
from torch import Tensor

from blendgan.ancestry import evidence
from blendgan.differences import OPTIONAL_ROLES, Difference, differences_in_common
from blendgan.sources import Source
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.checkpoints.lazy import describe
from stylegan2.errors import RecipeError, ShapeMismatch
from stylegan2.sites import sites

Verdict = Literal["same family", "same architecture only", "incompatible"]

# Wang et al. 2018, section 4.5: the models that they interpolated well had 0.689 and more, the failures under 0.1.
WORKS_FROM = 0.689
FAILS_BELOW = 0.1

ENDING = ".weight"
CHUNK = 1 << 18  # numbers worked on at a time: they stay in the processor's cache
ROUNDING = 1e-12  # of a filter's norm: what is left of a constant one after its mean is taken off, in float64
GLANCE_FILTERS = 64  # of each layer, for a quick look: 64 filters of 100 weights give 0 ± 0.02 where nothing is shared


@dataclass(frozen=True)
class Row:
    """One part of two models. `resolution` in px, None for the mapping network.

    `correlation` is the median over the part's layers, in [-1, 1]; `distance` the L2 norm of the change relative to
    that of BASE, over all that training moves there.
    """

    resolution: int | None
    correlation: float
    distance: float


@dataclass(frozen=True)
class Kinship:
    """What two models have in common: over the resolutions that both have, and as their metadata says.

    `correlation` is the median over all layers of the synthesis network; it decides between the verdicts. Without a
    common architecture there are no numbers, and `differences` says why, tensors first. `lineage` is what the metadata
    says of a common origin, `notes` what to know of the numbers: sentences both.
    """

    verdict: Verdict
    correlation: float | None
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    lineage: tuple[str, ...]
    notes: tuple[str, ...]


def correlation(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> dict[str, float]:
    """Return layer -> correlation index, the median over its output filters, for any two networks' tensors.

    Layers are the tensors called `….weight`, [out, in, …], that both have; those with one number for each output have
    no pattern and are left out. A filter without a pattern (all its weights alike) counts 1 where both models have the
    very same one, else 0. Wang et al. 2018, eq. 3 and figure 4. Raises ShapeMismatch for a layer of two shapes.
    """
    return {layer: float(filters.quantile(0.5)) for layer, filters in correlations(a, b)}


def correlations(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield (layer, correlation index of each of its output filters [out], float64); see `correlation`."""
    for name in a:
        if name.endswith(ENDING) and name in b and _has_pattern(weight := a[name]):
            yield name.removesuffix(ENDING), filter_correlation(name, weight, b[name])


def filter_correlation(name: str, a: Tensor, b: Tensor) -> Tensor:
    """Return the correlation index [out], float64 in [-1, 1], of the output filters of one layer, [out, in, …]."""
    if a.shape != b.shape:
        raise ShapeMismatch(
            f"{name}: found shapes {tuple(a.shape)} and {tuple(b.shape)}; only layers of one shape can be compared"
        )
    step = max(CHUNK * a.shape[0] // a.numel(), 1)
    parts = [slice(start, start + step) for start in range(0, a.shape[0], step)]
    return torch.cat([_pearson(a[rows].flatten(1).double(), b[rows].flatten(1).double()) for rows in parts])


def compare(base: Checkpoint, transfer: Checkpoint) -> Kinship:
    """Compare two generators at the resolutions that both have; see `Kinship`. Tensors are read one at a time."""
    found, said = differences_in_common(base, transfer), tuple(evidence(base, transfer))
    if found:
        return Kinship("incompatible", None, (), found, said, ())
    rows, values = [], []
    for part, names in _parts(base, transfer).items():
        layers = _layers(names, base, transfer)
        rows.append(Row(part, median(layers) if layers else math.nan, _distance(names, base, transfer)))
        values += layers if part is not None else []
    overall = median(values)
    return Kinship(verdict_of(overall), overall, tuple(rows), (), said, tuple(_notes(base, transfer, rows, said)))


def verdict_of(overall: float) -> Verdict:
    """Judge models of one architecture by their correlation index.

    The border is the one below which all interpolation failed in the paper. Between it and WORKS_FROM a long
    transfer may lie, and nobody measured what becomes of it.
    """
    return "same family" if overall >= FAILS_BELOW else "same architecture only"


def quick(base: Checkpoint, transfer: Checkpoint) -> float:
    """Return about what `compare` calls `correlation`, from some filters of one convolution of each resolution.

    NaN where the models have no such layer of one shape: they do not fit each other anyway.
    """
    values = [
        filter_correlation(name, base.tensors[name][:GLANCE_FILTERS], transfer.tensors[name][:GLANCE_FILTERS])
        for name in _alike(base, transfer)
        if name.endswith("conv1" + ENDING)
    ]
    return float(torch.cat(values).quantile(0.5)) if values else math.nan


def check_related(base: Source, transfer: Source) -> None:
    """Raise RecipeError, which names --force, for two models of one architecture that are not of one family.

    Those of two architectures pass: that they do not fit is another error, with another advice.
    """
    models = base.checkpoint, transfer.checkpoint
    if not differences_in_common(*models) and (found := quick(*models)) < FAILS_BELOW:
        raise RecipeError(
            f"{base.name} (BASE) and {transfer.name} (TRANSFER) are not of one family: their filters correlate by "
            f"{found:.2f}, expected at least {FAILS_BELOW}, since below that blends show nothing; choose the BASE that "
            f"TRANSFER was trained from (`blendgan inspect BASE TRANSFER` compares two models), or say --force"
        )


def _pearson(a: Tensor, b: Tensor) -> Tensor:
    """The correlation of each row of a and b, [rows, n] float64."""
    same = (a == b).all(dim=1)
    a_rest, b_rest = a - a.mean(dim=1, keepdim=True), b - b.mean(dim=1, keepdim=True)
    a_spread, b_spread = a_rest.norm(dim=1), b_rest.norm(dim=1)
    has_pattern = (a_spread > ROUNDING * a.norm(dim=1)) & (b_spread > ROUNDING * b.norm(dim=1))  # no: NaN, infinities
    index = ((a_rest * b_rest).sum(dim=1) / (a_spread * b_spread)).clamp(-1, 1)
    return torch.where(same, 1.0, torch.where(has_pattern, index, 0.0))


def _has_pattern(weight: Tensor) -> bool:
    return weight.ndim >= 2 and weight.numel() > weight.shape[0]


def _layers(names: list[str], base: Checkpoint, transfer: Checkpoint) -> list[float]:
    values: list[float] = []
    for name in names:
        values += correlation({name: base.tensors[name]}, {name: transfer.tensors[name]}).values()
    return values


def _distance(names: list[str], base: Checkpoint, transfer: Checkpoint) -> float:
    moved = whole = 0.0
    for name in names:
        a, b = base.tensors[name].double(), transfer.tensors[name].double()
        moved += float((b - a).square().sum())
        whole += float(a.square().sum())
    return math.sqrt(moved / whole) if whole else math.nan


def _parts(base: Checkpoint, transfer: Checkpoint) -> dict[int | None, list[str]]:
    """The learned tensors that both have, by resolution; the mapping network's under None, first."""
    parts: dict[int | None, list[str]] = {}
    table = sites(base.config)
    for name in _alike(base, transfer):
        if table[name].role not in OPTIONAL_ROLES:
            parts.setdefault(table[name].resolution, []).append(name)
    return parts


def _alike(base: Checkpoint, transfer: Checkpoint) -> list[str]:
    """The generator's tensors that both models have, of one shape, in the table's order."""
    ours, theirs = describe(base.tensors), describe(transfer.tensors)
    names = [name for name in sites(base.config) if name in ours and name in theirs]
    return [name for name in names if ours[name][1] == theirs[name][1]]


def _notes(base: Checkpoint, transfer: Checkpoint, rows: list[Row], said: tuple[str, ...]) -> Iterator[str]:
    sizes = base.config.resolution, transfer.config.resolution
    if sizes[0] != sizes[1]:
        yield f"BASE has {sizes[0]} px, TRANSFER {sizes[1]} px: compared up to {min(sizes)} px"
    values = {row.resolution: row.correlation for row in rows if row.resolution is not None}
    weak = [r for r, value in values.items() if FAILS_BELOW <= value < WORKS_FROM]
    if weak:
        yield f"{_listed(weak)}: between {FAILS_BELOW} and {WORKS_FROM}, where nobody measured how blends turn out"
    failing = [r for r, value in values.items() if value < FAILS_BELOW]
    if failing:
        yield f"{_listed(failing)}: under {FAILS_BELOW}, where all interpolation failed in the paper"
    if len(failing) < len(values) and not said and any(row.distance for row in rows):
        yield "the metadata names no common origin; models trained from one random seed correlate as relatives do"


def _listed(resolutions: list[int]) -> str:
    return ", ".join(map(str, resolutions)) + " px"
