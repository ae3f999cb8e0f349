"""Tensors of a file, before their numbers are read: torch views and NumPy arrays, checked and inert.

Each knows its shape and size; `read()` makes the torch tensor. Sizes are compared with the bytes that the file
really has, so no declared size can take memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from stylegan2.checkpoints.pickle_machine import Inert
from stylegan2.checkpoints.window import Window
from stylegan2.errors import CheckpointError, Truncated, UnsafePickle

# torch's storage classes, by the names that files use.
STORAGE_TYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}
NUMPY_CODES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
MAX_AXES = 8


class ForeignTensor(Protocol):
    """A tensor that has not been read yet."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def nbytes(self) -> int: ...
    def read(self) -> Tensor: ...


@dataclass(eq=False)
class Storage:
    """A run of `count` numbers; `data` is bound once the file has told where they are."""

    key: str
    dtype: torch.dtype
    count: int
    data: Window | None = None

    @property
    def nbytes(self) -> int:
        """Bytes that the numbers take in the file."""
        return self.count * self.dtype.itemsize

    def bind(self, data: Window) -> None:
        """Attach the bytes. Raises Truncated unless there are exactly as many as declared."""
        if len(data) != self.nbytes:
            raise Truncated(f"storage: found {len(data)} bytes, expected {self.nbytes}; download the file again")
        self.data = data


@dataclass(frozen=True, eq=False)
class TorchView:
    """A strided view of a storage, as torch's files describe tensors."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self) -> None:
        count = math.prod(self.shape)
        # count > storage would be an expanded view: a few bytes that unfold into any amount of memory
        if count > self.storage.count or (count and self.end > self.storage.count):
            raise CheckpointError(
                f"tensor of shape {list(self.shape)}: found {self.storage.count} stored numbers, expected at least "
                f"{max(count, self.end)}; the file is damaged or hostile, get it again from its author"
            )

    @property
    def end(self) -> int:
        """One past the last number of the storage that the tensor uses."""
        return 1 + self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor once read."""
        return math.prod(self.shape) * self.storage.dtype.itemsize

    def read(self) -> Tensor:
        """Return the tensor, with memory of its own."""
        if self.storage.data is None:
            raise Truncated("storage: found no bytes for it; download the file again")
        if not self.nbytes:
            return torch.empty(self.shape, dtype=self.storage.dtype)
        size = self.storage.dtype.itemsize
        own = self.storage.data.part(self.offset * size, self.end * size).copy()
        return torch.as_strided(torch.frombuffer(own, dtype=self.storage.dtype), self.shape, self.strides).contiguous()


@dataclass(eq=False)
class NumpyType(Inert):
    """numpy.dtype, as data: a code such as "f4", and the byte order."""

    code: str
    order: str = "<"

    def absorb(self, state: object) -> None:
        """Take the byte order from the state that NumPy writes, (version, order, …)."""
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ("<", ">", "|", "="):
            raise CheckpointError(f"numpy.dtype {self.code}: found byte order {type(order).__name__}, expected < or >")
        self.order = str(order)

    def dtype(self) -> np.dtype[np.generic]:
        """Return NumPy's own type. Raises UnsafePickle for anything but plain numbers."""
        if self.code not in NUMPY_CODES:
            raise UnsafePickle(f"numpy.dtype {self.code[:20]!r}: expected numbers ({', '.join(NUMPY_CODES)})")
        return np.dtype(self.order + self.code)


@dataclass(eq=False)
class NumpyArray(Inert):
    """numpy.ndarray, as data; empty until its state arrives."""

    shape: tuple[int, ...] = ()
    kind: NumpyType = field(default_factory=lambda: NumpyType("f4"))
    is_fortran: bool = False
    data: Window | str = ""  # text where protocol 2 wrote it, one character a byte

    def absorb(self, state: object) -> None:
        """Take (version, shape, dtype, fortran, bytes). Raises UnsafePickle for arrays of objects."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise CheckpointError("numpy.ndarray: found a state of another form, expected (version, shape, dtype, …)")
        _, shape, kind, is_fortran, data = state
        if not isinstance(kind, NumpyType) or not isinstance(data, (Window, str)):
            raise UnsafePickle("numpy.ndarray: found an array of objects, expected numbers")
        self.fill(sizes(shape), kind, data, is_fortran=bool(is_fortran))

    def fill(self, shape: tuple[int, ...], kind: NumpyType, data: Window | str, *, is_fortran: bool) -> None:
        """Take the numbers. Raises CheckpointError unless there are as many as the shape says."""
        self.shape, self.kind, self.data, self.is_fortran = shape, kind, data, is_fortran
        expected = math.prod(shape) * kind.dtype().itemsize
        if len(self.data) != expected:
            raise CheckpointError(
                f"numpy.ndarray of shape {list(self.shape)}: found {len(self.data)} bytes, expected {expected}"
            )

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return len(self.data)

    def read(self) -> Tensor:
        """Return the tensor, with memory of its own, in the machine's byte order."""
        array = np.frombuffer(own_bytes(self.data), self.kind.dtype()).reshape(
            self.shape, order="F" if self.is_fortran else "C"
        )
        return torch.from_numpy(np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C"))


@dataclass(frozen=True, eq=False)
class Scalar:
    """A number that stands for itself: 0 where a network was built without noise, or what NumPy wrote as a scalar."""

    value: float = 0.0
    shape: tuple[int, ...] = ()
    nbytes: int = 0

    def read(self) -> Tensor:
        """Return the float32 number."""
        return torch.tensor(self.value, dtype=torch.float32)


def own_bytes(data: Window | str) -> bytearray:
    """Return bytes, also of text that stands for them. Raises UnicodeEncodeError for text that cannot."""
    return data.copy() if isinstance(data, Window) else bytearray(data.encode("latin-1"))


def sizes(values: object) -> tuple[int, ...]:
    """Return a shape or strides as a tuple of plain, non-negative ints. Raises CheckpointError for anything else."""
    if not isinstance(values, Sequence) or len(values) > MAX_AXES:
        raise CheckpointError(f"shape: found {type(values).__name__}, expected at most {MAX_AXES} sizes")
    if not all(type(value) is int and 0 <= value < 2**48 for value in values):
        raise CheckpointError("shape: expected non-negative whole numbers below 2**48")
    return tuple(values)
