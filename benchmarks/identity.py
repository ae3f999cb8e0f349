"""Whether two pictures show the same person, by a recogniser that has nothing to do with our networks.

dlib's face recognition network (a ResNet trained on other data for another end: 128 numbers for each face, people taken
for the same where these are less than 0.6 apart) and its five-point landmarks, both in the public domain (CC0). They
come in the packages of the extra `benchmark`; nothing of ours needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from projector.alignment import AlignedFace, align_quad

Pixels = NDArray[np.uint8]

SAME_PERSON = 0.6  # distance; dlib's own documentation of the network (99.4 % right on LFW)
CROP_PX = 256  # dlib cuts faces of 150 px: enough for the whole FFHQ square about them
# Where dlib's own detector sees the face in an FFHQ square: mean over 73 aligned faces (its spread is 0.03). Taking it
# as known, a painting in which dlib sees no face is judged like a photo.
FACE_BOX = (0.19, 0.30, 0.78, 0.89)
PACKAGES = ("dlib", "face_recognition_models")


class Recogniser:
    """FFHQ squares, uint8 RGB [S, S, 3] of any size -> descriptors [128]."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = models_folder() if folder is None else folder

    @cached_property
    def _landmarks(self) -> Any:
        import dlib

        return dlib.shape_predictor(str(self.folder / "shape_predictor_5_face_landmarks.dat"))

    @cached_property
    def _network(self) -> Any:
        import dlib

        return dlib.face_recognition_model_v1(str(self.folder / "dlib_face_recognition_resnet_model_v1.dat"))

    def describe(self, crop: Pixels) -> NDArray[np.float64]:
        """Return the descriptor [128] of the face in an FFHQ square."""
        import dlib

        pixels = np.asarray(Image.fromarray(crop).resize((CROP_PX, CROP_PX), Image.Resampling.LANCZOS))
        box = dlib.rectangle(*(round(side * CROP_PX) for side in FACE_BOX))
        return np.array(self._network.compute_face_descriptor(pixels, self._landmarks(pixels, box)))

    def distance(self, one: Pixels, other: Pixels) -> float:
        """Return how far two faces are apart: 0 the same picture, to SAME_PERSON as a rule the same person."""
        return float(np.linalg.norm(self.describe(one) - self.describe(other)))


def models_folder() -> Path:
    """Find the networks' files. Raises ModuleNotFoundError without the packages.

    They are found and not imported: the package asks for pkg_resources, which new setuptools no longer have.
    """
    found = {name: find_spec(name) for name in PACKAGES}
    spec = found["face_recognition_models"]
    if None in found.values() or spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{', '.join(PACKAGES)}: not both there; pip install 'blendgan[benchmark]'")
    return Path(spec.origin).parent / "models"


def squares(photo: Pixels, faces: Sequence[AlignedFace]) -> list[Pixels]:
    """Cut the squares of some faces out of a picture of the photo's size: the photo itself, or what became of it."""
    return [align_quad(photo, face.quad, CROP_PX).crop for face in faces]
