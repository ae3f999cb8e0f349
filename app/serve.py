"""The explorer's process, which `blendgan explore` starts: Streamlit on `main.py`, once the models are known to fit.

    python app/serve.py run app/main.py FLAGS -- OPTIONS

It ends when its standard input does, so that it never outlives the command.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # in the wheel `app` lies inside a package of ours

import click

from blendgan.cli.main import EXIT_USER, is_mendable, one_line
from blendgan.explorer_options import dumps, read
from stylegan2.memory import keep_freed_memory

FREED_BYTES = 512 << 20  # kept for the next picture: what one of 1024 px takes, and not what a huge photo once took
GRACE_S = 2.0  # for Streamlit to close its connections


def main() -> None:
    """Check what was asked for, then serve; what the user can mend becomes one line, and exit 2."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait turning would take the browser's core
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the command too, which ends this process
    threading.Thread(target=end_with_input, daemon=True).start()
    try:
        sys.argv = ["streamlit", *sys.argv[1:-1], checked(sys.argv[-1])]
    except Exception as error:
        if not is_mendable(error):
            raise
        click.echo(f"blendgan: {one_line(error)}", err=True)
        sys.exit(EXIT_USER)
    keep_uploads_in_memory()
    from streamlit.web.cli import main as streamlit

    streamlit(prog_name="streamlit")


def checked(options: str) -> str:
    """Return the options with device and threads said. Raises what opening and blending models raise."""
    from blendgan.crew import cores
    from blendgan.devices import select_device
    from blendgan.explorer import SMALL_PX, check_models, threads_for

    given = read([options])
    resolution = check_models(given.models)
    threads = threads_for(resolution, cores())
    if resolution > SMALL_PX:  # a fifth faster there; small models gain nothing by it
        keep_freed_memory(FREED_BYTES)
    return dumps(replace(given, device=str(select_device(given.device)), threads=given.threads or threads))


def keep_uploads_in_memory() -> None:
    """Nothing is written to disk unasked: by default Starlette puts files over 1 MB into a nameless temporary one.

    A setting of the class, and the only one there is. Streamlit bounds what it takes in, and holds it in memory anyway.
    Older versions have another server, which does not spool.
    """
    with contextlib.suppress(ImportError):
        from starlette.formparsers import MultiPartParser

        MultiPartParser.spool_max_size = sys.maxsize


def end_with_input() -> None:
    """Wait for the end of standard input, then end this process: politely, and soon after that at once."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(0)


if __name__ == "__main__":
    main()
