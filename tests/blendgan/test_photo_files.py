"""Photos in memory: read as files are, refused as files are, before anything large is decoded."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from blendgan.photo_files import PhotoFile, origin_of
from projector.photo import read_photo
from stylegan2.errors import InputError
from stylegan2.store import sha256_of

Make = Callable[[], bytes]
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 255, (12, 20, 3), dtype=np.uint8)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.fromarray(PIXELS), "JPEG", exif=exif)


def sixteen_bit() -> bytes:
    return saved(Image.fromarray(RANDOM.integers(0, 65535, (12, 20), dtype=np.uint16)), "PNG")


def animated() -> bytes:
    frames = [Image.fromarray(np.full((12, 20, 3), level, np.uint8)) for level in (10, 200)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


GOOD: dict[str, Make] = {
    "png": lambda: saved(Image.fromarray(PIXELS), "PNG"),
    "jpeg": lambda: saved(Image.fromarray(PIXELS), "JPEG"),
    "webp": lambda: saved(Image.fromarray(PIXELS), "WEBP"),
    "tiff": lambda: saved(Image.fromarray(PIXELS), "TIFF"),
    "cmyk": lambda: saved(Image.fromarray(PIXELS).convert("CMYK"), "JPEG"),
    "alpha": lambda: saved(Image.fromarray(PIXELS).convert("RGBA"), "PNG"),
    "16 bit": sixteen_bit,
    "rotated": rotated,
    "animated": animated,
}


@pytest.mark.parametrize("kind", GOOD)
def test_what_is_read_from_memory_is_what_is_read_from_a_file(kind: str, tmp_path: Path) -> None:
    contents = GOOD[kind]()
    (tmp_path / "photo").write_bytes(contents)
    file, on_disk = PhotoFile("photo", contents).read(), read_photo(tmp_path / "photo")
    assert file.size == on_disk.size == ((12, 20) if kind == "rotated" else (20, 12))
    assert np.array_equal(file.pixels, on_disk.pixels)
    assert (file.mode, file.exif, file.icc_profile) == (on_disk.mode, on_disk.exif, on_disk.icc_profile)
    assert (file.alpha is None) == (on_disk.alpha is None) == (kind != "alpha")


def test_a_telephones_photo_is_read_from_memory() -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra `heic` is not installed")
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(np.full((64, 96, 3), 120, np.uint8))).save(file)
    photo = PhotoFile("photo.heic", file.getvalue()).read()
    assert photo.size == (96, 64) and abs(int(photo.pixels.mean()) - 120) <= 2
    with pytest.raises(InputError, match="found 96 x 64 = 6,144 pixels, expected at most 6,000"):
        PhotoFile("photo.heic", file.getvalue()).read(6000)


def test_origin_is_that_of_the_file_on_a_disk(tmp_path: Path) -> None:
    path = tmp_path / "a b.png"
    path.write_bytes(GOOD["png"]())
    assert PhotoFile(path.name, path.read_bytes()).origin == origin_of(path)
    assert origin_of(path) == {"name": "a b.png", "sha256": sha256_of(path)}


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it has so many pixels, and has none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in ((b"IHDR", header), (b"IDAT", b""), (b"IEND", b"")))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def text_bomb() -> bytes:
    """A PNG of 1 px whose text becomes 200 MB when it is unpacked."""
    info = PngImagePlugin.PngInfo()
    info.add(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200 << 20)))
    return saved(Image.new("RGB", (1, 1)), "PNG", pnginfo=info)


BAD: dict[str, tuple[Make, str]] = {
    "2e9 pixels": (lambda: png_of(50_000, 40_000), "2,000,000,000 pixels|more than .* pixels"),
    "over the limit": (lambda: saved(Image.new("L", (200, 100)), "PNG"), "found 200 x 100 = 20,000 pixels"),
    "truncated": (lambda: GOOD["jpeg"]()[:-200], "cannot be read|not a picture"),
    "text": (lambda: b"just words\n" * 30, "not a picture that can be read"),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture that can be read"),
    "html": (lambda: b"<!doctype html><script>alert(1)</script>", "not a picture that can be read"),
    "text bomb": (text_bomb, "cannot be read"),
    "empty": (lambda: b"", "not a picture that can be read"),
    "header alone": (lambda: GOOD["png"]()[:20], "not a picture|cannot be read"),
}


@pytest.mark.parametrize("kind", BAD)
def test_hostile_files_are_one_line(kind: str) -> None:
    make, words = BAD[kind]
    with pytest.raises(InputError, match=f"(?s)^holiday.jpg: .*({words})") as raised:
        PhotoFile("holiday.jpg", make()).read(10_000)
    assert "\n" not in str(raised.value)
