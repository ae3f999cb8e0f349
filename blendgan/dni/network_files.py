"""A network of any architecture in a file: .pth and .pt of both torch formats, .safetensors; read as data only."""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeVar

from torch import Tensor

from blendgan.dni.allowed_names import NETWORKS
from blendgan.dni.state_dicts import StoredViews, check_names, check_sizes, find_state_dicts, preferred, view_of
from stylegan2 import store
from stylegan2.checkpoints import containers, foreign, nvidia_tf, nvidia_torch
from stylegan2.checkpoints.fingerprints import fingerprint
from stylegan2.checkpoints.foreign_tensors import TorchView
from stylegan2.checkpoints.index import ALL_ITEM_BYTES, read_index
from stylegan2.checkpoints.lazy import Description, describe
from stylegan2.checkpoints.readers import START_BYTES, is_safetensors
from stylegan2.checkpoints.window import Window
from stylegan2.errors import CheckpointError, InputError, UnknownFormat

KIND = "restorer"  # of the shipped networks, in the manifest
SAFETENSORS, TORCH = "safetensors", "torch"
ENDINGS = ".pth, .pt, .ckpt, .bin or .safetensors"
TORCH_STARTS = (containers.ZIP_START, containers.LEGACY_START, *foreign.PICKLE_STARTS)
WRAPPERS = ("module.", "_orig_mod.")  # what DataParallel and torch.compile put before all names
MOST_WRAPPERS = 2  # of one kind, in each other
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class NetworkFile:
    """What a file holds. `parts` are its state dicts by their place: "" for the top, "params_ema", "model.generator".

    Tensors are read when asked for. `left_out` names what else is there (optimiser, epoch), which nothing carries on.
    `metadata` is that of a safetensors file; `form` says which of the two forms the file has. Names are without what
    a wrapper put before all of a part; `prefixes` has that, by place.
    """

    name: str
    parts: Mapping[str, Mapping[str, Tensor]]
    left_out: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    form: str = TORCH
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # place -> the keys that lead there
    prefixes: Mapping[str, str] = field(default_factory=dict)  # place -> "module." and the like
    source: Path | None = None  # the file, where it is not in memory

    @cached_property
    def place(self) -> str:
        """The place of the network to run: the one of a known name (params_ema before params), else the largest."""
        known = preferred(self.path_of(place) for place in self.parts)
        if known is not None:
            return next(place for place in self.parts if self.path_of(place) == known)
        return max(self.parts, key=lambda place: len(self.parts[place]))

    def path_of(self, place: str) -> tuple[str, ...]:
        """Return the keys that lead to a part; none for the top."""
        return self.paths.get(place, (place,) if place else ())

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """The tensors of the network to run, by name, in the file's order."""
        return self.parts[self.place]

    @cached_property
    def description(self) -> Description:
        """Type and shape of every tensor of all parts, under `place.name`."""
        return {
            f"{place}.{name}" if place else name: kind
            for place, tensors in self.parts.items()
            for name, kind in describe(tensors).items()
        }

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the tensors; those of all parts, under their places, where there are several."""
        if len(self.parts) == 1:
            return fingerprint(self.tensors)
        return fingerprint(
            {f"{place}.{name}": t for place, tensors in self.parts.items() for name, t in tensors.items()}
        )


def open_network(model: str | os.PathLike[str] | NetworkFile) -> NetworkFile:
    """Open a network by path or shipped name; what is open stays as it is. Nothing in a file is ever run.

    Raises UnknownWeights (no such file), InputError, UnknownFormat, UnsafePickle, Truncated, CheckpointError; messages
    begin with the file.
    """
    if isinstance(model, NetworkFile):
        return model
    path = store.resolve(model, KIND)
    name = os.fspath(model)
    if path.is_dir():
        raise InputError(f"{name}: a folder, expected a network's file ({ENDINGS})")
    try:
        file = io.BufferedReader(_Quiet(path))
        return replace(_named(name, lambda: _read(file, name)), source=path)
    except OSError as error:
        raise InputError(
            f"{name}: could not be read ({error.strerror or error}); check the file and the disk"
        ) from error


def open_bytes(data: bytes, name: str) -> NetworkFile:
    """Open a network that a browser sent, from memory. Raises as `open_network` does."""
    return _named(name, lambda: _read(io.BytesIO(data), name))


class _Quiet(io.FileIO):
    """A file that stays open as long as a tensor may be asked for, and then closes without a warning."""

    def _dealloc_warn(self, source: object) -> None:
        pass


def _named(name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except CheckpointError as error:
        raise type(error)(f"{name}: {error}") from error


def _read(file: BinaryIO, name: str) -> NetworkFile:
    window = Window(file, 0, file.seek(0, os.SEEK_END))
    start = window.part(0, min(START_BYTES, len(window))).read()
    if is_safetensors(start):
        return _of_safetensors(window, name)
    if not start.startswith(TORCH_STARTS):
        raise UnknownFormat(f"no network that we know (first bytes {start[:8].hex(' ')}), expected {ENDINGS}")
    return _of_torch(window, file, name)


def _of_safetensors(window: Window, name: str) -> NetworkFile:
    entries, metadata = read_index(_Slices(window))
    other = [f"{key[:100]} {entry.dtype[:20]}" for key, entry in entries.items() if entry.dtype not in ALL_ITEM_BYTES]
    if other:
        more = f" (and {len(other) - 1} more)" if len(other) > 1 else ""
        raise CheckpointError(f"found {other[0]}{more}, expected numbers of the types {', '.join(ALL_ITEM_BYTES)}")
    if not entries:
        raise UnknownFormat("a file without tensors, expected a network's; get the file again")
    views = {key: view_of(entries[key], window) for key in sorted(entries)}
    check_names(views)
    check_sizes([views], len(window))
    parts, prefixes = _canonical({"": views})
    return NetworkFile(name, parts, (), metadata, SAFETENSORS, prefixes=prefixes)


class _Slices:
    """A window whose bytes are asked for by slices, as an index is read."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def __len__(self) -> int:
        return len(self._window)

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(len(self._window))
        return self._window.part(start, stop).read()


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort conv.2 before conv.10: safetensors' own library writes names in the order of their letters."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]{1,9})", name)]


