"""What `blendgan explore` starts: the models that it offers, the app's place, and Streamlit's command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from blendgan.explorer_options import ExplorerOptions, dumps
from blendgan.recipe import SHIPPED_PAIR
from stylegan2 import store
from stylegan2.errors import InputError

OLDEST_STREAMLIT = (1, 60)  # 1.51 has components without frames, but not all that the pages use
PROGRAM = "serve.py"  # of the app, see there
EVERYWHERE = ("0.0.0.0", "::")  # all addresses of the machine
LOCAL = ("localhost", "127.0.0.1", "::1")

_PACKAGES = Path(__file__).resolve().parent
PLACES = (_PACKAGES / "_bundled" / "app", _PACKAGES.parent / "app")  # in an installed wheel; in a checkout

# Nothing is sent anywhere, asked on the terminal, or written: no statistics, no e-mail, no watched files. An error
# shows no traceback and no links to search engines; Python's bare expressions are not shown. Streamlit's protection
# against other sites stays on.
FLAGS = {
    "global.developmentMode": "false",
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.toolbarMode": "minimal",
    "logger.enableRich": "false",  # it would print what goes wrong to stdout
    "logger.hideWelcomeMessage": "true",
    "logger.level": "warning",
    "runner.magicEnabled": "false",
    "server.enableCORS": "true",
    "server.enableXsrfProtection": "true",
    "server.fileWatcherType": "none",
    "server.headless": "true",
    "server.showEmailPrompt": "false",
}


def offered(models: Sequence[str]) -> tuple[str, ...]:
    """Return the models that the pages offer: those that were given, else all shipped ones, the usual pair first.

    Raises InputError for a single one.
    """
    if len(models) == 1:
        raise InputError("models: found 1, expected BASE and TRANSFER, or none for the shipped models")
    shipped = [name for name, entry in store.manifest().items() if entry.kind == "model" and name not in SHIPPED_PAIR]
    return tuple(models) or (*SHIPPED_PAIR, *shipped)


def check_models(models: Sequence[str]) -> None:
    """Open all models, and see that the second can be blended into the first. Raises what opening and blending raise.

    Needs torch.
    """
    from blendgan.blending import blend_lazily, preset
    from blendgan.sources import open_source

    base, transfer = [open_source(model) for model in models][:2]
    blend_lazily((base, transfer), preset(transfer.checkpoint))


def require_streamlit() -> None:
    """Raise InputError if Streamlit is not installed, or too old."""
    wanted = ".".join(map(str, OLDEST_STREAMLIT))
    advice = f"the explorer needs Streamlit {wanted} or newer: pip install 'blendgan[app]'"
    try:
        found = metadata.version("streamlit")
    except metadata.PackageNotFoundError as error:
        raise InputError(f"streamlit: not installed; {advice}") from error
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST_STREAMLIT:
        raise InputError(f"streamlit: found {found}; {advice}")


def find_app() -> Path:
    """Return the folder of the app's files, of a checkout or of an installed wheel. Raises InputError."""
    for place in PLACES:
        if (place / PROGRAM).is_file():
            return place
    raise InputError(f"app: {PROGRAM} is in none of {', '.join(map(str, PLACES))}; install blendgan anew")


def command(options: ExplorerOptions, address: str, port: int) -> list[str]:
    """Return the command line of the app's own process."""
    app = find_app()
    flags = FLAGS | {
        "server.address": address,
        "server.port": str(port),
        "server.maxUploadSize": str(options.max_upload_mb),
        # Said, so that Streamlit does not ask a server elsewhere which address this machine has.
        "browser.serverAddress": host_of(address),
    }
    words = [f"--{name}={value}" for name, value in flags.items()]
    return [sys.executable, str(app / PROGRAM), "run", str(app / "main.py"), *words, "--", dumps(options)]


def host_of(address: str) -> str:
    """Return the host by which this machine itself reaches a server at an address."""
    return "localhost" if address in EVERYWHERE else address


def url_of(address: str, port: int) -> str:
    """Return what a browser on this machine opens."""
    host = host_of(address)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
