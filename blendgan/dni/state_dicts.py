"""Where the networks are in an object read from a file: every dictionary that names tensors, however deep."""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from stylegan2.checkpoints.foreign_tensors import Storage, TorchView, sizes
from stylegan2.checkpoints.index import Entry
from stylegan2.checkpoints.lazy import DTYPES, Description, LazyTensors, number_format
from stylegan2.checkpoints.window import Window
from stylegan2.errors import CheckpointError

Path = tuple[str, ...]  # of keys, from the top of a file to a dictionary in it

LONGEST_NAME = 120  # characters of a name in a message
MOST_NUMBERS = 1 << 48  # of a tensor: beyond any network
MOST_UNFOLDED = 4  # times a file's size: weights that are tied, or views of one flat buffer, count twice
DEEPEST = 8  # dictionaries inside each other; trainers nest two or three
# The network that a trainer means to be used, first first: moving averages before what training moves.
PREFERRED = (
    *("params_ema", "g_ema", "model_ema", "ema_state_dict", "state_dict_ema", "ema"),
    *("params", "state_dict", "model_state_dict", "model", "network", "net", "net_g", "netG", "generator", "g", "G"),
)


class StoredViews(LazyTensors):
    """The tensors of one state dict, each read from its file when asked for, into memory of its own.

    All views on one file share its position, and so one lock: the explorer's threads may ask at once.
    """

    def __init__(self, views: Mapping[str, TorchView], lock: threading.Lock) -> None:
        self._views, self._lock = views, lock
        self.description: Description = {
            name: (DTYPES.get(str(view.storage.dtype), str(view.storage.dtype)), view.shape)
            for name, view in views.items()
        }

    def __getitem__(self, name: str) -> Tensor:
        with self._lock:
            return self._views[name].read()

    def pieces(self, name: str) -> Iterator[Tensor]:
        """Yield the tensor as one piece."""
        yield self[name]


class Prefixed(LazyTensors):
    """Tensors under other names: the same word before each."""

    def __init__(self, tensors: LazyTensors, prefix: str) -> None:
        self._tensors, self._prefix = tensors, prefix
        self.description: Description = {prefix + name: kind for name, kind in tensors.description.items()}

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[self._own(name)]

    def pieces(self, name: str) -> Iterator[Tensor]:
        """Yield one tensor in slices along its first axis."""
        yield from self._tensors.pieces(self._own(name))

    def _own(self, name: str) -> str:
        if name not in self.description:
            raise KeyError(name)
        return name.removeprefix(self._prefix)


def shown(name: str) -> str:
    """Return a name that a stranger's file gives, cut, and without what would write elsewhere on a terminal."""
    return name[:LONGEST_NAME] if name.isprintable() else f"{name[:LONGEST_NAME]!a}"


def view_of(entry: Entry, window: Window) -> TorchView:
    """Return one tensor of a safetensors file, `window` being all of it, as a view that is read when asked for."""
    shape = sizes(entry.shape)
    storage = Storage("", getattr(torch, number_format(entry.dtype)), math.prod(shape))
    storage.bind(window.part(entry.start, entry.stop))
    return TorchView(storage, 0, shape, tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape))))


def check_sizes(parts: Collection[Mapping[str, TorchView]], file_bytes: int) -> None:
    """Raise CheckpointError where tensors name the same few numbers so often that they would unfold into many.

    Also for an empty tensor whose other sizes torch could not count.
    """
    for views in parts:
        for name, view in views.items():
            if math.prod(size for size in view.shape if size) > MOST_NUMBERS:
                raise CheckpointError(f"{shown(name)}: found the shape {list(view.shape)}; get the file again")
    total = sum(view.nbytes for views in parts for view in views.values())
    if total > MOST_UNFOLDED * file_bytes:
        raise CheckpointError(
            f"its tensors would unfold into {total} bytes, {total // file_bytes} times the file; a damaged or hostile "
            "file, get it again from its author"
        )


def check_names(names: Iterable[str]) -> None:
    """Raise CheckpointError for a name that is no text: half of a character, which no file can be written with."""
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise CheckpointError(f"found the name {name[:100]!a}, expected text; get the file again") from error


@dataclass(frozen=True)
class Found:
    """State dicts by their paths, () being the top and ("a", "b") the dictionary b in a; and what else there is."""

    parts: dict[Path, dict[str, TorchView]]
    left_out: tuple[str, ...]


def find_state_dicts(root: object) -> Found:
    """Return all state dicts of an inert object, in the file's order.

    A dictionary is one if it names a tensor of real numbers with an axis at least: a lone loss or counter makes none.
    Optimisers (param_groups beside their state) and lists are no networks, and are left out whole.
    """
    parts: dict[Path, dict[str, TorchView]] = {}
    left_out = tuple(_search(root, (), parts, set()))
    for path, views in parts.items():
        check_names((*path, *views))
    return Found(parts, left_out)


def preferred(paths: Iterable[Path]) -> Path | None:
    """Return the path of the network that is meant to be used, by what trainers call it; None where none is known."""
    known = list(paths)
    return next((path for word in PREFERRED for path in known if word in path), None)


def _search(value: object, path: Path, parts: dict[Path, dict[str, TorchView]], seen: set[int]) -> Iterator[str]:
    """Fill `parts`; yield the places of what is no network.

    Each dictionary is looked into once: one that a file names many times, and those inside it, would never end.
    """
    if not isinstance(value, dict) or len(path) > DEEPEST or "param_groups" in value or id(value) in seen:
        if path:
            yield shown(".".join(path))
        return
    seen.add(id(value))
    views = {key: item for key, item in value.items() if isinstance(key, str) and isinstance(item, TorchView)}
    is_network = any(view.shape and view.storage.dtype.is_floating_point for view in views.values())
    if is_network:
        parts[path] = views
    for key, item in value.items():
        if not is_network or key not in views:
            yield from _search(item if isinstance(key, str) else None, (*path, str(key)), parts, seen)
