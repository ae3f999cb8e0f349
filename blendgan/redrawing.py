"""From a photo file to the files of its redrawn faces: one job, which touches nothing but its own files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from blendgan.again import draw_again
from blendgan.images import write_png
from blendgan.papers import text_of
from blendgan.personal import AnyWatcher
from blendgan.photo_files import PhotoFile, origin_of
from blendgan.picture_files import save_picture, sidecar_of, write_picture
from blendgan.toon_records import Record, texts_of
from blendgan.toonification import Studio, Toon, ToonSettings, papers_of, toonify_photo
from projector.change_files import save_change
from projector.latent import save_latent

ALWAYS_KEPT = "icc_profile"  # without it the colours would be others

Teller = Callable[[Toon], None]  # told of a photo's faces before they are written


@dataclass(frozen=True)
class Job:
    """One photo and where its results go. `strip`, `latent`, `grid`, `front`: None leaves that file out.

    `front` is the picture of a search for the best blend, where the studio makes one.

    The picture's ending says its form; `record` is of a result whose faces and latents are taken instead of found.
    """

    photo: Path
    picture: Path
    strip: Path | None
    latent: Path | None
    settings: ToonSettings = ToonSettings()
    replaces_latent: bool = False
    with_metadata: bool = True
    grid: Path | None = None
    front: Path | None = None
    record: Record | None = None

    def __str__(self) -> str:
        """Return the photo's path: under it a failure is told."""
        return str(self.photo)

    @property
    def change(self) -> Path | None:
        """Where the change of BASE's weights goes, if it is tuned."""
        return self.picture.with_suffix(".tune.safetensors") if self.settings.tuning is not None else None

    @property
    def results(self) -> tuple[Path, ...]:
        """The files that it writes, in the order in which they are told."""
        sidecar = sidecar_of(self.picture) if self.with_metadata else None
        asked = (self.picture, sidecar, self.strip, self.front, self.grid, self.latent, self.change)
        return tuple(path for path in asked if path is not None)


def redraw(studio: Studio, job: Job, watch: AnyWatcher | None = None, tell: Teller | None = None) -> tuple[Path, ...]:
    """Redraw the faces of one photo, and write what the job asks for; returns the files written.

    Raises NoFaceFound, InputError for a file that is no picture or for another latent that is there already, OSError;
    with a record WrongGenerator.
    """
    if job.record is None:
        toon = toonify_photo(studio, job.photo, job.settings, watch)
    else:
        toon = draw_again(studio, job.record, job.photo, job.settings)
    if tell is not None:
        tell(toon)
    _write(studio, toon, job)
    return job.results


def _write(studio: Studio, toon: Toon, job: Job) -> None:
    said = text_of(papers_of(toon)) if job.with_metadata else None
    job.picture.parent.mkdir(parents=True, exist_ok=True)
    if job.latent is not None:
        save_latent(toon.latents, job.latent, replace=job.replaces_latent)  # first, since it alone may be refused
    if job.change is not None:
        save_change(toon.change, studio.base, job.change, replace=job.replaces_latent or job.record is not None)
    write_picture(job.picture, toon.image, *_sayings(toon, origin_of(job.photo) if job.with_metadata else None))
    if job.strip is not None:
        write_png(job.strip, toon.strip(), said)
    if job.front is not None and toon.front is not None:
        write_png(job.front, toon.front, said)
    if job.grid is not None and studio.swaps is not None:
        write_png(job.grid, studio.swaps.sheet(toon.faces, toon.latents), said)


def picture_bytes(toon: Toon, photo: PhotoFile, ending: str, *, with_metadata: bool) -> bytes:
    """Return the bytes that `redraw` writes as the picture, in the form of an ending such as ".png"; writes nothing.

    Raises InputError for another ending, and for a picture larger than the form can hold.
    """
    file = BytesIO()
    save_picture(file, Path(f"toon{ending}"), toon.image, *_sayings(toon, photo.origin if with_metadata else None))
    return file.getvalue()


def _sayings(toon: Toon, origin: Mapping[str, str] | None) -> tuple[dict[str, str] | None, dict[str, bytes]]:
    """What a picture says of its making, and what of the photo's profile it keeps: without an origin its colours."""
    if origin is None:
        return None, {name: value for name, value in toon.profile.items() if name == ALWAYS_KEPT}
    return texts_of(toon, origin), dict(toon.profile)
