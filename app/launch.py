"""What the app's process was started with."""

from __future__ import annotations

import sys

from blendgan.explorer_options import ExplorerOptions, read


def options() -> ExplorerOptions:
    """Return the options of `blendgan explore`; the shipped pair where the app was started by hand."""
    return read(sys.argv[1:] if sys.argv[1:2] and sys.argv[1].startswith("{") else [])
