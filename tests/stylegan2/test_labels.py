"""Labels: the files that hold them, their layouts, and every way to get them wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from stylegan2.errors import InputError
from stylegan2.train.labels import label_matrix
from stylegan2.train.sources import open_source, with_folder_labels, without_labels


def make(root: Path, *names: str, **texts: str) -> Path:
    """Pictures, and text files by name with `_` for `/` and `.`'s as they are."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(root / name)
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")
    return root


def with_list(root: Path, contents: object) -> Path:
    make(root, "a.png", "b/c.png")
    (root / "dataset.json").write_text(contents if isinstance(contents, str) else json.dumps(contents))
    return root


def labels_of(root: Path) -> dict[str, object]:
    return dict(open_source(root).labels.of)


# ---- dataset.json -----------------------------------------------------------------------------------------------


def test_class_numbers_of_a_list(tmp_path: Path) -> None:
    source = open_source(with_list(tmp_path, {"labels": [["a.png", 3], ["b/c.png", 0]]}))
    assert [source.label(name) for name in source.names] == [3, 0]
    assert source.labels.num_classes == 4
    assert source.remarks == ()


def test_vectors_of_a_list(tmp_path: Path) -> None:
    source = open_source(with_list(tmp_path, {"labels": [["a.png", [0.5, 1]], ["b/c.png", [0, -2.5]]]}))
    assert source.labels.num_classes == 2
    matrix = label_matrix([source.labels.of[name] for name in source.names], 2)
    assert torch.equal(matrix, torch.tensor([[0.5, 1.0], [0.0, -2.5]]))


def test_class_numbers_become_one_hot_rows() -> None:
    assert torch.equal(label_matrix([2, 0], 3), torch.tensor([[0.0, 0, 1], [1, 0, 0]]))


def test_null_means_no_labels(tmp_path: Path) -> None:
    source = open_source(with_list(tmp_path, {"labels": None}))
    assert (dict(source.labels.of), source.labels.num_classes, source.remarks) == ({}, 0, ())


def test_a_picture_without_label_is_remarked(tmp_path: Path) -> None:
    source = open_source(with_list(tmp_path, {"labels": [["a.png", 1]]}))
    assert source.remarks == ("1 of 2 pictures have no label, the first is b/c.png",)
    assert (source.label("a.png"), source.label("b/c.png")) == (1, None)


@pytest.mark.parametrize(
    ("contents", "line"),
    [
        ("{", r"cannot be read as JSON \(.*\); mend it"),
        ("[" * 100_000, r"cannot be read as JSON \(.*recursion.*\); mend it"),
        ([1], r'found no "labels", expected \{"labels"'),
        ({"Labels": []}, r'found no "labels", expected \{"labels"'),
        ({"labels": {}}, r'found "labels" of type dict, expected a list of \[name, label\]'),
        ({"labels": [["a.png"]]}, r'found \["a.png"\] as label 0, expected \["name", label\]'),
        ({"labels": [[1, 2]]}, r'found \[1, 2\] as label 0, expected \["name", label\]'),
        ({"labels": [["a.png", -1]]}, "a.png: found the label -1, expected a class from 0 to 99999"),
        ({"labels": [["a.png", 10**12]]}, "a.png: found the label 1000000000000, expected a class from 0 to 99999"),
        ({"labels": [["a.png", True]]}, "a.png: found the label True, expected a class number or a list of numbers"),
        ({"labels": [["a.png", "cat"]]}, "a.png: found the label 'cat', expected a class number or a list of numbers"),
        ({"labels": [["a.png", []]]}, "a.png: found the label .*, expected a class number or a list of numbers"),
        ('{"labels": [["a.png", [NaN]]]}', "a.png: found the label .*, expected a class number or a list of numbers"),
        ('{"labels": [["a.png", [1e999]]]}', "a.png: found the label .*, expected a class number or a list of numbers"),
        ({"labels": [["a.png", 1], ["b/c.png", [1.0]]]}, "found labels of several kinds"),
        ({"labels": [["a.png", [1.0]], ["b/c.png", [1, 2]]]}, "found labels of several kinds"),
        ({"labels": [["a.png", 1], ["a.png", 2]]}, "labels a.png twice, 1 and 2; keep one"),
        ({"labels": [["a.png", 0], ["x.png", 0], ["y.png", 0]]}, "names 2 of 3 pictures that are not there"),
        ({"labels": [["../a.png", 0]]}, r"names 1 of 1 pictures that are not there, the first is '../a.png'"),
        ({"labels": [["a.png", 1]], "class_names": "cat"}, 'found "class_names" that are no list of words'),
        ({"labels": [["a.png", 1]], "class_names": ["cat"]}, "found 1 class names, expected 2, one for each class"),
    ],
)  # fmt: skip
def test_every_mistake_of_a_list_is_one_line(tmp_path: Path, contents: object, line: str) -> None:
    with pytest.raises(InputError, match=rf"{tmp_path.name}: dataset.json(: .*)?: {line}") as caught:
        open_source(with_list(tmp_path, contents))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_list_that_is_no_text_is_named(tmp_path: Path) -> None:
    make(tmp_path, "a.png")
    (tmp_path / "dataset.json").write_bytes(b'\xff\xfe{"labels": null}')
    with pytest.raises(InputError, match=r"dataset.json: is no text in UTF-8 \(invalid start byte\); save it as UTF-8"):
        open_source(tmp_path)


