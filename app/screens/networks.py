"""Networks: two networks of one architecture, the share of the second, and a picture that the mixture restores."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import address
from app.fields import follow
from app.messages import as_sentences, escaped
from app.networks import scene as networks_scene
from app.networks.choice import bring_files, choose
from app.networks.downloads import downloads
from app.networks.job import NetworkJob
from app.networks.pair import reading
from app.networks.scene import MOST_NOISE, NetworksScene
from app.networks.store import Networks, networks
from app.parts.curve import Moved
from app.parts.share import moved, share
from app.parts.wipe import Sides, wipe
from app.parts.wipe import moved as line_moved
from app.photo.memory import photos
from app.photo.sources import current_work, photo_sources, sample
from blendgan.seeds import LARGEST_SEED

KEY = "networks"  # in the session's state
NOT_EXACT = "This network looks farther: in the whole picture the part may come out a little differently."
ALPHA, WIPE = "networks:alpha", "networks:wipe"


def page() -> None:
    """Draw the page: the networks, α and the picture, then what is needed less often."""
    st.header("Networks")
    with as_sentences():
        known = networks()
        scene = choose(address.remembered(KEY, NetworksScene(), networks_scene.readers(known.shipped)), known)
        above, below = st.container(), st.container()
        keep(scene)
        bring_files(known, KEY)
        photo_sources("A picture that the networks restore while you move α.", expanded=False)
        if scene.a is None or scene.b is None:
            above.info("Bring two networks of one architecture that restore pictures, such as two denoisers.")
            return
        last = st.container()
        with above, as_sentences():
            job = job_of(scene, known)
            with below:
                job = replace(job, scene=picture_fields(job))
                keep(job.scene)
            stage(job)
            with last.expander("Take it with you"), as_sentences():
                downloads(job)


def keep(scene: NetworksScene) -> None:
    """Let this be the session's scene, and the address name it."""
    st.session_state[KEY] = scene
    address.put(networks_scene.to_query(scene), networks_scene.KEYS)


def job_of(scene: NetworksScene, known: Networks) -> NetworkJob:
    """Return what is to be restored by what. Raises what opening two networks and a picture raise."""
    work = current_work()
    file = sample() if work is None else work.file
    return NetworkJob(scene, known.pair(scene.a or "", scene.b or ""), known, file, photos().read(file))


def picture_fields(job: NetworkJob) -> NetworksScene:
    """Draw the fields of what is done to the picture, and of its place; return the scene as they make it."""
    scene, part = job.scene, job.part
    first, second, third = st.columns(3)
    noise = first.slider(
        "Noise to add first", 0.0, MOST_NOISE, key=follow("networks:noise", job.noise), step=1.0, format="%.0f",
        help="Gaussian, of this standard deviation on the scale of 0 to 255, so that a clean picture can be tried.",
    )  # fmt: skip
    if noise != job.noise:
        scene = replace(scene, noise=noise)
    if noise:
        seed = first.number_input("Its seed", 0, LARGEST_SEED, key=follow("networks:seed", scene.seed))
        scene = replace(scene, seed=int(seed))
    across, down = scene.place
    if part.width < job.photo.size[0]:
        across = second.slider("Part, left to right", 0.0, 1.0, key=follow("networks:across", across), step=0.05)
    if part.height < job.photo.size[1]:
        down = third.slider("Part, top to bottom", 0.0, 1.0, key=follow("networks:down", down), step=0.05)
    return replace(scene, place=(across, down))


@st.fragment
def stage(job: NetworkJob) -> None:
    """α and the picture: all that is drawn again while α is dragged."""
    scene: NetworksScene = st.session_state[KEY]
    left, right = st.columns([3, 2], gap="large")
    with as_sentences():
        line, event = line_moved(WIPE), moved(ALPHA)
        scene = scene if line is None else replace(scene, wipe=line)
        if event is not None:
            (alpha,) = event.alphas
            scene = replace(scene, alpha=alpha)
        st.session_state[KEY] = scene
        if line is not None or (event is not None and event.final):
            keep(scene)
        with right:
            share(scene.alpha, ("A", "B"), "Share of B", ALPHA)
        with left:
            show(replace(job, scene=scene), event)
        with right:
            tell(replace(job, scene=scene))
        if event is not None and event.final:
            st.rerun()


def show(job: NetworkJob, event: Moved | None) -> None:
    """Draw the part as it is given and restored, one over the other."""
    sides = Sides(job.file.name, job.before().picture, job.after().picture)
    given = f"noise {job.noise:g}" if job.noise else "as it came"
    wipe([sides], (given, "restored"), job.scene.wipe, WIPE, event)
    part, (width, height) = job.part, job.photo.size
    if (part.width, part.height) != (width, height):
        st.caption(
            f"{part.width} x {part.height} px of {width} x {height}: as much as follows while α moves. "
            + ("They are restored as in the whole picture." if job.pair.is_exact else NOT_EXACT)
        )


def tell(job: NetworkJob) -> None:
    """Say what both are, how far their filters correlate, and how near the result comes to the clean picture."""
    if job.has_clean:
        ends = [job.at(alpha).after().decibels for alpha in (0.0, 1.0)]
        figures = {
            "noise": job.before().decibels,
            "A": ends[0],
            f"α {job.scene.alpha:.2f}": job.after().decibels,
            "B": ends[1],
        }
        st.caption("PSNR against the picture without noise, in dB:")
        st.table({name: [f"{value:.2f}"] for name, value in figures.items()}, border="horizontal")
    text = reading(job.known.models.run(lambda: job.pair.correlations))
    st.caption(escaped(f"Both are: {job.pair.architecture}. {text}"))
