"""The dialects of others: which one a file speaks, and the checkpoint that it holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from stylegan2.checkpoints import containers, nvidia_tf, nvidia_torch, rosinality
from stylegan2.checkpoints.allowlist import COMMON, Allowed
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.checkpoints.contents import Contents, assemble
from stylegan2.checkpoints.window import Window
from stylegan2.errors import UnknownFormat

START_BYTES = 64  # that tell one container from another
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


def read(file: BinaryIO) -> Checkpoint:
    """Return the checkpoint, its tensors read. Raises UnknownFormat, UnsafePickle, Truncated, ShapeMismatch.

    Nothing but the tensors that a checkpoint keeps is ever in memory, so loading takes about the file's size.
    """
    window = Window(file, 0, file.seek(0, os.SEEK_END))
    return containers.guarded(lambda: assemble(_contents(read_root(window, file)), len(window)))


def read_root(window: Window, file: BinaryIO, allowed: Allowed = COMMON) -> object:
    """Return the inert object inside a pickle or torch file, `window` being all of `file`."""
    start = window.part(0, min(START_BYTES, len(window))).read()
    if start.startswith(containers.ZIP_START):
        return containers.read_torch_zip(window, file, allowed)
    if start.startswith(containers.LEGACY_START):
        return containers.read_torch_stream(window, allowed)
    if start.startswith(PICKLE_STARTS):
        return containers.read_pickle(window, allowed)
    raise UnknownFormat(f"no model that we know (first bytes {start[:8].hex(' ')}), expected {_known()}")


def _contents(root: object) -> Contents:
    for reader in READERS:
        if reader.recognises(root):
            return reader.read(root)
    keys = ", ".join(str(key)[:40] for key in list(root)[:8]) if isinstance(root, dict) else type(root).__name__
    raise UnknownFormat(f"a pickle without a StyleGAN2 network (found {keys}), expected {_known()}")


def _known() -> str:
    return "a StyleGAN2 file: NVIDIA's .pkl (PyTorch or TensorFlow), rosinality's .pt, or blendgan's .safetensors"
