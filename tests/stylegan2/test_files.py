"""Folders and zips as named files: order, links, names that lead out, files that cannot be read."""

from __future__ import annotations

import os
import random
import struct
import zipfile
from pathlib import Path

import pytest

from stylegan2.errors import InputError
from stylegan2.train import files
from stylegan2.train.files import open_files


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def zipped(path: Path, contents: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        for name, data in contents.items():
            made.writestr(name, data)
    return path


NAMES = ("b.png", "a/z.png", "a-b/x.png", "a/b/c.txt", ".hidden.png", ".cache/x.png", "__MACOSX/a.png")
VISIBLE = ("a/b/c.txt", "a/z.png", "a-b/x.png", "b.png")  # by parts: a before a-b


def test_a_folder_and_its_zip_have_the_same_files(tmp_path: Path) -> None:
    write(tmp_path / "in", *NAMES)
    folder = open_files(tmp_path / "in")
    packed = open_files(zipped(tmp_path / "in.zip", {name: name.encode() for name in NAMES}))
    for found in (folder, packed):
        assert found.names == VISIBLE
        assert [found.read(name) for name in VISIBLE] == [name.encode() for name in VISIBLE]


def test_a_zip_is_known_by_its_contents(tmp_path: Path) -> None:
    assert open_files(zipped(tmp_path / "pictures.bin", {"a.png": b"a"})).names == ("a.png",)


def test_links_are_followed_and_end(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/a.png", "in/sub/b.png")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "sub" / "above").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "itself.png").symlink_to("itself.png")
    (tmp_path / "in" / "nowhere.png").symlink_to("gone.png")
    found = open_files(tmp_path / "in")
    assert found.names == ("itself.png", "linked/a.png", "nowhere.png", "sub/b.png")
    assert found.read("linked/a.png") == b"elsewhere/a.png"
    with pytest.raises(InputError, match=r"^nowhere.png: cannot be read \(no such file or directory\)$"):
        found.read("nowhere.png")
    with pytest.raises(InputError, match=r"^itself.png: cannot be read"):
        found.read("itself.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match=r"^pipe.png: cannot be read \(it is no plain file\)$"):
        open_files(tmp_path).read("pipe.png")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 1000)
    (tmp_path / "big.png").write_bytes(bytes(1001))
    bomb = zipped(tmp_path / "bomb.zip", {"big.png": bytes(1001), "small.png": bytes(1000)})
    for place in (tmp_path, bomb):
        with pytest.raises(
            InputError, match=r"^big.png: cannot be read \(it has 1,001 bytes; at most 1,000 are read\)$"
        ):
            open_files(place).read("big.png")
    assert open_files(bomb).read("small.png") == bytes(1000)


def test_an_entry_that_lies_about_its_size_gives_no_more_than_it_says(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"big.png": bytes(10_000_000)})
    raw = path.read_bytes().replace(struct.pack("<I", 10_000_000), struct.pack("<I", 10))
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"^big.png: cannot be read \(bad crc-32"):
        open_files(path).read("big.png")


@pytest.mark.parametrize("name", ["../out.png", "a/../../out.png", "/etc/out.png", "C:/out.png", "..\\out.png"])
def test_names_that_lead_out_of_a_zip_are_refused(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "tricky.zip", {"a.png": b"", name: b""})
    with pytest.raises(InputError, match=r"tricky.zip: names '.*out.png', expected names inside the zip"):
        open_files(path)
    assert sorted(tmp_path.rglob("*")) == [path]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_a_zip_has_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as made:
        made.writestr("a.png", b"1")
        made.writestr("a.png", b"2")
    with pytest.raises(InputError, match=r"twice.zip: names 'a.png' twice, expected each name once"):
        open_files(tmp_path / "twice.zip")


@pytest.mark.parametrize(("bit", "reason"), [(1, "encrypted"), (None, "compression method")])
def test_entries_that_cannot_be_unpacked_are_named(tmp_path: Path, bit: int | None, reason: str) -> None:
    raw = bytearray(zipped(tmp_path / "a.zip", {"a.png": b"12345"}, zipfile.ZIP_STORED).read_bytes())
    for signature, flags, method in ((b"PK\x03\x04", 6, 8), (b"PK\x01\x02", 8, 10)):
        at = raw.index(signature)
        if bit is not None:
            raw[at + flags] |= bit  # encrypted
        else:
            raw[at + method] = 97  # WavPack
    (tmp_path / "a.zip").write_bytes(raw)
    with pytest.raises(InputError, match=rf"^a.png: cannot be read \(.*{reason}"):
        open_files(tmp_path / "a.zip").read("a.png")


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_zip_is_one_line_wherever_it_is_damaged(tmp_path: Path, seed: int) -> None:
    path = zipped(tmp_path / "a.zip", {f"{i}.png": bytes(range(200)) for i in range(4)})
    dice = random.Random(seed)
    raw = bytearray(path.read_bytes())
    for _ in range(6):
        raw[dice.randrange(len(raw))] = dice.randrange(256)
    path.write_bytes(raw[: dice.randrange(len(raw) // 2, len(raw) + 1)])
    try:
        opened = open_files(path)
        for name in opened.names:
            try:
                assert opened.read(name) == bytes(range(200))
            except InputError as error:
                assert str(error).startswith(f"{name}: cannot be read (")
    except InputError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)


@pytest.mark.parametrize(("make", "found"), [(lambda p: p.write_bytes(b"PK"), "no zip"), (lambda p: None, "nothing")])
def test_what_is_neither_folder_nor_zip_is_said(tmp_path: Path, make, found: str) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path / "a.zip")
    with pytest.raises(InputError, match=rf"a.zip: found .*{found}.*, expected a folder of pictures, or a zip of them"):
        open_files(tmp_path / "a.zip")
