"""Pico networks: the state dict of a convolution, a normalisation with its statistics and counter, a linear layer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

State = dict[str, Tensor]


@pytest.fixture(scope="session")
def network() -> Callable[..., State]:
    """`network(seed, dtype)`: all numbers random, and a counter of batches that is different for each seed."""

    def build(seed: int = 0, dtype: torch.dtype = torch.float32) -> State:
        random = torch.Generator().manual_seed(seed)
        shapes = {
            "conv.weight": (4, 3, 3, 3),
            "conv.bias": (4,),
            "norm.weight": (4,),
            "norm.bias": (4,),
            "norm.running_mean": (4,),
            "norm.running_var": (4,),
        }
        state = OrderedDict((name, torch.randn(shape, generator=random).to(dtype)) for name, shape in shapes.items())
        state["norm.num_batches_tracked"] = torch.tensor(100 + seed)
        state["fc.weight"] = torch.randn(2, 4, generator=random).to(dtype)
        return state

    return build


def bits(tensor: Tensor) -> tuple[torch.dtype, torch.Size, bytes]:
    """Everything of a tensor: unlike torch.equal it tells 0 from -0, and one NaN from no NaN."""
    return tensor.dtype, tensor.shape, tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


@pytest.fixture(scope="session")
def same() -> Callable[[State, State], bool]:
    """`same(a, b)`: the same names in the same order, and the same bits."""

    def compare(a: State, b: State) -> bool:
        return list(a) == list(b) and all(bits(a[name]) == bits(b[name]) for name in a)

    return compare
