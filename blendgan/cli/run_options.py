"""Options of how a training run goes on, is watched and ends; none of them changes its numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from blendgan.cli.training_options import Resolutions

if TYPE_CHECKING:
    from blendgan.control import Control, Watcher
    from blendgan.watching import Watching

AUTO = "auto"
PHOTOS = click.Path(exists=True, file_okay=False, path_type=Path)
Command = TypeVar("Command", bound=Callable[..., Any])


class RunFolder(click.Path):
    """The folder of an earlier run, or the word auto."""

    def __init__(self) -> None:
        super().__init__(exists=True, file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the folder; auto needs none."""
        return AUTO if value == AUTO else super().convert(value, param, ctx)


OPTIONS = (
    click.option(
        "--resume",
        "resume_dir",
        type=RunFolder(),
        metavar="DIR|auto",
        help="Go on with the run in this folder; auto: with that in --outdir, or begin it.",
    ),
    click.option("--metrics", "figures", metavar="LIST", help="Measure snapshots: see `blendgan metrics --help`."),
    click.option(
        "--preview-swap",
        "swaps",
        type=Resolutions(),
        default=(),
        metavar="R,…",
        help="Draw and score blends of snapshots with MODEL, the run giving the layers above R px.",
    ),
    click.option("--preview-photos", "photos", type=PHOTOS, help="Of these photos' faces, projected; else of seeds."),
    click.option("--metric", metavar="NAME", help="Judge snapshots by one of the figures that these give."),
    click.option("--patience", type=click.IntRange(min=1), help="End after so many snapshots without a better one."),
    click.option("--keep", type=click.IntRange(min=1), help="Keep the last so many snapshots, and the best.  [all]"),
    click.option("--tensorboard", is_flag=True, help="Write TensorBoard's event files too."),
)


def control(command: Command) -> Command:
    """Add all of them to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def watching_of(chosen: dict[str, Any]) -> Watching:
    """Turn the options into what is watched."""
    from blendgan.watching import Watching
    from stylegan2.train.metric_figures import parse_figures

    if chosen["photos"] is not None and not chosen["swaps"]:
        raise click.UsageError("--preview-photos: needs --preview-swap, where to blend, which is missing; name some")
    figures = parse_figures(chosen["figures"]) if chosen["figures"] else ()
    return Watching(figures, chosen["swaps"], chosen["photos"])


def control_of(chosen: dict[str, Any], watchers: tuple[Watcher, ...], stop_requested: Callable[[], bool]) -> Control:
    """Turn the options into a Control."""
    from blendgan.control import Control, goal_of

    name, patience = chosen["metric"], chosen["patience"]
    if patience is not None and name is None:
        raise click.UsageError("--patience: counts snapshots without a better --metric, which is missing; name one")
    goal = None if name is None else goal_of(name, patience, watchers)
    return Control(watchers, goal, chosen["keep"], event_files=chosen["tensorboard"], stop_requested=stop_requested)
