"""`blendgan metrics`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options

if TYPE_CHECKING:
    import torch

    from blendgan.evaluation import Evaluation, Row

EXAMPLES = """\b
Examples:
  blendgan metrics portraits runs/1/network-snapshot-000020.safetensors --data faces
  blendgan metrics portraits --data faces --metrics dfd,dppl --num 5000 --json
  blendgan metrics --pictures painted --data faces
  blendgan metrics portraits --data faces --metrics fid --inception weights-inception-2015-12-05-6726825d.pth"""
EXISTING = click.Path(exists=True, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(epilog=EXAMPLES)
@click.argument("models", metavar="MODEL...", nargs=-1)
@click.option("--data", type=EXISTING, required=True, help="The real pictures.")
@click.option("--pictures", type=EXISTING, multiple=True, help="Pictures to measure, as a model's; may be repeated.")
@click.option(
    "--metrics",
    "figures",
    metavar="LIST",
    help="Of fid, kid, precision, recall (need Inception's weights), ppl, ppl-full (need VGG16's), dfd, dkd, "
    "d-precision, d-recall, dppl, dppl-full (a discriminator's).  [default: the first four where they can be had, else "
    "dfd,dkd,d-precision,d-recall]",
)
@click.option("--num", type=click.IntRange(5, 1_000_000), default=2000, show_default=True, help="Pictures of each.")
@click.option("--trunc", "truncation_psi", type=options.Finite(), default=1.0, show_default=True, help="Psi; 1 is off.")
@click.option("--batch", type=click.IntRange(min=1), default=32, show_default=True, help="Pictures at a time.")
@click.option("--discriminator", metavar="MODEL", default="portraits", show_default=True, help="Whose features.")
@click.option("--inception", type=FILE, help="Weights of the Inception network, else torch hub's cache has them.")
@click.option("--vgg", type=FILE, help="Weights of LPIPS's VGG16, else torch hub's cache has them.")
@click.option("--cache", type=click.Path(dir_okay=False, path_type=Path), help="Keep the real features in this file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@options.seed
@options.device
@options.threads
@options.quiet
@options.debug
def metrics(models: tuple[str, ...], pictures: tuple[Path, ...], as_json: bool, quiet: bool, **chosen: Any) -> None:
    """Measure how near a model's pictures come to real ones.

    Figures of few pictures, of other data or of another network do not compare: docs/metrics.md says what each means.
    """
    from blendgan.cli.progress import with_bar
    from blendgan.evaluation import evaluate

    if not models and not pictures:
        raise click.UsageError("found no MODEL and no --pictures; give what is to be measured")
    evaluation = _evaluation(**chosen)
    steps = evaluate(evaluation, models, pictures)
    rows = list(with_bar(steps, "metrics", total=len(models) + len(pictures), quiet=quiet))
    (_show_json if as_json else _show)(evaluation, rows)


def _evaluation(
    data: Path,
    figures: str | None,
    discriminator: str,
    inception: Path | None,
    vgg: Path | None,
    cache: Path | None,
    device: torch.device,
    **sampling: Any,
) -> Evaluation:
    from blendgan.evaluation import Evaluation
    from stylegan2.memory import keep_freed_memory
    from stylegan2.train.metric_figures import parse_figures
    from stylegan2.train.metric_networks import Sources, default_figures, open_networks
    from stylegan2.train.metric_samples import Sampling

    keep_freed_memory()
    names = default_figures(inception) if figures is None else parse_figures(figures)
    networks = open_networks(names, device, Sources(discriminator, inception, vgg))
    return Evaluation(names, networks, data, Sampling(**sampling), device, cache)


def _facts(evaluation: Evaluation) -> dict[str, Any]:
    networks = evaluation.networks.fingerprints
    return {"data": str(evaluation.data), "networks": dict(networks), **asdict(evaluation.sampling)}


def _show_json(evaluation: Evaluation, rows: Sequence[Row]) -> None:
    click.echo(json.dumps({**_facts(evaluation), "rows": [asdict(row) for row in rows]}, indent=2))


def _show(evaluation: Evaluation, rows: Sequence[Row]) -> None:
    from blendgan.cli.tables import show_columns

    names = list(rows[0].figures)
    lines = [
        [row.name, f"{row.size_px} px", f"{row.pictures} : {row.real}", *(f"{row.figures[n]:.4g}" for n in names)]
        for row in rows
    ]
    show_columns(f"against {evaluation.data}", ["of", "size", "pictures : real", *names], lines)
