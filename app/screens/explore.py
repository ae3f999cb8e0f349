"""Explore: move a layer's share of TRANSFER, see the faces change."""

from __future__ import annotations

import streamlit as st

from app.downloads import downloads
from app.engine import ALL_BASE, ALL_TRANSFER, Engine, Pair, engine
from app.messages import as_sentences
from app.parts.curve import Moved
from app.parts.faces import Row, faces
from app.scene import Scene, current, keep, view_of
from app.schedule_controls import blend_curve, channel_controls, schedule_controls
from app.view_controls import model_controls, view_controls
from blendgan.recipe import Recipe
from blendgan.viewing import Drawn

KEY = "explore"  # of the page's fields
FACES_KEY = f"{KEY}:faces"


def page() -> None:
    """Draw the page: curve and faces, then the controls, then what is needed less often."""
    st.header("Explore")
    with as_sentences():
        models = engine()
        above = st.container()
        scene = current()
        keep(scene)  # who comes from another page has an address without words
        schedule_controls(scene, models.pair(scene.base, scene.transfer), KEY)
        scene = less_often(models)
        with above:  # drawn last, since all the controls say what it shows
            stage()
        with st.expander("Take it with you"):
            downloads(scene, models.pair(scene.base, scene.transfer), models, KEY)


@st.fragment
def stage() -> None:
    """The curve and its faces: all that is drawn again while a point is dragged."""
    models, scene = engine(), current()
    left, right = st.columns([2, 3], gap="large")
    with as_sentences():
        pair = models.pair(scene.base, scene.transfer)
        with left:
            scene, event = blend_curve(scene, pair, KEY)
        with right:
            show(scene, pair, models, event)
        if event is not None and event.final:
            st.rerun()


def less_often(models: Engine) -> Scene:
    """The models, the faces, and what else the blend depends on."""
    with st.expander("Models and faces"):
        scene = view_controls(model_controls(current(), models, KEY), models, KEY)
    return channel_controls(scene, KEY)


def show(scene: Scene, pair: Pair, models: Engine, event: Moved | None) -> None:
    """Draw three rows: BASE, the blend, TRANSFER; while a point is dragged only the blend changes.

    A move is answered by a first picture where the model is slow; all other runs draw the whole one, also that which
    the browser asks for when it has shown a first picture.
    """
    view = view_of(scene, models)
    asked = (st.session_state.get(FACES_KEY) or {}).get("more") is not None
    at_rest = event.final if event is not None else not asked

    def row(name: str, drawn: Drawn | None) -> Row:
        alts = tuple(f"{face}, {name}" for face in view.names)
        return Row(name, None if drawn is None else drawn.pictures, alts)

    def end(recipe: Recipe) -> Drawn | None:
        return pair.draw(recipe, view) if at_rest else None

    blend = pair.draw(scene.recipe, view) if event is None else pair.draw_soon(scene.recipe, view)
    rows = [row("BASE", end(ALL_BASE)), row("blend", blend), row("TRANSFER", end(ALL_TRANSFER))]
    faces(rows, FACES_KEY, event, complete=blend.complete)
