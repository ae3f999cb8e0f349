"""Picture files -> upright RGB pixels, and back into the photo's own form with its EXIF and colour profile."""

from __future__ import annotations

import io
import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from stylegan2.errors import InputError

MAX_PHOTO_PX = 178_956_970  # Pillow's own limit against decompression bombs; 0.5 GB as RGB
BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error)  # what Pillow raises on damaged files
BROKEN_EXIF = (*BROKEN, TypeError, AttributeError, ArithmeticError, LookupError)  # … and on damaged EXIF
UPRIGHT = {  # orientation → what sets it upright (EXIF 2.32, 4.6.4)
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
LAST_ROW_FIRST = (3, 4, 6, 7)  # orientations whose stored rows run the other way,
ROWS_ARE_COLUMNS = (5, 6, 7, 8)  # … or stand upright
STRIP_PX = 1 << 22  # converted at once: Pillow holds 4 bytes for each of a photo's pixels, we 3, and no third copy
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # ISO 23008-12, annex B
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
RGB_PROFILE = slice(16, 20), b"RGB "  # where an ICC profile names the colour space of its pixels (ICC.1, 7.2.6)


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo, set upright.

    `pixels`: uint8 RGB [H, W, 3]. `alpha`: uint8 [H, W], None where the file has none. `mode`: Pillow's name of the
    file's own form ("L", "CMYK", …). `exif`: bytes that say upright, empty if none. `icc_profile`: of RGB pixels,
    else empty.
    """

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    mode: str
    exif: bytes
    icc_profile: bytes

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in px."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def metadata(self) -> dict[str, bytes]:
        """What of EXIF and profile there is, as arguments of Pillow's `save`."""
        return {name: value for name in ("exif", "icc_profile") if (value := getattr(self, name))}


def read_photo(path: str | os.PathLike[str]) -> Photo:
    """Read any picture file as an upright photo; of several frames the first.

    16 bits become 8, CMYK becomes RGB without its profile. HEIC is read where pillow-heif is there. Raises InputError,
    in one line, for files that are missing, broken, no pictures, or of more than MAX_PHOTO_PX pixels.
    """
    with _decoding(path), open(path, "rb") as file, _opened(file, path) as image:
        _check_size(image, path)
        return _photo(image, path)


def photo_from_bytes(contents: bytes, name: str, largest_px: int = MAX_PHOTO_PX) -> Photo:
    """Read a picture file that is in memory, as `read_photo` reads one on a disk; `name` is for messages.

    Its size is looked at before its pixels are: more than `largest_px` raise InputError.
    """
    with _decoding(name, largest_px), _opened(io.BytesIO(contents), name) as image:
        _check_size(image, name, largest_px)
        return _photo(image, name)


def photo_from_image(image: Image.Image) -> Photo:
    """Take a PIL image of any mode as a photo, as `read_photo` takes a file."""
    with _decoding("image"):  # Pillow reads the pixels of an open file only now
        _check_size(image, "image")
        return _photo(image, "image")


def rgb_pixels(image: Image.Image | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return uint8 RGB [H, W, 3] of a PIL image of any mode, set upright by its EXIF, or of such an array as it is.

    Raises InputError for any other array, and for a picture file that is open but broken.
    """
    if isinstance(image, Image.Image):
        with _decoding("image"):
            image.load()  # so that what fails from here on is the EXIF alone
            return _channels(image, _orientation(image), "image")[0]
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise InputError(
            f"image: found {image.dtype} {list(image.shape)}, expected uint8 [H, W, 3]; read photos with read_photo"
        )
    return image


def with_pixels(photo: Photo, pixels: NDArray[np.uint8]) -> Image.Image:
    """Return new pixels, uint8 RGB [H, W, 3], in the photo's form: RGBA where it had alpha, else RGB, also for greys.

    Save it with `image.save(path, **photo.metadata)`. Raises InputError where the size is another.
    """
    if pixels.shape != photo.pixels.shape or pixels.dtype != np.uint8:
        raise InputError(
            f"pixels: found {pixels.dtype} {list(pixels.shape)}, expected uint8 {list(photo.pixels.shape)}, as read"
        )
    image = Image.fromarray(pixels)
    if photo.alpha is not None:
        image.putalpha(Image.fromarray(photo.alpha))
    return image


def _opened(file: BinaryIO, path: str | os.PathLike[str]) -> Image.Image:
    try:
        return Image.open(file)
    except UnidentifiedImageError:
        if not _is_heif(file):
            raise
        return _open_heif(file, path)


def _is_heif(file: BinaryIO) -> bool:
    file.seek(0)
    start = file.read(12)
    file.seek(0)
    return start[4:8] == b"ftyp" and start[8:] in HEIF_BRANDS


def _open_heif(source: BinaryIO, path: str | os.PathLike[str]) -> Image.Image:
    try:
        import pillow_heif  # optional: the extra `heic`
    except ImportError as error:
        raise InputError(
            f"{path}: found HEIC, which needs a package of its own; pip install 'blendgan[heic]', or save the photo as "
            "JPEG first"
        ) from error
    file = pillow_heif.open_heif(source)
    _check_size(file, path)
    image: Image.Image = file.to_pillow()  # upright, and says so in its EXIF
    return image


@contextmanager
def _decoding(path: str | os.PathLike[str], largest_px: int = MAX_PHOTO_PX) -> Iterator[None]:
    """Turn what Pillow raises into one line. Its own limit may be above `largest_px`; then it has not said the size."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of doubtful metadata and large sizes; the size is checked here
        try:
            yield
        except Image.DecompressionBombError as error:
            raise _too_large(f"more than {MAX_PHOTO_PX:,} pixels", path, largest_px) from error
        except (FileNotFoundError, IsADirectoryError) as error:
            found = "a folder" if isinstance(error, IsADirectoryError) else "no such file"
            raise InputError(f"{path}: {found}; expected a picture: JPEG, PNG, WebP, TIFF, …") from error
        except UnidentifiedImageError as error:
            raise InputError(f"{path}: not a picture that can be read; expected JPEG, PNG, WebP, TIFF, …") from error
        except BROKEN as error:
            raise InputError(f"{path}: cannot be read ({_one_line(error)}); expected a whole picture file") from error


class _Sized(Protocol):
    @property
    def size(self) -> tuple[int, int]: ...


def _check_size(image: _Sized, path: str | os.PathLike[str], largest_px: int | None = None) -> None:
    most = MAX_PHOTO_PX if largest_px is None else largest_px
    width, height = image.size
    if width * height > most:
        raise _too_large(f"{width} x {height} = {width * height:,} pixels", path, most)


def _too_large(found: str, path: str | os.PathLike[str], largest_px: int | None = None) -> InputError:
    most = MAX_PHOTO_PX if largest_px is None else largest_px
    return InputError(f"{path}: found {found}, expected at most {most:,}; shrink the picture first")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _photo(image: Image.Image, path: str | os.PathLike[str]) -> Photo:
    image.load()  # so that what fails from here on is the EXIF alone
    icc_profile, orientation = image.info.get("icc_profile") or b"", _orientation(image)
    pixels, alpha = _channels(image, orientation, path)
    exif = b"" if image.format == "TIFF" else _upright_exif(image)  # a TIFF's tags describe the file itself
    where, rgb = RGB_PROFILE
    return Photo(pixels, alpha, image.mode, exif, icc_profile if icc_profile[where] == rgb else b"")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except BROKEN_EXIF:
        return 1


def _upright_exif(image: Image.Image) -> bytes:
    """Damaged EXIF is left behind: the photo is worth more."""
    try:
        exif = image.getexif()
        if not exif:
            return b""
        if ExifTags.Base.Orientation in exif:
            exif[ExifTags.Base.Orientation] = 1
        return exif.tobytes()
    except BROKEN_EXIF:
        return b""


def _channels(
    image: Image.Image, orientation: int, path: str | os.PathLike[str]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """RGB [H, W, 3] and alpha [H, W] or None, upright.

    By our own table: Pillow's function would also write the EXIF anew, which fails where that is damaged.
    """
    if image.mode in SIXTEEN_BIT:
        upright = image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image
        return _from_sixteen_bit(np.asarray(upright), path), None
    if image.mode == "F":
        raise InputError(f"{path}: found floating-point pixels of unknown range; expected 8 or 16 bits per channel")
    size = image.size[::-1] if orientation not in ROWS_ARE_COLUMNS else image.size
    pixels = np.empty((*size, 3), np.uint8)
    if not image.has_transparency_data:
        for where, strip in _strips(image, orientation, "RGB"):
            pixels[where] = strip
        return pixels, None
    alpha = np.empty(size, np.uint8)
    for where, strip in _strips(image, orientation, "RGBA"):
        pixels[where], alpha[where] = strip[..., :3], strip[..., 3]
    return pixels, alpha


def _strips(image: Image.Image, orientation: int, mode: str) -> Iterator[tuple[tuple[slice, ...], NDArray[np.uint8]]]:
    """Yield the rows of a picture as stored, some at a time, upright and in another mode, and where they belong."""
    rows = max(1, STRIP_PX // max(1, image.width))
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        strip = image.crop((0, top, image.width, bottom)).convert(mode)
        if orientation in UPRIGHT:
            strip = strip.transpose(UPRIGHT[orientation])
        is_reversed = orientation in LAST_ROW_FIRST
        span = slice(image.height - bottom, image.height - top) if is_reversed else slice(top, bottom)
        yield ((slice(None), span) if orientation in ROWS_ARE_COLUMNS else (span,)), np.asarray(strip)


def _from_sixteen_bit(grey: NDArray[np.integer], path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    if grey.min() < 0 or grey.max() > 65535:
        raise InputError(f"{path}: found values from {grey.min()} to {grey.max()}; expected 0 to 65535")
    eight = ((grey.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 = 255 · 257
    return np.repeat(eight[..., None], 3, axis=2)
