"""The controls of what is drawn: two models, which faces, truncation, noise, class."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from app.engine import Engine
from app.fields import follow
from app.messages import as_sentences, sentence
from app.scene import LARGEST_TRUNCATION, MOST_FACES, NOISE_MODES, Scene, keep, known_faces, usual_scene
from blendgan.seeds import parse_seeds, seeds_text
from stylegan2.errors import InputError

UPLOADS = "uploads"  # in the session's state: names of the models that it has brought


def model_controls(scene: Scene, models: Engine, key: str) -> Scene:
    """Choose BASE and TRANSFER; another TRANSFER brings its own recommendation."""
    names = [*models.options.models, *st.session_state.get(UPLOADS, ())]
    base = st.selectbox("BASE", names, key=follow(f"{key}:base", scene.base))
    transfer = st.selectbox("TRANSFER", names, key=follow(f"{key}:transfer", scene.transfer))
    if (base, transfer) == (scene.base, scene.transfer) or base is None or transfer is None:
        return scene
    with as_sentences():
        new = usual_scene(models, base, transfer)
        kept = replace(new, seeds=scene.seeds, truncation_psi=scene.truncation_psi, noise_mode=scene.noise_mode)
        scene = kept if transfer != scene.transfer else replace(kept, recipe=scene.recipe)
        keep(scene)
    return scene


def view_controls(scene: Scene, models: Engine, key: str) -> Scene:
    """Choose the faces and how they are drawn."""
    old = scene
    if known_faces():
        names: dict[Any, str] = {False: "seeds", True: "my photo"}
        of_photo = st.radio(
            "Faces from",
            [False, True],
            key=follow(f"{key}:photo", scene.of_photo),
            format_func=names.get,
            horizontal=True,
        )
        scene = replace(scene, of_photo=bool(of_photo))
    if not (scene.of_photo and known_faces()):
        scene = _seeds(scene, key)
        psi = st.slider(
            "Truncation", 0.0, LARGEST_TRUNCATION, key=follow(f"{key}:psi", scene.truncation_psi), step=0.05,
            help="0 is the mean face, 1 is off: the lower, the likelier and the more alike are the faces.",
        )  # fmt: skip
        scene = replace(scene, truncation_psi=psi)
        scene = _class(scene, models, key)
        mode = st.selectbox(
            "Noise", NOISE_MODES, key=follow(f"{key}:mode", scene.noise_mode), help="const: the model's own"
        )
        scene = replace(scene, noise_mode=mode or scene.noise_mode)
    if scene != old:
        keep(scene)
    return scene


def _seeds(scene: Scene, key: str) -> Scene:
    now = seeds_text(scene.seeds)
    text = st.text_input("Seeds", key=follow(f"{key}:seeds", now), help=f"Such as 0-5 or 3,7,42; up to {MOST_FACES}.")
    if text == now:
        return scene
    try:
        return replace(scene, seeds=parse_seeds(text, MOST_FACES))
    except InputError as error:
        st.error(sentence(error))
        return scene


def _class(scene: Scene, models: Engine, key: str) -> Scene:
    count = models.pair(scene.base, scene.transfer).sources[0].checkpoint.config.num_classes
    if not count:
        return scene
    index = st.number_input("Class", 0, count - 1, key=follow(f"{key}:class", scene.class_index or 0))
    return replace(scene, class_index=int(index))
