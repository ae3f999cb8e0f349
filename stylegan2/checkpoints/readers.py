"""`load`: which kind of file this is, which dialect it speaks, and the checkpoint that it holds."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stylegan2.checkpoints import containers, native, nvidia_tf, nvidia_torch, rosinality
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.checkpoints.contents import Contents, assemble
from stylegan2.errors import CheckpointError, InputError, Truncated, UnknownFormat

SUFFIXES = (".safetensors", ".pkl", ".pt", ".pth")  # of model files in a folder, the best first
PICKLE_STARTS = (b"\x80", b"(", b"c", b"]", b"}")  # protocol 2 and later; then the older ones


@dataclass(frozen=True)
class Reader:
    """One dialect: what it is called, how the object inside a file shows it, and what it makes of it."""

    name: str
    recognises: Callable[[object], bool]
    read: Callable[[object], Contents]


def _is_rosinality_stylegan1(root: object) -> bool:
    return isinstance(root, dict) and "g_running" in root


def _refuse_stylegan1(root: object) -> Contents:
    raise UnknownFormat("a StyleGAN1 model (g_running), expected StyleGAN2; its layers cannot be blended here")


READERS = (
    Reader("NVIDIA PyTorch", nvidia_torch.recognises, nvidia_torch.read),
    Reader("NVIDIA TensorFlow", nvidia_tf.recognises, nvidia_tf.read),
    Reader("rosinality", rosinality.recognises, rosinality.read),
    Reader("rosinality StyleGAN1", _is_rosinality_stylegan1, _refuse_stylegan1),
)
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
        return _load(file)
    except CheckpointError as error:
        raise type(error)(f"{file}: {error}") from error
    except OSError as error:
        raise InputError(
            f"{file}: could not be read ({error.strerror or error}); check the file and the disk"
        ) from error


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
    size = path.stat().st_size
    if not size:
        raise Truncated("the file is empty, expected a model; download or copy it again")
    with path.open("rb") as file:
        start = file.read(64)
        _refuse_known(start)
        if start[8:9] == b"{":  # eight bytes of length, then JSON
            return native.read(path)
        root = _root(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), start, path)
    return containers.guarded(lambda: assemble(_contents(root), size))


def _refuse_known(start: bytes) -> None:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for beginning, message in NOT_MODELS:
        if text.startswith(beginning):
            raise UnknownFormat(message)


def _root(data: mmap.mmap, start: bytes, path: Path) -> object:
    """Return the inert object inside the file."""
    if start.startswith(containers.ZIP_START):
        return containers.read_torch_zip(data, path)
    if start.startswith(containers.LEGACY_START):
        return containers.read_torch_stream(data)
    if start.startswith(PICKLE_STARTS):
        return containers.read_pickle(data)
    raise UnknownFormat(f"no model that we know (first bytes {start[:8].hex(' ')}), expected {_known()}")


def _contents(root: object) -> Contents:
    for reader in READERS:
        if reader.recognises(root):
            return reader.read(root)
    keys = ", ".join(str(key)[:40] for key in list(root)[:8]) if isinstance(root, dict) else type(root).__name__
    raise UnknownFormat(f"a pickle without a StyleGAN2 network (found {keys}), expected {_known()}")


def _known() -> str:
    return "a StyleGAN2 file: NVIDIA's .pkl (PyTorch or TensorFlow), rosinality's .pt, or blendgan's .safetensors"
