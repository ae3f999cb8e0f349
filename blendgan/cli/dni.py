"""`blendgan dni`: a group of commands on networks of any architecture."""

from __future__ import annotations

import click

from blendgan.cli import options
from blendgan.cli.command_tables import CommandGroup

COMMANDS: dict[str, str] = {  # name → its line in --help; the command is `{name}` in blendgan.cli.dni_{name}
    "blend": "Write the weighted mean of networks of one architecture.",
    "correlation": "Show layer by layer how far the filters of networks correlate.",
    "run": "Restore a picture by a network, or by a mean of networks, also by region.",
    "sweep": "Find the best network between two, on pictures that are made worse and restored.",
}

EXAMPLES = """\b
Examples:
  blendgan dni blend denoise-20 denoise-60 --alpha 0.3 -o denoise.pth
  blendgan dni correlation denoise-20 denoise-60
  blendgan dni run denoise-20 denoise-60 photo.jpg --alpha 0.3"""


class NetworkCommands(CommandGroup):
    """The commands of the table above."""

    table = COMMANDS
    prefix = "blendgan.cli.dni_"


@click.group(cls=NetworkCommands, epilog=EXAMPLES)
@options.debug
def dni() -> None:
    """Mix networks of any one architecture that share an ancestry (deep network interpolation).

    Each of the commands has its own --help.
    """
