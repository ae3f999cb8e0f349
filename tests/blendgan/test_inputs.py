"""Files, folders and patterns → the pictures to work on."""

from __future__ import annotations

from pathlib import Path

import pytest

from blendgan.inputs import find_inputs
from stylegan2.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = (
        "b.jpg", "a.png", "c.JPEG", "notes.txt", ".hidden.jpg", "a.toon.png", "a.toon.strip.png", "clip.mp4",
        "sub/deep/z.webp", "sub/a.jpg", ".cache/x.jpg",
    )  # fmt: skip
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def found(*words: Path) -> list[tuple[str, str]]:
    """(path of the photo, its folder from the one that was searched) of each input."""
    return [(one.photo.name, str(one.below)) for one in find_inputs(words).inputs]


def test_a_folder_gives_its_pictures_in_order_and_those_below(folder: Path) -> None:
    assert found(folder) == [
        ("a.png", "."), ("b.jpg", "."), ("c.JPEG", "."), ("a.jpg", "sub"), ("z.webp", "sub/deep"),
    ]  # fmt: skip
    assert find_inputs([folder]).is_search
    assert find_inputs([folder]).left_alone == (f"{folder}: 1 video left alone; name them, or '{folder / '*.mp4'}'",)


def test_two_folders_keep_their_names_and_a_picture_comes_once(folder: Path) -> None:
    both = found(folder / "sub", folder)
    assert both[0] == ("a.jpg", "sub")
    assert len(both) == len(set(both)) == 5
    assert ("a.png", folder.name) in both


def test_a_pattern_is_what_a_shell_would_give_it(folder: Path) -> None:
    assert found(folder / "*.jpg") == [("b.jpg", ".")]
    assert found(folder / "**" / "*.jpg") == [("b.jpg", "."), ("a.jpg", "sub")]
    assert found(folder / "*.mp4") == [("clip.mp4", ".")]  # asked for by name
    assert found(folder / "s*") == [("a.jpg", "sub"), ("z.webp", "sub/deep")]
    assert ("a.toon.png", ".") not in found(folder / "*.png")


def test_files_are_taken_as_they_are_named(folder: Path) -> None:
    search = find_inputs([folder / "b.jpg", folder / "a.toon.png", folder / "nowhere.jpg"])
    assert not search.is_search
    assert [one.photo.name for one in search.inputs] == ["b.jpg", "a.toon.png", "nowhere.jpg"]
    (folder / "[1].jpg").write_bytes(b"")
    assert found(folder / "[1].jpg") == [("[1].jpg", ".")]  # a file of that very name is no pattern


def test_results_beside_their_own_photo_are_left_out(folder: Path) -> None:
    assert found(*sorted(folder.glob("*.png"))) == [("a.png", ".")]


def test_photos_of_one_stem_are_named_apart(folder: Path) -> None:
    (folder / "A.jpg").write_bytes(b"")
    named = {one.photo.name: one.named.stem for one in find_inputs([folder]).inputs}
    assert named["a.png"] == "a.png" and named["A.jpg"] == "A.jpg"  # one name where case does not count
    assert named["b.jpg"] == "b" and named["a.jpg"] == "a"  # in another folder


def test_nothing_found_is_one_line(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "x.txt").write_text("")
    for word in (empty, folder / "*.bmp", folder / "*.txt"):
        with pytest.raises(InputError, match="found no pictures .*expected") as raised:
            find_inputs([word])
        assert "\n" not in str(raised.value)
