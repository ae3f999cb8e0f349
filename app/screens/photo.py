"""Photo: a photo of one's own, its faces found, and redrawn while the blend changes."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.engine import engine
from app.messages import as_sentences
from app.parts.curve import Moved
from app.parts.photo import photo
from app.photo.downloads import photo_downloads
from app.photo.faces import choose_faces, offer_to_explore
from app.photo.job import PhotoJob, finder_for
from app.photo.options import current_options, keep_options, option_fields, search_fields
from app.photo.sources import current_work, photo_sources
from app.photo.work import PhotoWork
from app.scene import current, keep
from app.schedule_controls import blend_curve, channel_controls, schedule_controls
from app.view_controls import model_controls

KEY = "photo"  # of the page's fields
ORIGINAL_PX = 480  # wide is the photo while its faces are looked for


def page() -> None:
    """Draw the page: where photos come from, curve and photo, the controls, then what is needed less often."""
    st.header("Photo")
    with as_sentences():
        current_options()  # so that mistakes in the address are told at once
        photo_sources("Its faces are found, and redrawn by the blend while you move its curve.")
        work = current_work()
        if work is not None:
            work.photo  # noqa: B018 — a file that is no photo is told before anything is looked for
            board(work)


def board(work: PhotoWork) -> None:
    """All that there is to see of a photo; what takes time comes last."""
    first, controls, below, last = st.container(), st.container(), st.container(), st.container()
    with controls:
        scene = current()
        keep(scene)
        schedule_controls(scene, engine().pair(scene.base, scene.transfer), KEY)
    place = first.empty()
    if not work.has_looked:
        waiting(work, place, "Looking for faces", 0.0)
    with below, as_sentences():
        job = chosen(work)
    with first, as_sentences():
        if job is None:
            original(work, place)
            return
        search(job, place)
        place.empty()
        stage(job)
        with last:
            offer_to_explore(job)
            with st.expander("Take it with you"):
                photo_downloads(job)


def original(work: PhotoWork, place: DeltaGenerator) -> None:
    """The photo as it came."""
    place.image(work.picture, width=ORIGINAL_PX, alt=work.file.name)


def waiting(work: PhotoWork, place: DeltaGenerator, words: str, share: float) -> DeltaGenerator:
    """The photo as it came, and above it what is done; returns the bar."""
    with place.container():
        bar = st.progress(share, words)
        original(work, st.empty())
    return bar


def chosen(work: PhotoWork) -> PhotoJob | None:
    """Draw the controls that most leave alone; return what all of them say, None while no face is chosen."""
    models, faces = engine(), st.container()
    with st.expander("Pasting"):
        options = option_fields(current_options())
    with st.expander("Models and search"):
        scene = model_controls(current(), models, KEY)
        pair = models.pair(scene.base, scene.transfer)
        finder = finder_for(pair.sources[0], models)
        options = search_fields(options, finder.config.steps)
    keep_options(options)
    scene = channel_controls(scene, KEY)
    with faces:
        selection = choose_faces(work, options)
    return None if selection is None else PhotoJob(scene, pair, models, work, finder, options, selection)


def search(job: PhotoJob, place: DeltaGenerator) -> None:
    """Find the latents if they are not known yet; leaving the page, or changing the photo, stops it."""
    bar = None
    for share in job.search():
        words = f"Searching for the {job.noun} among those that BASE can draw: {share:.0%}"
        bar = bar or waiting(job.work, place, words, share)
        bar.progress(share, words)


@st.fragment
def stage(job: PhotoJob) -> None:
    """The curve and the photo: all that is drawn again while a point is dragged."""
    left, right = st.columns([2, 3], gap="large")
    with as_sentences():
        with left:
            scene, event = blend_curve(current(), job.pair, KEY)
        with right:
            show(replace(job, scene=scene), event)
        if event is not None and event.final:
            st.rerun()


def show(job: PhotoJob, event: Moved | None) -> None:
    """Draw the photo and over it what the blend makes of its faces."""
    photo(job.work.picture, job.patches(), f"{job.work.file.name}, redrawn", f"{KEY}:shown", event)
