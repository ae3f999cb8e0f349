"""What a page gives out: pictures, the recipe, the blended model, and the command that makes the same bytes.

Everything is made when its button is pressed, and not before: nobody waits for what nobody wants.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import streamlit as st

from app.commands import blend_command, generate_command, latent_command, named
from app.engine import Engine, Pair
from app.scene import Scene, view_of
from blendgan.blending import blend_lazily
from blendgan.generation import Blending, Drawing, generate
from blendgan.images import png_bytes, to_pictures
from blendgan.recipe_files import dumps_yaml
from blendgan.viewing import View
from stylegan2.checkpoints import native


def downloads(scene: Scene, pair: Pair, models: Engine, key: str) -> None:
    """Offer what a scene gives: its pictures, its recipe, its model, and their commands."""
    view = view_of(scene, models)
    one = len(view.names) == 1
    pictures, recipe, model = st.columns(3)
    name = f"seed{scene.seeds[0]:04d}.png" if one and not view.faces else "faces.png" if one else "faces.zip"
    button(pictures, "Picture" if one else "Pictures", name, lambda: _pictures(scene, pair, view, models), key)
    button(recipe, "Recipe", "recipe.yaml", lambda: dumps_yaml(named(scene)).encode(), key)
    button(model, "Blended model", "blend.safetensors", lambda: models.run(lambda: model_bytes(scene, pair)), key)
    if view.faces:
        st.caption("The pictures, from the latents that the page Photo gives (with --no-metadata the very bytes):")
        st.code(latent_command(scene, models.options, "photo.toon.npz"), language="shell", wrap_lines=True)
    else:
        st.caption("The same pictures on the command line (with --no-metadata the very bytes on the screen):")
        st.code(generate_command(scene, models.options), language="shell", wrap_lines=True)
    st.caption("The same model:")
    st.code(blend_command(scene, models.options, pair.sources[1].checkpoint), language="shell", wrap_lines=True)


def button(
    place: st.delta_generator.DeltaGenerator, label: str, name: str, make: Callable[[], bytes], key: str
) -> None:
    place.download_button(label, make, name, key=f"{key}:{label}", on_click="ignore", width="stretch")


def _pictures(scene: Scene, pair: Pair, view: View, models: Engine) -> bytes:
    """One file, or several in a zip."""
    if view.faces:
        files = {
            f"{name}.png": picture
            for name, picture in zip(view.names, pair.draw(scene.recipe, view).pictures, strict=True)
        }
    else:
        files = models.run(lambda: generated(scene, pair, models))
    if len(files) == 1:
        return next(iter(files.values()))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:  # stored: PNG files do not get smaller
        for name, picture in files.items():
            archive.writestr(zipfile.ZipInfo(name), picture)
    return packed.getvalue()


def generated(scene: Scene, pair: Pair, models: Engine) -> dict[str, bytes]:
    """Return the files of `blendgan generate` for a scene, by name."""
    blending = Blending(pair.sources, named(scene))
    drawing = Drawing(blending, scene.seeds, scene.truncation_psi, scene.class_index, scene.noise_mode)
    return {
        picture.filename: png_bytes(to_pictures(picture.image)[0], picture.metadata)
        for picture in generate(drawing, models.device)
    }


def model_bytes(scene: Scene, pair: Pair) -> bytes:
    """Return the file of `blendgan blend` for a scene."""
    file = io.BytesIO()
    native.write(file, blend_lazily(pair.sources, named(scene)))
    return file.getvalue()
