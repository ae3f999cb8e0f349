"""Faces in a photo: detect(image) -> five points each, offline, whatever the photo's size or the face's roll.

The cascade finds candidates, landmarks.refine makes their points exact and judges them again. Where nothing is found
the photo is tried turned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from projector import geometry
from projector.cascade import find, share_of_smaller, suppress
from projector.landmarks import Landmarks, are_plausible, refine
from projector.mtcnn import PROPOSAL_WINDOW, Networks, load_networks
from projector.photo import rgb_pixels
from projector.pyramid import Pyramid, build_pyramid, cut_windows, place
from projector.resample import reduced
from stylegan2.errors import NoFaceFound

# Larger photos are searched in a copy of this many px on the longer side: a face of 60 px in a photo of 12 megapixels
# keeps 30, and the search takes 1 s and 0.4 GB on one thread.
SEARCH_PX = 2048
TURNED_PX = 800  # side of the turned copies, which hold the photo's diagonal: searching all seven takes about 1 s
TURNS_DEG = (45, -45, 90, -90, 135, -135, 180)  # the cascade itself bears 25 to 30 degrees of roll either way

SURE = 0.9  # mean score of all looks; of 360 real faces the lowest had 0.95
SMALLEST_PX = 24  # side of the FFHQ square in px of the searched copy: about 17 px of face, the cascade's limit
SMALLEST_SHARE = 0.2  # of the side of the largest face: smaller ones are background (in the group photo: 0.1)
FACE_BOX = np.array([[0.225, 0.19], [0.225, 0.895], [0.755, 0.895], [0.755, 0.19]])  # mean face in its FFHQ square
SAME_FACE = 0.5  # share of the smaller box that two boxes may have in common; two heads that touch have 0.03


@dataclass(frozen=True, eq=False)
class Face:
    """One face, in px of the upright photo (continuous: pixel centres are at + 0.5).

    `points`: float32 [5, 2], (x, y) of left eye, right eye, nose, left and right mouth corner, as seen in the
    picture when the face is upright. `box`: (x0, y0, x1, y1), hairline to chin. `score`: 0 to 1.
    """

    points: NDArray[np.float32]
    box: tuple[float, float, float, float]
    score: float


def load_detector(path: str | Path | None = None) -> Networks:
    """Load the networks once for many photos: the shipped ones, unless a path is given. Raises CheckpointError."""
    return load_networks(_weights_path() if path is None else path)


def _weights_path() -> Path:
    from stylegan2 import store

    return store.resolve("mtcnn")


def detect(image: Image.Image | NDArray[np.uint8], detector: Networks | None = None) -> tuple[Face, ...]:
    """Find the faces of a photo, left to right; none is an empty tuple.

    `image`: a PIL image of any mode (its EXIF orientation is obeyed), or upright uint8 RGB [H, W, 3]. Raises
    InputError for any other array.
    """
    networks = load_detector() if detector is None else detector
    searched, stretch = _searched_copy(rgb_pixels(image))
    pyramid = build_pyramid(searched, PROPOSAL_WINDOW)
    faces = [_face(found, stretch) for found in _search(networks, pyramid)]
    return tuple(sorted(faces, key=lambda face: face.box[0] + face.box[2]))


def require_faces(
    image: Image.Image | NDArray[np.uint8], name: str, detector: Networks | None = None
) -> tuple[Face, ...]:
    """Do as `detect`, but where there is no face raise NoFaceFound, which names the photo."""
    pixels = rgb_pixels(image)
    faces = detect(pixels, detector)
    if not faces:
        raise NoFaceFound(
            f"{name}: found no face in {pixels.shape[1]} x {pixels.shape[0]} px; expected at least one that looks "
            "toward the camera. Try a photo cropped closer to it or, if this already is an aligned crop, --aligned"
        )
    return faces


def follow(
    image: Image.Image | NDArray[np.uint8], faces: Sequence[Face], detector: Networks | None = None
) -> tuple[Face | None, ...]:
    """Look for each of these faces near where it is said to be, as in the frame before; None where it is not there.

    Much quicker than `detect`, for which every place of the picture is one to look at. Raises InputError as it does.
    """
    if not faces:
        return ()
    networks = load_detector() if detector is None else detector
    searched, stretch = _searched_copy(rgb_pixels(image))
    pyramid = build_pyramid(searched, PROPOSAL_WINDOW)
    looks = (refine(networks, pyramid, face.points / stretch) for face in faces)
    return tuple(_face(look, stretch) if _is_sound(look, pyramid) else None for look in looks)


def _is_sound(found: Landmarks, pyramid: Pyramid) -> bool:
    is_sure = found.score >= SURE and are_plausible(found.points, pyramid.size_px)
    return is_sure and _side_px(found) >= SMALLEST_PX


def _searched_copy(pixels: NDArray[np.uint8]) -> tuple[Tensor, geometry.Array]:
    """The picture as [1, 3, H, W] in the networks' range, at most SEARCH_PX, and its px in px of the photo, (x, y).

    A giant photo first loses whole multiples of what is needed, in little memory, then the rest precisely.
    """
    blocks = max(1, max(pixels.shape) // (2 * SEARCH_PX))
    coarse = Image.fromarray(reduced(pixels, blocks) if blocks > 1 else pixels)
    scale = min(1.0, SEARCH_PX / max(coarse.size))
    size = (max(1, round(coarse.width * scale)), max(1, round(coarse.height * scale)))
    copy = coarse.resize(size, Image.Resampling.LANCZOS) if scale < 1 else coarse
    searched = torch.from_numpy(np.array(copy)).permute(2, 0, 1)[None].float()
    return (searched - 127.5) / 128, blocks * np.array(coarse.size) / copy.size


def _search(networks: Networks, pyramid: Pyramid) -> list[Landmarks]:
    found = _confirm(networks, pyramid, find(networks, pyramid).points)
    for turn in TURNS_DEG:
        if found:
            break
        found = _confirm(networks, pyramid, _find_turned(networks, pyramid, math.radians(turn)))
    return found


def _find_turned(networks: Networks, pyramid: Pyramid, turn_rad: float) -> Tensor:
    """Points [N, 5, 2] of candidates in a copy of the whole picture, turned about its centre."""
    height, width = pyramid.size_px
    diagonal = math.hypot(height, width)
    whole = torch.tensor([[width / 2, height / 2, diagonal, turn_rad]])
    copy_px = min(TURNED_PX, math.ceil(diagonal))
    copy = build_pyramid(cut_windows(pyramid, whole, copy_px), PROPOSAL_WINDOW)
    points = find(networks, copy).points
    return place(whole, (points / copy_px - 0.5).reshape(1, -1, 2)).reshape(-1, 5, 2)


def _confirm(networks: Networks, pyramid: Pyramid, candidates: Tensor) -> list[Landmarks]:
    """Refine each candidate [N, 5, 2]; keep those that are sure, plausible, no background, and each face once."""
    refined = [refine(networks, pyramid, points.numpy()) for points in candidates]
    sound = [each for each in refined if each.score >= SURE and are_plausible(each.points, pyramid.size_px)]
    largest = max((_side_px(each) for each in sound), default=0.0)
    large = [each for each in sound if _side_px(each) >= max(SMALLEST_PX, SMALLEST_SHARE * largest)]
    boxes = torch.tensor([_box(each.points) for each in large]).reshape(-1, 4)
    unique = suppress(boxes, torch.tensor([each.score for each in large]), SAME_FACE, share_of_smaller)
    return [large[i] for i in unique.tolist()]


def _side_px(found: Landmarks) -> float:
    return geometry.side_px(geometry.quad_from_points(found.points))


def _box(points: NDArray[np.floating]) -> tuple[float, float, float, float]:
    to_photo = geometry.crop_to_photo(geometry.quad_from_points(points), 1)
    return geometry.bounds(geometry.apply(to_photo, FACE_BOX))


def _face(found: Landmarks, stretch: geometry.Array) -> Face:
    points = found.points * stretch
    return Face(points.astype(np.float32), _box(points), found.score)
