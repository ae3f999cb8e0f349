"""Films → films: every frame's faces redrawn, each followed through its frames, so that nothing jumps or flickers.

The film is read twice. First faces are found and followed, and their points made smooth over all frames. Then, frame by
frame, each face is projected from where it was a frame before, latents are made smooth over a short window, and faces
are drawn and pasted; no more frames are held than the window needs.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from blendgan import recipe
from blendgan.animations import Animation, Frame
from blendgan.clips import Clip, moving_result
from blendgan.images import from_uint8
from blendgan.inputs import VIDEOS
from blendgan.papers import papers
from blendgan.projection import Finder, crop_size
from blendgan.redrawing import Job
from blendgan.toonification import Studio, ToonSettings, render
from blendgan.tracking import Track, largest, track_faces
from projector.alignment import AlignedFace, align, align_whole
from projector.detection import Face
from projector.latent import Latent
from projector.optimise import REFINEMENT, ProjectionConfig, project
from projector.photo import Photo
from projector.smoothing import reach_of, weights
from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import InputError, NoFaceFound

LOG = logging.getLogger(__name__)
Pixels = NDArray[np.uint8]
Watcher = Callable[[int, int], None]  # told after every frame how many of how many are done; each counts twice

SIGMA_S = 1 / 15  # of the windows, in time: two frames of thirty a second; a nod or a word takes several of them
LEAST_SIGMA = 1.0  # in frames: of slow animations
FOLLOW_STEPS = 5  # of the search from the frame before


@dataclass(frozen=True)
class FilmJob(Job):
    """One film, and where its result goes; there is nothing beside it."""

    @property
    def results(self) -> tuple[Path, ...]:
        """The film."""
        return (self.picture,)


def film_job(job: Job, *, is_named: bool) -> FilmJob:
    """Return the job of a film, from that of a photo of its name; `is_named`: the result's name is the user's.

    Raises InputError for a name of another kind of film, and for what films do without.
    """
    _require_plain(job)
    picture = moving_result(job.photo, job.picture)
    if is_named and picture.suffix != job.picture.suffix.lower():
        raise InputError(
            f"{job.picture}: found the ending {job.picture.suffix!r}, expected {picture.suffix!r}, the kind of "
            f"{job.photo}"
        )
    return FilmJob(job.photo, picture, None, None, job.settings, job.replaces_latent, job.with_metadata)


def _require_plain(job: Job) -> None:
    """Raise InputError for what is made of single photos: an option that does nothing would be a surprise."""
    asked = {"tune": job.settings.tuning, "auto": job.front, "grid": job.grid}
    for option, value in asked.items():
        if value is not None:
            raise InputError(
                f"{job.photo}: --{option} is for photos, found a film; leave it out, or take the film by itself"
            )


def redraw_moving(studio: Studio, job: Job, watch: Watcher | None = None) -> tuple[Path, ...]:
    """Redraw the faces of a film and write the result under the name of the job's picture; returns the file written.

    Frames without a face go by as they are. Raises NoFaceFound where no frame has one, InputError for what cannot be
    read, OSError.
    """
    film = _open_film(job.photo)
    sigma = max(LEAST_SIGMA, SIGMA_S * film.fps)
    tracks, count = _tracks(film, job, sigma, watch)
    job.picture.parent.mkdir(parents=True, exist_ok=True)
    with writing(job.picture) as file:
        pairs = redrawn(studio, film.frames(), tracks, job.settings, sigma)
        text = json.dumps(_said(studio)) if job.with_metadata else ""
        left_behind = film.write(file, _counted(pairs, count, watch), text)
    if left_behind:
        LOG.warning(
            "%s: its sound (%s) cannot be held by this kind of file, and stayed behind", job.picture, left_behind
        )
    return (job.picture,)


def _open_film(path: Path) -> Animation | Clip:
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a picture or a video")
    return Clip(path) if path.suffix.lower() in VIDEOS else Animation(path)


def _said(studio: Studio) -> dict[str, Any]:
    said = papers("toonify") | {recipe.KEY: recipe.to_json(studio.recipe)}
    return said if studio.mask is None else {**said, "mask": dict(studio.mask)}


# ---- where faces are ------------------------------------------------------------------------------------------


def _tracks(film: Animation | Clip, job: Job, sigma: float, watch: Watcher | None) -> tuple[tuple[Track, ...], int]:
    """The chosen faces of all frames, and how many frames there are."""
    if job.settings.selection.numbers:
        raise InputError("faces: found numbers, expected all or largest: the faces of a film come and go")
    seen = 0

    def counted() -> Iterator[Pixels]:
        nonlocal seen
        for frame in film.frames():
            seen += 1
            yield frame.pixels
            if watch is not None:
                watch(seen, 2 * max(film.count, seen))

    if job.settings.selection.whole:
        tracks: tuple[Track, ...] = ()
        deque(counted(), maxlen=0)
    else:
        tracks = track_faces(counted(), sigma)
        if not tracks:
            raise NoFaceFound(f"{job.photo}: found no face in {seen} frames; expected one that looks toward the camera")
    return largest(tracks) if job.settings.selection.only_largest else tracks, seen


def _counted(
    pairs: Iterator[tuple[Frame, Pixels]], count: int, watch: Watcher | None
) -> Iterator[tuple[Frame, Pixels]]:
    for done, pair in enumerate(pairs, start=1):
        yield pair
        if watch is not None:
            watch(count + done, 2 * count)


# ---- frame by frame -------------------------------------------------------------------------------------------

WHOLE = Track(0, np.zeros((1, 5, 2)), 1.0)  # stands for the picture itself, taken as one aligned face
Faces = dict[Track, AlignedFace]


def redrawn(
    studio: Studio, frames: Iterable[Frame], tracks: Sequence[Track], settings: ToonSettings, sigma: float
) -> Iterator[tuple[Frame, Pixels]]:
    """Yield each frame with its new pixels, its own array where it has no face; a window's reach behind the reading."""
    latents = Latents(studio.finder, settings, sigma)
    size, reach = crop_size(studio.base), reach_of(sigma)
    waiting: deque[tuple[int, Frame, Faces]] = deque()
    for index, frame in enumerate(frames):
        faces = _faces(frame, index, tracks, settings, size)
        latents.find(index, faces)
        waiting.append((index, frame, faces))
        if len(waiting) > reach:
            yield _drawn(studio, latents, *waiting.popleft(), settings)
    while waiting:
        yield _drawn(studio, latents, *waiting.popleft(), settings)


