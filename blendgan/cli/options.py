"""Options that several commands share, one decorator each; the same word means the same everywhere.

    @click.command()
    @options.network
    @options.seeds
    @options.device
    @options.debug
    def generate(network: str, seeds: tuple[int, ...], device: torch.device) -> None: ...

`debug` and `threads` act by themselves and hand no argument to the command.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from blendgan.seeds import LARGEST_SEED, parse_seeds
from stylegan2.errors import InputError

if TYPE_CHECKING:
    import torch

DEBUG_KEY = "blendgan.debug"  # in click's Context.meta, which the group and its commands share
LARGEST_NUMBER = 1e6  # of options such as --trunc: far beyond any use


class Seeds(click.ParamType):  # type: ignore[type-arg]  # generic in new versions of click only
    """`0-35,50` → (0, 1, …, 35, 50), in the order written, each seed once."""

    name = "seeds"
    most = 100_000  # more pictures than a folder serves well; a mistyped range must not fill the memory

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Parse the list; a usage error names the part that is no seed."""
        if isinstance(value, tuple):
            return value
        try:
            return parse_seeds(str(value), self.most, self.name)
        except InputError as error:
            self.fail(str(error), param, ctx)


class PngFile(click.Path):
    """The name of a picture that is to be written; another ending than .png is an error before any work."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the ending."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.suffix.lower() != ".png":
            self.fail(f"{path}: found the ending {path.suffix!r}, expected .png, the form that is written", param, ctx)
        return path


class Finite(click.ParamType):  # type: ignore[type-arg]
    """A number that is neither NaN nor beyond what float32 holds well."""

    name = "float"

    def __init__(self, most: float = LARGEST_NUMBER) -> None:
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse the number."""
        try:
            number = float(value)
        except ValueError:
            self.fail(f"{value!r} is no number", param, ctx)
        if not abs(number) <= self.most:
            self.fail(f"{value!r}: expected a number of at most {self.most:g} either way", param, ctx)
        return number


class Device(click.ParamType):  # type: ignore[type-arg]
    """`auto`, `cpu`, `cuda`, `cuda:1`, `mps` → torch.device; one that this machine lacks is an error."""

    name = "device"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> torch.device:
        """Ask torch for the device; imported here, so that --help stays fast."""
        from blendgan.devices import select_device

        return select_device(str(value))


def is_given(option: str) -> bool:
    """Whether an option of the command, by its Python name, was given, rather than left at its default."""
    return click.get_current_context().get_parameter_source(option) != ParameterSource.DEFAULT


def is_debugging(ctx: click.Context) -> bool:
    """Whether --debug was given, to the group or to the command."""
    return bool(ctx.meta.get(DEBUG_KEY, False))


def _remember_debug(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value:
        ctx.meta[DEBUG_KEY] = True


def _set_threads(ctx: click.Context, param: click.Parameter, value: int | None) -> None:
    if value is not None:
        import torch  # here, so that --help stays fast

        torch.set_num_threads(value)


debug = click.option(
    "--debug",
    is_flag=True,
    is_eager=True,  # before the other options, so that an error in one of them shows its traceback too
    expose_value=False,
    callback=_remember_debug,
    help="Show the traceback of an error.",
)
network = click.option(
    "--network",
    default="portraits",
    show_default=True,
    metavar="MODEL",
    help="A model file of any known format, or the name of a shipped model.",
)
seeds = click.option(
    "--seeds", type=Seeds(), default="0-15", show_default=True, help="Which pictures: numbers and ranges, 0-35,50."
)
trunc = click.option(
    "--trunc",
    "truncation_psi",
    type=Finite(),
    default=0.7,  # the customary trade of variety for quality
    show_default=True,
    help="Truncation psi: 1 is off, 0 is the mean face.",
)
class_index = click.option(
    "--class", "class_index", type=click.IntRange(min=0), help="Class to draw, for models that have classes."
)
noise_mode = click.option(
    "--noise-mode",
    type=click.Choice(["const", "random", "none"]),
    default="const",
    show_default=True,
    help="Noise: the model's own, new for every seed, or none.",
)
outdir = click.option(
    "--outdir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out"),
    show_default=True,
    help="Folder for the results; made when it is not there.",
)
device = click.option(
    "--device",
    type=Device(),
    default="auto",
    show_default=True,
    help="auto (CUDA where there is one, else the CPU), cpu, cuda, cuda:1, or mps.",
)
threads = click.option(
    "--threads",
    type=click.IntRange(min=1),
    expose_value=False,
    callback=_set_threads,
    help="CPU threads. [default: all cores]",
)
precision = click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16", "fp16"]),
    default="fp32",
    show_default=True,
    help="Arithmetic of the network; bf16 and fp16 are for previews.",
)
encoder = click.option(
    "--encoder",
    metavar="ENCODER",
    help="Where to start: an encoder's file or shipped name, or none.  [default: the shipped one of the model, if any]",
)
seed = click.option(
    "--seed",
    type=click.IntRange(0, LARGEST_SEED - 1),  # projection takes the next one too
    default=0,
    show_default=True,
    help="Of all random numbers.",
)
force = click.option("--force", is_flag=True, help="Replace a model or latent that is already there.")
quiet = click.option("--quiet", is_flag=True, help="Say nothing but errors.")
no_metadata = click.option("--no-metadata", is_flag=True, help="Write pictures without the recipe that made them.")
