"""Tensors that are read, or computed, when they are asked for; their types and shapes are known before."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping

from torch import Tensor

from stylegan2.checkpoints.shapes import Shape

DTYPES = {"torch.float64": "F64", "torch.float32": "F32", "torch.float16": "F16", "torch.bfloat16": "BF16"}
Description = dict[str, tuple[str, Shape]]  # name -> type by safetensors' names, shape


class LazyTensors(Mapping[str, Tensor]):
    """A mapping name -> tensor with a `description`; `pieces` gives a tensor in slices, for who writes it away."""

    description: Description

    @abstractmethod
    def pieces(self, name: str) -> Iterator[Tensor]:
        """Yield the tensor in slices along its first axis, in order."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.description)

    def __len__(self) -> int:
        return len(self.description)


def describe(tensors: Mapping[str, Tensor]) -> Description:
    """Return type and shape of every tensor; those of lazy ones are known without reading them."""
    if isinstance(tensors, LazyTensors):
        return tensors.description
    return {name: (dtype_name(tensor), tuple(tensor.shape)) for name, tensor in tensors.items()}


def dtype_name(tensor: Tensor) -> str:
    """`F32` for float32; torch's own name for a type that networks do not have."""
    return DTYPES.get(str(tensor.dtype), str(tensor.dtype))


def pieces(tensors: Mapping[str, Tensor], name: str) -> Iterator[Tensor]:
    """Yield one tensor of any mapping in slices along its first axis."""
    if isinstance(tensors, LazyTensors):
        yield from tensors.pieces(name)
    else:
        yield tensors[name]
