"""`blendgan explore`."""

from __future__ import annotations

import os
import sys

import click

from blendgan.cli import options
from stylegan2.errors import InputError

EXAMPLE = """\b
Examples:
  blendgan explore
  blendgan explore ffhq.pkl cartoon.pkl
  blendgan explore portraits mine.safetensors cartoons --port 9000"""


@click.command(epilog=EXAMPLE)
@click.argument("models", nargs=-1, metavar="[BASE TRANSFER [MORE...]]")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Where it listens.  [default: the first free one from 8501]"
)
@click.option("--address", default="localhost", show_default=True, help="0.0.0.0 lets other machines reach it.")
@click.option("--no-browser", is_flag=True, help="Open no browser; the address is printed.")
@click.option(
    "--max-upload", type=click.IntRange(1, 4096), default=200, show_default=True, metavar="MB", help="Of one file."
)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads.  [default: all cores]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, or mps.")
@options.debug
def explore(
    models: tuple[str, ...],
    port: int | None,
    address: str,
    no_browser: bool,
    max_upload: int,
    threads: int | None,
    device: str,
) -> int:
    """Open the explorer in a browser: move a layer's share of TRANSFER, and see the face change.

    Without models it shows the shipped ones. Ctrl-C ends it. It writes nothing to disk, and sends nothing anywhere.
    """
    from blendgan import explorer
    from blendgan.explorer_options import ExplorerOptions
    from blendgan.explorer_process import answers, free_port, running

    explorer.require_streamlit()
    chosen = ExplorerOptions(explorer.offered(models), threads, device, max_upload)
    port = free_port(address, port)
    with running(explorer.command(chosen, address, port)) as process:
        if answers(process, explorer.host_of(address), port):
            _announce(address, port, opens=not no_browser)
        return _exit_code(process.wait())


def _announce(address: str, port: int, *, opens: bool) -> None:
    from blendgan.explorer import LOCAL, url_of

    if address not in LOCAL:
        click.echo(
            f"blendgan: at {address} other machines can reach it, whoever they are; their cameras work over HTTPS only",
            err=True,
        )
    click.echo(f"The explorer is at {url_of(address, port)} (Ctrl-C ends it)")
    if opens and _has_screen():
        click.launch(url_of(address, port))


def _has_screen() -> bool:
    """Whether a browser can show itself: on a console the one that opened would be for text, and take the terminal."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _exit_code(code: int) -> int:
    """What the app's process said by its end; it has told the error itself, unless it was killed."""
    if code < 0:
        raise InputError(f"explorer: its process was ended by signal {-code}; perhaps the memory was full")
    return code
