"""Picture files of every form become upright RGB; broken ones one line."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

import projector
from projector import photo as photos
from stylegan2.errors import InputError

ORIENTATION, MAKER = 0x0112, 0x010F


@pytest.fixture
def upright(smooth):
    """24 x 16 px, no two corners alike."""
    return Image.fromarray(smooth(240, 160)[::10, ::10])


def written(path, image, **options):
    image.save(path, **options)
    return projector.read_photo(path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_set_upright(tmp_path, upright, orientation):
    held = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation → Image.Transpose that undoes it
    image = upright.transpose(Image.Transpose(held[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = orientation, "a camera"
    photo = written(tmp_path / "held.png", image, exif=exif)
    np.testing.assert_array_equal(photo.pixels, np.asarray(upright))
    assert photo.size == upright.size
    kept = Image.Exif()
    kept.load(photo.exif)
    assert (kept[ORIENTATION], kept[MAKER]) == (1, "a camera")


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "I;16"])
def test_modes_without_alpha(tmp_path, upright, mode):
    if mode == "I;16":
        grey = np.asarray(upright.convert("L")).astype(np.uint16) * 257
        image, expected = Image.fromarray(grey), upright.convert("L").convert("RGB")
    else:
        image = upright.convert(mode)
        expected = image.convert("RGB")
    photo = written(tmp_path / "photo.tif", image)
    assert photo.alpha is None and photo.pixels.dtype == np.uint8 and photo.pixels.flags.writeable
    assert distance(photo.pixels, np.asarray(expected)) <= 1
    assert photo.exif == b""  # a TIFF's tags describe the file


def distance(a, b):
    return np.abs(a.astype(int) - b.astype(int)).max()


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_alpha_is_kept_and_comes_back(tmp_path, upright, mode):
    if mode == "P":
        image = upright.convert("P")
        image.info["transparency"] = image.getpixel((0, 0))
    else:
        image = upright.convert(mode)
        image.putalpha(Image.linear_gradient("L").resize(upright.size))
    expected = np.asarray(image.convert("RGBA"))[..., 3]
    photo = written(tmp_path / "photo.png", image)
    assert photo.mode == mode
    np.testing.assert_array_equal(photo.alpha, expected)
    result = projector.with_pixels(photo, 255 - photo.pixels)
    assert result.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(result)[..., 3], expected)
    np.testing.assert_array_equal(np.asarray(result)[..., :3], 255 - photo.pixels)


def test_a_grey_photo_may_come_back_in_colour(tmp_path, upright):
    photo = written(tmp_path / "grey.jpg", upright.convert("L"), quality=95)
    assert photo.mode == "L"
    np.testing.assert_array_equal(photo.pixels[..., 0], photo.pixels[..., 2])
    assert projector.with_pixels(photo, np.asarray(upright)).mode == "RGB"


def test_the_profile_is_kept_where_it_describes_rgb(tmp_path, upright):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = written(tmp_path / "wide.png", upright, icc_profile=profile)
    assert photo.icc_profile == profile
    again = io.BytesIO()
    projector.with_pixels(photo, photo.pixels).save(again, "JPEG", **photo.metadata)
    assert Image.open(again).info["icc_profile"] == profile
    grey = profile[:16] + b"GRAY" + profile[20:]
    assert written(tmp_path / "grey.png", upright.convert("L"), icc_profile=grey).metadata == {}


def test_values_of_sixteen_bits_are_rounded_not_cut(tmp_path):
    values = np.array([[0, 128, 129, 257, 32896, 65535]], dtype=np.uint16)
    photo = written(tmp_path / "deep.png", Image.fromarray(values))
    assert photo.pixels[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]


def test_broken_files_are_one_line(tmp_path, upright):
    whole = io.BytesIO()
    upright.resize((300, 200)).save(whole, "JPEG")
    cases = {
        "gone.jpg": None,
        "page.jpg": b"<!DOCTYPE html><html></html>",
        "empty.png": b"",
        "cut.jpg": whole.getvalue()[:1500],
        "head.png": b"\x89PNG\r\n\x1a\n\x00\x00",
    }
    for name, data in cases.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError) as caught:
            projector.read_photo(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(InputError, match=": a folder; expected a picture"):
        projector.read_photo(tmp_path)


def test_bombs_are_refused_before_they_are_decoded(tmp_path, upright, monkeypatch):
    monkeypatch.setattr(photos, "MAX_PHOTO_PX", 300)
    with pytest.raises(InputError, match=r"bomb.png: found 24 x 16 = 384 pixels, expected at most 300; shrink"):
        written(tmp_path / "bomb.png", upright)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match=r"bomb.png: found more than 300 pixels"):
        projector.read_photo(tmp_path / "bomb.png")


def test_damaged_metadata_does_not_matter(tmp_path, upright):
    upright.save(tmp_path / "odd.jpg", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xffgarbage")
    assert projector.read_photo(tmp_path / "odd.jpg").size == upright.size


@pytest.mark.parametrize("error", [OSError, SyntaxError, TypeError, OverflowError, KeyError])
def test_exif_that_cannot_be_written_anew_is_left_behind(tmp_path, upright, monkeypatch, error):
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = 3, "a camera"
    upright.transpose(Image.Transpose.ROTATE_180).save(tmp_path / "odd.png", exif=exif)

    def fail(self, offset=8):
        raise error("damaged")

    monkeypatch.setattr(Image.Exif, "tobytes", fail)
    photo = projector.read_photo(tmp_path / "odd.png")
    assert photo.exif == b""
    np.testing.assert_array_equal(photo.pixels, np.asarray(upright))
    monkeypatch.setattr(Image.Image, "getexif", fail)  # … and EXIF that cannot even be read
    assert projector.read_photo(tmp_path / "odd.png").exif == b""


@pytest.mark.parametrize("tag", range(0, 4096, 97))
def test_no_damage_to_exif_loses_a_photo(tmp_path, upright, tag):
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER], exif[0x011A] = 6, "a camera", 72.0
    exif.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    data = bytearray(exif.tobytes())
    data[6 + tag % (len(data) - 6)] ^= 1 + tag % 255
    upright.save(tmp_path / "odd.jpg", exif=bytes(data))
    assert sorted(projector.read_photo(tmp_path / "odd.jpg").size) == [16, 24]


@pytest.mark.parametrize("layout", ["JPEG", "PNG"])
@pytest.mark.parametrize("take", [projector.photo_from_image, photos.rgb_pixels])
def test_an_open_file_that_is_cut_is_one_line(upright, layout, take):
    whole = io.BytesIO()
    upright.resize((300, 200)).save(whole, layout)
    cut = Image.open(io.BytesIO(whole.getvalue()[:1500]))  # reads the header alone
    with pytest.raises(InputError, match="image: cannot be read .*; expected a whole picture file"):
        take(cut)


def test_floats_are_refused(tmp_path, upright):
    with pytest.raises(InputError, match="floating-point pixels of unknown range"):
        written(tmp_path / "float.tif", Image.fromarray(np.ones((4, 4), dtype=np.float32)))


def test_other_sizes_do_not_fit(tmp_path, upright):
    photo = written(tmp_path / "photo.png", upright)
    with pytest.raises(InputError, match=r"pixels: found uint8 \[8, 24, 3\], expected uint8 \[16, 24, 3\], as read"):
        projector.with_pixels(photo, photo.pixels[:8])


def deep_png(path, values):
    """A PNG of 16 bits per channel, which Pillow cannot write: values uint16 [H, W, channels]."""
    height, width, channels = values.shape
    kind = {3: 2, 4: 6, 2: 4}[channels]  # PNG's colour types
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    ends = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(ends))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_colours_of_sixteen_bits_come_out_in_eight(tmp_path, channels):
    values = np.random.default_rng(0).integers(0, 65536, (5, 7, channels), dtype=np.uint16)
    deep_png(tmp_path / "deep.png", values)
    photo = projector.read_photo(tmp_path / "deep.png")
    colours = np.repeat(values[..., :1], 3, axis=2) if channels == 2 else values[..., :3]
    assert distance(photo.pixels, colours / 257) <= 1  # Pillow takes the upper byte
    if channels in (2, 4):
        assert distance(photo.alpha, values[..., -1] / 257) <= 1


def test_a_tiff_of_sixteen_bit_colours(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (4, 6, 3), dtype="<u2")
    tags = [(256, 6), (257, 4), (258, 8), (259, 1), (262, 2), (273, 200), (277, 3), (278, 4), (279, values.nbytes)]
    body = b"II*\0" + struct.pack("<IH", 8, len(tags))
    for tag, value in tags:
        count = 3 if tag == 258 else 1
        body += struct.pack("<HHII", tag, 3 if tag not in (273, 279) else 4, count, 190 if tag == 258 else value)
    body = body.ljust(190, b"\0") + struct.pack("<HHH", 16, 16, 16)
    (tmp_path / "deep.tif").write_bytes(body.ljust(200, b"\0") + values.tobytes())
    photo = projector.read_photo(tmp_path / "deep.tif")
    assert distance(photo.pixels, values / 257) <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGBA", "L", "I;16"])
def test_strips_of_any_orientation_fall_in_place(tmp_path, upright, monkeypatch, orientation, mode):
    monkeypatch.setattr(photos, "STRIP_PX", 50)  # two rows or three
    held = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation → Image.Transpose that undoes it
    grey = Image.fromarray(np.asarray(upright.convert("L")).astype(np.uint16) * 257)
    image = grey if mode == "I;16" else upright.convert(mode)
    if mode == "RGBA":
        image.putalpha(upright.getchannel("G"))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    photo = written(
        tmp_path / "held.png",
        image.transpose(Image.Transpose(held[orientation])) if orientation > 1 else image,
        exif=exif,
    )
    expected = upright if mode == "RGBA" else upright.convert("L").convert("RGB")
    np.testing.assert_array_equal(photo.pixels, np.asarray(expected))
    if mode == "RGBA":
        np.testing.assert_array_equal(photo.alpha, np.asarray(upright)[..., 1])


def test_heic_is_read_upright_with_its_exif(tmp_path, smooth):
    heif = pytest.importorskip("pillow_heif", reason="needs pillow-heif, the extra heic")
    image = Image.fromarray(smooth(96, 64))
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = 6, "a telephone"
    file = heif.from_pillow(image)
    file.save(tmp_path / "photo.heic", quality=100, chroma=444, exif=exif.tobytes())
    photo = projector.read_photo(tmp_path / "photo.heic")
    kept = Image.Exif()
    kept.load(photo.exif)
    assert (kept.get(ORIENTATION, 1), kept[MAKER]) == (1, "a telephone")
    if photo.size == image.size:  # libheif wrote the turn into the EXIF alone
        assert distance(photo.pixels, np.asarray(image)) < 20
    else:
        assert photo.size == (64, 96)
        assert distance(photo.pixels, np.asarray(image.transpose(Image.Transpose.ROTATE_270))) < 20


def test_heic_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(InputError, match=r"photo.heic: found HEIC.*pip install 'blendgan\[heic\]'"):
        projector.read_photo(tmp_path / "photo.heic")


def test_a_broken_heic_is_one_line(tmp_path):
    pytest.importorskip("pillow_heif", reason="needs pillow-heif, the extra heic")
    (tmp_path / "cut.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(InputError, match="cut.heic: cannot be read"):
        projector.read_photo(tmp_path / "cut.heic")


def test_of_an_animation_the_first_frame_is_taken(tmp_path, upright):
    second = Image.new("RGB", upright.size, (9, 9, 9))
    upright.save(tmp_path / "film.webp", save_all=True, append_images=[second], lossless=True)
    np.testing.assert_array_equal(projector.read_photo(tmp_path / "film.webp").pixels, np.asarray(upright))
