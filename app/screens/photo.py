"""Photo: a photo of one's own, its faces found, and redrawn while the blend changes."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.engine import Engine, engine
from app.messages import as_sentences
from app.parts.curve import Moved
from app.parts.photo import photo
from app.photo_downloads import photo_downloads
from app.photo_faces import choose_faces, offer_to_explore
from app.photo_job import PhotoJob, finder_for
from app.photo_options import current_options, keep_options, option_fields, search_fields
from app.photo_sources import current_work, photo_sources
from app.photo_work import PhotoWork
from app.scene import current
from app.schedule_controls import schedule_controls
from app.view_controls import model_controls


def page() -> None:
    """Draw the page: where photos come from, then the photo; only the latter is drawn again on a move."""
    st.title("Photo")
    with as_sentences():
        photo_sources()
        work = current_work()
        if work is not None:
            board(work)


@st.fragment
def board(work: PhotoWork) -> None:
    """Controls to the left; to the right the photo, its faces, and what there is to take along."""
    left, right = st.columns([2, 3], gap="large")
    with right, as_sentences():
        work.photo  # noqa: B018 — a file that is no photo is told here, before anything is looked for
        place, below = st.empty(), st.container()
        with left, as_sentences():
            job, event = controls(work, engine(), below)
            if job is None:
                place.image(work.picture, width="stretch", alt="your photo")
            else:
                show(job, event, place, below)


def controls(work: PhotoWork, models: Engine, below: DeltaGenerator) -> tuple[PhotoJob | None, Moved | None]:
    """Draw all controls, those of the faces below the photo; return what they say, None while no face is chosen."""
    scene, options = current(), current_options()
    scene, event = schedule_controls(scene, models.pair(scene.base, scene.transfer), "photo")
    options = option_fields(options)
    with st.expander("Models and search"):
        scene = model_controls(scene, models, "photo")
        pair = models.pair(scene.base, scene.transfer)
        finder = finder_for(pair.sources[0], models)
        options = search_fields(options, finder.config.steps)
    keep_options(options)
    with below:
        selection = choose_faces(work, options)
    return None if selection is None else PhotoJob(scene, pair, models, work, finder, options, selection), event


def show(job: PhotoJob, event: Moved | None, place: DeltaGenerator, below: DeltaGenerator) -> None:
    """Search for the latents if they are not known yet, then draw the photo and what there is to take along."""
    with below:
        bar = st.empty()
    if not job.is_known:
        place.image(job.work.picture, width="stretch", alt="your photo")
    for share in job.search():
        bar.progress(share, f"Searching for the {job.noun} among those that BASE can draw: {share:.0%}")
    bar.empty()
    with place.container():
        photo(job.work.picture, job.patches(), f"{job.work.file.name}, redrawn", "photo:shown", event)
    with below:
        offer_to_explore(job)
        with st.expander("Take it with you"):
            photo_downloads(job)
