"""Options that fix a training run's network and its course, and what becomes of them.

A new one is a line in NETWORK or COURSE: its name there is a field of TrainingConfig or an argument of `fresh_configs`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from blendgan.cli import options

if TYPE_CHECKING:
    from stylegan2.config import DiscriminatorConfig, GeneratorConfig
    from stylegan2.train import TrainingConfig

Command = TypeVar("Command", bound=Callable[..., Any])
Options = Mapping[str, Callable[[Any], Any]]
CONFIGS = ("auto", "paper256", "stylegan2", "toon-32kimg", "ukiyoe-312kimg")  # written out: --help imports nothing
AUGPIPES = (
    "blit", "geom", "color", "filter", "noise", "cutout", "bg", "bgc", "bgcf", "bgcfn", "bgcfnc",
)  # fmt: skip
FIXED_P = ("noaug", "fixed")  # words of --aug under which p stays as it is


class Factors(click.ParamType):  # type: ignore[type-arg]
    """`4=0,8=0.1` → ((4, 0.0), (8, 0.1)): resolutions, and factors of their learning rate."""

    name = "factors"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the list; a usage error names the part that is no factor."""
        if isinstance(value, tuple):
            return value
        factors: dict[int, float] = {}
        for part in str(value).split(","):
            resolution, _, factor = part.partition("=")
            try:
                factors[int(resolution)] = float(factor)
            except ValueError:
                self.fail(f"{part!r} is no factor; expected resolution=factor, such as 4=0,8=0.1", param, ctx)
        return tuple(factors.items())


