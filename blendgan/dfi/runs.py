"""From a photo's file to the file of the edited photo: its faces, or the picture as it is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from blendgan.dfi.directions import Direction, Read
from blendgan.dfi.editing import Edit, Edited, Settings, doubt, edit_picture, require_mask, require_sets
from blendgan.dfi.features import Layers
from blendgan.dfi.places import Place, face_places, whole_place
from blendgan.dfi.reverse import Step
from blendgan.dfi.sets import counted
from blendgan.faces import Selection
from blendgan.images import grid, to_pictures
from blendgan.masks import Mask
from blendgan.papers import papers, text_of
from blendgan.photo_files import origin_of
from blendgan.picture_files import form_of, write_picture
from projector.photo import Photo, read_photo
from stylegan2.errors import InputError

ALWAYS_KEPT = "icc_profile"  # without it the colours would be others


@dataclass(frozen=True)
class Progress:
    """An event and the place that it is about: `number` of `count`, counted from 1."""

    event: Read | Step
    number: int
    count: int


@dataclass(frozen=True)
class Order:
    """What is asked for: the edits in turn, how, where, and the longer side of the picture that is worked on, in px.

    `size_px`: None is what suits the features.
    """

    edits: tuple[Edit, ...]
    settings: Settings = Settings()
    selection: Selection = Selection()
    mask: Mask | None = None
    size_px: int | None = None


@dataclass(frozen=True, eq=False)
class Run:
    """One photo, its places to be edited, and where the picture goes. `edited` fills while `events` is gone through."""

    photo_file: Path
    photo: Photo
    features: Layers
    order: Order
    places: tuple[Place, ...]
    out: Path
    edited: list[Edited] = field(default_factory=list)

    def events(self) -> Iterator[Progress]:
        """Edit one place after the other, and yield what happens. Raises what `edit_picture` raises."""
        device = next(self.features.network.parameters()).device
        for number, place in enumerate(self.places, 1):
            mask, before = place.mask, place.before.to(device)
            edits, settings = self.order.edits, self.order.settings
            for event in edit_picture(self.features, before, edits, settings, mask, self.photo_file, place.own_size):
                if isinstance(event, Edited):
                    self.edited.append(event)
                else:
                    yield Progress(event, number, len(self.places))

    @property
    def after(self) -> list[Tensor]:
        """What each place became, [1, 3, H, W] in [-1, 1]."""
        return [edited.picture.cpu() for edited in self.edited]

    def picture(self) -> Image.Image:
        """Return the photo in its own size and form, with what changed."""
        return self.places[0].paste(self.photo, self.places, self.after)

    def strip(self) -> Image.Image:
        """A row for each place: as it was | edited."""
        rows = [to_pictures(torch.cat(pair)) for pair in zip([p.before for p in self.places], self.after, strict=True)]
        captions = [f"face {i + 1}" if len(rows) > 1 else "" for i in range(len(rows))]
        return grid(dict(zip(captions, rows, strict=True)), columns=["photo", "edited"])

    def papers(self) -> dict[str, Any]:
        """What the picture says of its making; of paths only the names."""
        order, settings = self.order, self.order.settings
        said = papers("dfi") | {"photo": dict(origin_of(self.photo_file))}
        said["features"] = {"name": self.features.name, "fingerprint": self.features.fingerprint}
        said["edits"] = [_said_of(edit, self._directions(i)) for i, edit in enumerate(order.edits)]
        said["settings"] = {
            "selection": str(order.selection), "size": list(self.places[0].before.shape[:1:-1]),
            "attributes": [each.name for each in settings.attributes],
            "steps": settings.solver.steps, "tv": settings.solver.variation,
            "match_colours": settings.match_colours, "remove_artefacts": settings.remove_artefacts,
        }  # fmt: skip
        return said if order.mask is None else said | {"mask": order.mask.to_json()}

    def write(self, strip: Path | None = None, *, with_metadata: bool = True) -> list[Path]:
        """Write the picture, and the strip if wished, and return the paths. Raises InputError where it cannot."""
        profile = self.photo.metadata
        if not with_metadata:
            profile = {name: value for name, value in profile.items() if name == ALWAYS_KEPT}
        said = text_of(self.papers()) if with_metadata else None
        write_picture(self.out, self.picture(), said, profile)
        if strip is not None:
            write_picture(strip, self.strip(), said, {})
        return [self.out] if strip is None else [self.out, strip]

    def doubts(self) -> list[str]:
        """What is to be feared of edits with few neighbours, a line each; known before the work."""
        said = (doubt(edit, self.order.settings, self.photo_file) for edit in self.order.edits)
        return [line for line in said if line is not None]

    def findings(self) -> list[str]:
        """What is to be known of each edit, a line each: K, how far the sets are apart, how long the step was."""
        return [_sentence(edit, self._directions(i)) for i, edit in enumerate(self.order.edits)]

    def _directions(self, index: int) -> list[Direction]:
        return [edited.directions[index] for edited in self.edited]


def prepare(photo_file: Path, features: Layers, order: Order, out: Path | None = None) -> Run:
    """Read a photo and find what is to be edited; `out` is by default photo.dfi.png beside the photo.

    Raises, before any work, InputError for a photo, mask, set or result that cannot be, and NoFaceFound.
    """
    target = photo_file.with_name(f"{photo_file.stem}.dfi.png") if out is None else out
    require_place(target, photo_file)
    require_mask(order.edits, order.mask)
    photo = read_photo(photo_file)
    require_sets(order.edits, order.settings, photo_file)
    size_px = features.size_px if order.size_px is None else order.size_px
    is_filling = any(edit.is_filling for edit in order.edits)
    if order.selection.whole:
        places: Sequence[Place] = [whole_place(photo, features, size_px, order.mask, is_new=is_filling)]
    else:
        places = face_places(photo, photo_file.name, features, size_px, order.selection, order.mask, is_new=is_filling)
    return Run(photo_file, photo, features, order, tuple(places), target)


def require_place(out: Path, photo_file: Path) -> None:
    """Raise InputError for a result that would lie over the photo, has no form of ours, or cannot be written."""
    form_of(out)
    if photo_file.exists() and out.resolve() == photo_file.resolve():
        raise InputError(f"{out}: would be written over the photo, which is read; choose another name with -o")
    there = next(place for place in (out.absolute().parent, *out.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{out}: cannot be written in {there}; choose another place with -o")


def _said_of(edit: Edit, taken: Sequence[Direction]) -> dict[str, Any]:
    names = {"target": edit.target.name} if edit.source is None else {
        "source": edit.source.name, "target": edit.target.name
    }  # fmt: skip
    return names | {
        "alpha": edit.alpha,
        "unit": edit.unit,
        "neighbours": len(taken[0].target),
        "apart": [round(direction.length, 4) for direction in taken],
    }


def _sentence(edit: Edit, taken: Sequence[Direction]) -> str:
    apart = sum(direction.length for direction in taken) / len(taken)
    length = sum(edit.length(direction) for direction in taken) / len(taken)
    return (
        f"{' to '.join(each.name for each in edit.sets)}: {counted(len(taken[0].target), 'neighbour')}, whose means "
        f"lie {apart:.2f} apart; a step of {length:.2f}, {length / apart:.2g} times that way (the photo's features: 1)"
    )
