"""`blendgan recipe`."""

from __future__ import annotations

import click

from blendgan.cli import options
from blendgan.cli.tables import show_table

EXAMPLE = """\b
Examples:
  blendgan recipe blend.safetensors > mine.yaml
  blendgan recipe blend.png
  blendgan recipe pinkney-1c
  blendgan blend --recipe mine.yaml"""


@click.command(epilog=EXAMPLE)
@click.argument("file", required=False)
@options.debug
def recipe(file: str | None) -> None:
    """Print the recipe in FILE as YAML: a blended model, a picture, a recipe or its text, or the name of a ready one.

    Without FILE, list the ready recipes.
    """
    from blendgan.recipe_files import dumps_yaml, read_recipe, ready_recipes

    if file is None:
        show_table("Ready recipes, for --recipe", ready_recipes().items())
        return
    click.echo(dumps_yaml(read_recipe(file)), nl=False)