def _of_torch(window: Window, file: BinaryIO, name: str) -> NetworkFile:
    root = containers.guarded(lambda: foreign.read_root(window, file, NETWORKS))
    _refuse_stylegan(root)
    if isinstance(root, TorchView):
        raise UnknownFormat("a single tensor without a name, expected a dictionary of them (a state dict)")
    found = find_state_dicts(root)
    if not found.parts:
        holds = f" (found {', '.join(found.left_out[:8])})" if found.left_out else ""
        raise UnknownFormat(
            f"a file without named tensors of real numbers{holds}, expected a network's state dict; get the file again"
        )
    check_sizes(found.parts.values(), len(window))
    paths = {".".join(path): path for path in reversed(found.parts)}  # of two keys that read alike, the first counts
    paths = {place: paths[place] for place in reversed(paths)}
    parts, prefixes = _canonical({place: found.parts[path] for place, path in paths.items()})
    return NetworkFile(name, parts, found.left_out, form=TORCH, paths=paths, prefixes=prefixes)


def _canonical(found: Mapping[str, Mapping[str, TorchView]]) -> tuple[dict[str, StoredViews], dict[str, str]]:
    """The parts with names as the network alone has them, and what a wrapper put before them, by place.

    Names in the order of their letters went through safetensors, so their own order is lost: numbers then count.
    """
    lock = threading.Lock()
    prefixes = {place: _wrapper(list(views)) for place, views in found.items()}
    parts = {}
    for place, views in found.items():
        names = sorted(views, key=_natural) if list(views) == sorted(views) else list(views)
        parts[place] = StoredViews({name.removeprefix(prefixes[place]): views[name] for name in names}, lock)
    return parts, {place: prefix for place, prefix in prefixes.items() if prefix}


def _wrapper(names: Sequence[str]) -> str:
    """What wrappers, also one in another, put before every name; nothing where a name would be left empty."""
    prefix = ""
    for word in WRAPPERS * MOST_WRAPPERS:
        if all(name.startswith(prefix + word) and name != prefix + word for name in names):
            prefix += word
    return prefix


def _refuse_stylegan(root: object) -> None:
    if nvidia_torch.recognises(root) or nvidia_tf.recognises(root):
        raise UnknownFormat(
            "a StyleGAN2 model of NVIDIA's trainer; `blendgan blend` blends it, and `blendgan convert` makes a "
            ".safetensors of it that this command takes too"
        )
