"""The study of learned generators: an even way is told as one, filters are compared, the page has its place."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent


class Plain:
    """Judges to whom pictures are as far apart as their numbers."""

    def distances(self, a, b):
        return (a - b).square().mean(dim=[1, 2, 3])


@pytest.fixture
def study(benchmark):
    return benchmark("tuning_generators")


def test_a_straight_way_is_even_and_as_long_as_its_ends_are_apart(study):
    first, last = (torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    shares = torch.linspace(0, 1, study.STEPS + 1).tolist()
    assert study._evenness([torch.lerp(first, last, share) for share in shares], Plain()) == ["1.00", "1.00"]
    late = [torch.lerp(first, last, share**2) for share in shares]
    largest, way = study._evenness(late, Plain())
    assert float(largest) == pytest.approx((1 - shares[-2] ** 2) * study.STEPS, abs=0.01)
    assert way == "1.00"
    there_and_back = [*[first, last] * (study.STEPS // 2), last]
    assert study._evenness(there_and_back, Plain())[1] == f"{study.STEPS - 1:.2f}"


def test_filters_of_the_shipped_pair(study):
    assert study._filters(None) == ["", ""]
    mean_absolute, cosine = map(float, study._filters(study.TRANSFER))
    assert 0.05 < mean_absolute < 0.15
    assert 0.98 < cosine < 1
    assert study._filters(study.BASE) == ["0.000", "1.000"]


def test_the_picture_has_a_row_for_each_path_and_seed(study):
    paths = {
        name: [torch.zeros(study.SHOWN, 3, 128, 128)] * (study.STEPS + 1) for name in (study.STRAIGHT, *study.FORMS)
    }
    width, height = study.sheet(paths).size
    assert height > 128 * study.SHOWN * len(paths)
    assert width > 128 * (1 + len(study.TOLD))


def test_the_page_has_a_place_for_it(study):
    text = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    name = study.NAME
    assert text.count(f"<!-- {name}: python -m benchmarks tuning_generators --into this file -->") == 1
    assert text.count(f"<!-- end of {name} -->") == 1
