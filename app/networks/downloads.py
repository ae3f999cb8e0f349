"""What the page Networks gives out: the whole picture restored, the mixed network, and the commands for the same."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.commands import command, file_name
from app.downloads import button
from app.networks.job import MOST_WHOLE_PX, NetworkJob

WHOLE = "networks:whole"  # in the session's state: what the last whole picture depends on, and its file


def downloads(job: NetworkJob) -> None:
    """Offer the whole picture, restored when it is asked for, and the mixed network."""
    _whole(job)
    st.caption("The same file on the command line (with --no-metadata the very bytes):")
    st.code(run_command(job), language="shell", wrap_lines=True)
    if job.scene.noise:
        button(
            st.container(),
            "Picture with noise",
            noisy_name(job),
            lambda: job.file_of(job.given(), noisy_name(job)),
            "networks",
        )
        st.caption("The command restores this one: noise is added here, in whole levels.")


def _whole(job: NetworkJob) -> None:
    width, height = job.photo.size
    if width * height * job.pair.scale**2 > MOST_WHOLE_PX:
        st.caption(f"Pictures of more than {MOST_WHOLE_PX // 1_000_000} megapixels are restored by the command alone.")
        return
    if st.button("Restore the whole picture", key="networks:restore"):
        bar = st.progress(0.0, "Restoring")
        restored, tiles = job.whole()
        for tile in tiles:
            bar.progress(tile.index / tile.total, f"Restoring: {tile.index} of {tile.total} pieces")
        bar.empty()
        st.session_state[WHOLE] = job.order, job.file_of(restored, result_name(job))
    order, file = st.session_state.get(WHOLE, (None, b""))
    if order == job.order:
        st.download_button(
            "Download it", file, result_name(job), "image/png", key="networks:picture", on_click="ignore"
        )


def run_command(job: NetworkJob) -> str:
    """Return what restores the same picture."""
    words = ["dni", "run", *_networks(job), _path(noisy_name(job) if job.scene.noise else job.file.name)]
    return command([*words, "--alpha", f"{job.scene.alpha:g}", "-o", _path(result_name(job))], job.known.models.options)


def noisy_name(job: NetworkJob) -> str:
    """Return the name of the picture with noise."""
    return f"{Path(job.file.name).stem}.noise{job.scene.noise:g}.png"


def result_name(job: NetworkJob) -> str:
    """Return the name of the restored picture."""
    return f"{Path(job.file.name).stem}.restored.png"


def _networks(job: NetworkJob) -> list[str]:
    return [_path(file_name(name or "")) for name in (job.scene.a, job.scene.b)]


def _path(name: str) -> str:
    """A file's name that no command takes for an option."""
    return f"./{name}" if name.startswith("-") else name
