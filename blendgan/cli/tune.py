"""`blendgan tune`: a group of commands on learned paths between two levels of one network."""

from __future__ import annotations

import click

from blendgan.cli import options
from blendgan.cli.command_tables import CommandGroup

COMMANDS: dict[str, str] = {  # name → its line in --help; the command is `{name}` in blendgan.cli.tune_{name}
    "train": "Train a tuning of a network for a second level of noise.",
    "run": "Restore a picture by a network and its tuning, at any α between the levels.",
    "main": "Train a small denoiser to be tuned, from nothing.",
    "generator": "Learn filters with which one StyleGAN2 model draws another's pictures.",
}

EXAMPLES = """\b
Examples:
  blendgan tune train denoise-20 --images clean --noise 20,80 --groups 16 -o strong.safetensors
  blendgan tune run denoise-20 strong.safetensors photo.jpg --alpha 0.5
  blendgan tune generator portraits paintings --precision bf16"""


class TuneCommands(CommandGroup):
    """The commands of the table above."""

    table = COMMANDS
    prefix = "blendgan.cli.tune_"


@click.group(cls=TuneCommands, epilog=EXAMPLES)
@options.debug
def tune() -> None:
    """Learn the path from a network's level to a second one, where `dni` goes straight.

    Methods: ftn (filters), adafm and dynamic (features), cfsnet (a second branch), dni (a second network).
    Each of the commands has its own --help.
    """
