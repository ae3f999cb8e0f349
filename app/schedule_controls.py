"""The controls of a blend: the curve, its kind and numbers, ready recipes, channels, and the policies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from app import schedule_fields
from app.engine import Pair
from app.fields import follow
from app.messages import sentence
from app.parts.curve import Moved, curve, moved
from app.scene import Scene, hold, keep, without_files
from blendgan import channel_forms, recipe_words
from blendgan.recipe import NAMED_POLICIES, Policy, Recipe, policy_alpha
from blendgan.recipe_files import read_recipe, ready_recipes
from blendgan.schedule import Layers, Schedule, Table
from stylegan2.errors import RecipeError
from stylegan2.sites import layers_of

POLICY_NAMES = {"mapping": "Mapping network", "w_avg": "Mean w", "noise": "Noise maps"}
RECOMMENDED = "as TRANSFER recommends"
OWN = "own"
FIELD_PX = 220  # wide enough for the longest of the names


def schedule_controls(scene: Scene, pair: Pair, key: str) -> Scene:
    """Draw the controls of a scene's blend but for its curve; return the scene as they make it."""
    with st.container(horizontal=True, gap="medium"):
        recipe = _kind(_preset(scene.recipe, pair, key), pair, key)
        recipe = _with(recipe, schedule_fields.fields(recipe.schedule, pair.resolutions, key))
    return _kept(scene, recipe)


def channel_controls(scene: Scene, key: str) -> Scene:
    """Draw the controls that most blends leave alone: channels, and the policies."""
    with st.expander("Channels, mapping, noise"):
        return _kept(scene, _policies(_channels(scene.recipe, key), key))


def blend_curve(scene: Scene, pair: Pair, key: str) -> tuple[Scene, Moved | None]:
    """Draw the curve; return the scene as a point that was just moved makes it, and that event.

    It belongs into a fragment with what it changes. While a point is held only the session knows of it; a page that
    is told of the last event (`final`) should draw itself anew, so that other controls and the address follow.
    """
    points = points_of(scene.recipe.schedule, pair)
    event = moved(f"{key}:curve", len(points))
    if event is not None:
        scene = replace(scene, recipe=_with(scene.recipe, dragged(scene.recipe.schedule, event.alphas, points)))
        (keep if event.final else hold)(scene)
    points = points_of(scene.recipe.schedule, pair)
    curve([str(point) for point in points], schedule_fields.shares(scene.recipe.schedule, points), f"{key}:curve")
    return scene, event


def _kept(scene: Scene, recipe: Recipe) -> Scene:
    if recipe == scene.recipe:
        return scene
    scene = replace(scene, recipe=recipe)
    keep(scene)
    return scene


def points_of(schedule: Schedule, pair: Pair) -> tuple[int, ...]:
    """Return the resolution of each of the curve's points: one for each style layer where the schedule says so."""
    if isinstance(schedule, Layers):
        return layers_of(pair.sources[0].checkpoint.config)
    return pair.resolutions


def dragged(schedule: Schedule, alphas: tuple[float, ...], points: tuple[int, ...]) -> Schedule:
    """Return the schedule whose points were moved: a table, since no formula goes through any points."""
    if isinstance(schedule, Layers):
        return Layers(alphas)
    return Table(dict(zip(points, alphas, strict=True)))


def _with(recipe: Recipe, schedule: Schedule) -> Recipe:
    return replace(recipe, transfers=(replace(recipe.transfers[0], schedule=schedule),))


def _preset(recipe: Recipe, pair: Pair, key: str) -> Recipe:
    """Choosing a ready recipe takes all of it; what is changed afterwards is one's own."""
    ready = {RECOMMENDED: pair.recommended} | fitting_recipes(pair)
    now = next((name for name, one in ready.items() if one == recipe), OWN)
    names = {OWN: "your own"}
    chosen = st.selectbox(
        "Recipe",
        [OWN, *ready],
        key=follow(f"{key}:preset", now),
        width=FIELD_PX,
        format_func=lambda name: names.get(name, name),
    )
    return recipe if chosen in (now, OWN, None) else ready[chosen]


@st.cache_data(show_spinner=False)
def _ready_recipes() -> dict[str, Recipe]:
    return {name: read_recipe(name) for name in ready_recipes()}


def fitting_recipes(pair: Pair) -> dict[str, Recipe]:
    """Return the ready recipes that fit these models: one TRANSFER, and as many layers."""
    count = pair.sources[0].checkpoint.config.num_ws
    found = {}
    for name, recipe in _ready_recipes().items():
        schedule = recipe.schedule
        if len(recipe.transfers) == 1 and (not isinstance(schedule, Layers) or len(schedule.alphas) == count):
            found[name] = replace(recipe, base=None, transfers=(replace(recipe.transfers[0], model=None),))
    return found


def _kind(recipe: Recipe, pair: Pair, key: str) -> Recipe:
    now = schedule_fields.kind_of(recipe.schedule)
    names = schedule_fields.KINDS
    chosen = st.selectbox(
        "Curve", list(names), key=follow(f"{key}:kind", now), width=FIELD_PX, format_func=lambda kind: names[kind][1]
    )
    if chosen in (now, None):
        return recipe
    layers = layers_of(pair.sources[0].checkpoint.config)
    return _with(recipe, schedule_fields.started(chosen, recipe.schedule, pair.resolutions, layers))


def _channels(recipe: Recipe, key: str) -> Recipe:
    """In the command line's words: there are too many forms for fields of their own."""
    transfer = recipe.transfers[0]
    now = "all" if transfer.channels is None else channel_forms.to_words(transfer.channels)
    text = st.text_input(
        "Channels of each layer",
        key=follow(f"{key}:channels", now),
        help="all, ramp:0,1, top:0.25:change, top:0.25:correlation, or region:0.3,0.2,0.7,0.5:top:0.2",
    )
    if text == now:
        return recipe
    try:
        return without_files(recipe_words.from_words({"channels": text.strip() or "all"}, recipe))
    except RecipeError as error:
        st.error(sentence(error))
        return recipe


def _policies(recipe: Recipe, key: str) -> Recipe:
    changes: Any = {name: _policy(name, getattr(recipe, name), key) for name in NAMED_POLICIES}
    return replace(recipe, **changes)


def _policy(name: str, now: Policy, key: str) -> Policy:
    share = policy_alpha(name, now)
    found = st.slider(
        f"{POLICY_NAMES[name]}: share of TRANSFER", 0.0, 1.0, key=follow(f"{key}:{name}", share), step=0.05
    )
    if found == share:
        return now
    return {0.0: "base", 1.0: "transfer"}.get(found, found)
