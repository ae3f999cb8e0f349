"""The study's page: tables between the right marks, and the tests' pictures are none that were trained on."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
MARKS = "<!-- {0}: python -m benchmarks dni {0} --into this file -->\n{1}\n<!-- end of {0} -->"


def test_a_study_replaces_its_own_part_of_the_page(benchmark, tmp_path):
    pages = benchmark("pages")
    page = tmp_path / "page.md"
    page.write_text(f"a\n{MARKS.format('family', 'old')}\nb\n{MARKS.format('foreign', 'kept')}\nc\n", encoding="utf-8")
    pages.put(page, "family", "benchmarks dni family", pages.Study("new", {"p.png": Image.new("RGB", (3, 2))}))
    text = page.read_text(encoding="utf-8")
    assert text == f"a\n{MARKS.format('family', chr(10) + 'new' + chr(10))}\nb\n{MARKS.format('foreign', 'kept')}\nc\n"
    with Image.open(tmp_path / "pictures" / "p.png") as picture:
        assert picture.size == (3, 2)
    with pytest.raises(ValueError, match="found no marks"):
        pages.put(page, "generators", "benchmarks dni generators", pages.Study("new"))


def test_the_page_has_a_place_for_each_study(benchmark):
    text = (ROOT / "docs" / "dni.md").read_text(encoding="utf-8")
    for name in benchmark("dni").NAMES:
        first, last = MARKS.format(name, "|").split("\n|\n")
        assert text.count(first) == text.count(last) == 1


def test_no_picture_of_the_test_was_trained_on(benchmark, monkeypatch):
    pictures = benchmark("dni_pictures")
    monkeypatch.syspath_prepend(str(ROOT / "weights"))
    trained = importlib.import_module("train_denoisers").TRAINED_ON
    assert not set(pictures.PUBLIC) & set(trained)
    assert [file.name for file in pictures.public_pictures()] == list(pictures.PUBLIC)
    assert set(trained) <= {
        file.name for file in pictures.clean_files(pictures.Path(pictures.skimage.data.__file__).parent)
    }


def test_a_table(benchmark):
    assert benchmark("pages").markdown(("a", "b"), [(1, "x"), (2, "y")]) == (
        "| a | b |\n| --- | --- |\n| 1 | x |\n| 2 | y |"
    )
