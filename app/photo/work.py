"""`PhotoWork`: what a session does with one photo: its faces, the search for their latents, and what is shown."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property

from app.engine import Engine
from app.photo.memory import Photos
from blendgan.faces import Selection, crops
from blendgan.images import png_bytes
from blendgan.live_photo import LivePhoto, Patch, shrunk_photo
from blendgan.photo_files import PhotoFile
from blendgan.projection import FACES_AT_ONCE, Finder, crop_size, search_faces
from projector.alignment import AlignedFace, align, align_whole
from projector.detection import Face, detect
from projector.latent import Latent, in_half
from projector.optimise import ProjectionStep
from projector.photo import Photo, with_pixels
from stylegan2.errors import InputError, NoFaceFound

SHOWN_PX = 1024  # the longer side of what a page shows: wider ones do not fit beside the controls
THUMBNAIL_PX = 96
MOST_FACES = 20  # of one photo: each takes some 0.5 s on two threads, and 2 MB for as long as it is shown
MOST_KNOWN = 4  # selections whose latents are kept, so that a face left out and taken back is not searched for again


@dataclass(frozen=True)
class Order:
    """What latents depend on, beside the photo. `base`: BASE's fingerprint; `steps`: None is as many as are usual."""

    base: str
    selection: Selection
    steps: int | None = None


@dataclass(frozen=True, eq=False)
class Known:
    """Faces, aligned in the photo, and their latent."""

    faces: tuple[AlignedFace, ...]
    latent: Latent


class PhotoWork:
    """One photo of one session. All heavy work is done on the engine's thread, piece by piece."""

    def __init__(self, file: PhotoFile, models: Engine, photos: Photos) -> None:
        self.file = file
        self._models, self._photos = models, photos
        self._known: OrderedDict[Order, Known] = OrderedDict()
        self._search: _Search | None = None
        self._shown: tuple[Order, LivePhoto] | None = None
        self._redrawn: tuple[Hashable, tuple[Patch, ...]] | None = None

    @property
    def photo(self) -> Photo:
        """The photo whole. Raises InputError for a file that is too large, broken, or no picture."""
        return self._photos.read(self.file)

    @property
    def has_looked(self) -> bool:
        """Whether its faces were looked for."""
        return "found" in self.__dict__

    @cached_property
    def found(self) -> tuple[Face, ...]:
        """All faces that are found, left to right; at most MOST_FACES of them may be chosen."""
        pixels = self.photo.pixels
        return self._models.run(lambda: detect(pixels))

    @cached_property
    def thumbnails(self) -> tuple[bytes, ...]:
        """A PNG file of each face that is found."""
        pixels = self.photo.pixels
        faces = self._models.run(lambda: [align(pixels, face, THUMBNAIL_PX) for face in self.found])
        return tuple(map(png_bytes, crops(faces)))

    @cached_property
    def picture(self) -> bytes:
        """The photo as it is shown, a PNG file."""
        small = shrunk_photo(self.photo, SHOWN_PX)
        return png_bytes(with_pixels(small, small.pixels))

    def count(self, selection: Selection) -> int:
        """How many faces a selection has."""
        return 1 if selection.whole else len(selection.choose(self.found))

    def knows(self, order: Order) -> bool:
        """Whether the search for an order is over."""
        return order in self._known

    def search(self, order: Order, finder: Finder) -> Iterator[float]:
        """Search for the latents of an order, and yield the share that is done, until they are known.

        Who stops asking stops the search; who asks for the same again goes on with it. Raises NoFaceFound, InputError.
        """
        while order not in self._known:
            if self._search is None or self._search.order != order:
                self._search = self._begun(order, finder)
            try:
                event = self._models.run(self._search.next)
            except Exception:
                self._search = None  # a generator that has raised is over
                raise
            if isinstance(event, Latent):
                self._keep(order, Known(self._search.faces, in_half(event)))  # as pictures carry it
            else:
                yield event

    def live(self, order: Order, finder: Finder) -> LivePhoto:
        """Return the photo as it is shown, ready to be redrawn; its latents must be known."""
        if self._shown is None or self._shown[0] != order:
            self._shown = order, self.whole(order, finder).shrunk(SHOWN_PX)
        return self._shown[1]

    def redrawn(self, key: Hashable, draw: Callable[[], tuple[Patch, ...]]) -> tuple[Patch, ...]:
        """Return what was drawn last if that was for the same key, else draw it: a page often shows the same again."""
        if self._redrawn is None or self._redrawn[0] != key:
            self._redrawn = key, draw()
        return self._redrawn[1]

    def whole(self, order: Order, finder: Finder) -> LivePhoto:
        """The same in the photo's own size; it is not kept."""
        known = self._known[order]
        return LivePhoto(finder.generator, self.photo, known.faces, known.latent)

    def latent(self, order: Order) -> Latent:
        """Return what the search has found."""
        return self._known[order].latent

    def _keep(self, order: Order, known: Known) -> None:
        self._known[order] = known
        self._search = None
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def _begun(self, order: Order, finder: Finder) -> _Search:
        faces = tuple(self._models.run(lambda: self._aligned(order.selection, crop_size(finder.generator))))
        return _Search(order, faces, search_faces(faces, finder, finder.config_of(order.steps)))

    def _aligned(self, selection: Selection, size_px: int) -> list[AlignedFace]:
        pixels = self.photo.pixels
        if selection.whole:
            return [align_whole(pixels, size_px)]
        if not self.found:
            raise NoFaceFound(
                f"{self.file.name}: found no face in {pixels.shape[1]} x {pixels.shape[0]} px; expected at least one "
                "that looks toward the camera. Try a photo cropped closer to it or, if this already is an aligned "
                "face, say so under Faces"
            )
        chosen = selection.choose(self.found)
        if len(chosen) > MOST_FACES:
            raise InputError(f"faces: found {len(chosen)}, expected at most {MOST_FACES} at once; leave some out")
        return [align(pixels, face, size_px) for face in chosen]


class _Search:
    """A search under way: its events, and how far it is."""

    def __init__(self, order: Order, faces: tuple[AlignedFace, ...], events: Iterator[ProjectionStep | Latent]) -> None:
        self.order, self.faces, self._events = order, faces, events
        self._parts, self._done = -(-len(faces) // FACES_AT_ONCE), 0

    def next(self) -> float | Latent:
        """Make the next step: return the share that is done, or what was found."""
        event = next(self._events)
        if isinstance(event, Latent):
            return event
        share = (self._done + event.index / max(1, event.total)) / self._parts
        self._done += event.index == event.total
        return min(1.0, share)
