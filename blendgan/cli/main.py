"""`blendgan`: the table of commands, and the one place where errors become exit codes.

Exits: 0 done; 2 the user's input or machine; 3 some inputs of a batch failed; 130 Ctrl-C. Anything else that is
raised is a bug of ours and ends in Python's own traceback and exit 1.

A command's module is imported only when that command is called, so that `blendgan --help` needs no torch.
"""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Sequence
from typing import IO, Any

import click

from blendgan import __version__
from blendgan.cli.command_tables import CommandGroup
from blendgan.cli.options import debug, is_debugging
from stylegan2.errors import BlendganError

GARBAGE_THRESHOLD = 50_000  # objects between two collections: importing torch with Python's 700 takes 5 % longer
EXIT_USER = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
# What torch says: its allocator on Linux and macOS, on Windows, and the drivers of accelerators.
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")

COMMANDS: dict[str, str] = {  # name → its line in --help; the command is blendgan.cli.{module_of(name)}
    "toonify": "Paint the faces of a photo in the style of a blended model.",
    "explore": "Open a browser page on which a blend is drawn while its layers are moved.",
    "blend": "Blend two models into a new one that carries its own recipe.",
    "recipe": "Print the recipe that a model or picture carries, or list the ready ones.",
    "generate": "Draw pictures from seeds.",
    "grid": "Draw blends side by side: swaps, shares, schedules, seeds.",
    "mix": "Draw a table of style mixtures.",
    "walk": "Walk through the latents of a model, as a film.",
    "morph": "Go from one model's weights to another's, as a film.",
    "directions": "Find the latent directions that change a model's pictures most.",
    "project": "Find the latent of a photo's faces.",
    "pairs": "Write (real, toon) pairs for training from picture to picture.",
    "dataset": "Make a data set for training of a folder, a zip or a video.",
    "train": "Train a model on a folder or zip of pictures, or transfer one to them.",
    "train-encoder": "Train the network that gives the latents of real faces at once.",
    "metrics": "Measure how near a model's pictures come to real ones.",
    "inspect": "Show what a model file holds, or whether two are of one family.",
    "dni": "Mix networks of any one architecture, not only StyleGAN2's.",
    "tune": "Train a small path from a network's level to a second one, and run it between them.",
    "dfi": "Change what a photo shows by what sets two sets of pictures apart.",
    "convert": "Write a model of any known format as our safetensors.",
    "sample": "Write a public-domain portrait to try things on.",
    "doctor": "Show what this machine has and what is missing.",
}

EXAMPLE = """\b
Example, which works offline on a fresh machine:
  blendgan sample photo.jpg && blendgan toonify photo.jpg"""


class UserError(click.ClickException):
    """One line on stderr, exit 2."""

    exit_code = EXIT_USER

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        click.echo(f"blendgan: {self.message}", file=file, err=file is None)


class CommandTable(CommandGroup):
    """The table above; errors that the user can mend are translated here, those of inner groups too."""

    table = COMMANDS
    prefix = "blendgan.cli."

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; what the user can mend becomes one line."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if isinstance(error, BrokenPipeError) or not is_mendable(error):
                raise  # click ends quietly when the reader of a pipe has gone
            if is_debugging(ctx):
                traceback.print_exc()
            raise UserError(one_line(error)) from error


def is_mendable(error: BaseException) -> bool:
    """Whether the user's input or machine is at fault: disk full and no permission are OSErrors."""
    return isinstance(error, (BlendganError, OSError)) or is_out_of_memory(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Python's own, or torch's, which is a RuntimeError: known by name and words, so that nothing imports torch."""
    if not isinstance(error, RuntimeError):
        return isinstance(error, MemoryError)
    return type(error).__name__ == "OutOfMemoryError" or any(words in str(error) for words in OUT_OF_MEMORY)


def one_line(error: BaseException) -> str:
    """Return what went wrong and with which file, as one line."""
    if isinstance(error, OSError) and error.strerror:
        names = [str(name) for name in (error.filename, error.filename2) if name]
        return ": ".join([*names[:1], error.strerror.lower()])
    if is_out_of_memory(error):
        return "out of memory; close other programs, or use a smaller model"
    return " ".join(str(error).split()) or type(error).__name__


@click.group(cls=CommandTable, epilog=EXAMPLE, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="blendgan")
@debug
def cli() -> None:
    """Blend StyleGAN2 models layer by layer, and render faces from real photos with the result."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. What it raises is a bug of ours."""
    try:
        code = cli.main(list(arguments), prog_name="blendgan", standalone_mode=False)
    except click.UsageError as error:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            error.show()
            return error.exit_code
        command = error.ctx.command_path if error.ctx else "blendgan"
        click.echo(f"blendgan: {' '.join(error.format_message().split())} (see {command} --help)", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as error:
        click.echo("; ".join(["blendgan: interrupted", *map(str, error.args)]), err=True)
        return EXIT_INTERRUPTED
    return code if isinstance(code, int) else 0


def main() -> None:
    """Entry point of the console script."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    code = run(sys.argv[1:])
    gc.freeze()  # nothing is left to find, and Python's last collection would look through all of torch for 0.35 s
    sys.exit(code)
