"""`Scene`: what a session looks at, frozen, and as words in the address, so that a link shows the same.

    ?base=portraits&transfer=paintings&schedule=sigmoid+16,1.5+high&mapping=base&seeds=0-5&trunc=0.7

The words are the command line's. What only a whole recipe says stands there as `recipe=`, in JSON. Faces and models
that a session has brought are not named: nobody else has them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import streamlit as st

from app import address
from app.engine import Engine, engine
from blendgan import recipe_words
from blendgan.channels import Region
from blendgan.recipe import Recipe, dumps
from blendgan.recipe_schema import from_json
from blendgan.rendering import label_of
from blendgan.seeds import parse_seeds, seeds_text
from blendgan.viewing import KnownFace, View
from stylegan2.errors import BlendganError, InputError, RecipeError

MOST_FACES = 12  # in one row: more do not fit a screen, and take seconds
NOISE_MODES = ("const", "none", "random")
LARGEST_TRUNCATION = 2.0  # far beyond what still is a face
KEY = "scene"  # in the session's state
UPLOAD = "upload:"  # how the names of models begin that a session has brought
FACES = "faces"  # there too: the faces of the user's photos, KnownFace


@dataclass(frozen=True)
class Scene:
    """Two models, the recipe (which names none), and what is drawn with it."""

    base: str
    transfer: str
    recipe: Recipe
    seeds: tuple[int, ...] = (0, 1, 2)
    truncation_psi: float = 0.7
    noise_mode: str = "const"
    class_index: int | None = None
    of_photo: bool = False  # the faces of the user's photo in place of seeds


def to_query(scene: Scene) -> dict[str, str]:
    """Return a scene as the words of an address."""
    words = recipe_words.to_words(scene.recipe) or {"recipe": dumps(scene.recipe)}
    query = {"base": scene.base, "transfer": scene.transfer, **words}
    query |= {"seeds": seeds_text(scene.seeds), "trunc": f"{scene.truncation_psi:g}", "noise-mode": scene.noise_mode}
    if scene.class_index is not None:
        query["class"] = str(scene.class_index)
    return {key: value for key, value in query.items() if not value.startswith(UPLOAD)}


def from_query(query: Mapping[str, str], usual: Scene) -> tuple[Scene, tuple[str, ...]]:
    """Read the words of an address over the usual scene; what cannot be used is left as usual, and told in lines."""
    scene, mistakes = address.read(query, usual, _READERS)
    words = {key: query[key] for key in recipe_words.KEYS if key in query}
    try:
        scene = replace(scene, recipe=without_files(recipe_words.from_words(words, scene.recipe)))
    except BlendganError as error:
        mistakes = (*mistakes, f"the blend in the address: {error}")
    return scene, mistakes


def without_files(recipe: Recipe) -> Recipe:
    """Return the recipe. Raises RecipeError where it names a file: a page must not open any file there is."""
    for transfer in recipe.transfers:
        if isinstance(transfer.channels, Region) and transfer.channels.mask is not None:
            raise RecipeError(
                f"channels: found the mask {transfer.channels.mask}, expected a box, such as 0.3,0.2,0.7,0.5"
            )
    if len(recipe.transfers) != 1:
        raise RecipeError(
            f"transfers: found {len(recipe.transfers)}, expected one; blend several with `blendgan blend`"
        )
    return recipe


def _recipe(scene: Scene, text: str) -> Scene:
    try:
        recipe = from_json(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"recipe: found {text[:60]!r}, expected one in JSON") from error
    if recipe.models:
        raise RecipeError("recipe: names models, expected one that says only how to blend")
    return replace(scene, recipe=without_files(recipe))


def _truncation(scene: Scene, text: str) -> Scene:
    try:
        psi = float(text)
    except ValueError as error:
        raise InputError(f"found {text!r}, expected a number such as 0.7") from error
    if not 0 <= psi <= LARGEST_TRUNCATION:
        raise InputError(f"found {text}, expected 0 … {LARGEST_TRUNCATION:g}")
    return replace(scene, truncation_psi=psi)


def _noise_mode(scene: Scene, text: str) -> Scene:
    if text not in NOISE_MODES:
        raise InputError(f"found {text!r}, expected one of {', '.join(NOISE_MODES)}")
    return replace(scene, noise_mode=text)


def _class_index(scene: Scene, text: str) -> Scene:
    (index,) = parse_seeds(text, 1, "classes")
    return replace(scene, class_index=index)


_READERS: dict[str, Callable[[Scene, str], Scene]] = {  # key → what it changes
    "recipe": _recipe,
    "seeds": lambda scene, text: replace(scene, seeds=parse_seeds(text, MOST_FACES)),
    "trunc": _truncation,
    "noise-mode": _noise_mode,
    "class": _class_index,
}

QUERY_KEYS = ("base", "transfer", *recipe_words.KEYS, *_READERS)


def usual_scene(models: Engine, base: str | None = None, transfer: str | None = None) -> Scene:
    """Return what is shown where nothing says otherwise: TRANSFER's own recommendation."""
    names = models.options.models
    base, transfer = base or names[0], transfer or names[min(1, len(names) - 1)]
    pair = models.pair(base, transfer)
    scene = Scene(base, transfer, pair.recommended)
    return replace(scene, class_index=0) if pair.sources[0].checkpoint.config.num_classes else scene


def opened(query: Mapping[str, str], models: Engine) -> tuple[Scene, tuple[str, ...]]:
    """Return the scene that an address names, and what of it cannot be used."""
    mistakes: list[str] = []
    try:
        usual = usual_scene(models, query.get("base"), query.get("transfer"))
    except BlendganError as error:
        usual = usual_scene(models)
        mistakes.append(f"models in the address: {error}")
    scene, more = from_query(query, usual)
    try:
        label_of(models.pair(scene.base, scene.transfer).sources[0].checkpoint.config, scene.class_index)
    except BlendganError as error:  # no control could take back a class that the models do not have
        mistakes.append(f"class in the address: {error}")
        scene = replace(scene, class_index=usual.class_index)
    return scene, (*mistakes, *more)


def current() -> Scene:
    """Return this session's scene; at its start that of the address, whose mistakes are shown."""
    if KEY not in st.session_state:
        st.session_state[KEY], mistakes = opened(st.query_params.to_dict(), engine())
        address.tell(mistakes)
    scene: Scene = st.session_state[KEY]
    if not all(map(engine().knows, (scene.base, scene.transfer))):
        st.warning("The model that you brought had to make room for those of others; bring it again on the page Models")
        scene = st.session_state[KEY] = usual_scene(engine())
    return scene


def hold(scene: Scene) -> None:
    """Let this be the session's scene, for the moment."""
    st.session_state[KEY] = scene


def keep(scene: Scene) -> None:
    """Let this be the session's scene, and the address name it."""
    hold(scene)
    address.put(to_query(scene), QUERY_KEYS)


def known_faces() -> tuple[KnownFace, ...]:
    """Return the faces of the photos that this session has brought."""
    faces: tuple[KnownFace, ...] = st.session_state.get(FACES, ())
    return faces


def view_of(scene: Scene, models: Engine) -> View:
    """Return what a scene draws: its seeds, or the faces of the user's photo."""
    faces = known_faces()[:MOST_FACES] if scene.of_photo else ()
    seeds = () if faces else scene.seeds
    return View(seeds, faces, scene.truncation_psi, scene.noise_mode, scene.class_index, models.device)
