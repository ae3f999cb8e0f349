"""The study of tunings: what its tables make of figures, that it goes on, and that no test picture was trained on."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOISES = ("20", "30", "40", "50", "60", "70", "80")
ALPHAS = (0.0, 1 / 6, 0.2, 1 / 3, 0.4, 0.5, 0.6, 2 / 3, 0.8, 5 / 6, 1.0)


@pytest.fixture
def tables(benchmark):
    return benchmark("tuning_tables")


def seed_of(tables, shift):
    """Figures whose best α is 0.2 at noise 40 and 0.5 elsewhere, 28 dB and more by the place of the method."""
    methods = {method: i / 10 for i, method in enumerate(tables.FORMS)}
    curves = {
        method: {n: [(a, 28 + more + shift - abs(a - (0.2 if n == "40" else 0.5))) for a in ALPHAS] for n in NOISES}
        for method, more in methods.items()
    }
    filters = {method: (0.01 + more / 10, 0.9) for method, more in methods.items() if method != "CFSNet"}
    colour = {method: {"50": {"0.25": 1.0, "0.5": 2.0 + shift, "0.75": 1.0}} for method in methods}
    single = {"public": {n: 29.0 for n in ("20", "40", "60", "80")}}
    return {"single": single, "curves": {"public": curves}, "colour": colour, "filters": filters}


def row(table, name):
    return next(line.split(" | ") for line in table.splitlines() if line.startswith(f"| {name} |"))


def test_means_spreads_and_differences(tables):
    figures = [seed_of(tables, 0.0), seed_of(tables, 0.2)]
    best = tables.best_table(figures, "public")
    assert row(best, "DNI")[2] == "28.10 ± 0.14"
    assert row(best, "FTN-spatial")[2] == "**28.90 ± 0.14**"  # the last one is the best in all columns but the first
    assert "**" not in row(best, "FTN-spatial")[1]
    paper = row(tables.paper_table(figures), "DNI")
    assert paper[1:4] == ["-0.70", "-0.90 ± 0.14", "-0.20"]
    assert row(tables.paper_table(figures), "Dynamic-Net")[1] == ""  # the paper has none
    ablation = row(tables.ablation_table(figures), "FTN-deeper")
    assert ablation[1:5] == ["-0.12", "-0.09", "-0.01", "+0.10 ± 0.00"]


def test_the_ruler(tables):
    figures = [seed_of(tables, 0.0)]
    cells = row(tables.smooth_table(figures), "FTN")
    assert cells[1:6] == ["0.50", "0.20", "0.50", "0.50", "0.50"]
    distances = [1 / 2 - 1 / 6, 1 / 3 - 1 / 5, 0, 2 / 3 - 1 / 2, 5 / 6 - 1 / 2]
    lost = f"{sum(distances) / 5:.2f}"
    assert cells[6:] == [lost, f"{lost} |"]  # a dB for each unit of α, here


@pytest.mark.slow
def test_all_parts_of_the_text_and_both_charts(tables):
    longer = {"FTN": seed_of(tables, 0.7)["curves"]["public"]["FTN"]}
    found = tables.study([seed_of(tables, 0.0), seed_of(tables, 0.2)], longer)
    assert row(found.text, "FTN")  # of the first table
    assert row(tables.longer_table(seed_of(tables, 0.0), longer), "FTN")[2] == "29.30 at 0.20 (+0.70)"
    assert sorted(found.pictures) == ["tuning-alpha.png", "tuning-gap.png"]
    for heading in ("2 seeds", "PSNR at the best", "from nothing", "Structures", "filters change", "ruler", "Colour"):
        assert heading in found.text
    assert "| CFSNet |" not in tables.filter_table([seed_of(tables, 0.0)])


@pytest.mark.slow
def test_what_is_trained_is_not_trained_again(benchmark, tmp_path, monkeypatch):
    networks = benchmark("tuning_networks")
    forms = {name: networks.FORMS[name] for name in ("FTN-gc16", "DNI")}
    monkeypatch.setattr(networks, "FORMS", forms)
    for group, names in (("COLOURED", ("coffee.png",)), ("GREY", ("text.png",)), ("MORE_GREY", ())):
        monkeypatch.setattr(networks, group, names)
    monkeypatch.setattr(networks, "SINGLE", (80.0,))
    monkeypatch.setattr(networks, "WIDTH", 16)
    monkeypatch.setattr(networks, "BLOCKS", 1)
    course = networks.Course(tmp_path, shortened=5000)
    monkeypatch.setattr(networks, "LONGER", ("DNI",))

    def train(seed):
        return [
            line.split(":")[0] for more in (networks.train_seed, networks.train_more) for line in more(course, seed)
        ]

    names = ["main-20", "FTN-gc16", "DNI", "main-80", "DNI-longer"]
    assert train(3) == [f"seed-3/{name}.safetensors" for name in names]
    (tmp_path / "seed-3" / "DNI.safetensors").unlink()
    assert train(3) == ["seed-3/DNI.safetensors"]


def test_no_picture_of_the_test_was_trained_on(benchmark, monkeypatch):
    networks, pictures = benchmark("tuning_networks"), benchmark("dni_pictures")
    trained = {*networks.COLOURED, *networks.GREY, *networks.MORE_GREY}
    assert not set(pictures.PUBLIC) & trained
    monkeypatch.syspath_prepend(str(ROOT / "weights"))
    assert trained == set(importlib.import_module("train_denoisers").TRAINED_ON)


def test_the_page_has_a_place_for_it():
    text = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    first = "<!-- comparison: python -m benchmarks tuning --into this file -->"
    assert text.count(first) == text.count("<!-- end of comparison -->") == 1
