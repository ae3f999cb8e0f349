"""What the page Networks gives out: the whole picture restored, the mixed network, and the commands for the same."""

from __future__ import annotations

import io
from pathlib import Path

import streamlit as st

from app.commands import command, command_line, file_name, path_word
from app.downloads import button
from app.networks.job import MOST_WHOLE_PX, NetworkJob
from blendgan.dni import blends
from blendgan.dni.mixing import shares_of

WHOLE = "networks:whole"  # in the session's state: what the last whole picture depends on, and its file


def downloads(job: NetworkJob) -> None:
    """Offer the whole picture, restored when it is asked for, and the mixed network."""
    _whole(job)
    st.caption("The same picture on the command line (with --no-metadata the very bytes):")
    st.code(run_command(job), language="shell", wrap_lines=True)
    if job.noise:
        st.caption("It restores this one: noise is added here, and rounded to whole levels.")
        place, name = st.container(), noisy_name(job)
        button(place, "Picture with noise", name, lambda: job.file_of(job.given(), name), "networks")
    run = job.known.models.run
    button(st.container(), "Mixed network", network_name(job), lambda: run(lambda: network_bytes(job)), "networks")
    st.caption("The same network:")
    st.code(blend_command(job), language="shell", wrap_lines=True)


def _whole(job: NetworkJob) -> None:
    width, height = job.photo.size
    if width * height * job.pair.scale**2 > MOST_WHOLE_PX:
        st.caption(
            f"Results of more than {MOST_WHOLE_PX // 1_000_000} megapixels are left to the command, which has no bound."
        )
        return
    if st.button("Restore the whole picture", key="networks:restore"):
        restored, tiles = job.whole()
        bar = st.progress(0.0, "Restoring")
        for tile in tiles:
            bar.progress(tile.index / tile.total, f"{tile.index} of {tile.total} pieces restored")
        bar.empty()
        st.session_state[WHOLE] = job.order, job.file_of(restored, result_name(job))
    order, file = st.session_state.get(WHOLE, (None, b""))
    if order == job.order:
        button(st.container(), "Restored picture", result_name(job), lambda: file, "networks")


def network_bytes(job: NetworkJob) -> bytes:
    """Return the file of `blendgan dni blend`."""
    file = io.BytesIO()
    blends.write(file, blends.mix(job.pair.files, shares_of(2, job.scene.alpha, None)), Path(network_name(job)).suffix)
    return file.getvalue()


def run_command(job: NetworkJob) -> str:
    """Return what restores the same picture."""
    picture = noisy_name(job) if job.noise else job.file.name
    words = ["dni", "run", *_networks(job), path_word(picture), "--alpha", f"{job.scene.alpha:g}"]
    return command([*words, "-o", path_word(result_name(job))], job.known.models.options)


def blend_command(job: NetworkJob) -> str:
    """Return what writes the same network."""
    words = ["dni", "blend", *_networks(job), "--alpha", f"{job.scene.alpha:g}"]
    return command_line([*words, "-o", path_word(network_name(job))])


def network_name(job: NetworkJob) -> str:
    """Return the name that `dni blend` gives to the mixed network."""
    return blends.default_target(job.pair.files, shares_of(2, job.scene.alpha, None)).name


def noisy_name(job: NetworkJob) -> str:
    """Return the name of the picture with noise."""
    return f"{Path(job.file.name).stem}.noise{job.noise:g}.png"


def result_name(job: NetworkJob) -> str:
    """Return the name that `dni run` gives to the restored picture."""
    return f"{Path(noisy_name(job) if job.noise else job.file.name).stem}.restored.png"


def _networks(job: NetworkJob) -> list[str]:
    return [path_word(file_name(name or "")) for name in (job.scene.a, job.scene.b)]
