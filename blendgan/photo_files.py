"""A photo's file in memory: from an upload, a camera, or the sample. Nothing of it is written to a disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from projector.photo import MAX_PHOTO_PX, Photo, photo_from_bytes
from stylegan2.store import sha256_of


@dataclass(frozen=True, eq=False)
class PhotoFile:
    """`name`: as the user has it, without folders. `contents`: the file's bytes."""

    name: str
    contents: bytes = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file, as `store.sha256_of` has it of one on a disk."""
        return hashlib.sha256(self.contents).hexdigest()

    @property
    def origin(self) -> Mapping[str, str]:
        """What a redrawn photo says of the photo that it was made of."""
        return {"name": self.name, "sha256": self.sha256}

    def read(self, largest_px: int = MAX_PHOTO_PX) -> Photo:
        """Return the photo. Raises InputError for a file that is no picture, is broken, or has more pixels."""
        return photo_from_bytes(self.contents, self.name, largest_px)


def origin_of(photo: Path) -> Mapping[str, str]:
    """The same of a file on a disk; of its path only the name."""
    return {"name": photo.name, "sha256": sha256_of(photo)}