def _faces(frame: Frame, index: int, tracks: Sequence[Track], settings: ToonSettings, size: int) -> Faces:
    if settings.selection.whole:
        return {WHOLE: align_whole(frame.pixels, size)}
    there = [track for track in tracks if track.first <= index < track.after]
    return {track: align(frame.pixels, _face(track, index), size) for track in there}


def _face(track: Track, index: int) -> Face:
    points = track.points[index - track.first].astype(np.float32)
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return Face(points, (float(x0), float(y0), float(x1), float(y1)), track.score)


def _drawn(
    studio: Studio, latents: Latents, index: int, frame: Frame, faces: Faces, settings: ToonSettings
) -> tuple[Frame, Pixels]:
    if not faces:
        return frame, frame.pixels
    w = torch.stack([latents.smooth(index, track) for track in faces])
    latent = Latent(w, studio.base.mapping_fingerprint)
    photo = Photo(frame.pixels, None, "RGB", b"", b"")
    toon = render(studio, photo, list(faces.values()), latent, settings)
    return frame, np.asarray(toon.image)


class Latents:
    """w [num_ws, w_dim] of every face of the frames at hand, as `found`; and smooth over them.

    Fitted noise is left out: it differs from frame to frame, and nothing flickers as much.
    """

    def __init__(self, finder: Finder, settings: ToonSettings, sigma: float) -> None:
        self._finder, self._sigma = finder, sigma
        self._first = replace(settings.search(finder), space="w+")
        steps = min(self._first.steps, FOLLOW_STEPS)
        rates = {name: getattr(REFINEMENT, name) for name in ("learning_rate", "rampdown")}
        self._next = replace(self._first, steps=steps, lbfgs=0, jitter=0.0, candidates=0, **rates)
        self.found: dict[Track, dict[int, Tensor]] = {}

    def find(self, index: int, faces: Faces) -> None:
        """Project the faces of the next frame: those of the frame before from there, the others from the beginning."""
        for track in [track for track in self.found if track not in faces]:
            if max(self.found[track]) < index - reach_of(self._sigma):
                del self.found[track]
        known = {track: face for track, face in faces.items() if index - 1 in self.found.get(track, {})}
        new = {track: face for track, face in faces.items() if track not in known}
        if new:
            self._search(index, new, self._start(new), self._first)
        if known:
            start = torch.stack([self.found[track][index - 1] for track in known])
            self._search(index, known, start.to(self._finder.generator.device), self._next)

    def smooth(self, index: int, track: Track) -> Tensor:
        """w of a face in a frame, from what was found in the frames about it."""
        found, reach = self.found[track], reach_of(self._sigma)
        for old in [at for at in found if at < index - reach]:
            del found[old]
        near = np.array([at for at in found if abs(at - index) <= reach])
        shares = torch.from_numpy(weights(near - index, self._sigma)).float()
        return torch.einsum("t,tij->ij", shares, torch.stack([found[at] for at in near.tolist()]))

    def _start(self, faces: Faces) -> Tensor | None:
        encoder = self._finder.encoder
        return None if encoder is None else encoder.encode(self._targets(faces), self._finder.generator)

    def _targets(self, faces: Faces) -> Tensor:
        pixels = np.stack([face.crop for face in faces.values()])
        return from_uint8(pixels).to(self._finder.generator.device)

    def _search(self, index: int, faces: Faces, start: Tensor | None, config: ProjectionConfig) -> None:
        finder, targets = self._finder, self._targets(faces)
        models = finder.generator, finder.discriminator
        steps = project(targets, *models, config, start=start, curvature=finder.curvature)
        last = deque(steps, maxlen=1).pop()
        for track, w in zip(faces, last.w.cpu(), strict=True):
            self.found.setdefault(track, {})[index] = w
