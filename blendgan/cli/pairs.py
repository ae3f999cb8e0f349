"""`blendgan pairs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.dataset import OFF, THRESHOLD, Bits
from blendgan.cli.masks import chosen_masking, mask_options
from blendgan.cli.progress import counting_bar
from blendgan.cli.recipes import given_recipe, opened, recipe_options

if TYPE_CHECKING:
    import torch

    from blendgan.pairs import PairSettings
    from blendgan.toonification import Studio

COUNT = 100  # pairs, where neither a number nor seeds are given
EXAMPLES = """\b
Examples:
  blendgan pairs --outdir pairs --count 1000
  blendgan pairs portraits cartoons --outdir pairs --count 1000 --layout side-by-side --format jpg
  blendgan pairs --swap-res 8 --transfer-gives high --seeds 0-99 --outdir pairs --worst 0"""


@click.command(epilog=EXAMPLES)
@click.argument("models", metavar="[BASE TRANSFER...]", nargs=-1)
@recipe_options
@mask_options
@options.outdir
@click.option("--count", type=click.IntRange(1, 1_000_000), help="So many good pairs, from the seeds 0, 1, ….  "
              f"[default: {COUNT}]")  # fmt: skip
@click.option("--seeds", type=options.Seeds(), help="Instead: the good pairs of these seeds, such as 0-99.")
@options.trunc
@options.class_index
@click.option("--layout", type=click.Choice(["folders", "side-by-side"]), default="folders", show_default=True,
              help="real/000000.png and toon/000000.png, or both in pairs/000000.png.")  # fmt: skip
@click.option("--format", "ending", type=click.Choice(["png", "jpg", "webp"]), default="png", show_default=True,
              help="Of the pictures.")  # fmt: skip
@click.option(
    "--size-px", type=click.IntRange(1, 4096), metavar="PX", help="Side of the pictures.  [default: the model's]"
)
@click.option("--face", type=click.FloatRange(0, 1), default=0.95, show_default=True, metavar="SCORE",
              help="How sure a face must be in the real picture; 0 asks for none.")  # fmt: skip
@click.option("--worst", type=click.FloatRange(0, 1, max_open=True), default=0.1, show_default=True, metavar="SHARE",
              help="Share left out as the least real, and again as toons of another layout.")  # fmt: skip
@click.option("--duplicates", type=Bits(0, 127), default=THRESHOLD, show_default=True, metavar="BITS|off",
              help="Leave out what differs from an earlier picture in so many bits of 256, or fewer.")  # fmt: skip
@options.device
@options.threads
@options.quiet
@options.debug
def pairs(models: tuple[str, ...], device: torch.device, **chosen: Any) -> None:
    """Write (real, toon) pairs for training from picture to picture: one latent, drawn by BASE and by the blend.

    A folder that was begun with the same settings is continued. Poor samples are left out, and told with their reasons.
    """
    from blendgan.toonification import studio_of
    from stylegan2.memory import keep_freed_memory

    keep_freed_memory()
    if chosen["count"] is not None and chosen["seeds"] is not None:
        raise click.UsageError("--count and --seeds are given; choose one")
    settings = _settings(chosen)
    sources, recipe = opened(models, given_recipe(chosen))
    masking = chosen_masking(chosen["mask"], chosen["mask_from"])
    studio = studio_of(sources, recipe, device, masking, encoder="none")
    _make(studio, settings, chosen)


def _settings(chosen: dict[str, Any]) -> PairSettings:
    from blendgan.pair_scores import Limits
    from blendgan.pairs import PairSettings

    bits = None if chosen["duplicates"] == OFF else chosen["duplicates"]
    limits = Limits(chosen["face"], chosen["worst"], bits)
    return PairSettings(
        chosen["truncation_psi"], chosen["class_index"], chosen["layout"], chosen["ending"], chosen["size_px"], limits
    )


def _make(studio: Studio, settings: PairSettings, chosen: dict[str, Any]) -> None:
    """Go through the seeds, show how far it is, and say at the end what there is."""
    from blendgan.pairs import make_pairs, summary

    outdir: Path = chosen["outdir"]
    seeds: tuple[int, ...] = chosen["seeds"] or ()
    count = None if seeds else chosen["count"] or COUNT
    with counting_bar("pairs", quiet=chosen["quiet"]) as watch:
        for done, tried in enumerate(make_pairs(studio, settings, outdir, count, seeds), start=1):
            watch(done if count is None else tried.kept, count or len(seeds))
    if not chosen["quiet"]:
        click.echo(f"{outdir}: {summary(outdir)}")
