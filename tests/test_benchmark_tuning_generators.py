"""The study of learned generators: an even way is told as one, filters are compared, the page has its place."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent


class Plain:
    """Judges to whom pictures are as far apart as their numbers: the mean square of their differences, three times."""

    def features(self, drawn):
        return [[drawn]]


@pytest.fixture
def study(benchmark):
    return benchmark("tuning_generators")


def test_a_straight_way_is_even_and_as_long_as_its_ends_are_apart(study):
    base, wanted = (torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    shares = torch.linspace(0, 1, study.STEPS + 1).tolist()
    whole = float((base - wanted).square().mean() * 3)
    even = study.walk([torch.lerp(base, wanted, share) for share in shares], base, wanted, Plain())
    assert (even.largest, even.way) == (pytest.approx(1), pytest.approx(1))
    assert even.from_base == pytest.approx([whole * share**2 for share in shares], abs=1e-5)
    assert even.from_transfer == pytest.approx(even.from_base[::-1], abs=1e-5)
    assert even.alpha_at(0.75) == pytest.approx(0.5)  # a quarter of the distance, a square, is left
    late = study.walk([torch.lerp(base, wanted, share**2) for share in shares], base, wanted, Plain())
    assert late.largest == pytest.approx((1 - shares[-2] ** 2) * study.STEPS)
    assert late.way == pytest.approx(1)
    assert late.alpha_at(0.75) == pytest.approx(0.5**0.5, abs=0.01)
    there_and_back = study.walk([*[base, wanted] * (study.STEPS // 2), wanted], base, wanted, Plain())
    assert there_and_back.way == pytest.approx(study.STEPS - 1)


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
