"""A redrawn photo, drawn again: its faces and latents are taken from the result, the pixels from the photo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from blendgan.masks import Mask, load_mask
from blendgan.personal import with_change
from blendgan.projection import crop_size
from blendgan.spatial import Masking
from blendgan.toon_records import Record
from blendgan.toonification import Studio, Toon, ToonSettings, render
from projector.change_files import load_change
from projector.photo import read_photo
from stylegan2.errors import InputError
from stylegan2.store import sha256_of


def draw_again(studio: Studio, record: Record, photo: Path, settings: ToonSettings) -> Toon:
    """Redraw recorded faces into their photo. Raises WrongGenerator for models of another family, InputError."""
    opened = read_photo(photo)
    record = record.chosen(settings.selection)
    change = {} if record.change is None else load_change(record.change, studio.base)
    faces = record.faces(opened, crop_size(studio.base))
    toon = render(with_change(studio, change), opened, faces, record.latent, settings)
    return replace(toon, change=change)


def find_photo(record: Record, result: Path, given: Path | None = None) -> Path:
    """Return the photo of a result: the given one, else that of its name beside it, one folder up, or here.

    Raises InputError where none has the recorded SHA-256.
    """
    if record.photo is None:
        if given is None:
            raise InputError(f"{result}: does not say which photo it was made of; give it after the result")
        return given
    name, digest = record.photo
    looked = [given] if given is not None else list(_places(result, name))
    for photo in looked:
        if photo.is_file() and sha256_of(photo) == digest:
            return photo
    if given is not None:
        found = "another file" if given.is_file() else "no such file"
        raise InputError(f"{given}: {found}; expected {name} with SHA-256 {digest[:12]}…, of which {result} was made")
    changed = next((photo for photo in looked if photo.is_file()), None)
    if changed is not None:
        raise InputError(
            f"{result}: {changed} is not the photo of which it was made: expected SHA-256 {digest[:12]}…; give that "
            f"one: --again {result} PHOTO, or toonify this one"
        )
    raise InputError(
        f"{result}: its photo, {name} with SHA-256 {digest[:12]}…, is neither beside it, nor one folder up, nor here; "
        f"give it: --again {result} PHOTO"
    )


def recorded_masking(record: Record, result: Path) -> Masking | None:
    """Return the mask that a result was drawn with. Raises InputError where its file is not found unchanged."""
    said = record.mask
    if said is None:
        return None
    from_resolution = int(said["from"]) if "from" in said else None
    return Masking(load_mask(said["region"]) if "region" in said else _mask_file(said, result), from_resolution)


def _mask_file(said: Any, result: Path) -> Mask:
    name = str(said.get("file", ""))
    for path in _places(result, name):
        if path.is_file():
            mask = load_mask(str(path))
            if mask.digest == said.get("sha256"):
                return mask
    raise InputError(f"{result}: its mask, {name}, is neither beside it, nor one folder up, nor here; say --mask FILE")


def _places(result: Path, name: str) -> Iterator[Path]:
    """Where a file of this name is looked for; a name with folders in it, which no result says, is none."""
    if Path(name).name == name and name:
        folder = result.resolve().parent
        yield from (folder / name, folder.parent / name, Path(name))
