"""How the filters of networks correlate, layer by layer (Wang et al. 2018, eq. 3 and figure 4), and what that says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

from torch import Tensor

from blendgan.dni.agreement import Named, check_numbers, check_tensors
from blendgan.dni.labels import labels, short
from blendgan.dni.network_files import NetworkFile, open_network
from blendgan.dni.state_dicts import shown
from blendgan.kinship import FAILS_BELOW, GLANCE_FILTERS, WORKS_FROM, correlations
from blendgan.plots import Axis, Chart, Line
from stylegan2.errors import InputError

Reading = Literal["akin", "between", "strangers"]
READINGS: dict[Reading, str] = {
    "akin": f"{WORKS_FROM} and more, as all networks had that the paper interpolated well",
    "between": f"between {FAILS_BELOW} and {WORKS_FROM}, where nobody measured how networks between turn out",
    "strangers": f"under {FAILS_BELOW}, where all interpolation failed in the paper: do not mix them",
}
NOT_SUFFICIENT = (
    "a high index is necessary, not sufficient: networks trained apart from one seed have it too, and those between "
    "them can be worse than both; --images DIR measures it on pictures"
)
MOST_TICKS = 12  # layers that are numbered in a chart
MOST_NAMED = 4  # layers that a sentence names


@dataclass(frozen=True)
class Layer:
    """The correlation index of one layer's filters: median and quartiles, in [-1, 1]; `filters` is how many."""

    name: str
    filters: int
    lower: float
    median: float
    upper: float


@dataclass(frozen=True)
class Pair:
    """The first network against another: each layer in the first one's order, and the median over them."""

    first: str
    other: str
    layers: tuple[Layer, ...]

    @property
    def correlation(self) -> float:
        """The median over the layers, which decides."""
        return median(layer.median for layer in self.layers)

    @property
    def reading(self) -> Reading:
        """What the paper found for networks of such an index (section 4.5)."""
        return read(self.correlation)


def read(correlation: float) -> Reading:
    """Return what the paper found for networks of this index."""
    if correlation >= WORKS_FROM:
        return "akin"
    return "between" if correlation >= FAILS_BELOW else "strangers"


def correlate(models: Sequence[str | os.PathLike[str] | NetworkFile]) -> tuple[Pair, ...]:
    """Compare the first network with each of the others; tensors are read one layer at a time.

    Raises ShapeMismatch for two architectures, CheckpointError for a NaN, and InputError where fewer than two networks,
    or no layers with filters ([out, in, …], named `….weight`), are given.
    """
    networks = [open_network(model) for model in models]
    if len(networks) < 2:
        raise InputError(f"found {len(networks)} network, expected two or more: blendgan dni correlation A B")
    named = [Named(network.name, network.tensors) for network in networks]
    check_tensors(named)
    check_numbers(named)
    return tuple(_pair(networks[0], other) for other in networks[1:])


def glance(first: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float | None:
    """Return about what `Pair.correlation` is, from some filters of each layer; None without layers."""
    names = [name for name in first if name in other and name.endswith(".weight")]
    values = [
        float(filters.quantile(0.5))
        for name in names
        for _, filters in correlations(
            {name: first[name][:GLANCE_FILTERS] if first[name].ndim else first[name]},
            {name: other[name][:GLANCE_FILTERS] if other[name].ndim else other[name]},
        )
    ]
    return median(values) if values else None


def rows(pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    """Return the table: a row for each layer, its name and number of filters, then what each pair has there."""
    lines = zip(*(pair.layers for pair in pairs), strict=True)
    return [(of_one[0].name, str(of_one[0].filters), *map(_told, of_one)) for of_one in lines] + [
        ("all layers: median", "", *(f"{pair.correlation:.3f}" for pair in pairs))
    ]


def headings(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Return what stands above the columns of `rows`."""
    return ("layer", "filters", *(f"{other}: median (quartiles)" for other in _short(pairs)[1:]))


def sentences(pairs: Sequence[Pair]) -> Iterator[str]:
    """Return the paper's reading of each pair, which layers fall short of it, and what it does not say."""
    for pair in pairs:
        yield f"{pair.other}: {pair.reading}: index {pair.correlation:.3f}, {READINGS[pair.reading]}"
        weak = [layer.name for layer in pair.layers if read(layer.median) != "akin"]
        if weak and pair.reading == "akin":
            more = f" and {len(weak) - MOST_NAMED} more" if len(weak) > MOST_NAMED else ""
            yield f"  layers under {WORKS_FROM}: {', '.join(weak[:MOST_NAMED])}{more}"
    if any(pair.reading != "strangers" for pair in pairs):
        yield NOT_SUFFICIENT


def to_json(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return the comparison and its thresholds as plain JSON values."""
    return {
        "first": pairs[0].first,
        "pairs": [
            {
                "other": pair.other,
                "correlation": pair.correlation,
                "reading": pair.reading,
                "layers": [asdict(layer) for layer in pair.layers],
            }
            for pair in pairs
        ],
        "thresholds": {"fails_below": FAILS_BELOW, "works_from": WORKS_FROM},
    }


def chart(pairs: Sequence[Pair]) -> Chart:
    """Return the index over the layers' numbers: of two networks with its quartiles, of more the medians."""
    count = len(pairs[0].layers)
    step = -(-count // MOST_TICKS)
    first, *others = _short(pairs)
    title = f"Correlation of filters with {first}"
    if len(pairs) == 1:
        layers = pairs[0].layers
        values = {
            "upper quartile": [layer.upper for layer in layers],
            "lower quartile": [layer.lower for layer in layers],
            "median": [layer.median for layer in layers],  # last: drawn above the others
        }
        title += f": {others[0]}"
    else:
        values = {other: [layer.median for layer in pair.layers] for other, pair in zip(others, pairs, strict=True)}
    lines = tuple(Line(name, tuple(enumerate(numbers, 1))) for name, numbers in values.items())
    marks = {f"paper: worked from {WORKS_FROM}": WORKS_FROM, f"paper: failed under {FAILS_BELOW}": FAILS_BELOW}
    return Chart(title, lines, marks, Axis("layer, from the input", ticks=tuple(range(1, count + 1, step))))


def _pair(first: NetworkFile, other: NetworkFile) -> Pair:
    layers = []
    for name, filters in correlations(first.tensors, other.tensors):
        lower, middle, upper = (float(filters.quantile(share)) for share in (0.25, 0.5, 0.75))
        layers.append(Layer(shown(name), len(filters), lower, middle, upper))
    if not layers:
        raise InputError(
            f"{first.name}: found no layers with filters ('….weight', [out, in, …]), so nothing to compare; choose "
            "networks with convolutions or linear layers"
        )
    return Pair(first.name, other.name, tuple(layers))


def _told(layer: Layer) -> str:
    return f"{layer.median:.3f} ({layer.lower:.3f} to {layer.upper:.3f})"


def _short(pairs: Sequence[Pair]) -> list[str]:
    """The names of the first network and of each other, as headings and charts have them."""
    named = labels([pairs[0].first, *(pair.other for pair in pairs)])
    cut = short(named)
    return [cut[name] for name in named]
