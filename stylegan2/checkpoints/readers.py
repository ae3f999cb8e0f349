"""`load`: which file is meant, whether it is our own or in a foreign dialect, and the checkpoint that it holds.

`load_bytes` reads the same from memory: what a browser sent need not touch the disk.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

from stylegan2.checkpoints import native
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.errors import CheckpointError, InputError, Truncated, UnknownFormat

SUFFIXES = (".safetensors", ".pkl", ".pt", ".pth")  # of model files in a folder, the best first
START_BYTES = 64  # of a file: enough to tell one kind from another
NOT_MODELS = (  # first bytes -> what the file is, and what to do
    (b"<", "a web page, not a model: the download link is dead or needs a login; open it in a browser"),
    (b"version https://git-lfs", "a Git LFS pointer, not the model itself; run `git lfs pull` beside it"),
)


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Return the model of a file, or of a folder that holds one. Nothing in the file is ever run.

    Raises InputError (no such file), UnknownFormat, UnsafePickle, Truncated, ShapeMismatch, CheckpointError; every
    message starts with the file.
    """
    file = _file_of(Path(path))
    try:
        return _named(str(file), lambda: _load(file))
    except OSError as error:
        raise InputError(
            f"{file}: could not be read ({error.strerror or error}); check the file and the disk"
        ) from error


def load_bytes(data: bytes, name: str) -> Checkpoint:
    """Return the model of a file's whole contents, as `load` does; `name` is what messages begin with.

    Nothing in it is ever run, nothing is written. Tensors of our own files are views of one copy of `data`; those of
    others have memory of their own. Raises UnknownFormat, UnsafePickle, Truncated, ShapeMismatch, CheckpointError.
    """
    return _named(name, lambda: _load_bytes(data))


def _named(name: str, read: Callable[[], Checkpoint]) -> Checkpoint:
    try:
        return read()
    except CheckpointError as error:
        raise type(error)(f"{name}: {error}") from error


def _file_of(path: Path) -> Path:
    """Return the file itself; of a folder (a downloaded repository), its one model."""
    if not path.exists():
        raise InputError(f"{path}: no such file; check the path")
    if not path.is_dir():
        return path
    for suffix in SUFFIXES:
        found = sorted(path.glob(f"*{suffix}"))
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(file.name for file in found)
            raise InputError(f"{path}: a folder with several models ({names}), expected one; name the file itself")
    raise InputError(f"{path}: a folder without a model ({', '.join(SUFFIXES)}); name a model file")


def _load(path: Path) -> Checkpoint:
    with path.open("rb") as file:
        if is_safetensors(file.read(START_BYTES)):
            return native.read(path)
        from stylegan2.checkpoints import foreign  # needs torch, which our own files do not

        return foreign.read(file)


def _load_bytes(data: bytes) -> Checkpoint:
    if is_safetensors(data[:START_BYTES]):
        return native.read_bytes(data)
    from stylegan2.checkpoints import foreign  # as above

    return foreign.read(io.BytesIO(data))


def is_safetensors(start: bytes) -> bool:
    """Whether a file that begins like this is safetensors: eight bytes of length, then JSON. Raises for no model."""
    if not start:
        raise Truncated("the file is empty, expected a model; download or copy it again")
    _refuse_known(start)
    return start[8:9] == b"{"


def _refuse_known(start: bytes) -> None:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for beginning, message in NOT_MODELS:
        if text.startswith(beginning):
            raise UnknownFormat(message)
