"""Faces through the frames of a film: which of one frame is which of the next, and where each is, without jitter.

Whole frames are searched now and then; in between a face is looked for where it was, which takes a hundredth of the
time. A cut, where nothing is where it was, starts all anew.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from projector import geometry
from projector.detection import Face, detect, follow, load_detector
from projector.mtcnn import Networks
from projector.smoothing import smooth

Pixels = NDArray[np.uint8]

SEARCH_EVERY = 8  # frames: a third of a second at most until a face is seen, and then it is followed backwards
BRIDGED = 6  # frames for which a face may be missing: a quarter of a second, a blink or a hand that passes
FEWEST = 3  # frames in which a face must be seen: what appears for less is a mistake, or too short to be seen
SAME_FACE = 0.4  # of a face's side: how far its centre may go from one frame to the next
SAME_SIZE = 1.5  # times as large, or as small
DOUBLE = 0.25  # of the side: two tracks whose centres come so near are one face
THUMB_PX = 32
CUT = 28.0  # mean change of the thumbnail, of 255: panning and flashes of the test clips stay below 20


@dataclass(frozen=True, eq=False)
class Track:
    """One face from frame `first` on: points [T, 5, 2] in px, smooth, and the detector's mean score."""

    first: int
    points: geometry.Array
    score: float

    @property
    def after(self) -> int:
        """The first frame without it."""
        return self.first + len(self.points)

    def quad(self, frame: int) -> geometry.Array:
        """Its square [4, 2] in a frame that has it."""
        return geometry.quad_from_points(self.points[frame - self.first])

    @property
    def side_px(self) -> float:
        """Mean side of its square."""
        return float(np.mean([geometry.side_px(geometry.quad_from_points(points)) for points in self.points]))


