"""Tensors that are read, or computed, when they are asked for; their types and shapes are known before.

Nothing here imports torch before there is a tensor.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from stylegan2.checkpoints.shapes import Shape

if TYPE_CHECKING:
    from torch import Tensor

NUMBER_FORMATS = {  # safetensors' -> torch's
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"},
    **{"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool"},
}
DTYPES = {f"torch.{name}": dtype for dtype, name in NUMBER_FORMATS.items()}
Description = dict[str, tuple[str, Shape]]  # name -> type by safetensors' names, shape


class LazyTensors(Mapping[str, "Tensor"]):
    """A mapping name -> tensor with a `description`; `pieces` gives a tensor in slices, for who writes it away."""

    description: Description

    @abstractmethod
    def pieces(self, name: str) -> Iterator[Tensor]:
        """Yield the tensor in slices along its first axis, in order."""

    def chunks(self, name: str) -> Iterator[memoryview]:
        """Yield the tensor's bytes, piece by piece."""
        yield from map(tensor_bytes, self.pieces(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.description)

    def __len__(self) -> int:
        return len(self.description)

    def __contains__(self, name: object) -> bool:
        return name in self.description  # Mapping's own way would read the tensor


def describe(tensors: Mapping[str, Tensor]) -> Description:
    """Return type and shape of every tensor; those of lazy ones are known without reading them."""
    if isinstance(tensors, LazyTensors):
        return tensors.description
    return {name: (dtype_name(tensor), tuple(tensor.shape)) for name, tensor in tensors.items()}


def dtype_name(tensor: Tensor) -> str:
    """`F32` for float32; torch's own name for a type that networks do not have."""
    return DTYPES.get(str(tensor.dtype), str(tensor.dtype))


def number_format(dtype: str) -> str:
    """`float32` for the `F32` of a description."""
    return NUMBER_FORMATS.get(dtype, dtype.removeprefix("torch."))


def pieces(tensors: Mapping[str, Tensor], name: str) -> Iterator[Tensor]:
    """Yield one tensor of any mapping in slices along its first axis."""
    if isinstance(tensors, LazyTensors):
        yield from tensors.pieces(name)
    else:
        yield tensors[name]


def chunks(tensors: Mapping[str, Tensor], name: str) -> Iterator[memoryview]:
    """Yield the bytes of one tensor of any mapping, as a file holds them."""
    if isinstance(tensors, LazyTensors):
        yield from tensors.chunks(name)
    else:
        yield tensor_bytes(tensors[name])


def tensor_bytes(tensor: Tensor) -> memoryview:
    """Return the numbers as a file holds them: little-endian, row by row."""
    import torch

    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return memoryview(cast(Any, flat.view(torch.uint8).numpy())) if flat.numel() else memoryview(b"")
