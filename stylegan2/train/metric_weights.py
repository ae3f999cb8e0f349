"""Weights of the papers' networks: known by their SHA-256, and read through packages that may be missing."""

from __future__ import annotations

from pathlib import Path

from stylegan2.errors import InputError
from stylegan2.store import sha256_of


def require_file(file: Path, sha256: str, figure: str, source: str) -> str:
    """Return the SHA-256 of a file. Raises InputError where it is another: on other weights there is no such figure."""
    found = sha256_of(file)
    if found != sha256:
        raise InputError(
            f"{file}: its SHA-256 begins with {found[:8]}, expected {sha256[:8]}: on other weights the figure would be "
            f"no {figure}; fetch {source}"
        )
    return found


def missing(package: str, error: Exception) -> InputError:
    """Return the error for a package that cannot be imported."""
    return InputError(
        f"{package}: cannot be imported ({error}), expected it and a torchvision that fits this torch; "
        "pip install 'blendgan[metrics]'"
    )
