"""What a redrawn photo carries so that it can be drawn again without finding and projecting its faces."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from blendgan import recipe
from blendgan.faces import Selection
from blendgan.papers import METADATA_KEY, text_of
from blendgan.pasting import PASTES
from blendgan.picture_files import read_texts
from blendgan.recipe import Recipe
from blendgan.recipe_schema import BadRecipe, from_json
from blendgan.regions import REGIONS
from blendgan.toonification import Toon, ToonSettings, papers_of
from projector import geometry
from projector.alignment import AlignedFace, align_quad
from projector.latent import Latent, load_latent, pack, unpack
from projector.photo import Photo
from projector.tuning import TuningConfig
from stylegan2.errors import InputError

LATENT_KEY = "blendgan.latent"  # of the text: base64 of a latent file in float16
LARGEST_TEXT = (
    32 << 20
)  # bytes: Pillow reads no more than 64 MB of a PNG's texts; larger latents stay in their own file
LARGEST_PX = 1 << 20  # no photo's face lies farther out; a damaged quad must not fill the memory


@dataclass(frozen=True, eq=False)
class Place:
    """Where a face lies: `quad` [4, 2], `points` [5, 2] or None, in px of the upright photo; the detector's score."""

    quad: geometry.Array
    points: geometry.Array | None
    score: float


@dataclass(frozen=True, eq=False)
class Record:
    """A redrawn photo's making. `photo`: name and SHA-256 of its file, None where it was no file."""

    recipe: Recipe
    mask: Mapping[str, Any] | None
    settings: ToonSettings
    photo: tuple[str, str] | None
    places: tuple[Place, ...]
    latent: Latent
    change: Path | None = None  # the file of BASE's change, where it was tuned

    def chosen(self, selection: Selection) -> Record:
        """The same of some of its faces. Raises InputError for a number that it does not have."""
        numbers = list(selection.numbers) or list(range(1, len(self.places) + 1))
        if selection.only_largest:
            numbers = [1 + int(np.argmax([geometry.side_px(place.quad) for place in self.places]))]
        if max(numbers) > len(self.places):
            raise InputError(
                f"faces: found {len(self.places)} in the result, asked for number {max(numbers)}; count from the left, "
                "from 1, those that were redrawn"
            )
        return self._of([number - 1 for number in numbers])

    def _of(self, indices: list[int]) -> Record:
        noise = {name: value[indices] for name, value in self.latent.noise.items()}
        latent = Latent(self.latent.w[indices], self.latent.mapping, noise, self.latent.metadata)
        places = tuple(self.places[i] for i in indices)
        return replace(self, places=places, latent=latent)

    def faces(self, photo: Photo, size_px: int) -> list[AlignedFace]:
        """Cut the recorded faces out of the photo. Raises InputError for a size under 1."""
        return [align_quad(photo.pixels, place.quad, size_px, place.score, place.points) for place in self.places]


def texts_of(toon: Toon, origin: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return all that a redrawn photo's file shall say; `origin` is the photo's, as `photo_files` has it."""
    said = papers_of(toon)
    if origin is not None:
        said["photo"] = dict(origin)
    latent = base64.b64encode(pack(toon.latents, np.float16)).decode()
    return text_of(said) | ({LATENT_KEY: latent} if len(latent) <= LARGEST_TEXT else {})


def read_record(result: Path) -> Record:
    """Read what a result, or its sidecar, says; a latent too large for it is read from NAME.npz beside it.

    Raises InputError for a picture that says nothing, or whose words are damaged.
    """
    texts = read_texts(result)
    if METADATA_KEY not in texts:
        raise InputError(
            f"{result}: found nothing of its making, written perhaps with --no-metadata or changed by another program; "
            "expected a picture that toonify wrote, with its .json beside it if it is no PNG; toonify the photo anew"
        )
    try:
        said = json.loads(texts[METADATA_KEY])
        parts = _parts(said)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, BadRecipe, InputError) as error:
        raise InputError(
            f"{result}: what it says of its making is damaged, or of another command ({type(error).__name__}: "
            f"{error}); toonify the photo anew"
        ) from error
    record = Record(**parts, latent=_latent(result, texts), change=_change_file(result, parts["settings"]))
    if len(record.places) != len(record.latent.w):
        raise InputError(
            f"{result}: found {len(record.places)} faces and latents of {len(record.latent.w)}; toonify the photo anew"
        )
    return record


def _parts(said: Mapping[str, Any]) -> dict[str, Any]:
    settings, photo = said["settings"], said.get("photo")
    return {
        "recipe": from_json(said[recipe.KEY]),
        "mask": _mask(said.get("mask")),
        "settings": ToonSettings(
            paste=_one_of(PASTES, settings["paste"]),
            detail=settings.get("detail"),
            match_colour=bool(settings["match_colour"]),
            tuning=TuningConfig(steps=int(settings["tune"])) if settings.get("tune") else None,
        ),
        "photo": None if photo is None else (str(photo["name"]), str(photo["sha256"])),
        "places": tuple(map(_place, said["faces"])),
    }


def _mask(said: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What is said of a mask, as `Mask.to_json` has it and where it begins; anything else is damage."""
    if said is None:
        return None
    known = {"region": _one_of(REGIONS, said["region"])} if "region" in said else _file_mask(said)
    return known | ({"from": int(said["from"])} if "from" in said else {})


def _file_mask(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"file": str(said["file"]), "sha256": str(said["sha256"])}


def _one_of(allowed: Iterable[str], value: str) -> str:
    if value not in allowed:
        raise ValueError(f"found {value!r}")
    return value


def _place(said: Mapping[str, Any]) -> Place:
    points = said.get("points")
    return Place(_array(said["quad"], (4, 2)), None if points is None else _array(points, (5, 2)), float(said["score"]))


def _array(values: Any, shape: tuple[int, int]) -> geometry.Array:
    array = np.array(values, dtype=np.float64)
    if array.shape != shape or not (np.abs(array) <= LARGEST_PX).all():  # NaN fails too
        raise ValueError(f"found an array {list(array.shape)}, expected {list(shape)} numbers of at most {LARGEST_PX}")
    return array


def _change_file(result: Path, settings: ToonSettings) -> Path | None:
    if settings.tuning is None:
        return None
    beside = result.with_suffix(".tune.safetensors")
    if not beside.is_file():
        raise InputError(
            f"{result}: was drawn with --tune, and {beside.name} is not beside it; put it back there, or toonify the "
            "photo anew"
        )
    return beside


def _latent(result: Path, texts: Mapping[str, str]) -> Latent:
    if LATENT_KEY not in texts:
        beside = result.with_suffix(".npz")
        if not beside.is_file():
            raise InputError(f"{result}: carries no latent, and {beside.name} is not beside it; put it back there")
        return load_latent(beside)
    try:
        contents = base64.b64decode(texts[LATENT_KEY], validate=True)
    except ValueError as error:
        raise InputError(f"{result}: its latent is damaged ({error}); toonify the photo anew") from error
    return unpack(contents, f"{result}")
