"""`blendgan train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options

if TYPE_CHECKING:
    import torch

    from blendgan.training import Run
    from stylegan2.config import DiscriminatorConfig, GeneratorConfig
    from stylegan2.train import TrainingConfig

EXAMPLE = """\b
Examples:
  blendgan train --data faces --outdir runs/portraits --kimg 300
  blendgan train --data paintings --outdir runs/paintings --from portraits --kimg 12 --snap 1
  blendgan train --data faces --resume runs/portraits --kimg 400"""

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
DATA = click.Path(exists=True, path_type=Path)
AUGMENTATION = {"ada": {}, "noaug": {"ada_target": None}, "fixed": {"ada_target": None}}  # what --aug changes
NETWORK = ("resolution", "channel_base", "channel_max", "latent", "mapping_layers")  # what makes a new network
COURSE = (  # what fixes a run's course
    "batch", "gamma", "learning_rate", "mirror", "aug", "target", "augment_p", "freezed", "ema_kimg", "style_mixing",
    "precision", "seed",
)  # fmt: skip
OPTION_OF = {"learning_rate": "lr", "augment_p": "p", "from_model": "from"}  # where it is not the name's own


@click.command(epilog=EXAMPLE)
@click.option("--data", type=DATA, required=True, help="Folder of pictures, with its subfolders, or a zip of them.")
@click.option("--outdir", type=click.Path(file_okay=False, path_type=Path), help="Folder of the run.")
@click.option("--from", "from_model", metavar="MODEL", help="Transfer: start from this model's weights, at kimg 0.")
@click.option("--resume", "resume_dir", type=FOLDER, help="Go on with the run in this folder.")
@click.option("--kimg", type=float, help="End after so many thousand pictures.  [default: 300]")
@click.option("--snap", type=click.FloatRange(min=1), help="Thousand pictures between snapshots.  [default: 10]")
@click.option("--resolution", type=int, default=64, show_default=True, help="Side of the pictures in px.")
@click.option("--channel-base", type=int, default=2048, show_default=True, help="Feature maps times resolution.")
@click.option("--channel-max", type=int, default=64, show_default=True, help="Most feature maps of a layer.")
@click.option("--latent", type=int, default=128, show_default=True, help="Length of z and w.")
@click.option("--mapping-layers", type=int, default=4, show_default=True)
@click.option("--batch", type=int, default=16, show_default=True)
@click.option("--gamma", type=float, default=0.2, show_default=True, help="Weight of R1.")
@click.option("--lr", "learning_rate", type=float, default=0.002, show_default=True)
@click.option("--mirror/--no-mirror", default=True, show_default=True, help="Show half of the pictures mirrored.")
@click.option("--aug", type=click.Choice(list(AUGMENTATION)), default="ada", show_default=True, help="Augmentation.")
@click.option("--target", type=click.FloatRange(-1, 1), default=0.6, show_default=True, help="r_t that ADA aims at.")
@click.option("--p", "augment_p", type=float, default=0.0, show_default=True, help="ADA's p at the start, or fixed.")
@click.option("--freezed", type=int, default=0, show_default=True, help="First layers of D that keep their weights.")
@click.option("--ema-kimg", type=float, default=3.0, show_default=True, help="Half-life of the moving average.")
@click.option(
    "--style-mixing", type=float, default=0.9, show_default=True, help="Share of pictures that mix two latents."
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16"]),
    default="fp32",
    show_default=True,
    help="bf16 takes a third less time on processors with AMX or AVX-512-BF16.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@options.device
@options.threads
@options.quiet
@options.debug
def train(data: Path, outdir: Path | None, device: torch.device, quiet: bool, **chosen: Any) -> None:
    """Train a model on a folder of pictures, from nothing, from another model, or from where a run stopped."""
    from blendgan.cli.progress import with_training_bar
    from blendgan.devices import require_precision
    from blendgan.training import run_training
    from stylegan2.memory import keep_freed_memory

    keep_freed_memory()
    outdir = outdir or chosen["resume_dir"]
    if outdir is None:
        raise click.UsageError("--outdir is missing: the folder for snapshots and log, such as runs/portraits")
    run = _run(device, chosen)
    require_precision(run.config.precision, device)
    with_training_bar(run_training(run, data, outdir, _say), quiet=quiet)
    if not quiet:
        click.echo(outdir)


def _say(line: str) -> None:
    """What is skipped or left aside of the data: said even to who wants quiet."""
    click.echo(f"blendgan: {line}", err=True)


def _run(device: torch.device, chosen: dict[str, Any]) -> Run:
    """Turn the words of the command line into one of the three ways to start."""
    from blendgan import training

    if chosen["resume_dir"] is not None:
        _refuse_given((*NETWORK, *COURSE, "from_model"), "a resumed run keeps the numbers it was begun with")
        return training.resume(chosen["resume_dir"], chosen["kimg"], chosen["snap"], device)
    config = _training_config(chosen)
    if chosen["from_model"] is not None:
        _refuse_given(NETWORK, "the network is MODEL's own")
        return training.begin_transfer(chosen["from_model"], config, device)
    generator, discriminator = _network_configs(chosen)
    return training.begin(generator, discriminator, config, device)


def _refuse_given(names: tuple[str, ...], because: str) -> None:
    given = [name for name in names if options.is_given(name)]
    if given:
        words = ", ".join(f"--{OPTION_OF.get(name, name.replace('_', '-'))}" for name in given)
        raise click.UsageError(f"{words}: {because}; leave it out")


def _training_config(chosen: dict[str, Any]) -> TrainingConfig:
    from stylegan2.train import TrainingConfig

    same = (
        "batch", "gamma", "learning_rate", "mirror", "augment_p", "freezed", "ema_kimg", "style_mixing", "precision",
        "seed",
    )  # fmt: skip
    numbers = {name: chosen[name] for name in same} | {"ada_target": chosen["target"]}
    ends = {"kimg": chosen["kimg"], "snapshot_kimg": chosen["snap"]}
    numbers |= {name: number for name, number in ends.items() if number is not None}
    return TrainingConfig(**(numbers | AUGMENTATION[chosen["aug"]]))


def _network_configs(chosen: dict[str, Any]) -> tuple[GeneratorConfig, DiscriminatorConfig]:
    from stylegan2.train.config import fresh_configs

    widths = {name: chosen[name] for name in ("channel_base", "channel_max", "latent", "mapping_layers")}
    return fresh_configs(chosen["resolution"], **widths)
