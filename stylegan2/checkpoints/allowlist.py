"""The globals that StyleGAN2 files name, each with the function of ours that stands for it. Nothing else is known.

Classes become `Record`s, dictionaries plain dicts, tensors `ForeignTensor`s; no name leads to the real thing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stylegan2.checkpoints.foreign_tensors import (
    STORAGE_TYPES,
    NumpyArray,
    NumpyType,
    Storage,
    TorchView,
    own_bytes,
    sizes,
)
from stylegan2.checkpoints.pickle_machine import Global, Record
from stylegan2.checkpoints.window import Window
from stylegan2.errors import CheckpointError, UnsafePickle

Allowed = dict[tuple[str, str], Global]


def _mapping(*items: object) -> dict[object, object]:
    """collections.OrderedDict and dnnlib.EasyDict: a plain dict, which the pickle fills afterwards."""
    if items:
        raise CheckpointError(
            "OrderedDict: found initial items, expected an empty one, as protocol 2 and later write it"
        )
    return {}


def _encode(text: object, encoding: object = "latin1") -> str:
    """_codecs.encode: how protocol 2 writes bytes. The text stays text until a tensor is read from it."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise UnsafePickle("_codecs.encode: expected latin1 text only")
    return text


def _record(kind: str) -> Callable[..., object]:
    return lambda *_: Record(kind)


def _persistent_object(meta: object) -> Record:
    """torch_utils.persistence: the class's own source (never looked at), its name, and its state."""
    if not isinstance(meta, dict) or not isinstance(meta.get("class_name"), str):
        raise CheckpointError("torch_utils.persistence: found no class name, expected an object of NVIDIA's trainer")
    record = Record(meta["class_name"])
    record.absorb(meta.get("state"))
    return record


def _parameter(data: object, *_: object) -> object:
    """torch._utils._rebuild_parameter: the tensor itself; gradients and hooks are no concern of a file."""
    return data


def _view(storage: object, offset: object, shape: object, strides: object, *_: object) -> TorchView:
    """torch._utils._rebuild_tensor and _rebuild_tensor_v2."""
    if not isinstance(storage, Storage):
        raise CheckpointError(f"tensor: found a storage of {type(storage).__name__}, expected numbers")
    (start,) = sizes((offset,))
    if len(sizes(shape)) != len(sizes(strides)):
        raise CheckpointError(f"tensor: found {len(sizes(strides))} strides, expected {len(sizes(shape))}")
    return TorchView(storage, start, sizes(shape), sizes(strides))


def _numpy_type(code: object = "", *_: object) -> NumpyType:
    if not isinstance(code, str):
        raise CheckpointError(f"numpy.dtype: found {type(code).__name__}, expected a code such as 'f4'")
    if code.startswith("O"):
        raise UnsafePickle("numpy.dtype: found an array of objects, expected numbers")
    return NumpyType(code)


def _numpy_from_buffer(data: object, kind: object, shape: object, order: object = "C") -> NumpyArray:
    """numpy.core.numeric._frombuffer: how protocol 5 writes arrays."""
    if not isinstance(data, Window) or not isinstance(kind, NumpyType) or order not in ("C", "F"):
        raise CheckpointError("numpy.ndarray: expected bytes, a type, a shape and an order")
    array = NumpyArray()
    array.fill(sizes(shape), kind, data, is_fortran=order == "F")
    return array


def _numpy_scalar(kind: object, data: object = "") -> object:
    if not isinstance(kind, NumpyType) or not isinstance(data, (Window, str)) or len(data) != kind.dtype().itemsize:
        raise CheckpointError("numpy scalar: expected a type and its bytes")
    return np.frombuffer(own_bytes(data), kind.dtype())[0].item()


def _named(build: Callable[..., object], *places: str) -> Allowed:
    """One function under each "module:name"."""
    table = {}
    for place in places:
        module, _, name = place.partition(":")
        table[module, name] = Global(f"{module}.{name}", build)
    return table


def _storage_class(place: str) -> Allowed:
    """A storage class is a word, never called; `dtype_of` says what it means."""

    def refuse(*_: object) -> object:
        raise UnsafePickle(f"{place.replace(':', '.')} is called; torch's own files only name it")

    return _named(refuse, place)


def dtype_name(value: object) -> str:
    """Return "FloatStorage" and the like. Raises CheckpointError for anything but a storage class."""
    name = value.name.rpartition(".")[2] if isinstance(value, Global) else ""
    if name not in STORAGE_TYPES:
        raise CheckpointError(
            f"storage: found {name or type(value).__name__}, expected one of {', '.join(STORAGE_TYPES)}"
        )
    return name


_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_TORCH_TYPES = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool".split()

STORAGES: Allowed = {
    key: value
    for module in ("torch", "torch.cuda", "torch.storage")
    for name in STORAGE_TYPES
    for key, value in _storage_class(f"{module}:{name}").items()
}

COMMON: Allowed = {
    **STORAGES,
    **_named(_mapping, "collections:OrderedDict", "dnnlib.util:EasyDict", "dnnlib:EasyDict"),
    **_named(_record("set"), "builtins:set"),  # nothing reads them
    **_named(_encode, "_codecs:encode"),
    **_named(lambda: "", "builtins:bytes"),  # how protocol 2 writes no bytes; more than none is malformed
    **_named(_parameter, "torch._utils:_rebuild_parameter"),
    **_named(_view, "torch._utils:_rebuild_tensor", "torch._utils:_rebuild_tensor_v2"),
    **_named(lambda values=(): sizes(values), "torch:Size"),
    **_named(_record("torch.device"), "torch:device"),
    **_named(_record("torch.dtype"), *(f"torch:{name}" for name in _TORCH_TYPES)),
    **_named(_record("argparse.Namespace"), "argparse:Namespace"),
    **_named(_persistent_object, "torch_utils.persistence:_reconstruct_persistent_obj"),
    **_named(_record("Network"), "dnnlib.tflib.network:Network"),
    **_named(lambda *_: NumpyArray(), *(f"{module}:_reconstruct" for module in _MULTIARRAY)),
    **_named(lambda *_: NumpyArray(), "numpy:ndarray"),
    **_named(_numpy_from_buffer, "numpy.core.numeric:_frombuffer", "numpy._core.numeric:_frombuffer"),
    **_named(_numpy_scalar, *(f"{module}:scalar" for module in _MULTIARRAY)),
    **_named(_numpy_type, "numpy:dtype"),
}
