"""Data sets made of folders: what is in the zip, what is left out and why, and that nothing is half-written."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import projector
from blendgan import datasets
from blendgan.cropping import Cropper, LeftOut
from blendgan.datasets import make_dataset
from projector import geometry
from stylegan2.errors import InputError
from stylegan2.train.data import open_dataset, shuffled_indices
from stylegan2.train.sources import open_source, with_folder_labels

SQUARE = Cropper("square", 16)


def noise(seed: int, width: int = 24, height: int = 20) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures in two classes."""
    path = tmp_path / "in"
    for i in range(6):
        (path / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        noise(i).save(path / "ab"[i % 2] / f"{i}.png")
    return path


def table(zipped: Path, name: str) -> list[list[str]]:
    with zipfile.ZipFile(zipped) as opened:
        return list(csv.reader(io.StringIO(opened.read(name).decode())))[1:]


def test_what_is_in_the_zip(folder: Path, tmp_path: Path) -> None:
    report = make_dataset(with_folder_labels(open_source(folder)), tmp_path / "out.zip", SQUARE)
    with zipfile.ZipFile(tmp_path / "out.zip") as opened:
        assert all(member.compress_type == zipfile.ZIP_STORED for member in opened.infolist())
        names = opened.namelist()
        listed = json.loads(opened.read("dataset.json"))
        first = np.asarray(Image.open(io.BytesIO(opened.read("00000/img00000000.png"))))
    pictures = [f"00000/img{i:08d}.png" for i in range(6)]
    assert names == [*pictures, "dataset.json", "index.csv", "left-out.csv"]
    assert listed == {"labels": [[name, int(i > 2)] for i, name in enumerate(pictures)], "class_names": ["a", "b"]}
    middle = noise(0).resize((16, 16), Image.Resampling.LANCZOS, box=(2, 0, 22, 20))
    np.testing.assert_array_equal(first, np.asarray(middle))
    sources = ["a/0.png", "a/2.png", "a/4.png", "b/1.png", "b/3.png", "b/5.png"]
    assert table(tmp_path / "out.zip", "index.csv") == [
        [n, s, "0", "20"] for n, s in zip(pictures, sources, strict=True)
    ]
    assert [entry.source for entry in report.entries] == sources
    assert report.left_out == ()


def test_training_on_the_zip_is_training_on_the_folder(folder: Path, tmp_path: Path) -> None:
    make_dataset(with_folder_labels(open_source(folder)), tmp_path / "out.zip", SQUARE)
    plain, made = open_dataset(folder, 16), open_dataset(tmp_path / "out.zip", 16)
    assert torch.equal(plain.batch(3, 8, 0, mirror=True).pictures, made.batch(3, 8, 0, mirror=True).pictures)
    assert (plain.num_classes, made.num_classes) == (0, 2)
    labels = made.batch(0, 6, 0, mirror=False).labels
    assert labels is not None
    assert labels[:, 1].tolist() == [float(i > 2) for i in shuffled_indices(6, 0, 6, 0)]


def test_labels_are_carried_over_and_null_without(folder: Path, tmp_path: Path) -> None:
    make_dataset(with_folder_labels(open_source(folder)), tmp_path / "one.zip", SQUARE)
    make_dataset(open_source(tmp_path / "one.zip"), tmp_path / "two.zip", SQUARE)
    with zipfile.ZipFile(tmp_path / "one.zip") as one, zipfile.ZipFile(tmp_path / "two.zip") as two:
        assert one.read("dataset.json") == two.read("dataset.json")
    make_dataset(open_source(folder), tmp_path / "bare.zip", SQUARE)
    with zipfile.ZipFile(tmp_path / "bare.zip") as bare:
        assert json.loads(bare.read("dataset.json")) == {"labels": None}
    vectors = [["ab"[i % 2] + f"/{i}.png", [i / 4, -1.0]] for i in range(6)]
    (folder / "dataset.json").write_text(json.dumps({"labels": vectors}))
    report = make_dataset(open_source(folder), tmp_path / "vectors.zip", SQUARE)
    assert {entry.source: list(entry.label) for entry in report.entries} == dict(vectors)  # type: ignore[arg-type]
    assert open_source(tmp_path / "vectors.zip").labels.num_classes == 2


def test_half_labelled_pictures_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "dataset.json").write_text('{"labels": [["a/0.png", 1]]}')
    with pytest.raises(InputError, match=r"5 of 6 pictures have no label, the first is a/2.png; .*--labels none"):
        make_dataset(open_source(folder), tmp_path / "out.zip", SQUARE)
    assert not (tmp_path / "out.zip").exists()


