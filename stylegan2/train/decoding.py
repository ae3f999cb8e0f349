"""Bytes of a picture file -> upright RGB of 8 bits, and the square that a network sees."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from stylegan2.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
KINDS = (  # what is read, whatever a file's name says; Pillow would hand some others, as PostScript, to a program
    "PNG", "JPEG", "WEBP", "AVIF", "BMP", "TIFF", "GIF", "JPEG2000", "PPM",
)  # fmt: skip
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
MAX_PICTURE_PX = 178_956_970  # Pillow's own limit against decompression bombs; 0.5 GB as RGB
# What Pillow raises on damaged files, damaged EXIF, unknown kinds, and on pictures too large to be opened.
UNREADABLE = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, AttributeError, ArithmeticError, LookupError,
    NotImplementedError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip


def decode(data: bytes, name: str) -> Image.Image:
    """Return the picture that a file holds, upright, opaque, in RGB of 8 bits; of several frames the first.

    Raises InputError, which names the picture, for what is broken, no picture, or of over MAX_PICTURE_PX pixels.
    Pillow warns of doubtful files: whoever calls decides what becomes of warnings, since that is a matter of the
    whole process and not of one thread.
    """
    try:
        with Image.open(io.BytesIO(data), formats=KINDS) as picture:
            if picture.width * picture.height > MAX_PICTURE_PX:
                raise Image.DecompressionBombError
            return as_rgb(picture)
    except UNREADABLE as error:
        raise InputError(f"{name}: cannot be read as a picture ({_reason(error, data)})") from error


def _reason(error: Exception, data: bytes) -> str:
    if not data:
        return "it is empty"
    if isinstance(error, Image.DecompressionBombError):
        return f"of more than {MAX_PICTURE_PX:,} pixels; shrink it first"
    if isinstance(error, UnidentifiedImageError):
        return "of no known kind"
    return " ".join(str(error).split()) or type(error).__name__


def as_rgb(picture: Image.Image) -> Image.Image:
    """Return a picture of any mode upright, opaque (white below), in RGB of 8 bits. Raises what Pillow raises."""
    picture.load()  # so that what fails from here on is the EXIF alone
    picture = _upright(picture)
    if picture.mode in SIXTEEN_BIT:
        return Image.fromarray((np.asarray(picture).clip(0, 65535) / 257).round().astype(np.uint8)).convert("RGB")
    if picture.mode == "F":
        raise ValueError("floating-point pixels of unknown range; 8 or 16 bits per channel are read")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    coloured = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured).convert("RGB")


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except UNREADABLE:
        return picture  # its EXIF is damaged: the picture is worth more


def square(picture: Image.Image, size_px: int) -> Image.Image:
    """Return the middle square of a picture, resized to size_px by Lanczos."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box = (left, top, left + side, top + side)
    return picture.resize((size_px, size_px), Image.Resampling.LANCZOS, box=box)


def pixels_of(data: bytes, name: str, size_px: int) -> NDArray[np.uint8]:
    """Return what a network is shown of a picture file: uint8 [3, size, size]. Raises InputError as `decode`."""
    return np.moveaxis(np.array(square(decode(data, name), size_px)), 2, 0)