def largest(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """Return, of faces that are there at one time, the largest."""
    chosen: list[Track] = []
    for track in sorted(tracks, key=lambda track: -track.side_px):
        if all(track.after <= other.first or other.after <= track.first for other in chosen):
            chosen.append(track)
    return tuple(sorted(chosen, key=lambda track: track.first))


def track_faces(frames: Iterable[Pixels], sigma: float) -> tuple[Track, ...]:
    """Follow every face through the frames, uint8 RGB [H, W, 3]; by their first frame, then from left to right.

    `sigma`: of the window over which points are smoothed, in frames.
    """
    tracker = _Tracker(load_detector())
    for pixels in frames:
        tracker.see(pixels)
    tracker.end()
    tracks = (_smoothed(seen, sigma) for seen in tracker.ended if len(seen.faces) >= min(FEWEST, tracker.count))
    return tuple(sorted(tracks, key=lambda track: (track.first, track.points[0, :, 0].mean())))


@dataclass(eq=False)
class _Seen:
    """A face as it was seen: frame → face. Frames may be missing."""

    faces: dict[int, Face] = field(default_factory=dict)

    @property
    def last(self) -> int:
        return max(self.faces)

    def expected(self, frame: int) -> Face:
        """Where it should be: it goes on as it went from its last frame but one to its last."""
        newest = self.faces[self.last]
        before = self.faces.get(self.last - 1)
        if before is None or frame != self.last + 1:
            return newest
        step = newest.points.mean(axis=0) - before.points.mean(axis=0)
        return replace(newest, points=newest.points + step)


class _Tracker:
    """Takes frame after frame. `open`: faces that may go on; `ended`: those that will not."""

    def __init__(self, detector: Networks) -> None:
        self._detector = detector
        self._recent: deque[Pixels] = deque(maxlen=SEARCH_EVERY)  # frames that may be gone through backwards
        self._thumb: NDArray[np.float32] | None = None
        self.count = 0
        self.open: list[_Seen] = []
        self.ended: list[_Seen] = []

    def see(self, pixels: Pixels) -> None:
        """Find the faces of the next frame."""
        frame, is_cut = self.count, self._is_cut(pixels)
        if is_cut:
            self.end()
            self._recent.clear()
        followed = follow(pixels, [seen.expected(frame) for seen in self.open], self._detector)
        is_lost = not all(face and _is_same(face, seen.faces[seen.last]) for seen, face in self._paired(followed))
        if is_cut or is_lost or frame % SEARCH_EVERY == 0:
            self._assign(frame, [*filter(None, followed), *detect(pixels, self._detector)])
        else:
            for seen, face in self._paired(followed):
                if face is not None:
                    seen.faces[frame] = face
        self._drop_doubles(frame)
        self._close(frame)
        self._recent.append(pixels)
        self.count += 1

    def end(self) -> None:
        """No open face goes on."""
        self.ended += self.open
        self.open = []

    def _paired(self, faces: Sequence[Face | None]) -> Iterator[tuple[_Seen, Face | None]]:
        return zip(self.open, faces, strict=True)

    def _is_cut(self, pixels: Pixels) -> bool:
        before, self._thumb = self._thumb, _thumbnail(pixels)
        return before is None or float(np.abs(self._thumb - before).mean()) > CUT

    def _assign(self, frame: int, faces: Sequence[Face]) -> None:
        """Give each open face the nearest of the found ones; what is left over begins anew."""
        all_pairs = itertools.product(range(len(self.open)), range(len(faces)))
        pairs = sorted(all_pairs, key=lambda pair: _apart(faces[pair[1]], self.open[pair[0]].expected(frame)))
        taken: set[int] = set()
        for i, j in pairs:
            seen, face = self.open[i], faces[j]
            if frame not in seen.faces and j not in taken and _is_same(face, seen.faces[seen.last]):
                seen.faces[frame] = face
                taken.add(j)
        there = [seen.faces[frame] for seen in self.open if frame in seen.faces]
        for face in faces:
            if all(_apart(face, other) > DOUBLE for other in there):
                there.append(face)
                self.open.append(_Seen(self._backwards(frame, face)))

    def _backwards(self, frame: int, face: Face) -> dict[int, Face]:
        """A face that a search has found, and where it was in the frames since the search before."""
        faces = {frame: face}
        for back, pixels in enumerate(reversed(self._recent), start=1):
            (found,) = follow(pixels, [faces[frame - back + 1]], self._detector)
            if found is None or not _is_same(found, faces[frame - back + 1]) or self._is_known(frame - back, found):
                break
            faces[frame - back] = found
        return faces

    def _is_known(self, frame: int, face: Face) -> bool:
        others = (seen.faces.get(frame) for seen in itertools.chain(self.open, self.ended))
        return any(other is not None and _apart(face, other) <= DOUBLE for other in others)

    def _drop_doubles(self, frame: int) -> None:
        """Of two tracks that came together the older goes on."""
        there = [seen for seen in self.open if frame in seen.faces]
        for older, newer in itertools.combinations(sorted(there, key=lambda seen: min(seen.faces)), 2):
            if frame in older.faces and frame in newer.faces:
                if _apart(older.faces[frame], newer.faces[frame]) <= DOUBLE:
                    del newer.faces[frame]
        self.open = [seen for seen in self.open if seen.faces]

    def _close(self, frame: int) -> None:
        gone = [seen for seen in self.open if frame - seen.last > BRIDGED]
        self.ended += gone
        self.open = [seen for seen in self.open if seen not in gone]


def _apart(face: Face, other: Face) -> float:
    """Distance of two faces' centres, in sides of the smaller one."""
    quads = [geometry.quad_from_points(each.points) for each in (face, other)]
    return float(np.hypot(*(quads[0].mean(axis=0) - quads[1].mean(axis=0))) / min(map(geometry.side_px, quads)))


def _is_same(face: Face, other: Face) -> bool:
    sides = [geometry.side_px(geometry.quad_from_points(each.points)) for each in (face, other)]
    return _apart(face, other) <= SAME_FACE and max(sides) <= SAME_SIZE * min(sides)


def _thumbnail(pixels: Pixels) -> NDArray[np.float32]:
    grey = Image.fromarray(pixels).convert("L").resize((THUMB_PX, THUMB_PX), Image.Resampling.BOX)
    return np.asarray(grey, np.float32)


def _smoothed(seen: _Seen, sigma: float) -> Track:
    """Points of all frames from the first to the last, those in gaps from their neighbours."""
    first, count = min(seen.faces), seen.last - min(seen.faces) + 1
    points, is_known = np.zeros((count, 5, 2)), np.zeros(count, bool)
    for frame, face in seen.faces.items():
        points[frame - first], is_known[frame - first] = face.points, True
    score = float(np.mean([face.score for face in seen.faces.values()]))
    return Track(first, smooth(points, is_known, sigma), score)