@pytest.mark.parametrize("workers", [1, 5])
def test_the_same_pictures_give_the_same_bytes(folder: Path, tmp_path: Path, workers: int) -> None:
    noise(2).save(folder / "a" / "copy.jpg", quality=90)
    (folder / "b" / "bad.png").write_bytes(b"broken")
    for name, count in (("one", 2), ("two", workers)):
        make_dataset(open_source(folder), tmp_path / f"{name}.zip", SQUARE, workers=count)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_copies_and_broken_files_are_left_out_by_name(folder: Path, tmp_path: Path) -> None:
    large = Image.fromarray(np.random.default_rng(7).integers(0, 256, (40, 40, 3), np.uint8)).resize((160, 160))
    large.save(folder / "b" / "large.png")
    large.resize((80, 80), Image.Resampling.LANCZOS).save(folder / "a" / "small.jpg")
    (folder / "b" / "bad.jpg").write_bytes(b"broken")
    report = make_dataset(open_source(folder), tmp_path / "out.zip", Cropper("square", 64))
    copy, bad = report.left_out
    assert bad == LeftOut("b/bad.jpg", "cannot be read as a picture (of no known kind)", is_failure=True)
    assert report.failed == (bad,)
    assert (copy.name, copy.reason[:26], copy.is_failure) == ("a/small.jpg", "is a copy of b/large.png (", False)
    assert table(tmp_path / "out.zip", "left-out.csv") == [[one.name, one.reason] for one in report.left_out]
    assert [entry.source[2:] for entry in report.entries] == [
        "0.png",
        "2.png",
        "4.png",
        "1.png",
        "3.png",
        "5.png",
        "large.png",
    ]
    every = make_dataset(open_source(folder), tmp_path / "all.zip", SQUARE, duplicates=None)
    assert len(every.entries) == 8


def test_small_pictures_are_left_out_by_rule(folder: Path, tmp_path: Path) -> None:
    noise(9, 40, 30).save(folder / "a" / "large.png")
    report = make_dataset(open_source(folder), tmp_path / "out.zip", Cropper("square", 16, min_native_px=21))
    assert [entry.native_px for entry in report.entries] == [30]
    assert {one.reason for one in report.left_out} == {"has 20 px, fewer than 21"}
    assert report.failed == ()


def test_whole_pictures_must_be_square(folder: Path, tmp_path: Path) -> None:
    noise(9, 32, 32).save(folder / "a" / "square.png")
    report = make_dataset(open_source(folder), tmp_path / "out.zip", Cropper("none", 16))
    assert [entry.source for entry in report.entries] == ["a/square.png"]
    assert {one.reason for one in report.failed} == {"has 24 x 20 px, expected a square; or crop it"}


def test_folders_of_a_thousand(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "PER_FOLDER", 4)
    report = make_dataset(open_source(folder), tmp_path / "out.zip", SQUARE)
    assert [entry.name for entry in report.entries][3:5] == ["00000/img00000003.png", "00001/img00000004.png"]


def test_progress_counts_the_sources(folder: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    make_dataset(open_source(folder), tmp_path / "out.zip", SQUARE, watch=lambda *count: seen.append(count))
    assert seen == [(i, 6) for i in range(1, 7)]


def test_when_nothing_is_left_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.png").write_bytes(b"")
    (tmp_path / "out.zip").write_bytes(b"an older one")
    with pytest.raises(InputError, match=r"nothing is left of 1 pictures, the first is bad.png: .* \(it is empty\)"):
        make_dataset(open_source(tmp_path / "in"), tmp_path / "out.zip", SQUARE)
    assert (tmp_path / "out.zip").read_bytes() == b"an older one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.zip"]


def test_an_interruption_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_dataset(open_source(folder), tmp_path / "out.zip", SQUARE, watch=interrupt)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Cropper("round", 16), "crop: found 'round', expected one of square, face, none"),
        (lambda: Cropper("square", 48), "resolution: found 48, expected a power of two from 4 to 4096"),
        (lambda: Cropper("square", 0), "resolution: found 0, expected a power of two from 4 to 4096"),
    ],
)
def test_what_no_crop_can_be(make, line: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=line):
        make()


@pytest.mark.parametrize("bits", [-1, 128])
def test_thresholds_beyond_reason_are_refused(folder: Path, tmp_path: Path, bits: int) -> None:
    with pytest.raises(InputError, match=f"duplicates: found {bits}, expected bits from 0 to 127, as a rule 28"):
        make_dataset(open_source(folder), tmp_path / "out.zip", SQUARE, duplicates=bits)


# ---- faces ------------------------------------------------------------------------------------------------------


def test_every_face_becomes_an_aligned_crop(shared: Path, tmp_path: Path) -> None:
    photos = shared / "data" / "photos"
    if not photos.is_dir():
        pytest.skip(f"test data: {photos} is not there")
    (tmp_path / "in").mkdir()
    Image.open(photos / "group_01.jpg").save(tmp_path / "in" / "two.png")
    noise(0, 200, 200).save(tmp_path / "in" / "none.png")
    report = make_dataset(open_source(tmp_path / "in"), tmp_path / "out.zip", Cropper("face", 64))
    assert [(entry.source, entry.face) for entry in report.entries] == [("two.png", 1), ("two.png", 2)]
    assert report.left_out == (LeftOut("none.png", "no face was found in it"),)
    pixels = projector.read_photo(tmp_path / "in" / "two.png").pixels
    faces = projector.detect(pixels)
    with zipfile.ZipFile(tmp_path / "out.zip") as opened:
        for entry, face in zip(report.entries, faces, strict=True):
            crop = np.asarray(Image.open(io.BytesIO(opened.read(entry.name))))
            np.testing.assert_array_equal(crop, projector.align(pixels, face, 64).crop)
            assert entry.native_px == round(geometry.side_px(geometry.quad_from_points(face.points)))
    smallest = max(entry.native_px for entry in report.entries)
    strict = make_dataset(open_source(tmp_path / "in"), tmp_path / "large.zip", Cropper("face", 64, smallest))
    (left,) = (one for one in strict.left_out if one.name == "two.png")
    assert len(strict.entries) == 1 and f"px, fewer than {smallest}" in left.reason and left.reason.startswith("face ")
