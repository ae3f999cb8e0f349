"""`blendgan blend`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.recipes import given_recipe, opened, recipe_options
from blendgan.cli.tables import show_table
from blendgan.recipe import NAMED_POLICIES
from stylegan2.errors import InputError

if TYPE_CHECKING:
    from blendgan.combine import Alpha
    from blendgan.recipe import Recipe, Transfer
    from blendgan.sources import Source

SEEDS, QUICK_PX = 8, 256  # pictures of a preview, up to this resolution; of larger models fewer

EXAMPLES = """\b
Examples:
  blendgan blend --swap-res 16 --transfer-gives high
  blendgan blend ffhq.pkl cartoon.pkl --sigmoid 32,1 -o toon.safetensors
  blendgan blend ffhq.pkl cartoon.pkl --alpha 0.3 --channels ramp:0,1 --explain
  blendgan blend ffhq.pkl cartoon.pkl comic.pkl --weights 0.5,0.3
  blendgan blend --recipe toon.yaml"""


@click.command(epilog=EXAMPLES)
@click.argument("models", metavar="[BASE TRANSFER...]", nargs=-1)
@recipe_options
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("blend.safetensors"),
    show_default=True,
    help="The new model; its preview has the same name, ending in .png.",
)
@click.option("--explain", is_flag=True, help="Print what each tensor takes of each TRANSFER, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --explain: print JSON.")
@click.option("--no-preview", is_flag=True, help="Write the model alone.")
@click.option(
    "--seeds",
    type=options.Seeds(),
    help="Pictures of the preview.  [default: 0-7, fewer above 256 px, which take long]",
)
@options.trunc
@options.class_index
@options.device
@options.threads
@click.option("--force", is_flag=True, help="Replace a model that is there; blend models that seem unrelated.")
@options.quiet
@options.debug
def blend(models: tuple[str, ...], out: Path, explain: bool, as_json: bool, **chosen: Any) -> None:
    """Blend TRANSFERs into the BASE from which they were trained; without models, the shipped pair.

    Without a schedule TRANSFER's own recommendation is used, if it has one, else --swap-res 16; several TRANSFERs take
    their --weights at every layer.
    """
    if as_json and not explain:
        raise click.UsageError("--json goes with --explain: it prints the plan as JSON")
    sources, recipe = opened(models, given_recipe(chosen))
    if explain:
        _show_plan(sources, recipe, as_json=as_json)
        return
    _check_target(out, sources, force=chosen["force"])
    if not chosen["force"]:
        _check_related(sources)
    written = _write(out, sources, recipe, chosen)
    if not chosen["quiet"]:
        click.echo(f"wrote {' and '.join(map(str, written))}")


def _show_plan(sources: Sequence[Source], recipe: Recipe, *, as_json: bool) -> None:
    from blendgan.blending import plan_of
    from blendgan.recipe import to_json

    rows = plan_of(sources, recipe)
    if as_json:
        names = [source.name for source in sources]
        values = {"models": names, "recipe": to_json(recipe), "plan": [row.to_json() for row in rows]}
        click.echo(json.dumps(values, indent=1))
        return
    columns = ["share of TRANSFER"] if len(sources) == 2 else [f"share of {source.name}" for source in sources[1:]]
    lines = [(row.name, f"{row.resolution or '-'}", row.role, *map(_share_text, row.alphas)) for row in rows]
    title = ", ".join(
        [f"BASE {sources[0].name}"]
        + [_transfer_text(s, t) for s, t in zip(sources[1:], recipe.transfers, strict=True)]
        + [f"{name} {getattr(recipe, name)}" for name in NAMED_POLICIES]
    )
    show_table(title, [("tensor", "px", "role", *columns), *lines])


def _transfer_text(source: Source, transfer: Transfer) -> str:
    from blendgan.schedule_forms import to_words

    channels = "" if transfer.channels is None else f", {transfer.channels}"
    weight = "" if transfer.weight == 1 else f"{transfer.weight:g} times "
    return f"TRANSFER {source.name}: {weight}{to_words(transfer.schedule)}{channels}"


def _share_text(alpha: Alpha) -> str:
    if isinstance(alpha, (int, float)):
        return f"{alpha:.4g}"
    low, high, mean = min(alpha.alphas), max(alpha.alphas), sum(alpha.alphas) / len(alpha.alphas)
    return f"{low:.4g} to {high:.4g}, mean {mean:.4g}, by channel"


def _check_target(out: Path, sources: Sequence[Source], *, force: bool) -> None:
    """Refuse before the work, not after it."""
    if out.resolve() in [Path(source.name).resolve() for source in sources]:
        raise InputError(f"{out}: is one of the models that are blended; choose another name with -o")
    if out.suffix != ".safetensors":
        raise InputError(f"{out}: found the ending {out.suffix!r}, expected .safetensors, the form that is written")
    if out.exists() and not force:
        raise InputError(f"{out}: is there already; choose another name with -o, or replace it with --force")


def _check_related(sources: Sequence[Source]) -> None:
    from blendgan.kinship import check_related

    for transfer in sources[1:]:
        check_related(sources[0], transfer)


def _write(out: Path, sources: Sequence[Source], recipe: Recipe, chosen: dict[str, Any]) -> list[Path]:
    """Write model and preview; draw first, so that a class which does not fit leaves nothing behind."""
    from blendgan.blending import blend_lazily
    from blendgan.images import write_png
    from blendgan.papers import papers, text_of
    from blendgan.recipe import KEY

    blended = blend_lazily(sources, recipe)
    out.parent.mkdir(parents=True, exist_ok=True)
    if chosen["no_preview"]:
        blended.save(out, replace=True)
        return [out]
    sheet = _preview(sources, blended, chosen)
    picture = out.with_suffix(".png")  # first: what fails with it leaves no model that only --force would replace
    write_png(picture, sheet, text_of(papers("blend") | {KEY: blended.metadata[KEY]}))
    blended.save(out, replace=True)
    return [out, picture]


def _preview(sources: Sequence[Source], blended: Any, chosen: dict[str, Any]) -> Any:
    from blendgan.preview import View, preview

    names = ["TRANSFER"] if len(sources) == 2 else [f"TRANSFER {i}" for i in range(1, len(sources))]
    models = {name: source.checkpoint for name, source in zip(["BASE", *names], sources, strict=True)}
    resolution = blended.config.resolution
    seeds = chosen["seeds"] or tuple(range(max(SEEDS * QUICK_PX // max(resolution, QUICK_PX), 1)))
    view = View(seeds, chosen["truncation_psi"], chosen["class_index"], chosen["device"])
    return preview(models | {"blend": blended}, view)
