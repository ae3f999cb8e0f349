"""What the page Photo gives out: the redrawn photo, its latents, recipe and model, and the command that makes them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.commands import command, named, path_word, recipe_options
from app.downloads import button, model_bytes
from app.photo.job import PhotoJob
from blendgan.recipe_files import dumps_yaml
from projector.latent import pack

ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WebP": ".webp"}


def photo_downloads(job: PhotoJob) -> None:
    """Offer what there is; everything is made when its button is pressed."""
    form = st.selectbox("Form of the picture", list(ENDINGS), key="photo:form") or "PNG"
    says = st.checkbox(
        "With metadata",
        value=True,
        key="photo:metadata",
        help="How it was made, and the photo's own EXIF: place, camera, date.",
    )
    ending, name = ENDINGS[form], result_name(job, ENDINGS[form])
    one, two = st.columns(2)
    button(one, "Redrawn photo", name, lambda: job.picture(ending, with_metadata=says), "photo")
    button(two, "Latents", str(Path(name).with_suffix(".npz")), lambda: pack(job.latent), "photo")
    button(one, "Recipe", "recipe.yaml", lambda: dumps_yaml(named(job.scene)).encode(), "photo")
    model = "blend.safetensors"
    button(two, "Blended model", model, lambda: job.models.run(lambda: model_bytes(job.scene, job.pair)), "photo")
    st.caption("The same photo and latents on the command line:")
    words = [*toonify_words(job, name), *([] if says else ["--no-metadata"])]
    st.code(command(words, job.models.options), language="shell", wrap_lines=True)


def toonify_words(job: PhotoJob, result: str) -> list[str]:
    """Return the arguments of `blendgan` that make the same bytes of the photo, which lies in the working directory."""
    words = ["toonify", path_word(job.work.file.name), "--base", job.scene.base, "--transfer", job.scene.transfer]
    words += recipe_options(job.scene.recipe, job.pair.sources[1].checkpoint)
    words += ["--faces", str(job.settings.selection)] if job.settings.selection.numbers else []
    return [*words, *job.options.arguments(), "-o", path_word(result)]


def result_name(job: PhotoJob, ending: str) -> str:
    """Return the name that `toonify` gives to a photo's result."""
    return f"{Path(job.work.file.name).stem}.toon{ending}"
