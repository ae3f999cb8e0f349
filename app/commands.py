"""The command lines that make the same bytes as a page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from app.scene import UPLOAD, Scene
from blendgan.blending import preset
from blendgan.devices import select_device
from blendgan.explorer_options import ExplorerOptions
from blendgan.recipe import Model, Recipe
from blendgan.recipe_files import dumps_flow
from blendgan.recipe_words import to_options
from blendgan.seeds import seeds_text
from stylegan2.checkpoints import Checkpoint


def generate_command(scene: Scene, given: ExplorerOptions) -> str:
    """Return what draws a scene's seeds, one file for each."""
    words = ["generate", "--blend", dumps_flow(named(scene)), "--seeds", seeds_text(scene.seeds)]
    words += ["--trunc", f"{scene.truncation_psi:g}", "--noise-mode", scene.noise_mode]
    if scene.class_index is not None:
        words += ["--class", str(scene.class_index)]
    return command(words, given)


def latent_command(scene: Scene, given: ExplorerOptions, latent: str) -> str:
    """Return what draws the faces of a latent file under a scene's blend."""
    return command(["generate", "--blend", dumps_flow(named(scene)), "--latent", latent], given)


def blend_command(scene: Scene, given: ExplorerOptions, transfer: Checkpoint) -> str:
    """Return what writes a scene's blend as a model."""
    words = ["blend", file_name(scene.base), file_name(scene.transfer), *recipe_options(scene.recipe, transfer)]
    return command([*words, "--no-preview", "-o", "blend.safetensors"], given)


def recipe_options(recipe: Recipe, transfer: Checkpoint) -> list[str]:
    """Return the options of a recipe: in words, or whole where words do not say it."""
    words = to_options(recipe, preset(transfer))
    return ["--recipe", dumps_flow(recipe)] if words is None else words


def named(scene: Scene) -> Recipe:
    """Return the scene's recipe with its models."""
    (transfer,) = scene.recipe.transfers
    base, model = Model(file_name(scene.base)), Model(file_name(scene.transfer))
    return replace(scene.recipe, base=base, transfers=(replace(transfer, model=model),))


def file_name(model: str) -> str:
    """Return a model's name as a command line has it: of one that was brought, that of the user's own file."""
    return model.rpartition("/")[2] if model.startswith(UPLOAD) else model


def path_word(name: str) -> str:
    """Return a file's name that no command takes for an option."""
    return f"./{name}" if name.startswith("-") else name


def command(words: Sequence[str], given: ExplorerOptions) -> str:
    """Return a command line of `blendgan` as a shell takes it, with what else the bytes depend on."""
    more = [] if given.threads is None else ["--threads", str(given.threads)]
    more += [] if given.device == str(select_device("auto")) else ["--device", given.device]
    return command_line([*words, *more])


def command_line(words: Sequence[str]) -> str:
    """Return a command line whose bytes depend on nothing else."""
    return shlex.join(["blendgan", *words])
