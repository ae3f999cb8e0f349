"""Where a page's photo comes from: a file, the camera, or the sample; one at a time, in memory alone."""

from __future__ import annotations

from importlib.util import find_spec

import streamlit as st

from app.engine import engine
from app.photo.memory import LARGEST_MB, LARGEST_PX, photos
from app.photo.work import PhotoWork
from blendgan.photo_files import PhotoFile
from blendgan.samples import PORTRAIT

KEY = "photo:work"  # in the session's state
FILE, CAMERA = "photo:file", "photo:camera"  # the widgets
ROUND = "photo:round"  # how often the uploader was emptied
HEIC = [".heic", ".heif"] if find_spec("pillow_heif") else []
TYPES = [".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", *HEIC]


def photo_sources(purpose: str, *, expanded: bool = True) -> None:
    """Draw the ways to bring a photo; once there is one they step back. `purpose`: what is done with it, a sentence."""
    missing = current_work() is None
    # The same place with and without a photo: a browser that replaces a file loses it if the field goes elsewhere.
    with st.expander("Bring a photo" if missing else "Another photo", expanded=missing and expanded):
        _ways(purpose)


def _ways(purpose: str) -> None:
    most_mb = min(LARGEST_MB, engine().options.max_upload_mb)
    st.file_uploader(
        "Your photo", TYPES, key=_file_key(), max_upload_size=most_mb, on_change=_take, args=(_file_key(),),
        help=purpose,
    )  # fmt: skip
    st.caption(
        f"Up to {most_mb} MB and {LARGEST_PX // 1_000_000} megapixels. A photo stays in the memory of the machine that "
        "runs this page, and is forgotten when you bring another or leave."
    )
    sample, camera, forget = st.columns(3)
    sample.button("Try it on a portrait", on_click=_take_sample, width="stretch", key="photo:sample")
    if camera.toggle("Use the camera", key="photo:use-camera"):
        st.camera_input("Camera", key=CAMERA, on_change=_take, args=(CAMERA,))
        st.caption("Browsers lend a camera only to pages from this machine (localhost) or over HTTPS.")
    if current_work() is not None:
        forget.button("Forget this photo", on_click=_forget, width="stretch", key="photo:forget")


def current_work() -> PhotoWork | None:
    """Return what this session does with its photo, if it has one."""
    work: PhotoWork | None = st.session_state.get(KEY)
    return work


@st.cache_resource(show_spinner=False)
def sample() -> PhotoFile:
    """Return the portrait: one for all sessions, so that it is decoded once."""
    return PhotoFile("portrait.jpg", PORTRAIT.read_bytes())


def take(file: PhotoFile) -> None:
    """Let this be the session's photo; the one before, its faces and its search are forgotten."""
    st.session_state[KEY] = PhotoWork(file, engine(), photos())


def _take(widget: str) -> None:
    upload = st.session_state[widget]
    if upload is None:  # taken away, or about to be replaced: the field must stay the one that the next comes to
        st.session_state.pop(KEY, None)
    else:
        take(PhotoFile("camera.jpg" if widget == CAMERA else upload.name, upload.getvalue()))


def _take_sample() -> None:
    _forget()
    take(sample())


def _forget() -> None:
    """Drop the photo; Streamlit too forgets the file of an uploader that is no longer there."""
    st.session_state.pop(KEY, None)
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1


def _file_key() -> str:
    rounds = st.session_state.get(ROUND, 0)
    return f"{FILE}:{rounds}" if rounds else FILE
