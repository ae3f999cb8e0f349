"""Explore: move a layer's share of TRANSFER, see the faces change."""

from __future__ import annotations

import streamlit as st

from app.downloads import downloads
from app.engine import ALL_BASE, ALL_TRANSFER, Engine, Pair, engine
from app.messages import as_sentences
from app.parts.curve import Moved
from app.parts.faces import Row, faces
from app.scene import Scene, current, view_of
from app.schedule_controls import schedule_controls
from app.view_controls import model_controls, view_controls
from blendgan.recipe import Recipe
from blendgan.viewing import Drawn


def page() -> None:
    """Draw the page: the blend to the left, its faces to the right; only this part is drawn again on a move."""
    st.title("Explore")
    with as_sentences():
        board()


@st.fragment
def board() -> None:
    """Controls and faces."""
    models = engine()
    scene = current()
    left, right = st.columns([2, 3], gap="large")
    with left, as_sentences():
        pair = models.pair(scene.base, scene.transfer)
        scene, event = schedule_controls(scene, pair, "explore")
        with st.expander("Models and faces"):
            scene = model_controls(view_controls(scene, models, "explore"), models, "explore")
    with right, as_sentences():
        pair = models.pair(scene.base, scene.transfer)
        show(scene, pair, models, event)
        with st.expander("Take it with you", expanded=False):
            downloads(scene, pair, models, "explore")


def show(scene: Scene, pair: Pair, models: Engine, event: Moved | None) -> None:
    """Draw three rows: BASE, the blend, TRANSFER; while a point is dragged only the blend changes."""
    view = view_of(scene, models)

    def row(name: str, drawn: Drawn | None) -> Row:
        alts = tuple(f"{face}, {name}" for face in view.names)
        return Row(name, None if drawn is None else drawn.pictures, alts)

    def at_rest(recipe: Recipe) -> Drawn | None:
        return None if event is not None and not event.final else pair.draw(recipe, view)

    blend = _blend(scene, pair, models)
    rows = [row("BASE", at_rest(ALL_BASE)), row("blend", blend), row("TRANSFER", at_rest(ALL_TRANSFER))]
    faces(rows, "explore:faces", event, complete=blend.complete)


def _blend(scene: Scene, pair: Pair, models: Engine) -> Drawn:
    """A first picture of a slow model; the whole one when the browser asks for more."""
    view = view_of(scene, models)
    asked = (st.session_state.get("explore:faces") or {}).get("more") is not None
    return pair.draw(scene.recipe, view) if asked else pair.draw_soon(scene.recipe, view)
