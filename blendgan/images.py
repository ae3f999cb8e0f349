"""Pictures at the edge of the program: conversion, enlarging, captioned grids, PNG files that carry metadata.

Inside, pictures are float32 [N, 3, H, W] in [-1, 1]; outside, uint8 RGB [H, W, 3] or Pillow images. Only this module
converts.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin, UnidentifiedImageError
from torch import Tensor

from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import InputError

Pixels = NDArray[np.uint8]

SMALLEST_CELL_PX = 128  # pictures of a grid are enlarged to this: a 64 px face cannot be judged at its own size
PNG_EFFORT = 2  # of 9: 0.09 s a megapixel of photo against 0.33 s at Pillow's 6, 7 % larger
GAP_PX = 2  # between the pictures of a grid
FONT_PX = 14
PAPER = (255, 255, 255)
INK = (32, 32, 32)


def to_uint8(images: Tensor) -> Pixels:
    """Convert float [N, C, H, W] in [-1, 1] to uint8 RGB [N, H, W, 3]: clamped, rounded; one channel becomes grey.

    Raises InputError for another number of axes or channels.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise InputError(f"images: found shape {tuple(images.shape)}, expected [N, 3, H, W] or [N, 1, H, W]")
    levels = images.detach().to(torch.float32).add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    pixels: Pixels = levels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return pixels


def from_uint8(pixels: Pixels) -> Tensor:
    """Convert uint8 RGB [H, W, 3] or [N, H, W, 3] to float32 [N, 3, H, W] in [-1, 1]; `to_uint8` inverts it exactly.

    Raises InputError for another type or shape.
    """
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or pixels.shape[-1] != 3:
        raise InputError(f"pixels: found {pixels.dtype} {pixels.shape}, expected uint8 [H, W, 3] or [N, H, W, 3]")
    batch = torch.from_numpy(pixels.reshape(-1, *pixels.shape[-3:]).copy())  # [N, H, W, 3]
    return batch.permute(0, 3, 1, 2).to(torch.float32).div(127.5).sub(1).contiguous()


def to_pictures(images: Tensor) -> list[Image.Image]:
    """Convert float [N, C, H, W] in [-1, 1] to N Pillow images."""
    return [Image.fromarray(pixels) for pixels in to_uint8(images)]


def enlarge(picture: Image.Image, smallest_px: int) -> Image.Image:
    """Return the picture with its shorter side at `smallest_px` or more: whole multiples, by Lanczos; never smaller."""
    times = -(-smallest_px // min(picture.size))  # rounded up
    if times <= 1:
        return picture
    return picture.resize((picture.width * times, picture.height * times), Image.Resampling.LANCZOS)


def grid(rows: Mapping[str, Sequence[Image.Image]], columns: Sequence[str] = ()) -> Image.Image:
    """Lay out rows of pictures of one size, each row's caption to its left, the columns' captions above.

    Small pictures are enlarged, and columns are set apart where a caption needs the room. Raises InputError without
    pictures, or for pictures of different sizes.
    """
    cells = [[enlarge(picture, SMALLEST_CELL_PX) for picture in row] for row in rows.values()]
    width, height = _cell_size(cells)
    font = ImageFont.load_default(FONT_PX)
    left = max(int(font.getlength(caption)) for caption in rows) + 2 * FONT_PX if "".join(rows).strip() else 0
    top = 2 * FONT_PX if columns else 0
    pitch = max([width + GAP_PX, *(int(font.getlength(caption)) + FONT_PX for caption in columns)])
    xs = [left + i * pitch for i in range(max(map(len, cells)))]
    ys = [top + j * (height + GAP_PX) for j in range(len(cells))]
    sheet = Image.new("RGB", (xs[-1] + width, ys[-1] + height), PAPER)
    for y, row in zip(ys, cells, strict=True):
        for x, picture in zip(xs, row, strict=False):
            sheet.paste(picture, (x, y))
    draw = ImageDraw.Draw(sheet)
    for x, caption in zip(xs, columns, strict=False):
        draw.text((x + width // 2, top // 2), caption, INK, font, anchor="mm")
    for y, caption in zip(ys, rows, strict=True):
        draw.text((FONT_PX, y + height // 2), caption, INK, font, anchor="lm")
    return sheet


def write_png(
    path: Path,
    picture: Image.Image,
    metadata: Mapping[str, str] | None = None,
    profile: Mapping[str, bytes] | None = None,
) -> None:
    """Write a PNG in one step: a picture of that name is replaced, and never left half-written.

    `metadata` goes into iTXt chunks, key by key, in UTF-8. A missing folder is made. Raises
    InputError where it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as file:
        save_png(file, picture, metadata, profile)


def save_png(
    file: IO[bytes],
    picture: Image.Image,
    metadata: Mapping[str, str] | None = None,
    profile: Mapping[str, bytes] | None = None,
) -> None:
    """Write the bytes of `write_png` to an open file, which may be one in memory."""
    chunks = PngImagePlugin.PngInfo()
    for key, value in (metadata or {}).items():
        chunks.add_itxt(key, value)
    picture.save(file, "PNG", pnginfo=chunks, compress_level=PNG_EFFORT, **(profile or {}))


def png_bytes(
    picture: Image.Image, metadata: Mapping[str, str] | None = None, profile: Mapping[str, bytes] | None = None
) -> bytes:
    """Return the very bytes of the file that `write_png` writes."""
    file = io.BytesIO()
    save_png(file, picture, metadata, profile)
    return file.getvalue()


def read_metadata(path: Path) -> dict[str, str]:
    """Return the text chunks of a PNG. Raises InputError for a file that is no picture."""
    try:
        with Image.open(path) as picture:
            picture.load()  # chunks may follow the pixels
            texts = getattr(picture, "text", {})
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(f"{path}: not a readable picture ({error}); expected a PNG file") from error
    return {str(key): str(value) for key, value in texts.items()}


def _cell_size(cells: Sequence[Sequence[Image.Image]]) -> tuple[int, int]:
    sizes = {picture.size for row in cells for picture in row}
    if len(sizes) != 1:
        raise InputError(f"grid: found pictures of {len(sizes)} sizes {sorted(sizes)}, expected one")
    return sizes.pop()
