"""The faces of a photo on the page: which are there, which are redrawn, and the way with them to Explore."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app.photo.job import PhotoJob
from app.photo.options import PhotoOptions
from app.photo.work import MOST_FACES as AT_ONCE
from app.photo.work import PhotoWork
from app.scene import FACES, MOST_FACES, keep
from blendgan.faces import ALL, Selection
from blendgan.live_photo import one_of
from blendgan.viewing import KnownFace


def choose_faces(work: PhotoWork, options: PhotoOptions) -> Selection | None:
    """Show the faces that were found and let some be left out; None where all are."""
    if options.aligned:
        return ALL
    with st.spinner("Looking for faces"):
        count = len(work.found)
    if not count:
        return ALL
    numbers = list(range(1, count + 1))
    names = [f"face {number} from the left" for number in numbers]
    st.image(list(work.thumbnails), caption=[str(number) for number in numbers], width=72, alt=names)
    if count == 1:
        return ALL
    chosen = st.pills(
        "Faces to redraw",
        numbers,
        selection_mode="multi",
        default=numbers[:AT_ONCE],
        key=f"photo:faces:{work.file.sha256}",
    )
    if not chosen:
        st.info("Choose at least one face.")
        return None
    return ALL if len(chosen) == count else Selection(tuple(sorted(chosen)))


def offer_to_explore(job: PhotoJob) -> None:
    """A button that lets Explore show these faces instead of seeds."""
    if st.button("Use these faces in Explore", key="photo:explore"):
        stem = job.work.file.name
        count = len(job.latent.w)
        faces = tuple(
            KnownFace(stem if count == 1 else f"{stem}, face {place + 1}", one_of(job.latent, place))
            for place in range(min(count, MOST_FACES))
        )
        st.session_state[FACES] = faces
        keep(replace(job.scene, of_photo=True))
        st.success(f"Explore now shows {len(faces)} of your faces; it forgets them with this session.")
