"""From photos to faces: detection, alignment and pasting back. Knows the networks, but nothing of blending."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from projector.alignment import AlignedFace as AlignedFace
    from projector.alignment import align as align
    from projector.alignment import align_quad as align_quad
    from projector.alignment import align_whole as align_whole
    from projector.detection import Face as Face
    from projector.detection import detect as detect
    from projector.detection import load_detector as load_detector
    from projector.detection import require_faces as require_faces
    from projector.paste import paste_change as paste_change
    from projector.paste import paste_face as paste_face
    from projector.photo import Photo as Photo
    from projector.photo import photo_from_image as photo_from_image
    from projector.photo import read_photo as read_photo
    from projector.photo import with_pixels as with_pixels

_LAZY = {  # imported on first use: most of them need torch
    "AlignedFace": "projector.alignment",
    "Face": "projector.detection",
    "Photo": "projector.photo",
    "align": "projector.alignment",
    "align_quad": "projector.alignment",
    "align_whole": "projector.alignment",
    "detect": "projector.detection",
    "load_detector": "projector.detection",
    "paste_change": "projector.paste",
    "paste_face": "projector.paste",
    "photo_from_image": "projector.photo",
    "read_photo": "projector.photo",
    "require_faces": "projector.detection",
    "with_pixels": "projector.photo",
}

__all__ = [
    "AlignedFace",
    "Face",
    "Photo",
    "align",
    "align_quad",
    "align_whole",
    "detect",
    "load_detector",
    "paste_change",
    "paste_face",
    "photo_from_image",
    "read_photo",
    "require_faces",
    "with_pixels",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
