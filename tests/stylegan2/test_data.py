"""Training sets: the order of showing, both ways of keeping pictures, and pictures that cannot be read."""

from __future__ import annotations

import io
import struct
import threading
import time
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from stylegan2.errors import InputError
from stylegan2.train import decoding, loader
from stylegan2.train.data import PictureDataset, open_dataset, shuffled_indices
from stylegan2.train.files import FolderFiles
from stylegan2.train.loader import AHEAD, mapped_ahead
from stylegan2.train.sources import FilePictures, open_source

ON_DEMAND = {"memory_limit": 0}


def noise(seed: int, width: int = 20, height: int = 16) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def folder_of(root: Path, count: int = 10) -> Path:
    """`count` different pictures, in classes 0, 1 and 2."""
    root.mkdir(exist_ok=True)
    for i in range(count):
        noise(i).save(root / f"{i:02d}.png")
    rows = "".join(f"{i:02d}.png,{i % 3}\n" for i in range(count))
    (root / "metadata.csv").write_text(f"file_name,label\n{rows}")
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "pictures")


def all_of(data: PictureDataset) -> Tensor:
    """Every picture once, in the order of their names: uint8 [M, 3, size, size]."""
    order = torch.tensor(list(shuffled_indices(len(data), 0, len(data), 0))).argsort()
    levels = (data.batch(0, len(data), 0, mirror=False).pictures[order] + 1) * 127.5
    return levels.round().to(torch.uint8)


# ---- order ----------------------------------------------------------------------------------------------------


def test_every_epoch_shows_each_picture_once_in_a_new_order() -> None:
    two = [list(shuffled_indices(10, start, 10, seed=1)) for start in (0, 10)]
    assert sorted(two[0]) == sorted(two[1]) == list(range(10))
    assert two[0] != two[1]
    assert list(shuffled_indices(10, 7, 6, seed=1)) == two[0][7:] + two[1][:3]


@pytest.mark.parametrize("kept", [{}, ON_DEMAND], ids=["in memory", "on demand"])
def test_batches_depend_on_their_number_alone(folder: Path, kept: dict[str, int]) -> None:
    a, b = open_dataset(folder, 16, **kept), open_dataset(folder, 16, **kept)
    a.batch(0, 4, 0, mirror=True)
    one, other = a.batch(5, 4, 0, mirror=True), b.batch(5, 4, 0, mirror=True)
    assert torch.equal(one.pictures, other.pictures)
    assert one.labels is not None and other.labels is not None
    assert torch.equal(one.labels, other.labels)
    assert not torch.equal(one.pictures, a.batch(5, 4, 1, mirror=True).pictures)


def test_on_demand_gives_the_very_batches_of_memory(folder: Path) -> None:
    (folder / "03.png").write_bytes(b"broken")
    memory, demand = open_dataset(folder, 8), open_dataset(folder, 8, **ON_DEMAND, workers=3)
    assert memory.names == demand.names == tuple(f"{i:02d}.png" for i in range(10) if i != 3)
    for number in (0, 1, 2, 3, 50, 7, 7, 8, 0):
        a, b = memory.batch(number, 7, 3, mirror=True), demand.batch(number, 7, 3, mirror=True)
        assert torch.equal(a.pictures, b.pictures)
        assert a.labels is not None and b.labels is not None
        assert torch.equal(a.labels, b.labels)


@pytest.mark.parametrize("kept", [{}, ON_DEMAND], ids=["in memory", "on demand"])
def test_places_are_pictures_of_the_whole_batch(folder: Path, kept: dict[str, int]) -> None:
    data = open_dataset(folder, 16, **kept)
    whole = data.batch(4, 8, 0, mirror=True)
    assert whole.labels is not None
    for places in ([0, 2, 4, 6], [7, 1], [5]):
        part = data.batch(4, 8, 0, mirror=True, places=places)
        assert part.labels is not None
        assert torch.equal(part.pictures, whole.pictures[places])
        assert torch.equal(part.labels, whole.labels[places])


def test_mirroring_turns_about_half_of_the_pictures_and_no_labels(folder: Path) -> None:
    data = open_dataset(folder, 16)
    plain, turned = data.batch(0, 100, 0, mirror=False), data.batch(0, 100, 0, mirror=True)
    same = (plain.pictures == turned.pictures).flatten(1).all(dim=1)
    assert 30 < int(same.sum()) < 70
    assert torch.equal(plain.pictures[~same], turned.pictures[~same].flip(3))
    assert torch.equal(plain.labels, turned.labels)


# ---- labels ---------------------------------------------------------------------------------------------------


