"""Compare: two blends of the same faces, one over the other, parted by a line that is moved."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import address, compare_scene
from app.compare_scene import NAMES, CompareScene, name_of_side, recipe_of_side
from app.downloads import downloads
from app.engine import Engine, Pair, engine
from app.fields import follow
from app.messages import as_sentences
from app.parts.faces import Row, faces
from app.parts.wipe import Sides, moved, wipe
from app.scene import Scene, current, keep, view_of
from app.schedule_controls import fitting_recipes
from app.view_controls import model_controls, view_controls
from blendgan.contrasts import WHITE, contrast
from blendgan.schedule_forms import OPTIONS

KEY = "compare"  # in the session's state
WIPE = "compare:wipe"
WORDS = "in words"


def page() -> None:
    """Draw the page."""
    st.header("Compare")
    with as_sentences():
        board()


@st.fragment
def board() -> None:
    """Two sides, the wipe, and what they give."""
    models, scene = engine(), current()
    keep(scene)
    with st.expander("Models and faces"), as_sentences():
        scene = model_controls(view_controls(scene, models, KEY), models, KEY)
    pair = models.pair(scene.base, scene.transfer)
    compared = _controls(address.remembered(KEY, CompareScene(), compare_scene.READERS), pair)
    st.session_state[KEY] = compared
    address.put(compare_scene.to_query(compared), compare_scene.KEYS)
    with as_sentences():
        show(compared, scene, pair, models)


def _controls(compared: CompareScene, pair: Pair) -> CompareScene:
    share = moved(WIPE)
    compared = compared if share is None else replace(compared, wipe=share)
    left, right = st.columns(2)
    if st.button("Swap sides", key="compare:swap"):
        compared = replace(compared, left=compared.right, right=compared.left)
    with left:
        first = _side("Left", compared.left, pair)
    with right:
        second = _side("Right", compared.right, pair)
    return replace(compared, left=first, right=second)


def _side(label: str, now: str, pair: Pair) -> str:
    """One of the known blends, or a schedule in words."""
    known = [*NAMES, *fitting_recipes(pair)]
    kind = now if now in known else WORDS
    chosen = st.selectbox(
        label,
        [*known, WORDS],
        key=follow(f"compare:{label}", kind),
        format_func=lambda name: "a schedule in words" if name == WORDS else name_of_side(name),
    )
    if chosen != WORDS:
        return chosen or now
    words = now if kind == WORDS else "alpha 0.5"
    text: str = st.text_input(
        f"{label}: schedule",
        key=follow(f"compare:{label}:words", words),
        help=f"One of {', '.join(OPTIONS)}, its value, and maybe low or high, such as sigmoid 16,1.5 high.",
    )
    with as_sentences():
        return compare_scene.side(text.strip() or words)
    return words


def show(compared: CompareScene, scene: Scene, pair: Pair, models: Engine) -> None:
    """Draw the wipe, the difference, and what both sides give."""
    sides = [replace(scene, recipe=recipe_of_side(side, scene, pair)) for side in (compared.left, compared.right)]
    names = (name_of_side(compared.left), name_of_side(compared.right))
    view = view_of(scene, models)
    left, right = (pair.draw(side.recipe, view).pictures for side in sides)
    wipe([Sides(*face) for face in zip(view.names, left, right, strict=True)], names, compared.wipe, WIPE)
    if st.toggle("Show where they differ", key="compare:differ"):
        _difference(view.names, left, right, models)
    for place, side, name in zip(("left", "right"), sides, names, strict=True):
        with st.expander(f"Take the {place} with you: {name}"), as_sentences():
            downloads(side, pair, models, f"compare:{place}")


def _difference(names: tuple[str, ...], left: tuple[bytes, ...], right: tuple[bytes, ...], models: Engine) -> None:
    found = models.run(lambda: [contrast(*both) for both in zip(left, right, strict=True)])
    means = ", ".join(f"{name} {one.mean:.1f}" for name, one in zip(names, found, strict=True))
    alts = tuple(f"{name}: where the two differ, mean {one.mean:.1f}" for name, one in zip(names, found, strict=True))
    faces([Row("Difference", tuple(one.picture for one in found), alts)], "compare:difference", None, complete=True)
    st.caption(f"Black: alike; white: ΔE\\*ab of {WHITE:g} and more. Mean ΔE\\*ab: {means}. About 2 can just be seen.")
