"""`blendgan blend`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from blendgan.cli import options
from blendgan.cli.schedules import SHIPPED_PAIR, chosen_recipe, schedule_options
from blendgan.cli.tables import show_table
from stylegan2.errors import InputError

if TYPE_CHECKING:
    import torch

    from blendgan.blending import Source
    from blendgan.preview import View
    from blendgan.recipe import Recipe
    from blendgan.schedule import Side


def _policy(name: str, what: str) -> Callable[[Command], Command]:
    text = f"{what}: base, transfer, or a share of TRANSFER. [default: base]"
    return click.option(f"--{name}", metavar="base|transfer|A", help=text)


Command = TypeVar("Command", bound=Callable[..., Any])

EXAMPLES = """\b
Examples:
  blendgan blend --swap-res 16 --transfer-gives high
  blendgan blend ffhq.pkl cartoon.pkl --sigmoid 32,1 -o toon.safetensors
  blendgan blend ffhq.pkl cartoon.pkl --alpha 0.3 --explain"""


@click.command(epilog=EXAMPLES)
@click.argument("models", metavar="[BASE TRANSFER]", nargs=-1)
@schedule_options
@_policy("mapping", "Mapping network")
@_policy("w-avg", "Mean w")
@_policy("noise", "Noise buffers")
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("blend.safetensors"),
    show_default=True,
    help="The new model; its preview has the same name, ending in .png.",
)
@click.option("--explain", is_flag=True, help="Print what each tensor takes of TRANSFER, and write nothing.")
@click.option("--seeds", type=options.Seeds(), default="0-7", show_default=True, help="Pictures of the preview.")
@options.trunc
@options.class_index
@options.device
@options.threads
@options.force
@options.quiet
@options.debug
def blend(
    models: tuple[str, ...],
    transfer_gives: Side | None,
    mapping: str | None,
    w_avg: str | None,
    noise: str | None,
    out: Path,
    explain: bool,
    seeds: tuple[int, ...],
    truncation_psi: float,
    class_index: int | None,
    device: torch.device,
    force: bool,
    quiet: bool,
) -> None:
    """Blend TRANSFER into BASE, from which it was trained; without models, the shipped pair.

    Without a schedule TRANSFER's own recommendation is used, if it has one, else --swap-res 16.
    """
    base, transfer = _open(models)
    recipe = chosen_recipe(transfer, transfer_gives, {"mapping": mapping, "w_avg": w_avg, "noise": noise})
    if explain:
        _show_plan(base, transfer, recipe)
        return
    _check_target(out, force=force)
    picture = _write(out, base, transfer, recipe, _view(seeds, truncation_psi, class_index, device))
    if not quiet:
        click.echo(f"wrote {out} and {picture}")


def _open(models: tuple[str, ...]) -> tuple[Source, Source]:
    from blendgan.blending import open_source

    if len(models) not in (0, 2):
        raise click.UsageError(f"models: found {len(models)}, expected BASE and TRANSFER, or none for the shipped pair")
    base, transfer = models or SHIPPED_PAIR
    return open_source(base), open_source(transfer)


def _show_plan(base: Source, transfer: Source, recipe: Recipe) -> None:
    from blendgan.blending import plan

    rows = [
        (row.name, f"{row.resolution or '-'}", row.role, f"{row.alpha:.4g}") for row in plan(base, transfer, recipe)
    ]
    show_table(
        f"BASE {base.name}, TRANSFER {transfer.name}, {recipe.schedule}",
        [("tensor", "px", "role", "share of TRANSFER"), *rows],
    )


def _check_target(out: Path, *, force: bool) -> None:
    """Refuse before the work, not after it."""
    if out.suffix != ".safetensors":
        raise InputError(f"{out}: found the ending {out.suffix!r}, expected .safetensors, the form that is written")
    if out.exists() and not force:
        raise InputError(f"{out}: is there already; choose another name with -o, or replace it with --force")
    out.parent.mkdir(parents=True, exist_ok=True)


def _view(seeds: tuple[int, ...], truncation_psi: float, class_index: int | None, device: torch.device) -> View:
    from blendgan.preview import View

    return View(seeds, truncation_psi, class_index, device)


def _write(out: Path, base: Source, transfer: Source, recipe: Recipe, view: View) -> Path:
    """Write model and preview; draw first, so that a class which does not fit leaves nothing behind."""
    from blendgan.blending import blend_sources
    from blendgan.images import write_png
    from blendgan.preview import preview
    from blendgan.recipe import KEY, dumps, from_json

    blended = blend_sources(base, transfer, recipe)
    sheet = preview({"BASE": base.checkpoint, "TRANSFER": transfer.checkpoint, "blend": blended}, view)
    blended.save(out, replace=True)
    picture = out.with_suffix(".png")
    write_png(picture, sheet, {KEY: dumps(from_json(blended.metadata[KEY]))})
    return picture
