"""Picture files -> upright RGB pixels, and back into the photo's own form with its EXIF and colour profile."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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

    16-bit greys become 8-bit, CMYK becomes RGB without its profile. Raises InputError, in one line, for files that are
    missing, broken, no pictures, or of more than MAX_PHOTO_PX pixels.
    """
    with _decoding(path), Image.open(path) as image:
        _check_size(image, path)
        return _photo(image, path)


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
            return _channels(_upright(image), "image")[0]
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


@contextmanager
def _decoding(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what Pillow raises into one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of doubtful metadata and large sizes; the size is checked here
        try:
            yield
        except Image.DecompressionBombError as error:
            raise _too_large(f"more than {MAX_PHOTO_PX:,} pixels", path) from error
        except (FileNotFoundError, IsADirectoryError) as error:
            raise InputError(f"{path}: no such file; expected a picture: JPEG, PNG, WebP, TIFF, …") from error
        except UnidentifiedImageError as error:
            raise InputError(f"{path}: not a picture that can be read; expected JPEG, PNG, WebP, TIFF, …") from error
        except BROKEN as error:
            raise InputError(f"{path}: cannot be read ({_one_line(error)}); expected a whole picture file") from error


def _check_size(image: Image.Image, path: str | os.PathLike[str]) -> None:
    if image.width * image.height > MAX_PHOTO_PX:
        raise _too_large(f"{image.width} x {image.height} = {image.width * image.height:,} pixels", path)


def _too_large(found: str, path: str | os.PathLike[str]) -> InputError:
    return InputError(f"{path}: found {found}, expected at most {MAX_PHOTO_PX:,}; shrink the picture first")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _photo(image: Image.Image, path: str | os.PathLike[str]) -> Photo:
    mode, icc_profile, layout = image.mode, image.info.get("icc_profile") or b"", image.format
    upright = _upright(image)  # first: the next line changes what the image says of itself
    exif = b"" if layout == "TIFF" else _upright_exif(image)  # a TIFF's tags describe the file itself
    pixels, alpha = _channels(upright, path)
    where, rgb = RGB_PROFILE
    return Photo(pixels, alpha, mode, exif, icc_profile if icc_profile[where] == rgb else b"")


def _upright(image: Image.Image) -> Image.Image:
    """By our own table: Pillow's function would also write the EXIF anew, which fails where that is damaged."""
    image.load()  # so that what fails from here on is the EXIF alone
    orientation = _orientation(image)
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image


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


def _channels(image: Image.Image, path: str | os.PathLike[str]) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """RGB [H, W, 3] and alpha [H, W] or None."""
    if image.mode in SIXTEEN_BIT:
        return _from_sixteen_bit(np.asarray(image), path), None
    if image.mode == "F":
        raise InputError(f"{path}: found floating-point pixels of unknown range; expected 8 or 16 bits per channel")
    if not image.has_transparency_data:
        return np.array(image if image.mode == "RGB" else image.convert("RGB")), None
    rgba = np.array(image.convert("RGBA"))
    return rgba[..., :3].copy(), rgba[..., 3].copy()


def _from_sixteen_bit(grey: NDArray[np.integer], path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    if grey.min() < 0 or grey.max() > 65535:
        raise InputError(f"{path}: found values from {grey.min()} to {grey.max()}; expected 0 to 65535")
    eight = ((grey.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 = 255 · 257
    return np.repeat(eight[..., None], 3, axis=2)
