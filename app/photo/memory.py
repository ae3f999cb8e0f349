"""The photos that sessions have brought: in memory alone, of bounded size, gone with their session.

A session keeps its photo's file. What it decodes to is kept for all sessions together up to KEPT_PX, and read anew from
the file where it had to make room.
"""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

import streamlit as st

from blendgan.photo_files import PhotoFile
from projector.photo import Photo
from stylegan2.errors import InputError

LARGEST_MB = 25  # of a file: a camera's JPEG of 50 megapixels has some 20
LARGEST_PX = 50_000_000  # the most that telephones usually make: 150 MB when it is decoded
KEPT_PX = 100_000_000  # decoded, of all sessions together: 300 MB


class Photos:
    """Decoded photos by their file; the least recently used makes room, and each goes with its file."""

    def __init__(self, limit_px: int = KEPT_PX) -> None:
        self._limit_px = limit_px
        self._photos: WeakKeyDictionary[PhotoFile, Photo] = WeakKeyDictionary()
        self._lock = threading.Lock()  # one is decoded at a time: the decoder holds 4 bytes for each pixel too

    @property
    def pixels(self) -> int:
        """How many pixels are kept."""
        return sum(photo.size[0] * photo.size[1] for photo in list(self._photos.values()))

    def read(self, file: PhotoFile) -> Photo:
        """Return a file's photo. Raises InputError for one that is too large, broken, or no picture."""
        if len(file.contents) > LARGEST_MB << 20:
            raise InputError(
                f"{file.name}: found {len(file.contents) / (1 << 20):.0f} MB, expected at most {LARGEST_MB}; "
                "save it smaller"
            )
        with self._lock:
            photo = self._photos.pop(file, None)
            self._photos[file] = photo = file.read(LARGEST_PX) if photo is None else photo  # now it is the newest
            for oldest in list(self._photos):
                if self.pixels > self._limit_px and oldest is not file:
                    self._photos.pop(oldest, None)
            return photo


@st.cache_resource(show_spinner=False)
def photos() -> Photos:
    """Return the process's photos."""
    return Photos()