def test_pictures_keep_their_labels(folder: Path) -> None:
    data = open_dataset(folder, 16)
    batch = data.batch(2, 10, 0, mirror=False)
    pictures = all_of(data)
    assert data.num_classes == 3 and batch.labels is not None
    for picture, label in zip(batch.pictures, batch.labels, strict=True):
        levels = ((picture + 1) * 127.5).round().to(torch.uint8)
        (number,) = (pictures == levels).flatten(1).all(dim=1).nonzero()[:, 0].tolist()
        assert label.tolist() == [float(number % 3 == i) for i in range(3)]


def test_labels_for_fakes_follow_the_data(folder: Path) -> None:
    data = open_dataset(folder, 16)
    drawn = data.labels(3, 3000, 0, stream=9)
    assert drawn is not None
    assert torch.equal(drawn.sum(dim=1), torch.ones(3000))
    torch.testing.assert_close(drawn.mean(dim=0), torch.tensor([0.4, 0.3, 0.3]), atol=0.03, rtol=0)
    again, other = data.labels(3, 3000, 0, stream=9), data.labels(3, 3000, 0, stream=8)
    assert again is not None and other is not None
    assert torch.equal(drawn, again)
    assert not torch.equal(drawn, other)


def test_labels_of_some_pictures_are_none(folder: Path) -> None:
    noise(99).save(folder / "new.png")
    heard: list[str] = []
    data = open_dataset(folder, 16, told=heard.append)
    assert data.num_classes == 0
    assert data.batch(0, 4, 0, mirror=False).labels is None
    assert data.labels(0, 4, 0, stream=9) is None
    assert data.remarks == tuple(heard) == ("1 of 11 pictures have no label, the first is new.png",)


def test_a_broken_picture_without_label_leaves_the_others_theirs(folder: Path) -> None:
    (folder / "new.png").write_bytes(b"broken")
    assert open_dataset(folder, 16).num_classes == 3


# ---- pictures -------------------------------------------------------------------------------------------------


def test_pictures_of_any_shape_and_mode_become_squares(tmp_path: Path) -> None:
    Image.new("L", (40, 20), 255).save(tmp_path / "grey.png")
    Image.new("RGBA", (20, 50), (255, 0, 0, 255)).save(tmp_path / "tall.png")
    Image.new("CMYK", (9, 9), (0, 255, 255, 0)).save(tmp_path / "print.jpg", quality=100)
    read = all_of(open_dataset(tmp_path, 8))
    assert read.shape == (3, 3, 8, 8)
    assert read[0].min() == 255
    assert (read[1] - read[2].int()).abs().max() <= 3  # print.jpg and tall.png are red


def test_the_middle_is_kept(tmp_path: Path) -> None:
    wide = Image.new("RGB", (32, 8), "black")
    wide.paste("white", (12, 0, 20, 8))
    wide.save(tmp_path / "wide.png")
    assert all_of(open_dataset(tmp_path, 8)).min() == 255


def test_of_a_film_the_first_picture_is_taken(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "white").save(tmp_path / "a.gif", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    assert all_of(open_dataset(tmp_path, 8)).min() == 255


def test_pictures_are_upright_opaque_and_of_eight_bits(tmp_path: Path) -> None:
    turned = Image.new("RGB", (8, 8), "black")
    turned.paste("white", (0, 0, 8, 4))  # white above; the camera lay on its side
    exif = turned.getexif()
    exif[0x0112] = 6  # orientation: turn right to see it upright
    turned.save(tmp_path / "a.png", exif=exif)
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "b.png")
    Image.fromarray(np.full([8, 8], 128 * 257, np.uint16)).save(tmp_path / "c.png")
    a, b, c = all_of(open_dataset(tmp_path, 8))
    assert (a[:, :, 4:] == 255).all() and (a[:, :, :4] == 0).all()
    assert (b == 255).all()
    assert (c == 128).all()