class Resolutions(click.ParamType):  # type: ignore[type-arg]
    """`8,16` → (8, 16)."""

    name = "resolutions"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the list; a usage error names the part that is no resolution."""
        if isinstance(value, tuple):
            return value
        parts = str(value).split(",")
        for part in parts:
            if not part.strip().isdecimal():
                self.fail(f"{part!r} is no resolution; expected a list such as 8,16,32", param, ctx)
        return tuple(int(part) for part in parts)


NETWORK: Options = {  # what makes a new network
    "resolution": click.option(
        "--resolution",
        type=int,
        default=64,
        show_default=True,
        help="Side of pictures in px; with --from, a larger one lets the model grow.",
    ),
    "channel_base": click.option(
        "--channel-base", type=int, default=2048, show_default=True, help="Feature maps times resolution."
    ),
    "channel_max": click.option(
        "--channel-max", type=int, default=64, show_default=True, help="Most feature maps of a layer."
    ),
    "latent": click.option("--latent", type=int, default=128, show_default=True, help="Length of z and w."),
    "mapping_layers": click.option("--mapping-layers", type=int, default=4, show_default=True),
    "minibatch_group": click.option(
        "--mbstd-group", "minibatch_group", type=int, default=4, show_default=True, help="Pictures that D compares."
    ),
    "cond": click.option("--cond", is_flag=True, help="A model with classes: the labels of the data."),
}
COURSE: Options = {  # what fixes a run's course
    "cfg": click.option("--cfg", type=click.Choice(CONFIGS), help="Numbers of a known setup, where none is given."),
    "batch": click.option("--batch", type=int, default=16, show_default=True, help="Pictures of one step."),
    "batch_gpu": click.option(
        "--batch-gpu", type=int, help="Pictures at a time in each process, gradients added up.  [default: its share]"
    ),
    "gamma": click.option("--gamma", type=float, default=0.2, show_default=True, help="Weight of R1."),
    "pl_weight": click.option(
        "--pl-weight", type=float, default=0.0, show_default=True, help="Weight of path length regularisation."
    ),
    "learning_rate": click.option("--lr", "learning_rate", type=float, default=0.002, show_default=True),
    "lr_scale": click.option(
        "--lr-scale", type=Factors(), default=(), metavar="R=FACTOR,…", help="Of G's layers, by resolution; 0 freezes."
    ),
    "freeze_mapping": click.option("--freeze-mapping", is_flag=True, help="The mapping network keeps its weights."),
    "freezed": click.option(
        "--freezed", type=int, default=0, show_default=True, help="First layers of D that keep their weights."
    ),
    "mirror": click.option(
        "--mirror/--no-mirror", default=True, show_default=True, help="Show half of the pictures mirrored."
    ),
    "aug": click.option(
        "--aug", type=click.Choice(["ada", *FIXED_P]), default="ada", show_default=True, help="Augmentation."
    ),
    "target": click.option(
        "--target", type=click.FloatRange(-1, 1), default=0.6, show_default=True, help="r_t that ADA aims at."
    ),
    "augment_p": click.option(
        "--p", "augment_p", type=float, default=0.0, show_default=True, help="ADA's p at the start, or fixed."
    ),
    "augpipe": click.option(
        "--augpipe", type=click.Choice(AUGPIPES), default="bgc", show_default=True, help="Which transformations."
    ),
    "ema_kimg": click.option(
        "--ema-kimg", type=float, default=3.0, show_default=True, help="Half-life of the moving average."
    ),
    "ema_rampup": click.option(
        "--ema-rampup", type=float, default=0.05, show_default=True,
        help="At most this share of the run; 0: any. 0 for transfers unless given.",
    ),
    "style_mixing": click.option(
        "--style-mixing", type=float, default=0.9, show_default=True, help="Share of pictures that mix two latents."
    ),
    "precision": click.option(
        "--precision", type=click.Choice(["fp32", "bf16", "fp16"]), default="fp32", show_default=True,
        help="bf16 takes a third less time on processors with AMX or AVX-512-BF16; fp16 is for GPUs.",
    ),
    "anchor": click.option(
        "--anchor", type=float, default=0.0, show_default=True, help="Weight of a loss that keeps a transfer blendable."
    ),
    "anchor_swaps": click.option(
        "--anchor-swap", "anchor_swaps", type=Resolutions(), default="8,16,32", show_default=True,
        help="Where those blends take the higher layers from the run.",
    ),
    "seed": click.option("--seed", type=int, default=0, show_default=True),
}  # fmt: skip


def network(command: Command) -> Command:
    """Add the options of NETWORK."""
    return _with(NETWORK, command)


def course(command: Command) -> Command:
    """Add the options of COURSE."""
    return _with(COURSE, command)


def _with(table: Options, command: Command) -> Command:
    for option in reversed(tuple(table.values())):
        command = option(command)
    return command


def refuse_given(names: tuple[str, ...], because: str) -> None:
    """Raise a usage error for those of some options that were given."""
    words = {parameter.name: parameter.opts[0] for parameter in click.get_current_context().command.params}
    given = ", ".join(words[name] for name in names if options.is_given(name))
    if given:
        raise click.UsageError(f"{given}: {because}; leave it out")


def with_preset(chosen: Mapping[str, Any], find_resolution: Callable[[], int]) -> dict[str, Any]:
    """Replace what was not given by the numbers of --cfg, for pictures of that resolution, and name them as fields."""
    numbers = dict(chosen) | {"ada_target": None if chosen["aug"] in FIXED_P else chosen["target"]}
    if chosen["from_model"] is not None and not options.is_given("ema_rampup"):
        numbers["ema_rampup"] = 0.0  # the average is BASE's: a ramp would drop it at the first batch
    if chosen["cfg"] is None:
        return numbers
    from stylegan2.train import processes
    from stylegan2.train.presets import preset

    batch = chosen["batch"] if options.is_given("batch") else None
    known = preset(chosen["cfg"], resolution=find_resolution(), batch=batch, processes=processes.count())
    given = {name for name in chosen if options.is_given(name)}
    given |= {"ema_rampup"} if chosen["from_model"] is not None else set()
    given |= {"ada_target"} if given & {"aug", "target"} else set()
    return numbers | {name: number for name, number in known.items() if name not in given}


def training_config(numbers: Mapping[str, Any]) -> TrainingConfig:
    """Return the numbers of the run; the command's defaults where `numbers` have None for its end and snapshots."""
    from stylegan2.train import TrainingConfig

    fields = {name: numbers[name] for name in COURSE if name not in ("cfg", "aug", "target")}
    ends = {"kimg": numbers["kimg"], "snapshot_kimg": numbers["snap"]}
    fields |= {name: number for name, number in ends.items() if number is not None}
    return TrainingConfig(ada_target=numbers["ada_target"], **fields)


def network_configs(numbers: Mapping[str, Any], num_classes: int) -> tuple[GeneratorConfig, DiscriminatorConfig]:
    """Return what new networks are."""
    from stylegan2.train.config import fresh_configs

    sizes = {name: numbers[name] for name in NETWORK if name not in ("resolution", "cond")}
    return fresh_configs(numbers["resolution"], num_classes=num_classes, **sizes)
