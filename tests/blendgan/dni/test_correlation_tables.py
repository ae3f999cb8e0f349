"""The correlation index layer by layer: the one function of `inspect`, the paper's reading, table, JSON and chart."""

from __future__ import annotations

import json

import pytest
import torch

from blendgan.dni.correlation_tables import (
    NOT_SUFFICIENT,
    chart,
    correlate,
    glance,
    headings,
    read,
    rows,
    sentences,
    to_json,
)
from blendgan.dni.network_files import NetworkFile, open_network
from blendgan.kinship import correlation
from stylegan2.errors import CheckpointError, InputError, ShapeMismatch


def of(state, name) -> NetworkFile:
    return NetworkFile(name, {"": state})


def moved(state, share):
    random = torch.Generator().manual_seed(7)
    return {k: v + share * torch.randn(v.shape, generator=random) if v.ndim > 1 else v for k, v in state.items()}


def test_layers_are_those_of_the_one_function(network):
    a, b = network(0), moved(network(0), 0.4)
    (pair,) = correlate([of(a, "a.pth"), of(b, "b.pth")])
    assert {layer.name: layer.median for layer in pair.layers} == correlation(a, b)
    assert [(layer.name, layer.filters) for layer in pair.layers] == [("conv", 4), ("fc", 2)]
    assert all(layer.lower <= layer.median <= layer.upper for layer in pair.layers)
    assert any(layer.lower < layer.median < layer.upper for layer in pair.layers)
    assert pair.correlation == pytest.approx(sum(layer.median for layer in pair.layers) / 2)
    assert glance(a, b) == pytest.approx(pair.correlation)


@pytest.mark.parametrize(
    ("value", "reading"),
    [(1, "akin"), (0.689, "akin"), (0.688, "between"), (0.1, "between"), (0.0999, "strangers"), (-1, "strangers")],
)
def test_readings_are_the_papers(value, reading):
    assert read(value) == reading


def test_what_is_told(network):
    a = {f"{i}.weight": torch.randn(50, 80, generator=torch.Generator().manual_seed(i)) for i in range(3)}
    near = moved(a, 0.2) | {"2.weight": moved(a, 2.0)["2.weight"]}
    far = {name: torch.randn(50, 80, generator=torch.Generator().manual_seed(99)) for name in a}
    pairs = correlate([of(a, "x/n20.pth"), of(near, "n30.pth"), of(far, "kair.pth")])
    told = list(sentences(pairs))
    assert told[0].startswith("n30.pth: akin: index 0.98")
    assert told[1] == "  layers under 0.689: 2"
    assert told[2].startswith("kair.pth: strangers: index ")
    assert "under 0.1, where all interpolation failed in the paper" in told[2]
    assert told[3] == NOT_SUFFICIENT
    assert headings(pairs) == ("layer", "filters", "n30: median (quartiles)", "kair: median (quartiles)")
    assert [row[0] for row in rows(pairs)] == ["0", "1", "2", "all layers: median"]
    assert len(chart(pairs).lines) == 2
    assert [line.name for line in chart(pairs[:1]).lines] == ["upper quartile", "lower quartile", "median"]
    assert list(sentences(pairs[1:])) == told[2:3]


def test_networks_of_one_file_name_are_told_apart(network):
    pairs = correlate([of(network(0), "n20.pth"), *(of(network(i), f"{i}/net.pth") for i in (1, 2))])
    assert headings(pairs)[2:] == ("1/net.pth: median (quartiles)", "2/net.pth: median (quartiles)")
    assert [line.name for line in chart(pairs).lines] == ["1/net.pth", "2/net.pth"]
    names = [f"my_long_experiment_name_dncnn_sigma{level}_iter_200000.pth" for level in (20, 60)]
    assert chart(correlate([of(network(0), name) for name in names])).title == (
        "Correlation of filters with ...sigma20_iter_200000: ...sigma60_iter_200000"
    )


def test_a_network_with_nan_is_refused(network):
    broken = {**network(1), "conv.bias": torch.full((4,), torch.nan)}
    with pytest.raises(CheckpointError, match=r"nan\.pth: found NaN in conv\.bias; expected finite numbers"):
        correlate([of(network(0), "a.pth"), of(broken, "nan.pth")])


def test_json(network):
    found = json.loads(json.dumps(to_json(correlate([of(network(0), "a"), of(network(0), "b")]))))
    assert found["first"] == "a"
    assert found["pairs"][0]["correlation"] == 1
    assert found["pairs"][0]["layers"][0] == {"name": "conv", "filters": 4, "lower": 1, "median": 1, "upper": 1}
    assert found["thresholds"] == {"fails_below": 0.1, "works_from": 0.689}


def test_networks_that_cannot_be_compared(network):
    with pytest.raises(ShapeMismatch, match=r"conv\.bias: missing in b"):
        correlate([of(network(0), "a"), of({k: v for k, v in network(1).items() if k != "conv.bias"}, "b")])
    with pytest.raises(InputError, match="found 1 network, expected two or more"):
        correlate([of(network(0), "a")])
    with pytest.raises(InputError, match="a: found no layers with filters .*; choose networks with convolutions"):
        correlate([of({"bias": torch.ones(2)}, "a"), of({"bias": torch.ones(2)}, "b")])


def test_networks_of_restoration(shared):
    folder = shared / "data" / "restoration"
    low, *others = (folder / f"dncnn17-gray-{name}.safetensors" for name in ("L", "M", "H", "kair25"))
    found = correlate([low, *others])
    assert [pair.reading for pair in found] == ["akin", "akin", "strangers"]
    assert [len(pair.layers) for pair in found] == [17] * 3
    assert abs(found[2].correlation) < 0.02
    (pair,) = correlate([folder / f"realesr-general-{name}x4v3.safetensors" for name in ("", "wdn-")])
    medians = [layer.median for layer in pair.layers]
    assert (round(min(medians), 2), round(max(medians), 3)) == (0.70, 0.995)
    assert pair.reading == "akin"
    assert glance(*(open_network(path).tensors for path in (low, others[2]))) == pytest.approx(0, abs=0.02)