def test_damaged_exif_costs_no_picture(tmp_path: Path) -> None:
    file = io.BytesIO()
    noise(0).save(file, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x05\0\0\0\x01\xff\xff\xff\xff")
    (tmp_path / "a.jpg").write_bytes(file.getvalue())
    assert all_of(open_dataset(tmp_path, 8)).shape == (1, 3, 8, 8)


# ---- pictures that cannot be read -----------------------------------------------------------------------------


def cut(image: Image.Image, form: str, share: float) -> bytes:
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()[: int(len(file.getvalue()) * share)]


def bomb(side: int) -> bytes:
    """A PNG that says in its head that it has side x side px, and holds one."""
    file = io.BytesIO()
    Image.new("1", (1, 1)).save(file, "PNG")
    head = b"IHDR" + struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    data = file.getvalue()
    start = data.index(b"IHDR")
    return data[:start] + head + struct.pack(">I", zlib.crc32(head)) + data[start + len(head) + 4 :]


BAD = {  # what is in the file, and what of the reason must be said
    "empty.png": (b"", "it is empty"),
    "text.png": (b"once upon a time", "of no known kind"),
    "zeros.jpg": (bytes(1000), "of no known kind"),
    "head.png": (b"\x89PNG\r\n", ""),
    "cut.jpg": (cut(noise(0), "JPEG", 0.9), "truncated"),
    "cut.png": (cut(noise(0), "PNG", 0.6), "truncated"),
    "cut.webp": (cut(noise(0), "WEBP", 0.6), ""),
    "cut.gif": (cut(noise(0), "GIF", 0.05), ""),
    "giant.png": (bomb(15_000), "of more than 178,956,970 pixels; shrink it first"),
}


@pytest.mark.parametrize("kept", [{}, ON_DEMAND], ids=["in memory", "on demand"])
def test_bad_pictures_are_named_and_the_others_shown(folder: Path, kept: dict[str, int]) -> None:
    clean = open_dataset(folder, 8)
    for name, (data, _) in BAD.items():
        (folder / name).write_bytes(data)
    heard: list[str] = []
    found = open_dataset(folder, 8, told=heard.append, **kept)
    assert [one.name for one in found.skipped] == sorted(BAD)
    assert heard[1:] == [f"{name}: {reason}; it is skipped" for name, reason in found.skipped]
    for name, reason in found.skipped:
        assert reason.startswith("cannot be read as a picture (") and BAD[name][1] in reason, name
        assert "\n" not in reason
    assert found.names == clean.names
    assert torch.equal(found.batch(3, 8, 0, mirror=True).pictures, clean.batch(3, 8, 0, mirror=True).pictures)


def test_no_program_is_started_for_a_picture(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise(0).save(folder / "script.eps")
    (folder / "script.eps").rename(folder / "script.png")  # Pillow draws PostScript by Ghostscript
    monkeypatch.setattr("subprocess.check_call", lambda *call, **named: pytest.fail("a program was started"))
    (skipped,) = open_dataset(folder, 8).skipped
    assert skipped == ("script.png", "cannot be read as a picture (of no known kind)")


def test_bad_pictures_of_a_zip_are_named_too(tmp_path: Path, folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        for file in sorted(folder.glob("*.png")):
            made.write(file, file.name)
        for name, (data, _) in BAD.items():
            made.writestr(name, data)
    found = open_dataset(tmp_path / "a.zip", 8)
    assert [one.name for one in found.skipped] == sorted(BAD)
    assert torch.equal(all_of(found), all_of(open_dataset(folder, 8)))


def test_pillows_warnings_stay_inside(folder: Path) -> None:
    (folder / "large.png").write_bytes(bomb(9500))  # Pillow warns from 89 million pixels on
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (skipped,) = open_dataset(folder, 8).skipped
    assert skipped.name == "large.png" and "truncated" in skipped.reason


def test_a_folder_without_pictures_and_one_of_broken_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found no pictures; expected .png, .jpg"):
        open_dataset(tmp_path, 8)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(InputError, match=r"1 of 1 pictures cannot be used, the first is broken.png: cannot be read"):
        open_dataset(tmp_path, 8)


def test_half_may_be_broken_and_no_more(tmp_path: Path) -> None:
    folder_of(tmp_path, 4)
    for i in range(4):
        (tmp_path / f"x{i}.png").write_bytes(b"broken")
    assert len(open_dataset(tmp_path, 8)) == 4
    (tmp_path / "x4.png").write_bytes(b"broken")
    with pytest.raises(
        InputError, match=r"5 of 9 pictures cannot be used, the first is x0.png: .*; mend them, or choose"
    ):
        open_dataset(tmp_path, 8)


@pytest.mark.parametrize("error", [Image.DecompressionBombError("too large"), EOFError("end"), struct.error("short")])
def test_whatever_pillow_raises_names_the_picture(folder: Path, monkeypatch, error) -> None:  # type: ignore[no-untyped-def]
    upright = decoding._upright

    def fail(picture: Image.Image) -> Image.Image:
        if picture.width == 21:
            raise error
        return upright(picture)

    noise(0, width=21).save(folder / "odd.png")
    monkeypatch.setattr(decoding, "_upright", fail)
    ((name, reason),) = open_dataset(folder, 8).skipped
    assert name == "odd.png" and reason.startswith("cannot be read as a picture (")


def test_a_bug_of_ours_is_no_broken_picture(folder: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def fail(*call: object) -> None:
        raise AssertionError("ours")

    monkeypatch.setattr(loader, "pixels_of", fail)
    with pytest.raises(AssertionError, match="ours"):
        open_dataset(folder, 8)


def test_a_picture_that_is_lost_later_is_replaced_by_the_next_and_told_once(folder: Path) -> None:
    whole = open_dataset(folder, 16)
    heard: list[str] = []
    data = open_dataset(folder, 16, **ON_DEMAND, told=heard.append)
    (folder / "04.png").unlink()
    (folder / "05.png").write_bytes(b"broken")
    pictures, expected = all_of(data), all_of(whole)
    assert sorted(line.split(": ")[0] for line in heard) == ["04.png", "05.png"]
    assert torch.equal(pictures[[0, 1, 2, 3, 6, 7, 8, 9]], expected[[0, 1, 2, 3, 6, 7, 8, 9]])
    assert torch.equal(pictures[4], expected[6]) and torch.equal(pictures[5], expected[6])
    labels = data.batch(0, 10, 0, mirror=False).labels
    order = torch.tensor(list(shuffled_indices(10, 0, 10, 0))).argsort()
    assert labels is not None
    assert labels[order].argmax(dim=1).tolist() == [0, 1, 2, 0, 0, 0, 0, 1, 2, 0]  # 4 and 5 show 6, and say so
    assert len(heard) == 2


def test_data_that_goes_away_ends_in_one_line(folder: Path) -> None:
    for i in range(5):
        (folder / f"x{i}.png").write_bytes(b"broken")
    data = open_dataset(folder, 16, **ON_DEMAND)
    for file in folder.glob("0*.png"):
        file.unlink()
    with pytest.raises(InputError, match=r"8 of 15 pictures cannot be used, the first is x0.png"):
        data.batch(0, 4, 0, mirror=False)


# ---- reading ahead --------------------------------------------------------------------------------------------


def watched(folder: Path) -> tuple[FilePictures, list[str]]:
    """A source, and the names that were opened."""
    files, opened = FolderFiles(folder), []

    def read(name: str) -> bytes:
        opened.append(name)
        return files.read(name)

    source = open_source(folder)
    return FilePictures(source.place, source.names, read, source.labels), opened


def test_pictures_in_memory_are_opened_once(folder: Path) -> None:
    source, opened = watched(folder)
    data = PictureDataset(source, 8)
    for number in range(20):
        data.batch(number, 4, 0, mirror=True)
    assert sorted(opened) == list(source.names)


def test_the_next_batches_are_read_ahead_and_no_more(tmp_path: Path) -> None:
    source, opened = watched(folder_of(tmp_path / "many", 40))
    data = PictureDataset(source, 8, memory_limit=0)
    opened.clear()
    data.batch(0, 4, 0, mirror=True)
    deadline = time.monotonic() + 20
    while len(opened) < 4 * (AHEAD + 1) and time.monotonic() < deadline:
        time.sleep(0.01)
    order = list(shuffled_indices(40, 0, 4 * (AHEAD + 1), 0))
    assert sorted(opened) == sorted(source.names[i] for i in order)
    data.batch(1, 4, 0, mirror=True)
    while len(opened) < 4 * (AHEAD + 2) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(opened) == 4 * (AHEAD + 2)  # nothing was read twice
    assert len(data._pixels._near) <= 4 * (AHEAD + 1)  # type: ignore[union-attr]


def test_results_wait_in_order_and_in_bounded_number() -> None:
    from concurrent.futures import ThreadPoolExecutor

    taken: list[int] = []
    gate = threading.Event()

    def items():  # type: ignore[no-untyped-def]
        for i in range(50):
            taken.append(i)
            yield i

    def work(i: int) -> int:
        if i == 0:
            gate.wait(20)
        return i * i

    with ThreadPoolExecutor(3) as pool:
        results = mapped_ahead(pool, work, items(), 5)
        threading.Timer(0.05, gate.set).start()
        assert next(results) == 0
        assert len(taken) == 6
        assert list(results) == [i * i for i in range(1, 50)]


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_any_number_of_workers_gives_the_same_batches(folder: Path, workers: int) -> None:
    one = open_dataset(folder, 8).batch(6, 8, 2, mirror=True)
    many = open_dataset(folder, 8, workers=workers, **ON_DEMAND).batch(6, 8, 2, mirror=True)
    assert torch.equal(one.pictures, many.pictures)