# ---- image folders ----------------------------------------------------------------------------------------------


def test_tables_with_words_number_the_classes_by_name(tmp_path: Path) -> None:
    make(
        tmp_path,
        "a.png",
        "b.png",
        "c.png",
        **{"metadata.csv": "\ufefffile_name,label\nb.png,cat\na.png,dog\nc.png,cat\n"},
    )
    source = open_source(tmp_path)
    assert dict(source.labels.of) == {"a.png": 1, "b.png": 0, "c.png": 0}
    assert source.labels.class_names == ("cat", "dog")
    assert source.labels.num_classes == 2


def test_tables_with_digits_keep_their_numbers(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png", **{"metadata.csv": 'text,label,file_name\n"x, y",10,a.png\nz,2,b.png\n'})
    assert labels_of(tmp_path) == {"a.png": 10, "b.png": 2}


def test_a_table_of_lines_beside_its_pictures(tmp_path: Path) -> None:
    rows = '{"file_name": "a.png", "label": 1}\n\n{"file_name": "sub/b.png", "label": 0}\n'
    make(tmp_path / "train", "a.png", "sub/b.png", **{"metadata.jsonl": rows})
    make(tmp_path / "test", "c.png", **{"metadata.jsonl": '{"file_name": "c.png", "label": 5}'})
    source = open_source(tmp_path)
    assert dict(source.labels.of) == {"train/a.png": 1, "train/sub/b.png": 0}
    assert source.remarks == ("1 pictures of test are left aside, train is taken",)


def test_a_table_without_labels_labels_nothing(tmp_path: Path) -> None:
    make(tmp_path, "a.png", **{"metadata.csv": "file_name,text\na.png,a cat\n"})
    assert labels_of(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("metadata.csv", "name,label\na.png,1\n", "metadata.csv: found no file_name in row 1, expected the columns"),
        ("metadata.csv", "file_name,label\na.png,1\nb.png,2\n", "names 'b.png' in row 2, which is not there"),
        ("metadata.csv", "file_name,label\n../a.png,1\n", "names '../a.png' in row 1, which is not there"),
        ("metadata.csv", 'file_name,label\n"a.png"x,1\n', "is no table of comma-separated values"),
        ("metadata.csv", "file_name,label\na.png,1\na.png\x00,2\n", "is no table of comma|which is not there"),
        ("metadata.jsonl", '{"file_name": "a.png"}\n{"fi', r"metadata.jsonl, line 2: cannot be read as JSON"),
        ("metadata.jsonl", "[1]", r"metadata.jsonl, line 1: found \[1\], expected"),
        ("metadata.jsonl", '{"file_name": 3}', "found no file_name in row 1"),
        ("metadata.jsonl", '{"file_name": "a.png", "label": {"x": 1}}', "a.png: found the label .*, expected a class"),
    ],
)
def test_every_mistake_of_a_table_is_one_line(tmp_path: Path, name: str, text: str, line: str) -> None:
    with pytest.raises(InputError, match=line) as caught:
        open_source(make(tmp_path, "a.png", **{name: text}))
    assert "\n" not in str(caught.value)


def test_class_folders_of_the_train_split_are_labels(tmp_path: Path) -> None:
    source = open_source(make(tmp_path, "train/dog/1.png", "train/cat/1.png", "validation/cat/2.png"))
    assert source.names == ("train/cat/1.png", "train/dog/1.png")
    assert dict(source.labels.of) == {"train/cat/1.png": 0, "train/dog/1.png": 1}
    assert source.labels.class_names == ("cat", "dog")
    assert source.remarks == ("1 pictures of validation are left aside, train is taken",)


def test_a_train_split_alone_is_labelled_too(tmp_path: Path) -> None:
    source = open_source(make(tmp_path, "train/dog/1.png", "train/cat/1.png"))
    assert source.labels.class_names == ("cat", "dog")
    assert source.remarks == ()


@pytest.mark.parametrize(
    "names", [("train/1.png", "cars/2.png"), ("train/1.png", "3.png"), ("test/1.png", "val/2.png")]
)
def test_a_folder_of_trains_is_no_split(tmp_path: Path, names: tuple[str, ...]) -> None:
    source = open_source(make(tmp_path, *names))
    assert source.names == tuple(sorted(names))
    assert (dict(source.labels.of), source.remarks) == ({}, ())


def test_subfolders_are_classes_only_when_asked(tmp_path: Path) -> None:
    source = open_source(make(tmp_path, "b/x/1.png", "a/1.png", "a/2.png"))
    assert dict(source.labels.of) == {}
    labelled = with_folder_labels(source)
    assert [labelled.label(name) for name in labelled.names] == [0, 0, 1]
    assert labelled.labels.class_names == ("a", "b")
    assert without_labels(labelled).label("b/x/1.png") is None
    make(tmp_path, "top.png")
    with pytest.raises(
        InputError, match="top.png is in no sub-folder, expected each picture in one named for its class"
    ):
        with_folder_labels(open_source(tmp_path))


def test_numbered_folders_keep_their_numbers(tmp_path: Path) -> None:
    labelled = with_folder_labels(open_source(make(tmp_path, "07/1.png", "3/1.png")))
    assert dict(labelled.labels.of) == {"07/1.png": 7, "3/1.png": 3}
