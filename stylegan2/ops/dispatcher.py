"""Registration with PyTorch's dispatcher, under `torch.ops.blendgan`.

By `Library`, not by `torch.library.custom_op`: that one imports the compiler on its first call, 1.5 s of every start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from stylegan2.ops import cuda

_library = torch.library.Library("blendgan", "DEF")  # must live as long as its ops

Function = Callable[..., Any]


def register(name: str, schema: str, function: Function, shape: Function, gradient: tuple[Function, Function]) -> None:
    """Add an op that every device runs in plain PyTorch; CUDA tensors go to its kernel where that is chosen.

    `shape` computes the output's shape for fake tensors; `gradient` is (backward, what to save for it).
    """
    _library.define(name + schema)
    _library.impl(name, function, "CompositeExplicitAutograd")
    _library.impl(name, cuda.with_kernel(name, function, shape), "CUDA")
    backward, setup_context = gradient
    torch.library.register_fake(f"blendgan::{name}", shape, lib=_library)
    torch.library.register_autograd(f"blendgan::{name}", backward, setup_context=setup_context, lib=_library)


def register_composite(name: str, schema: str, function: Function) -> None:
    """Add an op whose derivatives are those of the ops that it calls."""
    _library.define(name + schema)
    _library.impl(name, function, "CompositeImplicitAutograd")
