"""From a photo file to the files of its redrawn faces: one job, which touches nothing but its own files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blendgan.images import write_png
from blendgan.papers import text_of
from blendgan.projection import Watcher
from blendgan.toonification import Studio, Toon, ToonSettings, papers_of, toonify_photo
from projector.latent import save_latent


@dataclass(frozen=True)
class Job:
    """One photo and where its results go. `strip`, `latent`: None leaves that file out."""

    photo: Path
    picture: Path
    strip: Path | None
    latent: Path | None
    settings: ToonSettings = ToonSettings()
    replaces_latent: bool = False
    with_metadata: bool = True

    @property
    def results(self) -> tuple[Path, ...]:
        """The files that it writes, in the order in which they are told."""
        return tuple(path for path in (self.picture, self.strip, self.latent) if path is not None)

    @property
    def front(self) -> Path:
        """The picture of a search for the best blend, written where there was one."""
        return self.picture.with_suffix(".front.png")


def redraw(studio: Studio, job: Job, watch: Watcher | None = None) -> tuple[Path, ...]:
    """Redraw the faces of one photo, and write what the job asks for; returns the files written.

    Raises NoFaceFound, InputError for a file that is no picture or for another latent that is there already, OSError.
    """
    toon = toonify_photo(studio, job.photo, job.settings, watch)
    _write(toon, job)
    return job.results if toon.front is None else (*job.results, job.front)


def _write(toon: Toon, job: Job) -> None:
    metadata = text_of(papers_of(toon)) if job.with_metadata else None
    job.picture.parent.mkdir(parents=True, exist_ok=True)
    if job.latent is not None:
        save_latent(toon.latents, job.latent, replace=job.replaces_latent)  # first, since it alone may be refused
    write_png(job.picture, toon.image, metadata, toon.profile if job.with_metadata else None)
    if job.strip is not None:
        write_png(job.strip, toon.strip(), metadata)
    if toon.front is not None:
        write_png(job.front, toon.front, metadata)
