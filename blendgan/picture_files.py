"""Pictures as files, in the form that the ending says; what they say of themselves inside, or in a file beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from blendgan.images import read_metadata, save_png
from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import InputError

PAPER = (255, 255, 255)  # what shows through where a form has no transparency: what viewers and printers put there


@dataclass(frozen=True)
class Form:
    """How Pillow writes it; `largest_px`: the longest side that the form can hold."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    has_alpha: bool = True
    largest_px: int = 1 << 31


# Quality 95 without thinning out the colours: a painted face has sharp coloured edges.
JPEG = Form("JPEG", {"quality": 95, "subsampling": 0}, has_alpha=False, largest_px=65535)
TIFF = Form("TIFF", {"compression": "tiff_adobe_deflate"})
FORMS = {
    ".png": Form("PNG"),
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".webp": Form("WEBP", {"quality": 95}, largest_px=16383),
    ".tif": TIFF,
    ".tiff": TIFF,
}


def form_of(path: Path) -> Form:
    """Return the form that a name's ending says. Raises InputError for an ending that is none of FORMS."""
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise InputError(f"{path}: found the ending {path.suffix!r}, expected one of {', '.join(FORMS)}")
    return form


def sidecar_of(path: Path) -> Path | None:
    """Return the file that carries a picture's metadata: NAME.json; None for PNG, which carries its own."""
    return None if path.suffix.lower() == ".png" else path.with_suffix(".json")


def write_picture(
    path: Path, picture: Image.Image, metadata: Mapping[str, str] | None, profile: Mapping[str, bytes]
) -> None:
    """Write a picture in one step, by its ending, and its sidecar where it has one and there is metadata.

    What is transparent becomes white in forms without alpha. Raises InputError for another ending, for a picture larger
    than the form can hold, and where it cannot be written.
    """
    _require_room(path, picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as file:
        save_picture(file, path, picture, metadata, profile)
    sidecar = sidecar_of(path)
    if metadata is not None and sidecar is not None:
        with writing(sidecar) as file:
            file.write(json.dumps(dict(metadata), indent=1).encode())


def save_picture(
    file: BinaryIO, name: Path, picture: Image.Image, metadata: Mapping[str, str] | None, profile: Mapping[str, bytes]
) -> None:
    """Write the bytes of `write_picture`, whose name says the form, to an open file, which may be one in memory.

    Raises InputError for another ending, and for a picture larger than the form can hold.
    """
    form = _require_room(name, picture)
    if form.name == "PNG":
        save_png(file, picture, metadata, profile)
    else:
        (picture if form.has_alpha else _opaque(picture)).save(file, form.name, **form.options, **profile)


def _require_room(path: Path, picture: Image.Image) -> Form:
    form = form_of(path)
    if max(picture.size) > form.largest_px:
        raise InputError(
            f"{path}: found {picture.width} x {picture.height} px, {form.name} holds at most {form.largest_px} px a "
            "side; write .png"
        )
    return form


def read_texts(path: Path) -> dict[str, str]:
    """Return what a picture says: a PNG's text chunks, or its sidecar's; {} where there is none.

    Chunks before the pixels are read without decoding these. Raises InputError for a file that is no picture.
    """
    sidecar = sidecar_of(path)
    if sidecar is None:
        return _texts_of_png(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a picture that toonify wrote")
    if not sidecar.is_file():
        return {}
    try:
        said = json.loads(sidecar.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{sidecar}: not JSON ({error}); expected the file that toonify wrote with {path}") from error
    return {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}


def _texts_of_png(path: Path) -> dict[str, str]:
    try:
        with Image.open(path) as picture:
            texts = {str(key): str(value) for key, value in picture.info.items() if isinstance(value, str)}
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; expected a picture that toonify wrote") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: not a readable picture ({error}); expected a PNG file") from error
    return texts or read_metadata(path)


def _opaque(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture
    paper = Image.new("RGB", picture.size, PAPER)
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper
